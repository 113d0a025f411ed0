//! [`Runs`] in Redis.
//!
//! Every operation may be sent twice: a second creation finds the run, and a second append finds
//! its own events.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{RunId, Version};
use jiff::Timestamp;
use redis::cmd;
use tokio::sync::watch;

use super::library::Function;
use super::link::CallError;
use super::log::RedisLog;
use super::watcher::CHANGES_KEPT;
use crate::queue::{account_text, wake};
use crate::runs::{ENDED_KEPT, decode};
use crate::{Creation, Lane, NewRun, RunBatch, Runs, RunsError, StoredRun};

/// Runs removed in one call. The server runs nothing else during a call.
const SWEEP_PAGE: u64 = 500;

#[async_trait]
impl Runs for RedisLog {
    async fn create(&self, new: &NewRun) -> Result<Creation, RunsError> {
        let (id, work) = (new.request.run, new.work());
        let keys = [
            self.keys.run(id),
            self.keys.runs.clone(),
            self.keys.open_runs(&new.request.author),
            self.keys.lane(work.lane),
        ];
        let mut create = Function::CreateRun.call(&keys);
        create.arg(id.to_string()).arg(new.encode());
        create.arg(new.requested_at.as_microsecond()).arg(new.expires_at.as_microsecond());
        create.arg(new.open_max).arg(work.stream.to_string()).arg(account_text(&work));
        let created: String = self.general.query_again(&create).await.map_err(unavailable)?;
        Ok(match created.as_str() {
            "created" => {
                wake(&self.ready);
                Creation::Created
            }
            "existed" => Creation::Existed,
            _ => Creation::TooManyOpen,
        })
    }

    async fn append(&self, batch: &RunBatch) -> Result<(), RunsError> {
        let complete = batch.complete.as_ref();
        let keys = [
            self.keys.run(batch.run),
            self.keys.open_runs(&batch.author),
            self.keys.changed_runs.clone(),
            self.keys.lane(complete.map_or(Lane::Run, |receipt| receipt.lane)),
            self.keys.ended_runs(&batch.author),
            self.keys.runs.clone(),
        ];
        let mut append = Function::AppendRun.call(&keys);
        append.arg(batch.run.to_string()).arg(batch.expected.0).arg(CHANGES_KEPT);
        append.arg(u8::from(batch.is_final()));
        append.arg(complete.map_or("", |receipt| receipt.id.as_str()));
        append.arg(ENDED_KEPT).arg(self.keys.run_prefix());
        append.arg(batch.encode());
        let (outcome, actual, stored): (String, u64, String) =
            self.general.query_again(&append).await.map_err(unavailable)?;
        match outcome.as_str() {
            "missing" => return Err(RunsError::NotFound),
            "conflict" if !batch.wrote(&stored) => {
                let (expected, actual) = (batch.expected, Version(actual));
                return Err(RunsError::Conflict { expected, actual });
            }
            _ => {}
        }
        self.run_watches.wake(batch.run);
        Ok(())
    }

    async fn read(&self, id: RunId, now: Timestamp) -> Result<Option<StoredRun>, RunsError> {
        let mut read = cmd("HGETALL");
        read.arg(self.keys.run(id));
        let mut fields: HashMap<String, String> =
            self.general.query_again(&read).await.map_err(unavailable)?;
        if fields.is_empty() {
            return Ok(None);
        }
        let number = |name: &str| -> Result<i64, RunsError> {
            let text = fields.get(name).and_then(|text| text.parse().ok());
            text.ok_or_else(|| RunsError::damaged(id, name))
        };
        let times = (number("requested")?, number("expires")?);
        if times.1 <= now.as_microsecond() {
            return Ok(None);
        }
        let at: Vec<i64> = (1..=number("version")?)
            .map(|version| number(&format!("at:{version}")))
            .collect::<Result<_, _>>()?;
        let mut take = |name: &str| fields.remove(name).ok_or_else(|| RunsError::damaged(id, name));
        let request = take("request")?;
        let events: Vec<(i64, String)> = (1..)
            .zip(at)
            .map(|(version, at)| Ok((at, take(&format!("event:{version}"))?)))
            .collect::<Result<_, RunsError>>()?;
        decode(id, &request, times, events).map(Some)
    }

    fn changes(&self, id: RunId) -> watch::Receiver<u64> {
        self.run_watches.follow(id)
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, RunsError> {
        let mut removed = 0;
        loop {
            let mut sweep = Function::SweepRuns.call(&[&self.keys.runs]);
            sweep.arg(now.as_microsecond()).arg(SWEEP_PAGE).arg(self.keys.run_prefix());
            let swept: u64 = self.general.query_again(&sweep).await.map_err(unavailable)?;
            removed += swept;
            if swept < SWEEP_PAGE {
                return Ok(removed);
            }
        }
    }
}

fn unavailable(error: CallError) -> RunsError {
    RunsError::Unavailable(error.into_source())
}
