//! Queries about uploaded packages.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use domain::Slug;
use domain::problem::RevisionContent;
use domain::problem::diff::{Change, ChangeKind as Kind, diff};
use graphql::{ApiError, Code, Sha256, prices};
use problem_package::Package;

use crate::commands::Commands;
use crate::payload::{Failure, UserErrorCode};
use crate::problems::{check_may_revise, check_setter};
use crate::{timing, uploaded};

/// Queries about uploaded packages.
#[derive(Debug, Default)]
pub struct PackageQuery;

/// The part of a problem that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::problem::diff::ChangeKind")]
pub enum ProblemChangeKind {
    /// The problem does not exist yet.
    New,
    /// The title.
    Title,
    /// The difficulty.
    Difficulty,
    /// The tags.
    Tags,
    /// The statement, or its natural language.
    Statement,
    /// A translation of the statement, by natural language.
    Translation,
    /// The editorial.
    Editorial,
    /// The hints.
    Hints,
    /// A sample test, by its name.
    Sample,
    /// A file for solvers, by its path.
    Attachment,
    /// A limit, by its name, or how the time limit was chosen.
    Limits,
    /// An added test, by its name.
    TestAdded,
    /// A removed test, by its name.
    TestRemoved,
    /// A changed test, by its name and field.
    TestChanged,
    /// The order of the same tests.
    TestOrder,
    /// How outputs are checked.
    Checker,
    /// How test results are combined, by group.
    Grading,
    /// The grader.
    Grader,
    /// The static validator.
    StaticValidator,
    /// Files added to every submission, by language.
    Include,
    /// The settings of a language, by language, or the set of accepted languages.
    Languages,
    /// The reference solution, which answers users' own inputs.
    ReferenceSolution,
    /// The function or class that submissions define.
    Signature,
}

/// A change that importing a package would make.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProblemChange {
    /// The problem's slug.
    slug: String,
    /// The part that changes.
    kind: ProblemChangeKind,
    /// Which one, for parts that a problem can have several of.
    path: Option<String>,
    /// The current value, shortened; null if there is none.
    before: Option<String>,
    /// The new value, shortened; null if there is none.
    after: Option<String>,
}

impl ProblemChange {
    fn new(slug: &Slug, change: Change) -> Self {
        let Change { kind, path, before, after } = change;
        Self { slug: slug.to_string(), kind: kind.into(), path, before, after }
    }
}

#[Object]
impl PackageQuery {
    /// Shows what importing an uploaded package would change, and changes nothing. `slug` works as
    /// in `importProblem`. For those who may revise the problem.
    #[graphql(complexity = "prices::PACKAGE + child_complexity")]
    async fn package_diff(
        &self,
        ctx: &Context<'_>,
        package: Sha256,
        slug: Option<String>,
    ) -> Result<Vec<ProblemChange>> {
        Ok(changes(ctx, &package, slug).await.map_err(top_level_error)?)
    }
}

async fn changes(
    ctx: &Context<'_>,
    digest: &Sha256,
    slug: Option<String>,
) -> Result<Vec<ProblemChange>, Failure> {
    check_setter(ctx)?;
    let commands = Commands::of(ctx);
    let slug = slug.as_deref().map(crate::problems::parse_slug).transpose()?;
    let mut changes = Vec::new();
    for package in uploaded::read(commands, digest, slug).await? {
        let problem = commands.problems.stream(&package.slug).await?.state;
        check_may_revise(ctx, &problem)?;
        let current = problem.current.as_ref().map(|revised| &revised.content);
        let of_package = changes_of(&package, current);
        changes.extend(of_package.into_iter().map(|it| ProblemChange::new(&package.slug, it)));
    }
    Ok(changes)
}

fn changes_of(package: &Package, current: Option<&RevisionContent>) -> Vec<Change> {
    let (Some(before), true) = (current, timing::is_open(package)) else {
        return diff(current, &package.content);
    };
    let kept = timing::with_derivation_of(package, current);
    if let Some(kept) = &kept
        && kept == before
    {
        return vec![];
    }
    // The new time limit is unknown until it is measured.
    let mut content = package.content.clone();
    content.limits.time_ms = before.limits.time_ms;
    content.time_limit = before.time_limit.clone();
    let mut changes = diff(current, &content);
    changes.push(Change {
        kind: Kind::Limits,
        path: Some("timeMs".to_owned()),
        before: Some(before.limits.time_ms.to_string()),
        after: Some("measured when it is imported".to_owned()),
    });
    changes
}

/// A query has no payload with `userErrors`, so they become a top-level error.
fn top_level_error(failure: Failure) -> ApiError {
    match failure {
        Failure::Api(error) => error,
        Failure::User(errors) => {
            let code = match errors.first().map(|error| error.code) {
                Some(UserErrorCode::Forbidden) => Code::Forbidden,
                Some(UserErrorCode::NotFound) => Code::NotFound,
                _ => Code::BadUserInput,
            };
            let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            ApiError::new(code, messages.join("\n"))
        }
    }
}
