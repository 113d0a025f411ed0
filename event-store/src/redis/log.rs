//! The log in Redis.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::record::Placement;
use domain::{Position, Recorded, StreamId, Version};
use jiff::Timestamp;
use redis::{Client, RedisError, Value, cmd, from_redis_value};
use tokio::sync::watch;
use url::Url;
use uuid::Uuid;

use super::address::Address;
use super::appender::Appender;
use super::durability;
use super::keys::Keys;
use super::library::{self, Function};
use super::link::{ANSWER_WAIT, CallError, Link, not_opened};
use super::watcher::{Announced, Watcher};
use super::witness::Witness;
use crate::archive::{HotLog, HotUsage, SegmentEntry, StoreFault, StreamPage};
use crate::log::{Row, announce};
use crate::open_error::{OpenError, not_whole};
use crate::queue::wake;
use crate::run_watches::RunWatches;
use crate::{AppendBatch, AppendError, Appended, LogInfo, ReadError, WorkItem};

/// Version of the layout of keys and fields.
const SCHEMA: u32 = 2;

/// The log and its queue.
#[derive(Debug)]
pub(crate) struct RedisLog {
    pub(super) keys: Keys,
    /// Connection for reads and the queue.
    pub(super) general: Link,
    pub(super) ready: Arc<watch::Sender<u64>>,
    pub(super) run_watches: Arc<RunWatches>,
    /// Has its own connection, so that large reads do not delay appends.
    appender: Appender,
    head: Arc<watch::Sender<Position>>,
    witness: Arc<Witness>,
    log_id: Uuid,
    durability: String,
    /// Has the third connection, which waits for new events and work.
    _watcher: Watcher,
}

impl RedisLog {
    /// A log that is being restored can only be opened with `restoring`.
    pub(crate) async fn open(url: &Url, restoring: bool) -> Result<Self, OpenError> {
        let address = Address::parse(url)?;
        let client =
            Client::open(address.server).map_err(|error| not_opened(CallError::NotSent(error)))?;
        let keys = Keys::new(&address.namespace);
        let head = Arc::new(watch::Sender::new(Position::START));
        let witness = Arc::new(Witness::new(keys.clone(), Arc::clone(&head)));
        let link = |wait| Link::new(client.clone(), Arc::clone(&witness), wait);
        let general = link(Some(ANSWER_WAIT));
        let durability = durability::check(&general, address.relaxed).await?;
        let log_id = prepare(&general, &keys, restoring).await?;
        witness.identify(log_id);
        let ready = Arc::new(watch::Sender::new(0));
        let run_watches = Arc::new(RunWatches::default());
        let announced = Announced {
            head: Arc::clone(&head),
            ready: Arc::clone(&ready),
            runs: Arc::clone(&run_watches),
        };
        let watcher =
            Watcher::start(link(None), keys.clone(), announced).await.map_err(not_opened)?;
        let appender = Appender::start(link(Some(ANSWER_WAIT)), keys.clone());
        let _watcher = watcher;
        Ok(Self {
            keys,
            general,
            ready,
            run_watches,
            appender,
            head,
            witness,
            log_id,
            durability,
            _watcher,
        })
    }
}

/// Creates missing keys and checks the schema.
async fn prepare(link: &Link, keys: &Keys, restoring: bool) -> Result<Uuid, OpenError> {
    link.query::<()>(&library::load()).await.map_err(not_opened)?;
    let mut made = vec![keys.meta.clone()];
    made.extend(keys.lanes());
    let mut prepare = Function::Prepare.call(&made);
    prepare.arg(Uuid::new_v4().to_string()).arg(SCHEMA);
    let (log_id, schema, is_restoring): (String, String, bool) =
        link.query(&prepare).await.map_err(not_opened)?;
    if is_restoring != restoring {
        return Err(not_whole(restoring));
    }
    let log_id = Uuid::try_parse(&log_id).ok().filter(|_| schema == SCHEMA.to_string());
    log_id.ok_or_else(|| OpenError::Refused {
        cause: format!("the log in Redis has schema {schema:?}, this Assay knows {SCHEMA}"),
        cure: "open it with the version of Assay that wrote it, or use another namespace"
            .to_owned(),
    })
}

#[async_trait]
impl HotLog for RedisLog {
    async fn append(&self, batch: &AppendBatch) -> Result<Appended, AppendError> {
        let reply = self.appender.append(batch).await?;
        let appended = appended(batch, reply)?;
        if let Some(last) = batch.events.last() {
            self.witness.saw(appended.last, || last.id.to_string());
        }
        announce(&self.head, appended.last);
        if batch.enqueue.is_some() {
            wake(&self.ready);
        }
        Ok(appended)
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: u32,
    ) -> Result<StreamPage, ReadError> {
        let keys = [&self.keys.bucket(stream), &self.keys.log, &self.keys.meta];
        let mut read = Function::ReadStream.call(&keys);
        read.arg(stream.to_string()).arg(from.0.max(1)).arg(limit);
        let (trimmed, entries): (Vec<u64>, Vec<Entry>) =
            self.general.query_again(&read).await.map_err(read_error)?;
        let archived = trimmed.into_iter().map(Position).collect();
        Ok(StreamPage { archived, hot: placed(entries)? })
    }

