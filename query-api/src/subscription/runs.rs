//! Live updates of a run.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Result, SimpleObject};
use async_stream::try_stream;
use domain::RunId;
use domain::run::RunState;
use event_store::StoredRun;
use futures::Stream;
use graphql::cursor::RunCursor;
use graphql::nodes::Run;
use graphql::{Api, ApiError, DateTime};
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

/// A change to a run, and the run after it.
#[derive(Debug, Clone, SimpleObject)]
pub struct RunUpdate {
    /// Pass this as `after` to resume after this update.
    cursor: String,
    /// Always false: a run has few changes, so that each is sent.
    gap: bool,
    /// When the change was recorded.
    at: DateTime,
    /// The run after the change.
    run: Run,
}

impl RunUpdate {
    fn new(stored: &Arc<StoredRun>, state: RunState, at: Timestamp) -> Self {
        let cursor = RunCursor { run: stored.request.run, version: state.version }.encode();
        Self { cursor, gap: false, at: DateTime(at), run: Run::at(Arc::clone(stored), state) }
    }
}

/// The run, unless it has expired.
pub(super) async fn read(api: &Api, id: RunId) -> Result<Option<StoredRun>, ApiError> {
    Ok(api.runs.read(id, Timestamp::now()).await?)
}

/// The run's current state or, for a client that resumes, every change after its cursor; then each
/// change until the run has ended or expired. The store's wake-ups say when to read (INV-13).
pub(super) fn updates(
    api: Arc<Api>,
    id: RunId,
    after: Option<RunCursor>,
    permit: Option<OwnedSemaphorePermit>,
) -> impl Stream<Item = Result<RunUpdate>> {
    try_stream! {
        let _permit = permit;
        let mut changes = api.runs.changes(id);
        let mut sent = after.map(|after| after.version);
        loop {
            changes.mark_unchanged();
            let Some(stored) = read(&api, id).await?.map(Arc::new) else { return };
            if sent.is_none() {
                let state = stored.state();
                let at = stored.events.last().map_or(stored.requested_at, |(at, _)| *at);
                sent = Some(state.version);
                yield RunUpdate::new(&stored, state, at);
            }
            let mut state = RunState::default();
            for (at, event) in &stored.events {
                state.apply(event);
                if sent.is_none_or(|sent| state.version > sent) {
                    sent = Some(state.version);
                    yield RunUpdate::new(&stored, state.clone(), *at);
                }
            }
            if state.is_final() {
                return;
            }
            // A run that expires ends without another change.
            let left = stored.expires_at.duration_since(Timestamp::now());
            let left = Duration::try_from(left).unwrap_or_default();
            let _ = tokio::time::timeout(left, changes.changed()).await;
        }
    }
}
