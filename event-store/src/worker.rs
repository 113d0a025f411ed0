//! Workers, and what they announce about themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Ability;

/// How long a worker counts as running after it announced itself. Longer than a restart takes.
pub const PRESENCE: Duration = Duration::from_secs(10 * 60);

/// A worker's name, unique to one run of one process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub String);

/// What a worker announces about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The worker.
    pub worker: WorkerId,
    /// What it can do.
    pub abilities: BTreeSet<Ability>,
    /// What operators want to know about it.
    pub facts: WorkerFacts,
}

/// What operators want to know about a worker. Stores keep it as JSON, in which fields may be missing
/// or unknown, because the worker may have another version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkerFacts {
    /// The name by which it is drained. It stays the same over restarts, and workers can share it.
    pub name: String,
    /// The machine it runs on.
    pub host: String,
    /// The version of Assay.
    pub version: String,
    /// The number of programs that it runs at the same time.
    pub slots: u32,
    /// The number of pieces of work that it holds.
    pub running: u32,
}

/// A worker that announced itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedWorker {
    /// The worker.
    pub worker: WorkerId,
    /// What it can do, as far as this version knows it.
    pub abilities: BTreeSet<Ability>,
    /// What operators want to know about it; `None` if its version does not announce that.
    pub facts: Option<WorkerFacts>,
    /// When it announced itself last.
    pub at: Timestamp,
}

/// A worker that was not seen for longer than this has probably ended. Evaluators announce
/// themselves every five seconds.
const UNSEEN_MAX: SignedDuration = SignedDuration::from_secs(30);

impl AnnouncedWorker {
    /// Whether it announced itself shortly before `now`.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < UNSEEN_MAX
    }
}

/// The abilities with these names. A newer worker may announce abilities that this version does not
/// know; they are left out.
pub(crate) fn known(names: impl IntoIterator<Item = String>) -> BTreeSet<Ability> {
    let (known, unknown): (Vec<_>, Vec<_>) =
        names.into_iter().map(|name| name.parse::<Ability>()).partition(Result::is_ok);
    if !unknown.is_empty() {
        tracing::debug!(?unknown, "ignoring announced abilities that this version does not know");
    }
    known.into_iter().flatten().collect()
}

/// The facts in a store's text.
pub(crate) fn facts_in(text: &str) -> Option<WorkerFacts> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_abilities_are_no_obstacle() {
        let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(known(names("{damaged}")), BTreeSet::new());
        let all = known(names("judge:cpp fly:cpp run:cpp judge:cpp"));
        assert_eq!(
            all.iter().map(Ability::to_string).collect::<Vec<_>>(),
            ["judge:cpp", "run:cpp"]
        );
    }

    #[test]
    fn facts_of_other_versions_are_read() {
        let facts = facts_in(r#"{"name": "north", "slots": 4, "colour": "red"}"#).unwrap();
        assert_eq!((facts.name.as_str(), facts.slots, facts.running), ("north", 4, 0));
        assert_eq!(facts_in("nonsense"), None);
    }
}
