//! Past states of problems.

use async_graphql::{ID, Object};
use read_model::views::ProblemView;

use crate::nodes::problem::{ProblemStats, Sample};
use crate::nodes::{Difficulty, Limits, ProblemVisibility, Scoring, int};
use crate::scalars::{DateTime, Markdown, Sha256};
use crate::{GlobalId, prices};

/// A problem in the past, in its original natural language.
#[derive(Debug, Clone)]
pub struct ProblemThen(pub(super) ProblemView);

#[Object]
impl ProblemThen {
    /// The problem's global id.
    async fn id(&self) -> ID {
        GlobalId::Problem(self.0.slug.clone()).into()
    }

    /// The problem's number, from 1.
    async fn number(&self) -> i32 {
        int(self.0.number)
    }

    /// The problem's slug, as used in URLs.
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

    /// The title, as plain text.
    async fn title(&self) -> &str {
        &self.0.title
    }

    /// Who could see the problem.
    async fn visibility(&self) -> ProblemVisibility {
        self.0.access.visibility.into()
    }

    /// Whether the problem was archived.
    async fn archived(&self) -> bool {
        self.0.access.archived
    }

    /// The login of the problem's owner; null if there was none.
    async fn owner(&self) -> Option<&str> {
        self.0.access.owner.as_ref().map(|login| login.as_str())
    }

    /// How hard the problem was, by its setter's estimate.
    async fn difficulty(&self) -> Difficulty {
        self.0.difficulty.into()
    }

    /// The slugs of the problem's tags.
    async fn tags(&self) -> Vec<&str> {
        self.0.tags.iter().map(|tag| tag.as_str()).collect()
    }

    /// The problem statement, in Markdown.
    #[graphql(complexity = "prices::TEXT")]
    async fn statement(&self) -> Markdown {
        Markdown(self.0.statement.clone())
    }

    /// The editorial, which explains how to solve the problem; null if there was none.
    #[graphql(complexity = "prices::TEXT")]
    async fn editorial(&self) -> Option<Markdown> {
        self.0.editorial.clone().map(Markdown)
    }

    /// Hints, from the vaguest to the most revealing.
    #[graphql(complexity = "prices::TEXT")]
    async fn hints(&self) -> Vec<Markdown> {
        self.0.hints.iter().cloned().map(Markdown).collect()
    }

    /// The sample tests.
    #[graphql(complexity = "prices::TEXT + child_complexity")]
    async fn samples(&self) -> Vec<Sample> {
        Sample::all(&self.0)
    }

    /// The limits on a run.
    async fn limits(&self) -> Limits {
        Limits::of(&self.0)
    }

    /// How submissions were scored; null for a pass-fail problem.
    async fn scoring(&self) -> Option<Scoring> {
        self.0.scoring.clone().map(Into::into)
    }

    /// The ids of the accepted languages; empty if every installed language was accepted.
    async fn languages(&self) -> Vec<ID> {
        self.0.languages.iter().map(|it| it.language.as_str().into()).collect()
    }

    /// The problem's statistics at the time.
    async fn stats(&self) -> ProblemStats {
        ProblemStats::of(&self.0)
    }

    /// When the first revision was made.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }

    /// When this revision was made.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
}
