//! Notices that a submission was changed by others during a session: it was cancelled, or another
//! evaluator took over. The session could not record anything any more (INV-7), so it ends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::{Actor, Version};
use event_store::Work;

use crate::tools::Tools;

/// The shortest interval between two reads of a stream.
const READ_INTERVAL: Duration = Duration::from_millis(300);
/// How long to wait for a change of the log before reading anyway.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Events read at once.
const PAGE: u32 = 64;

/// The version of the stream when the session read it; 0 before that.
#[derive(Debug, Default)]
pub(crate) struct Opened(AtomicU64);

impl Opened {
    /// The session has read the stream up to this version.
    pub(crate) fn at(&self, version: Version) {
        self.0.store(version.0, Ordering::Relaxed);
    }
}

/// Waits until the stream has an event that this evaluator did not write, after the session read
/// it. Costs nothing for sessions that end sooner than the interval.
pub(crate) async fn changed_by_others(tools: &Tools, work: &Work, opened: &Opened) {
    let own = Actor::evaluator(&tools.name);
    let mut head = tools.log.head();
    let mut read = Version::NONE;
    loop {
        tokio::time::sleep(READ_INTERVAL).await;
        head.mark_unchanged();
        read = read.max(Version(opened.0.load(Ordering::Relaxed)));
        if read > Version::NONE {
            // If the log does not respond, the session fails by itself.
            let page = tools.log.read_stream(&work.item.stream, read.next(), PAGE).await;
            let page = page.unwrap_or_default();
            if page.iter().any(|recorded| recorded.metadata.actor != own) {
                return;
            }
            read = page.last().map_or(read, |last| last.version);
        }
        // A timeout and a closed channel are both a reason to read again.
        let _ = tokio::time::timeout(POLL_INTERVAL, head.changed()).await;
    }
}
