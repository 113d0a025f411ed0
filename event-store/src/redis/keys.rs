//! Key names.

use domain::{Digest, Login, RunId, StreamId};

use crate::Lane;

/// The keys of one namespace.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    namespace: String,
    pub(super) meta: String,
    pub(super) log: String,
    pub(super) tail: String,
    pub(super) released: String,
    pub(super) segments: String,
    pub(super) workers: String,
    pub(super) runs: String,
    pub(super) changed_runs: String,
    pub(super) facts: String,
    pub(super) drained: String,
}

impl Keys {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            meta: format!("{namespace}:meta"),
            log: format!("{namespace}:log"),
            tail: format!("{namespace}:tail"),
            released: format!("{namespace}:released"),
            segments: format!("{namespace}:segments"),
            workers: format!("{namespace}:workers"),
            runs: format!("{namespace}:runs"),
            changed_runs: format!("{namespace}:runs:changed"),
            facts: format!("{namespace}:facts"),
            drained: format!("{namespace}:drained"),
        }
    }

    /// The hash that holds the stream's positions. There are 256, so that no single key grows with
    /// the whole log.
    pub(super) fn bucket(&self, stream: &StreamId) -> String {
        let bucket = Digest::of(stream.to_string().as_bytes()).as_bytes()[0];
        format!("{}:streams:{bucket:02x}", self.namespace)
    }

    pub(super) fn lane(&self, lane: Lane) -> String {
        format!("{}:work:{}", self.namespace, lane.as_str())
    }

    /// When the accounts of a lane were served.
    pub(super) fn turns(&self, lane: Lane) -> String {
        format!("{}:turns:{}", self.namespace, lane.as_str())
    }

    /// The prefix of the keys that hold one run each.
    pub(super) fn run_prefix(&self) -> String {
        format!("{}:run:", self.namespace)
    }

    pub(super) fn run(&self, id: RunId) -> String {
        format!("{}{id}", self.run_prefix())
    }

    pub(super) fn open_runs(&self, author: &Login) -> String {
        format!("{}:runs:open:{author}", self.namespace)
    }

    pub(super) fn ended_runs(&self, author: &Login) -> String {
        format!("{}:runs:ended:{author}", self.namespace)
    }

    pub(super) fn lanes(&self) -> Vec<String> {
        Lane::ALL.iter().map(|lane| self.lane(*lane)).collect()
    }
}
