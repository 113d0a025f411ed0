//! Evaluators, as operators see them.

use async_graphql::{Context, ID, Object};
use event_store::{Ability, AnnouncedWorker, WorkerId};
use jiff::Timestamp;

use super::{LanguageNode, int};
use crate::scalars::DateTime;
use crate::{Api, ApiError, GlobalId};

/// An evaluator: one run of a process that judges. It is listed for ten minutes after it was last
/// seen.
#[derive(Debug, Clone)]
pub struct Judge {
    worker: AnnouncedWorker,
    drained: bool,
}

impl Judge {
    /// Every evaluator that was seen in the last ten minutes.
    ///
    /// # Errors
    /// If the queue does not answer.
    pub async fn all(api: &Api) -> Result<Vec<Self>, ApiError> {
        let (workers, drained) = (api.queue.workers().await?, api.queue.drained().await?);
        let judges = workers.into_iter().map(|worker| {
            let name = worker.facts.as_ref().map(|facts| facts.name.as_str());
            let drained = name.is_some_and(|name| drained.contains(name));
            Self { worker, drained }
        });
        Ok(judges.collect())
    }

    /// The evaluator with this id; `None` if it was not seen in the last ten minutes.
    ///
    /// # Errors
    /// If the queue does not answer.
    pub async fn find(api: &Api, id: &WorkerId) -> Result<Option<Self>, ApiError> {
        Ok(Self::all(api).await?.into_iter().find(|judge| judge.worker.worker == *id))
    }

    /// The name by which it is drained; `None` if its version cannot be drained.
    pub fn drain_name(&self) -> Option<&str> {
        self.worker.facts.as_ref().map(|facts| facts.name.as_str())
    }
}

#[Object]
impl Judge {
    /// The global id; opaque. It changes when the process restarts.
    pub async fn id(&self) -> ID {
        GlobalId::Judge(self.worker.worker.clone()).into()
    }

    /// The name in the evaluator's configuration, or its host's name. `drainJudge` drains all
    /// evaluators with this name.
    async fn name(&self) -> &str {
        self.drain_name().unwrap_or(&self.worker.worker.0)
    }

    /// The name of its machine; null if its version does not report it.
    async fn host(&self) -> Option<&str> {
        self.worker.facts.as_ref().map(|facts| facts.host.as_str())
    }

    /// Its version of Assay; null if its version does not report it.
    async fn version(&self) -> Option<&str> {
        self.worker.facts.as_ref().map(|facts| facts.version.as_str())
    }

    /// The number of programs that it runs at the same time; null if its version does not report
    /// it.
    async fn slots(&self) -> Option<i32> {
        self.worker.facts.as_ref().map(|facts| int(facts.slots))
    }

    /// The number of submissions that it is judging; null if its version does not report it.
    async fn running(&self) -> Option<i32> {
        self.worker.facts.as_ref().map(|facts| int(facts.running))
    }

    /// The languages in which it judges submissions.
    async fn languages(&self, ctx: &Context<'_>) -> Vec<LanguageNode> {
        let judged = self.worker.abilities.iter().filter_map(|ability| match ability {
            Ability::Judge(language) => Some(LanguageNode::of(Api::of(ctx), language)),
            Ability::Run(_) => None,
        });
        judged.collect()
    }

    /// When it was last seen.
    async fn last_seen_at(&self) -> DateTime {
        DateTime(self.worker.at)
    }

    /// Whether it takes no new work: it finishes what it has. An evaluator learns of it within
    /// seconds.
    async fn drained(&self) -> bool {
        self.drained
    }

    /// Whether it was seen in the last 30 seconds.
    async fn healthy(&self) -> bool {
        self.worker.is_alive(Timestamp::now())
    }
}
