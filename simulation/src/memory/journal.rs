//! The events of the log and the items of the queue in one place, so that one step can change both
//! (INV-6).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::record::Placement;
use domain::{Login, Position, Recorded, StreamId, Version};
use event_store::{
    Ability, AnnouncedWorker, Announcement, AppendBatch, AppendError, Appended, Declined, Lane,
    LaneStats, LogInfo, PRESENCE, QueueError, TURN_MEMORY, TakeRequest, Work, WorkItem,
    WorkReceipt, WorkerId,
};
use jiff::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

use crate::Clock;

/// The state of the log and its queue. Each method is one atomic step.
#[derive(Debug)]
pub(crate) struct Journal {
    id: Uuid,
    clock: Arc<Clock>,
    events: Vec<Recorded>,
    streams: BTreeMap<StreamId, Vec<Position>>,
    work: BTreeMap<u64, Waiting>,
    /// What each worker announced, and when, in microseconds since 1970.
    workers: BTreeMap<WorkerId, (i64, Announcement)>,
    drained: BTreeSet<String>,
    /// When each account was served last, in microseconds since 1970.
    turns: BTreeMap<(Lane, Option<Login>), i64>,
    queued: u64,
    /// One channel for each receiver: a channel with several receivers wakes them in random order.
    heads: Vec<watch::Sender<Position>>,
    readies: Vec<watch::Sender<u64>>,
    wakes: u64,
}

/// Work that is not finished.
#[derive(Debug)]
struct Waiting {
    item: WorkItem,
    queued_us: i64,
    deliveries: u32,
    holder: Option<Holder>,
    released: Option<(WorkerId, i64)>,
    /// The abilities it needs, once a worker declined it.
    needs: BTreeSet<Ability>,
}

#[derive(Debug)]
struct Holder {
    worker: WorkerId,
    until_us: i64,
    lease_us: i64,
}

impl Waiting {
    /// Whether the work can be taken. A lease that ends more than twice its length in the future
    /// was taken before the clock was set back, and does not count.
    fn is_free(&self, now_us: i64) -> bool {
        self.holder.as_ref().is_none_or(|holder| {
            holder.until_us <= now_us || holder.until_us > now_us + 2 * holder.lease_us
        })
    }

    fn is_held_by(&self, worker: &WorkerId) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.worker == *worker)
    }

    fn is_withheld_from(&self, worker: &WorkerId, now_us: i64, lease_us: i64) -> bool {
        let released = self.released.as_ref();
        released.is_some_and(|(by, at_us)| by == worker && (now_us - at_us).abs() < lease_us)
    }
}

fn micros(lease: Duration) -> i64 {
    i64::try_from(lease.as_micros()).unwrap_or(i64::MAX / 4)
}

impl Journal {
    pub(crate) fn new(clock: Arc<Clock>, id: Uuid) -> Self {
        let (events, streams, work) = (vec![], BTreeMap::new(), BTreeMap::new());
        let (workers, turns) = (BTreeMap::new(), BTreeMap::new());
        let (heads, readies, queued, wakes) = (vec![], vec![], 0, 0);
        let drained = BTreeSet::new();
        Self {
            id,
            clock,
            events,
            streams,
            work,
            workers,
            drained,
            turns,
            queued,
            heads,
            readies,
            wakes,
        }
    }