    async fn read_all(&self, after: Position, limit: u32) -> Result<Vec<Row>, ReadError> {
        // A count of zero means no limit to Redis.
        let Some(from) = after.0.checked_add(1).filter(|_| limit > 0) else {
            return Ok(Vec::new());
        };
        let mut read = cmd("XRANGE");
        read.arg(&self.keys.log).arg(format!("{from}-0")).arg("+").arg("COUNT").arg(limit);
        let entries: Vec<Entry> = self.general.query_again(&read).await.map_err(read_error)?;
        let last = entries.last().and_then(|(_, fields)| fields.get("id").cloned());
        let rows = placed(entries)?;
        if let (Some((placement, _)), Some(last)) = (rows.last(), last) {
            self.witness.saw(placement.position, || last);
        }
        Ok(rows)
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    async fn info(&self) -> Result<LogInfo, ReadError> {
        let ends = Function::Ends.call(&[&self.keys.tail, &self.keys.meta]);
        let (head, mark): (u64, u64) = self.general.query_again(&ends).await.map_err(read_error)?;
        Ok(LogInfo {
            log_id: self.log_id,
            head: Position(head),
            archived_through: Position(mark),
            durability: self.durability.clone(),
        })
    }

    async fn has_room(&self) -> Result<(), AppendError> {
        // A server whose disk or memory is full refuses every write, even one that changes nothing.
        let mut nothing = cmd("SETRANGE");
        nothing.arg(format!("{}-nothing", self.keys.log)).arg(0).arg("");
        let taken = self.general.query::<()>(&nothing).await;
        taken.map_err(|error| AppendError::Unavailable(error.into_source()))
    }

    async fn usage(&self) -> Result<HotUsage, ReadError> {
        self.hot_usage().await.map_err(read_error)
    }

    async fn segments(&self) -> Result<Vec<SegmentEntry>, ReadError> {
        self.manifest().await
    }

    async fn enter_segment(
        &self,
        entry: &SegmentEntry,
        replaced: &[SegmentEntry],
    ) -> Result<bool, StoreFault> {
        self.enter(entry, replaced).await
    }

    async fn trim(&self, to: Position) -> Result<Position, StoreFault> {
        self.trim_through(to).await
    }

    async fn give_back_space(&self) -> Result<(), StoreFault> {
        self.rewrite_file().await
    }

    async fn begin_restore(&self, log_id: Uuid) -> Result<bool, StoreFault> {
        self.begin(log_id).await
    }

    async fn import(&self, events: &[Recorded]) -> Result<(), StoreFault> {
        self.import_events(events).await
    }

    async fn finish_restore(&self, work: &[WorkItem]) -> Result<(), StoreFault> {
        self.finish(work).await
    }
}

/// An entry of the log's stream: its id and its fields.
type Entry = (String, HashMap<String, String>);

fn placed(entries: Vec<Entry>) -> Result<Vec<Row>, ReadError> {
    entries.into_iter().map(place).collect()
}

fn place((id, mut fields): Entry) -> Result<Row, ReadError> {
    let damaged = |field: &str| ReadError::Damaged(format!("the entry {id} has no valid {field}"));
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<i64>().ok());
    let position = id.strip_suffix("-0").and_then(|position| position.parse().ok());
    let stream = fields.get("stream").and_then(|stream| stream.parse().ok());
    let placement = Placement {
        position: Position(position.ok_or_else(|| damaged("position"))?),
        stream: stream.ok_or_else(|| damaged("stream"))?,
        version: Version(number("version").ok_or_else(|| damaged("version"))?.cast_unsigned()),
        recorded_at: number("at")
            .and_then(|us| Timestamp::from_microsecond(us).ok())
            .ok_or_else(|| damaged("time"))?,
    };
    let body = fields.remove("body").ok_or_else(|| damaged("body"))?;
    Ok((placement, body))
}

pub(super) fn read_error(error: CallError) -> ReadError {
    match error {
        CallError::Refused(error) if error.code() == Some("DAMAGED") => {
            ReadError::Damaged(error.detail().unwrap_or_default().to_owned())
        }
        CallError::Refused(error) if error.code() == Some("MISSING") => {
            ReadError::Missing(error.detail().unwrap_or_default().to_owned())
        }
        CallError::Diverged(reason) => ReadError::Diverged(reason),
        error => ReadError::Unavailable(error.into_source()),
    }
}

/// Parses the function's reply for a batch. After an invalid reply the outcome is unknown.
fn appended(batch: &AppendBatch, reply: Vec<Value>) -> Result<Appended, AppendError> {
    let unknown = |error: RedisError| AppendError::Unknown(Box::new(error));
    let mut reply = reply.into_iter();
    let outcome: String = next(&mut reply).map_err(unknown)?;
    let mut number = || next::<u64>(&mut reply).map_err(unknown);
    if outcome == "conflict" {
        let actual = Version(number()?);
        return Err(AppendError::Conflict { expected: batch.expected, actual });
    }
    let (first, version, at) = (number()?, number()?, number()?);
    Ok(Appended {
        first: Position(first),
        last: Position(first + batch.events.len() as u64 - 1),
        version: Version(version),
        recorded_at: Timestamp::from_microsecond(at.cast_signed())
            .map_err(|error| AppendError::Unknown(Box::new(error)))?,
        repeated: outcome == "repeated",
    })
}

fn next<T: redis::FromRedisValue>(
    reply: &mut impl Iterator<Item = Value>,
) -> Result<T, RedisError> {
    Ok(from_redis_value(reply.next().unwrap_or(Value::Nil))?)
}
