//! [`WorkQueue`] in Redis.
//!
//! Every operation may be sent twice. If the reply to a take is lost, the work comes back when its
//! lease expires.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use domain::Login;
use jiff::Timestamp;
use redis::cmd;
use tokio::sync::watch;

use super::library::Function;
use super::link::CallError;
use super::log::RedisLog;
use crate::queue::{account_in, account_text, micros, receipt_without_worker, wake};
use crate::worker::{facts_in, known};
use crate::{
    Ability, AnnouncedWorker, Announcement, Declined, Lane, LaneStats, PRESENCE, QueueError,
    TURN_MEMORY, TakeRequest, Work, WorkItem, WorkQueue, WorkReceipt, WorkerId,
};

#[async_trait]
impl WorkQueue for RedisLog {
    async fn take(&self, request: &TakeRequest) -> Result<Option<Work>, QueueError> {
        let lanes = request.lanes.iter().map(|lane| self.keys.lane(*lane));
        let turns = request.lanes.iter().map(|lane| self.keys.turns(*lane));
        let mut take = Function::Take.call(&lanes.chain(turns).collect::<Vec<_>>());
        take.arg(&request.worker.0).arg(millis(request.lease)).arg(join(&request.abilities));
        take.arg(micros(TURN_MEMORY));
        let taken: Option<(usize, String, String, String, u32)> =
            self.general.query_again(&take).await.map_err(unavailable)?;
        let Some((number, id, stream, account, deliveries)) = taken else { return Ok(None) };
        let lane = number.checked_sub(1).and_then(|index| request.lanes.get(index).copied());
        let lane = lane.ok_or_else(|| damaged(&id, "lane"))?;
        let item = item(lane, &id, &stream, &account)?;
        let receipt = WorkReceipt { lane, id, worker: request.worker.clone() };
        Ok(Some(Work { item, receipt, deliveries }))
    }

    async fn extend(&self, receipt: &WorkReceipt, lease: Duration) -> Result<(), QueueError> {
        let mut extend = Function::Extend.call(&[self.keys.lane(receipt.lane)]);
        extend.arg(&receipt.id).arg(&receipt.worker.0).arg(millis(lease));
        let held: bool = self.general.query_again(&extend).await.map_err(unavailable)?;
        if held { Ok(()) } else { Err(QueueError::LeaseLost) }
    }

    async fn release(&self, receipt: &WorkReceipt) -> Result<(), QueueError> {
        let keys = [&self.keys.lane(receipt.lane), &self.keys.released];
        let mut release = Function::Release.call(&keys);
        release.arg(&receipt.id).arg(&receipt.worker.0);
        self.general.query_again::<()>(&release).await.map_err(unavailable)?;
        wake(&self.ready);
        Ok(())
    }

    async fn decline(
        &self,
        receipt: &WorkReceipt,
        needs: &BTreeSet<Ability>,
    ) -> Result<(), QueueError> {
        let keys = [&self.keys.lane(receipt.lane), &self.keys.released];
        let mut decline = Function::Decline.call(&keys);
        decline.arg(&receipt.id).arg(&receipt.worker.0).arg(join(needs));
        self.general.query_again::<()>(&decline).await.map_err(unavailable)?;
        wake(&self.ready);
        Ok(())
    }

    async fn declined(
        &self,
        lane: Lane,
        after: Option<&WorkReceipt>,
        limit: u32,
    ) -> Result<Vec<Declined>, QueueError> {
        let mut declined = Function::Declined.call(&[self.keys.lane(lane)]);
        declined.arg(after.map_or("", |receipt| receipt.id.as_str())).arg(limit);
        let declined: Vec<(String, String, String, String)> =
            self.general.query_again(&declined).await.map_err(unavailable)?;
        let declined = declined.into_iter().map(|(id, stream, account, needs)| {
            let item = item(lane, &id, &stream, &account)?;
            let receipt = receipt_without_worker(lane, id);
            Ok(Declined { item, receipt, needs: split(&needs) })
        });
        declined.collect()
    }

    async fn announce(&self, announcement: &Announcement) -> Result<bool, QueueError> {
        let Announcement { worker, abilities, facts } = announcement;
        let facts_text = serde_json::to_string(facts).expect("facts are JSON");
        let keys = [&self.keys.workers, &self.keys.facts, &self.keys.drained];
        let mut announce = Function::Announce.call(&keys);
        announce.arg(&worker.0).arg(join(abilities)).arg(micros(PRESENCE));
        announce.arg(facts_text).arg(&facts.name);
        self.general.query_again(&announce).await.map_err(unavailable)
    }