    pub(crate) fn append(&mut self, batch: &AppendBatch) -> Result<Appended, AppendError> {
        let bodies = batch.check()?;
        let actual = self.version(&batch.stream);
        if actual != batch.expected {
            let conflict = AppendError::Conflict { expected: batch.expected, actual };
            return self.written_before(batch).ok_or(conflict);
        }
        let now_us = self.clock.now_us();
        // The clock may have been set back, but the log's time never goes back.
        let head_at_us = self.events.last().map(|it| it.recorded_at.as_microsecond());
        let at_us = head_at_us.map_or(now_us, |head| head.max(now_us));
        let recorded_at = Timestamp::from_microsecond(at_us).expect("the clock shows a time");
        let first = self.head().next();
        for body in bodies {
            let (position, version) = (self.head().next(), self.version(&batch.stream));
            let stream = batch.stream.clone();
            let version = Version(version.0 + 1);
            let placement = Placement { position, stream: stream.clone(), version, recorded_at };
            let recorded = Recorded::decode(placement, body).expect("it was just encoded");
            self.events.push(recorded);
            self.streams.entry(stream).or_default().push(position);
        }
        if let Some(item) = batch.enqueue.clone() {
            self.queued += 1;
            let waiting = Waiting {
                item,
                queued_us: now_us,
                deliveries: 0,
                holder: None,
                released: None,
                needs: BTreeSet::new(),
            };
            self.work.insert(self.queued, waiting);
        }
        if let Some(receipt) = &batch.complete {
            self.finish(receipt);
        }
        let (last, version) = (self.head(), self.version(&batch.stream));
        announce(&mut self.heads, |head| *head = last);
        if batch.enqueue.is_some() {
            self.wake();
        }
        Ok(Appended { first, last, version, recorded_at, repeated: false })
    }

    /// Where this batch was written before, if it is a retry.
    fn written_before(&self, batch: &AppendBatch) -> Option<Appended> {
        let from = Version(batch.expected.0.checked_add(1)?);
        let written = self.read_stream(&batch.stream, from, batch.events.len());
        let same = written.len() == batch.events.len()
            && written.iter().zip(&batch.events).all(|(there, new)| there.id == new.id);
        let (first, last) = (written.first()?, written.last()?);
        let (recorded_at, version) = (first.recorded_at, self.version(&batch.stream));
        let (first, last) = (first.position, last.position);
        same.then_some(Appended { first, last, version, recorded_at, repeated: true })
    }

    pub(crate) fn version(&self, stream: &StreamId) -> Version {
        Version(self.streams.get(stream).map_or(0, |positions| positions.len() as u64))
    }

    pub(crate) fn head(&self) -> Position {
        Position(self.events.len() as u64)
    }

    pub(crate) fn read_stream(
        &self,
        stream: &StreamId,
        from: Version,
        limit: usize,
    ) -> Vec<Recorded> {
        let positions = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
        let before = usize::try_from(from.0.saturating_sub(1)).unwrap_or(usize::MAX);
        let positions = positions.iter().skip(before).take(limit);
        positions.map(|position| self.events[position.0 as usize - 1].clone()).collect()
    }

    pub(crate) fn read_all(&self, after: Position, limit: usize) -> Vec<Recorded> {
        let after = usize::try_from(after.0).unwrap_or(usize::MAX);
        self.events.iter().skip(after).take(limit).cloned().collect()
    }

    pub(crate) fn info(&self) -> LogInfo {
        LogInfo {
            log_id: self.id,
            head: self.head(),
            archived_through: Position::START,
            durability: "nothing: it is in memory".to_owned(),
        }
    }

    pub(crate) fn watch_head(&mut self) -> watch::Receiver<Position> {
        let (sender, receiver) = watch::channel(self.head());
        self.heads.push(sender);
        receiver
    }

    pub(crate) fn watch_ready(&mut self) -> watch::Receiver<u64> {
        let (sender, receiver) = watch::channel(self.wakes);
        self.readies.push(sender);
        receiver
    }

