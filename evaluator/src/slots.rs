//! The slots of an evaluator. They are numbered, so that each can have its own core.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The kernel's information about processors.
const PROCESSORS: &str = "/sys/devices/system/cpu";

/// Limits the number of programs that run at the same time.
///
/// A waiting [`acquire`](Self::acquire) gets the next free slot before any
/// [`try_acquire`](Self::try_acquire). A session that runs its tests concurrently tries again for
/// each test, so it delays a waiting submission by at most one test.
///
/// Trials of rejudges and runs on own inputs can together hold all slots except one, so a submission
/// never waits for them. If there is only one slot, they can hold it.
#[derive(Debug)]
pub(crate) struct Slots {
    count: usize,
    permits: Arc<Semaphore>,
    shares: Arc<Semaphore>,
    free: Mutex<BTreeSet<u32>>,
    pinned: bool,
}

impl Slots {
    /// Slots numbered from 0. If pinned, each slot uses the core with its number.
    pub(crate) fn new(count: usize, pinned: bool) -> Arc<Self> {
        let numbers = 0..u32::try_from(count).unwrap_or(u32::MAX);
        Arc::new(Self {
            count,
            permits: Arc::new(Semaphore::new(numbers.len())),
            shares: Arc::new(Semaphore::new(numbers.len().saturating_sub(1).max(1))),
            free: Mutex::new(numbers.collect()),
            pinned,
        })
    }

    /// Waits for the next free slot.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Slot {
        let permits = Arc::clone(&self.permits);
        self.give(permits.acquire_owned().await.expect("slots are never closed"))
    }

    /// A free slot that no session waits for. `again` is set for a trial of a rejudge.
    pub(crate) fn try_acquire(self: &Arc<Self>, again: bool) -> Option<Slot> {
        let share = if again { Some(self.try_share()?) } else { None };
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let slot = self.give(permit);
        Some(match share {
            Some(share) => slot.within(share),
            None => slot,
        })
    }

    /// The right to hold a slot for a rejudge or a run; `None` while these hold all slots that they
    /// may.
    pub(crate) fn try_share(&self) -> Option<Share> {
        Arc::clone(&self.shares).try_acquire_owned().ok().map(Share)
    }

    /// Waits until [`try_share`](Self::try_share) may succeed.
    pub(crate) async fn share_is_free(&self) {
        let share = self.shares.acquire().await;
        drop(share.expect("shares are never closed"));
    }

    /// The number of slots.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The number of free slots.
    pub(crate) fn free(&self) -> usize {
        self.permits.available_permits()
    }

    fn give(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Slot {
        let number = self.lock().pop_first().expect("there is a number for each permit");
        Slot { number, slots: Arc::clone(self), share: None, _permit: permit }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<u32>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to hold a slot for a rejudge or a run.
#[derive(Debug)]
pub(crate) struct Share(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

/// The right to run one program at a time. Dropping it frees the slot.
#[derive(Debug)]
pub(crate) struct Slot {
    number: u32,
    slots: Arc<Slots>,
    share: Option<Share>,
    // Dropped after the number is returned, so that the next holder of the permit finds a number.
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// The same slot, held for a rejudge or a run.
    pub(crate) fn within(mut self, share: Share) -> Self {
        self.share = Some(share);
        self
    }

    /// Whether it is held for a rejudge or a run.
    pub(crate) fn is_shared(&self) -> bool {
        self.share.is_some()
    }

    /// The core that the slot's programs are pinned to; `None` leaves the choice to the scheduler.
    pub(crate) fn core(&self) -> Option<u32> {
        self.slots.pinned.then_some(self.number)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().insert(self.number);
    }
}

/// The number of physical cores that this process may use. Two hardware threads of one core slow
/// each other down, and a program that is being measured must not be slowed down by another.
pub fn physical_cores() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let cores = count_cores(&processors_of(allowed.unwrap_or_default()), |processor| {
        fs::read_to_string(format!("{PROCESSORS}/cpu{processor}/topology/core_cpus_list")).ok()
    });
    // The kernel may not report cores, and a CPU quota may be the tighter limit.
    if cores == 0 { processors } else { cores.min(processors) }
}

/// The processors of a list such as `0-3,8`.
fn processors_of(list: &str) -> Vec<u32> {
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?)
    });
    ranges.flatten().collect()
}

/// The number of cores of these processors; processors with the same siblings share a core.
fn count_cores(processors: &[u32], siblings: impl Fn(u32) -> Option<String>) -> usize {
    let cores: BTreeMap<String, u32> = processors
        .iter()
        .map(|&processor| (siblings(processor).unwrap_or_else(|| processor.to_string()), processor))
        .collect();
    cores.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_threads_of_one_core_count_once() {
        assert_eq!(processors_of("\t0-2,5\n"), [0, 1, 2, 5]);
        assert_eq!(processors_of(""), Vec::<u32>::new());
        let siblings = |processor: u32| Some(format!("{},{}", processor % 4, processor % 4 + 4));
        assert_eq!(count_cores(&[0, 1, 2, 5], siblings), 3);
        assert_eq!(count_cores(&[0, 1, 2, 5], |_| None), 4);
        assert!(physical_cores() >= 1);
    }

    #[tokio::test]
    async fn every_slot_has_a_number_of_its_own() {
        let slots = Slots::new(2, true);
        let (a, b) = (slots.acquire().await, slots.acquire().await);
        assert_eq!((a.core(), b.core()), (Some(0), Some(1)));
        assert!(slots.try_acquire(false).is_none());
        drop(a);
        assert_eq!(slots.try_acquire(false).and_then(|slot| slot.core()), Some(0));
        assert_eq!(Slots::new(1, false).acquire().await.core(), None);
    }

    #[tokio::test]
    async fn what_is_judged_again_leaves_a_slot_to_what_is_live() {
        let slots = Slots::new(3, false);
        let mut held = Vec::new();
        while let Some(share) = slots.try_share() {
            held.push(slots.acquire().await.within(share));
        }
        assert_eq!((held.len(), slots.free()), (2, 1));
        assert!(slots.try_acquire(true).is_none(), "the third is kept");
        let live = slots.acquire().await;
        drop(held.pop());
        assert!(slots.try_acquire(false).is_some());
        let again = slots.try_acquire(true).expect("one share is free again");
        assert!(again.is_shared() && !live.is_shared());
        assert!(slots.try_acquire(true).is_none());
        drop((held, live, again));
        slots.share_is_free().await;

        let only = Slots::new(1, false);
        let again = only.acquire().await.within(only.try_share().expect("one at least"));
        assert!(only.try_share().is_none());
        drop(again);
        assert!(only.try_share().is_some());
    }

    #[tokio::test]
    async fn whoever_waits_comes_before_whoever_tries() {
        let slots = Slots::new(1, true);
        let held = slots.acquire().await;
        let mut waiting = Box::pin(slots.acquire());
        // One poll makes it wait.
        let polled = std::future::poll_fn(|context| {
            std::task::Poll::Ready(waiting.as_mut().poll(context).is_pending())
        });
        assert!(polled.await);
        drop(held);
        assert!(slots.try_acquire(false).is_none());
        waiting.await;
        assert!(slots.try_acquire(false).is_some());
    }
}
