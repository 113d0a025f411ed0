//! Which work a worker takes next.

use domain::StreamId;
use rusqlite::{Connection, OptionalExtension, named_params};

use super::now_us;
use super::writer::JobError;
use crate::queue::{account_in, json, micros};
use crate::{Lane, QueueError, TURN_MEMORY, TakeRequest, Work, WorkItem, WorkReceipt};

/// Whether the work is free at `:now`. A lease that ends more than twice its length ahead was
/// written before the clock was set back. Waiting for it could take forever, and taking the work
/// early is safe because the log fences (INV-7).
pub(super) const FREE: &str =
    "(worker IS NULL OR lease_until <= :now OR lease_until > :now + 2 * lease)";

/// Damaged work is leased as well, so that it does not keep back the work behind it.
pub(super) fn take(
    connection: &Connection,
    request: &TakeRequest,
) -> Result<Option<Result<Work, QueueError>>, JobError<QueueError>> {
    let now = now_us();
    for lane in &request.lanes {
        if let Some(id) = next(connection, *lane, request, now)? {
            return Ok(Some(hand_out(connection, *lane, id, request, now)?));
        }
    }
    Ok(None)
}

/// The work of this lane whose turn it is. Reads the oldest work of each account by the index, not
/// all of its work.
fn next(
    connection: &Connection,
    lane: Lane,
    request: &TakeRequest,
    now: i64,
) -> rusqlite::Result<Option<i64>> {
    let mut next = connection.prepare_cached(&format!(
        "WITH RECURSIVE accounts (account) AS (
             SELECT min(account) FROM work WHERE lane = :lane
             UNION ALL
             SELECT (SELECT min(account) FROM work
                     WHERE lane = :lane AND account > accounts.account)
             FROM accounts WHERE accounts.account IS NOT NULL
         ),
         oldest (account, id) AS MATERIALIZED (
             SELECT account, (
                 SELECT id FROM work
                 WHERE lane = :lane AND account = accounts.account AND {FREE}
                   AND NOT (released_by IS :worker AND abs(:now - released_at) < :lease)
                   AND (needs IS NULL OR NOT EXISTS (
                       SELECT 1 FROM json_each(iif(json_valid(needs), needs, '[]')) AS needed
                       WHERE needed.value NOT IN (SELECT value FROM json_each(:abilities))))
                 ORDER BY id LIMIT 1)
             FROM accounts WHERE account IS NOT NULL
         )
         SELECT id FROM oldest WHERE id IS NOT NULL
         ORDER BY (SELECT count(*) FROM work
                   WHERE lane = :lane AND account = oldest.account
                     AND worker IS NOT NULL AND NOT {FREE}),
                  ifnull((SELECT served_at FROM turns
                          WHERE lane = :lane AND account = oldest.account), 0),
                  id
         LIMIT 1"
    ))?;
    let abilities = json(&request.abilities);
    next.query_row(
        named_params! {
            ":lane": lane.as_str(),
            ":now": now,
            ":worker": request.worker.0,
            ":lease": micros(request.lease),
            ":abilities": abilities,
        },
        |row| row.get(0),
    )
    .optional()
}

/// Leases this work to the worker. Its account has been served.
fn hand_out(
    connection: &Connection,
    lane: Lane,
    id: i64,
    request: &TakeRequest,
    now: i64,
) -> rusqlite::Result<Result<Work, QueueError>> {
    let (stream, account, deliveries): (String, String, i64) = connection
        .prepare_cached(
            "UPDATE work SET worker = :worker, lease_until = :now + :lease, lease = :lease,
                    deliveries = deliveries + 1, released_by = NULL, released_at = NULL
             WHERE id = :id
             RETURNING stream, account, deliveries",
        )?
        .query_row(
            named_params! {
                ":id": id,
                ":worker": request.worker.0,
                ":now": now,
                ":lease": micros(request.lease),
            },
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
    note_turn(connection, lane, &account, now)?;
    let receipt = WorkReceipt { lane, id: id.to_string(), worker: request.worker.clone() };
    Ok(item(lane, id, &stream, &account).and_then(|item| {
        let deliveries = u32::try_from(deliveries).map_err(|_| damaged(id, "deliveries"))?;
        Ok(Work { item, receipt, deliveries })
    }))
}

/// Notes that the account was served later than every other one, whatever the clock shows, and
/// forgets old turns.
fn note_turn(connection: &Connection, lane: Lane, account: &str, now: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM turns WHERE lane = :lane
               AND (served_at < :now - :memory OR served_at > :now + :memory)",
        )?
        .execute(named_params! {
            ":lane": lane.as_str(),
            ":now": now,
            ":memory": micros(TURN_MEMORY),
        })?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO turns (lane, account, served_at)
             VALUES (:lane, :account, max(:now, 1 + ifnull(
                 (SELECT max(served_at) FROM turns WHERE lane = :lane), 0)))",
        )?
        .execute(named_params! { ":lane": lane.as_str(), ":account": account, ":now": now })?;
    Ok(())
}

/// The work with this id, from the text of its columns.
pub(super) fn item(
    lane: Lane,
    id: i64,
    stream: &str,
    account: &str,
) -> Result<WorkItem, QueueError> {
    let stream: StreamId = stream.parse().map_err(|_| damaged(id, "stream"))?;
    let account = account_in(account).map_err(|_| damaged(id, "account"))?;
    Ok(WorkItem { lane, stream, account })
}

fn damaged(id: i64, what: &str) -> QueueError {
    QueueError::Damaged(format!("work {id} has no valid {what}"))
}