    pub(crate) fn take(&mut self, request: &TakeRequest) -> Option<Work> {
        let (now_us, lease_us) = (self.clock.now_us(), micros(request.lease));
        let worker = &request.worker;
        let id = request.lanes.iter().find_map(|lane| self.next(*lane, request))?;
        let waiting = self.work.get_mut(&id)?;
        let turn = (waiting.item.lane, waiting.item.account.clone());
        waiting.deliveries += 1;
        waiting.released = None;
        let until_us = now_us.saturating_add(lease_us);
        waiting.holder = Some(Holder { worker: worker.clone(), until_us, lease_us });
        let (lane, worker) = (waiting.item.lane, worker.clone());
        let work = Work {
            item: waiting.item.clone(),
            receipt: WorkReceipt { lane, id: id.to_string(), worker },
            deliveries: waiting.deliveries,
        };
        let memory_us = micros(TURN_MEMORY);
        self.turns.retain(|of, at_us| of.0 != lane || (now_us - *at_us).abs() <= memory_us);
        let turns = self.turns.iter().filter(|(of, _)| of.0 == lane);
        let last_us = turns.map(|(_, at_us)| *at_us).max();
        self.turns.insert(turn, last_us.map_or(now_us, |last| now_us.max(last + 1)));
        Some(work)
    }

    /// The number of the work whose turn it is in this lane.
    fn next(&self, lane: Lane, request: &TakeRequest) -> Option<u64> {
        let (now_us, lease_us) = (self.clock.now_us(), micros(request.lease));
        let mut in_flight: BTreeMap<&Option<Login>, usize> = BTreeMap::new();
        let mut oldest: BTreeMap<&Option<Login>, u64> = BTreeMap::new();
        for (id, waiting) in self.work.iter().filter(|(_, waiting)| waiting.item.lane == lane) {
            let account = &waiting.item.account;
            if !waiting.is_free(now_us) {
                *in_flight.entry(account).or_default() += 1;
            } else if !waiting.is_withheld_from(&request.worker, now_us, lease_us)
                && waiting.needs.is_subset(&request.abilities)
            {
                oldest.entry(account).or_insert(*id);
            }
        }
        let first = oldest.into_iter().min_by_key(|(account, id)| {
            let served_us = self.turns.get(&(lane, (*account).clone())).copied();
            (in_flight.get(account).copied(), served_us, *id)
        });
        first.map(|(_, id)| id)
    }

    pub(crate) fn unfinished(&self, lane: Lane, account: &Login) -> u64 {
        let of_account =
            |item: &WorkItem| item.lane == lane && item.account.as_ref() == Some(account);
        self.work.values().filter(|waiting| of_account(&waiting.item)).count() as u64
    }

    pub(crate) fn extend(
        &mut self,
        receipt: &WorkReceipt,
        lease: Duration,
    ) -> Result<(), QueueError> {
        let (now_us, lease_us) = (self.clock.now_us(), micros(lease));
        let waiting = self.find(receipt).filter(|waiting| waiting.is_held_by(&receipt.worker));
        let holder = waiting.and_then(|waiting| waiting.holder.as_mut());
        let holder = holder.ok_or(QueueError::LeaseLost)?;
        holder.until_us = now_us.saturating_add(lease_us);
        holder.lease_us = lease_us;
        Ok(())
    }

    pub(crate) fn release(&mut self, receipt: &WorkReceipt) {
        let now_us = self.clock.now_us();
        let waiting = self.find(receipt).filter(|waiting| waiting.is_held_by(&receipt.worker));
        if let Some(waiting) = waiting {
            waiting.holder = None;
            waiting.released = Some((receipt.worker.clone(), now_us));
        }
        self.wake();
    }

    pub(crate) fn decline(&mut self, receipt: &WorkReceipt, needs: &BTreeSet<Ability>) {
        let waiting = self.find(receipt).filter(|waiting| waiting.is_held_by(&receipt.worker));
        if let Some(waiting) = waiting {
            waiting.holder = None;
            waiting.deliveries -= 1;
            waiting.needs.clone_from(needs);
        }
        self.wake();
    }

