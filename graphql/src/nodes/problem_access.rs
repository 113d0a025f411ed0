//! Who sees a problem, and when its solution is shown.

use async_graphql::{Context, Enum, Result};
use read_model::views::{ProblemView, SolvedStatus, SolvedView};

use crate::loaders::Key;
use crate::{Api, Viewer, access};

/// Who may see a problem, besides its owner, its collaborators, judges and administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::problem::Visibility")]
pub enum ProblemVisibility {
    /// Nobody else.
    Draft,
    /// Everyone who knows the slug; no list contains it.
    Hidden,
    /// Everyone, also in lists.
    Public,
}

/// When a text that reveals the solution is shown to others than those who work on the problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "TextRule", remote = "domain::problem::TextRule")]
pub enum TextRuleEnum {
    /// It is always shown.
    Always,
    /// Shown to accounts that have solved the problem.
    AfterSolving,
    /// It is never shown.
    Never,
}

/// The problem, if the viewer may open it.
pub fn visible(ctx: &Context<'_>, problem: Option<ProblemView>) -> Option<ProblemView> {
    problem.filter(|problem| access::may_see_problem(Viewer::of(ctx), &problem.access))
}

/// Whether the viewer sees everything that there is to the problem.
pub(super) fn sees_whole(ctx: &Context<'_>, problem: &ProblemView) -> bool {
    access::may_see_whole_problem(Viewer::of(ctx), &problem.access)
}

/// Whether the viewer may see a text of the problem that has this rule.
pub(super) async fn may_see_text(
    ctx: &Context<'_>,
    problem: &ProblemView,
    rule: domain::problem::TextRule,
) -> Result<bool> {
    let may = |solved| access::may_see_text(rule, Viewer::of(ctx), &problem.access, solved);
    Ok(may(false) || has_solved(ctx, problem).await? && may(true))
}

/// Whether the viewer has solved the problem.
pub(super) async fn has_solved(ctx: &Context<'_>, problem: &ProblemView) -> Result<bool> {
    let Some(viewer) = Viewer::of(ctx) else { return Ok(false) };
    let key = SolvedView::key_of(&viewer.login, &problem.slug);
    let solved = Api::loader(ctx).load_one(Key::<SolvedView>::new(key)).await?;
    Ok(solved.is_some_and(|solved| solved.status == SolvedStatus::Solved))
}
