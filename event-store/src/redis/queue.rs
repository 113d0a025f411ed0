//! [`WorkQueue`] in Redis.
//!
//! Every operation may be sent twice. If the reply to a take is lost, the work comes back when its
//! lease expires.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use domain::Login;
use tokio::sync::watch;

use super::library::Function;
use super::link::CallError;
use super::log::RedisLog;
use crate::queue::{account_in, all_known, micros, receipt_without_worker, wake};
use crate::{
    Ability, Lane, LaneStats, PRESENCE, QueueError, TURN_MEMORY, TakeRequest, Work, WorkItem,
    WorkQueue, WorkReceipt, WorkerId,
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
    ) -> Result<Vec<(WorkItem, WorkReceipt)>, QueueError> {
        let mut declined = Function::Declined.call(&[self.keys.lane(lane)]);
        declined.arg(after.map_or("", |receipt| receipt.id.as_str())).arg(limit);
        let declined: Vec<(String, String, String)> =
            self.general.query_again(&declined).await.map_err(unavailable)?;
        let declined = declined.into_iter().map(|(id, stream, account)| {
            let item = item(lane, &id, &stream, &account)?;
            Ok((item, receipt_without_worker(lane, id)))
        });
        declined.collect()
    }

    async fn announce(
        &self,
        worker: &WorkerId,
        abilities: &BTreeSet<Ability>,
    ) -> Result<(), QueueError> {
        let mut announce = Function::Announce.call(&[&self.keys.workers]);
        announce.arg(&worker.0).arg(join(abilities)).arg(micros(PRESENCE));
        self.general.query_again(&announce).await.map_err(unavailable)
    }

    async fn announced(&self) -> Result<Option<BTreeSet<Ability>>, QueueError> {
        let mut announced = Function::Announced.call(&[&self.keys.workers]);
        announced.arg(micros(PRESENCE));
        let announced: Vec<String> =
            self.general.query_again(&announced).await.map_err(unavailable)?;
        let names = announced.into_iter().map(|text| {
            text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
        });
        Ok(all_known(names.collect()))
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
