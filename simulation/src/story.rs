//! Descriptions of steps in a seed's story. They leave out ids, which differ from run to run.

use event_store::{AppendBatch, Appended};

/// Describes an append.
pub(crate) fn appended(batch: &AppendBatch, appended: &Appended) -> String {
    let kinds: Vec<_> = batch.events.iter().map(|new| new.event.kind()).collect();
    let again = if appended.repeated { " again" } else { "" };
    let done = if batch.complete.is_some() { ", finishes the work" } else { "" };
    let (stream, first, kinds) = (&batch.stream, appended.first, kinds.join(" + "));
    format!("{stream} at {first}{again}: {kinds}{done}")
}
