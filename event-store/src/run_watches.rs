//! Wakes those who follow a run.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::RunId;
use tokio::sync::watch;

/// One channel for each run that somebody follows in this process.
#[derive(Debug, Default)]
pub(crate) struct RunWatches(Mutex<HashMap<RunId, watch::Sender<u64>>>);

impl RunWatches {
    /// A receiver that changes with the run. Channels without receivers are removed.
    pub(crate) fn follow(&self, id: RunId) -> watch::Receiver<u64> {
        let mut followed = self.lock();
        followed.retain(|_, sender| sender.receiver_count() > 0);
        followed.entry(id).or_default().subscribe()
    }

    /// Wakes those who follow this run.
    pub(crate) fn wake(&self, id: RunId) {
        if let Some(sender) = self.lock().get(&id) {
            sender.send_modify(|wakes| *wakes += 1);
        }
    }

    /// Wakes all, because it is not known which runs have changed.
    pub(crate) fn wake_all(&self) {
        for sender in self.lock().values() {
            sender.send_modify(|wakes| *wakes += 1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, watch::Sender<u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_run_wakes_its_own_followers_and_channels_without_any_are_removed() {
        let watches = RunWatches::default();
        let [one, other] = [1, 2].map(|number| RunId::from(Uuid::from_u128(number)));
        let (first, second) = (watches.follow(one), watches.follow(other));
        watches.wake(one);
        assert!(first.has_changed().unwrap() && !second.has_changed().unwrap());
        watches.wake_all();
        assert!(second.has_changed().unwrap());
        drop((first, second));
        let _again = watches.follow(one);
        assert_eq!(watches.lock().len(), 1);
    }
}