    pub(crate) fn declined(
        &self,
        lane: Lane,
        after: Option<&WorkReceipt>,
        limit: usize,
    ) -> Vec<Declined> {
        let after = after.and_then(|receipt| receipt.id.parse().ok()).unwrap_or(0);
        let later = self.work.range(after + 1..);
        let declined = later.filter(|(_, waiting)| {
            waiting.item.lane == lane && waiting.holder.is_none() && !waiting.needs.is_empty()
        });
        let worker = WorkerId(String::new());
        let receipt = |id: &u64| WorkReceipt { lane, id: id.to_string(), worker: worker.clone() };
        let declined = declined.take(limit).map(|(id, waiting)| {
            let (item, needs) = (waiting.item.clone(), waiting.needs.clone());
            Declined { item, receipt: receipt(id), needs }
        });
        declined.collect()
    }

    /// Returns whether the worker is drained.
    pub(crate) fn announce_worker(&mut self, announcement: Announcement) -> bool {
        let is_drained = self.drained.contains(&announcement.facts.name);
        let now_us = self.clock.now_us();
        self.workers.insert(announcement.worker.clone(), (now_us, announcement));
        is_drained
    }

    /// The workers that announced themselves recently.
    pub(crate) fn workers(&self) -> Vec<AnnouncedWorker> {
        let (now_us, presence_us) = (self.clock.now_us(), micros(PRESENCE));
        // One that is too far ahead was made before the clock was set back.
        let is_recent = |at_us: i64| (at_us - now_us).abs() < presence_us;
        let recent = self.workers.values().filter(|(at_us, _)| is_recent(*at_us));
        let workers = recent.cloned().map(|(at_us, announcement)| AnnouncedWorker {
            worker: announcement.worker,
            abilities: announcement.abilities,
            facts: Some(announcement.facts),
            at: Timestamp::from_microsecond(at_us).expect("the clock shows a time"),
        });
        workers.collect()
    }

    pub(crate) fn set_drained(&mut self, name: String, drained: bool) {
        if drained {
            self.drained.insert(name);
        } else {
            self.drained.remove(&name);
        }
    }

    pub(crate) fn drained(&self) -> BTreeSet<String> {
        self.drained.clone()
    }

    /// Notifies workers that there may be work.
    fn wake(&mut self) {
        self.wakes += 1;
        let wakes = self.wakes;
        announce(&mut self.readies, |seen| *seen = wakes);
    }

    /// Removes work, even if another worker holds it.
    pub(crate) fn withdraw(&mut self, item: &WorkItem) {
        self.work.retain(|_, waiting| waiting.item != *item || waiting.holder.is_some());
    }

    pub(crate) fn finish(&mut self, receipt: &WorkReceipt) {
        if let Ok(id) = receipt.id.parse() {
            self.work.remove(&id);
        }
    }

    fn find(&mut self, receipt: &WorkReceipt) -> Option<&mut Waiting> {
        self.work.get_mut(&receipt.id.parse().ok()?)
    }

    /// Drops all leases, as if every worker that holds work were lost.
    pub(crate) fn lose_leases(&mut self) {
        self.work.values_mut().for_each(|waiting| waiting.holder = None);
    }

    pub(crate) fn stats(&self) -> Vec<LaneStats> {
        let now_us = self.clock.now_us();
        let of_lane = |lane: Lane| {
            let work = self.work.values().filter(move |waiting| waiting.item.lane == lane);
            let (free, held): (Vec<_>, Vec<_>) = work.partition(|waiting| waiting.is_free(now_us));
            let oldest_us = free.iter().map(|waiting| waiting.queued_us).min();
            let waited_us = oldest_us.map_or(0, |oldest| now_us.saturating_sub(oldest));
            LaneStats {
                lane,
                waiting: free.len() as u64,
                in_flight: held.len() as u64,
                oldest_wait: Duration::from_micros(waited_us.try_into().unwrap_or_default()),
            }
        };
        Lane::ALL.map(of_lane).to_vec()
    }
}

/// Sends to every open channel, and drops closed ones.
fn announce<T>(channels: &mut Vec<watch::Sender<T>>, change: impl Fn(&mut T)) {
    channels.retain(|channel| !channel.is_closed());
    channels.iter().for_each(|channel| channel.send_modify(&change));
}