    async fn workers(&self) -> Result<Vec<AnnouncedWorker>, QueueError> {
        let mut workers = Function::Workers.call(&[&self.keys.workers, &self.keys.facts]);
        workers.arg(micros(PRESENCE));
        let workers: Vec<(String, i64, String, String)> =
            self.general.query_again(&workers).await.map_err(unavailable)?;
        let workers = workers.into_iter().map(|(worker, at_us, abilities, facts)| {
            let at = Timestamp::from_microsecond(at_us)
                .map_err(|_| QueueError::Damaged(format!("worker {worker} has no valid time")))?;
            let (abilities, facts) = (split(&abilities), facts_in(&facts));
            Ok(AnnouncedWorker { worker: WorkerId(worker), abilities, facts, at })
        });
        let mut workers: Vec<_> = workers.collect::<Result<_, _>>()?;
        workers.sort_by(|one, other| one.worker.cmp(&other.worker));
        Ok(workers)
    }

    async fn set_drained(&self, name: &str, drained: bool) -> Result<(), QueueError> {
        let mut change = cmd(if drained { "SADD" } else { "SREM" });
        change.arg(&self.keys.drained).arg(name);
        self.general.query_again(&change).await.map_err(unavailable)
    }

    async fn drained(&self) -> Result<BTreeSet<String>, QueueError> {
        let mut drained = cmd("SMEMBERS");
        drained.arg(&self.keys.drained);
        self.general.query_again(&drained).await.map_err(unavailable)
    }

    async fn withdraw(&self, item: &WorkItem) -> Result<(), QueueError> {
        let mut withdraw = Function::Withdraw.call(&[self.keys.lane(item.lane)]);
        withdraw.arg(item.stream.to_string()).arg(account_text(item));
        self.general.query_again(&withdraw).await.map_err(unavailable)
    }

    async fn unfinished(&self, lane: Lane, account: &Login) -> Result<u64, QueueError> {
        let mut unfinished = Function::Unfinished.call(&[self.keys.lane(lane)]);
        unfinished.arg(account.to_string());
        self.general.query_again(&unfinished).await.map_err(unavailable)
    }

    async fn discard(&self, receipt: &WorkReceipt) -> Result<(), QueueError> {
        let mut discard = Function::Discard.call(&[self.keys.lane(receipt.lane)]);
        discard.arg(&receipt.id);
        self.general.query_again(&discard).await.map_err(unavailable)
    }

    fn ready(&self) -> watch::Receiver<u64> {
        self.ready.subscribe()
    }

    async fn stats(&self) -> Result<Vec<LaneStats>, QueueError> {
        let stats = Function::Stats.call(&self.keys.lanes());
        let numbers: Vec<(u64, u64, u64)> =
            self.general.query_again(&stats).await.map_err(unavailable)?;
        let lanes = Lane::ALL.into_iter().zip(numbers);
        Ok(lanes
            .map(|(lane, (waiting, in_flight, oldest_us))| {
                let oldest_wait = Duration::from_micros(oldest_us);
                LaneStats { lane, waiting, in_flight, oldest_wait }
            })
            .collect())
    }
}

/// Separated by commas, which no id contains.
fn join(abilities: &BTreeSet<Ability>) -> String {
    abilities.iter().map(Ability::to_string).collect::<Vec<_>>().join(",")
}

/// The abilities in a text of [`join`].
fn split(abilities: &str) -> BTreeSet<Ability> {
    known(abilities.split(',').filter(|name| !name.is_empty()).map(str::to_owned))
}

/// Redis leases are in whole milliseconds; round up so that none is shorter than requested.
fn millis(lease: Duration) -> u64 {
    lease.as_micros().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

/// The work with this id, from the text of its fields.
fn item(lane: Lane, id: &str, stream: &str, account: &str) -> Result<WorkItem, QueueError> {
    let stream = stream.parse().map_err(|_| damaged(id, "stream"))?;
    let account = account_in(account).map_err(|_| damaged(id, "account"))?;
    Ok(WorkItem { lane, stream, account })
}

fn damaged(id: &str, what: &str) -> QueueError {
    QueueError::Damaged(format!("work {id} has no valid {what}"))
}

fn unavailable(error: CallError) -> QueueError {
    QueueError::Unavailable(error.into_source())
}
