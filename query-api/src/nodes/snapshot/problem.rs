//! Problems as they were.

use async_graphql::{ID, Object};
use read_model::views::ProblemView;

use crate::GlobalId;
use crate::nodes::problem::{ProblemStats, Sample};
use crate::nodes::{Difficulty, Limits, Scoring, int};
use crate::scalars::{DateTime, Markdown, Sha256};

/// A problem as it was, in its first natural language.
#[derive(Debug, Clone)]
pub struct ProblemThen(pub(super) ProblemView);

#[Object]
impl ProblemThen {
    /// Of the problem.
    async fn id(&self) -> ID {
        GlobalId::Problem(self.0.slug.clone()).into()
    }

    /// Counts from 1.
    async fn number(&self) -> i32 {
        int(self.0.number)
    }

    /// Its place in addresses.
    async fn slug(&self) -> &str {
        self.0.slug.as_str()
    }

    /// The revision's number.
    async fn version(&self) -> i32 {
        int(self.0.revision)
    }

    /// The revision's digest.
    async fn sha256(&self) -> Sha256 {
        Sha256(self.0.digest)
    }

    /// Plain text.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// How hard it was meant to be.
    async fn difficulty(&self) -> Difficulty {
        self.0.difficulty.into()
    }

    /// What it was about.
    async fn tags(&self) -> Vec<&str> {
        self.0.tags.iter().map(|tag| tag.as_str()).collect()
    }

    /// What was asked.
    async fn statement(&self) -> Markdown {
        Markdown(self.0.statement.clone())
    }

    /// How it could be solved.
    async fn editorial(&self) -> Option<Markdown> {
        self.0.editorial.clone().map(Markdown)
    }

    /// From a nudge to nearly the solution.
    async fn hints(&self) -> Vec<Markdown> {
        self.0.hints.iter().cloned().map(Markdown).collect()
    }

    /// Examples.
    async fn samples(&self) -> Vec<Sample> {
        Sample::all(&self.0)
    }

    /// What a run could use.
    async fn limits(&self) -> Limits {
        Limits::of(&self.0)
    }

    /// How it was scored; null where it was only passed or failed.
    async fn scoring(&self) -> Option<Scoring> {
        self.0.scoring.clone().map(Into::into)
    }

    /// The ids of the languages that it took; empty where it took every language of the installation.
    async fn languages(&self) -> Vec<ID> {
        self.0.languages.iter().map(|it| it.language.as_str().into()).collect()
    }

    /// How it was doing.
    async fn stats(&self) -> ProblemStats {
        ProblemStats::of(&self.0)
    }

    /// Of the first revision.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// Of this revision.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}
