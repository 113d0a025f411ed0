//! The events to export, as arguments.

use audit::Filter;
use domain::{Position, StreamId};
use jiff::Timestamp;
use uuid::Uuid;

use super::trail;
use crate::{Exit, Failure};

/// The events to export; by default all.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FilterArgs {
    /// Only events of this submission (id or UUID)
    #[arg(long, conflicts_with = "stream")]
    submission: Option<String>,
    /// Only events of this stream, for example `problem:two-sum`
    #[arg(long)]
    stream: Option<String>,
    /// Only events of this type; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events caused by this actor, for example `account:ada`
    #[arg(long)]
    actor: Option<String>,
    /// Only events caused by the request with this correlation id
    #[arg(long, value_name = "UUID")]
    correlation: Option<Uuid>,
    /// Only events from this position on
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    /// Only events up to this position
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
    /// Only events recorded at this time or later, for example 2026-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only events recorded before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

impl FilterArgs {
    pub(super) fn filter(&self) -> Result<Filter, Failure> {
        let stream = match (&self.submission, &self.stream) {
            (Some(submission), _) => Some(StreamId::Submission(trail::parse(submission)?)),
            (None, Some(stream)) => {
                Some(stream.parse().map_err(|error| Failure::of(Exit::Usage, "--stream", &error))?)
            }
            (None, None) => None,
        };
        Ok(Filter {
            stream,
            types: self.types.clone(),
            actor: self.actor.clone(),
            correlation: self.correlation,
            from: self.from.map(Position),
            to: self.to.map(Position),
            since: self.since,
            until: self.until,
        })
    }
}
