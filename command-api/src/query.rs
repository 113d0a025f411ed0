//! The root of queries, where packages can be uploaded too.

use async_graphql::{Context, Enum, MergedObject, Object, Result, SimpleObject};
use domain::Slug;
use domain::problem::RevisionContent;
use domain::problem::diff::{Change, ChangeKind as Kind, diff};
use problem_package::Package;
use query_api::{ApiError, Code, Reads, Sha256};

use crate::commands::Commands;
use crate::payload::{Failure, UserErrorCode};
use crate::problems::check_setter;
use crate::{timing, uploaded};

/// The root of queries.
#[derive(Debug, Default, MergedObject)]
pub struct Query(Reads, PackageQuery);

/// Queries of uploaded packages.
#[derive(Debug, Default)]
pub struct PackageQuery;

/// What part of a problem changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::problem::diff::ChangeKind")]
pub enum ProblemChangeKind {
    /// There is no revision yet.
    New,
    /// The title.
    Title,
    /// How hard it is meant to be.
    Difficulty,
    /// The tags.
    Tags,
    /// The statement, or the natural language it is in.
    Statement,
    /// The statement in another natural language, by that.
    Translation,
    /// The editorial.
    Editorial,
    /// The hints.
    Hints,
    /// An example shown with the statement, by its name.
    Sample,
    /// A file for whoever solves the problem, by its path.
    Attachment,
    /// A limit, by its name, or how the time limit came about.
    Limits,
    /// A test that is new, by its name.
    TestAdded,
    /// A test that goes, by its name.
    TestRemoved,
    /// A test that changes, by its name and field.
    TestChanged,
    /// The same tests in another order.
    TestOrder,
    /// How outputs are judged.
    Checker,
    /// How tests make a verdict, by group.
    Grading,
    /// The grader.
    Grader,
    /// The static validator.
    StaticValidator,
    /// Files beside every submission, by language.
    Include,
    /// What is offered in a language, by that, or which languages are taken.
    Languages,
}

/// One thing that importing a package would change.
#[derive(Debug, Clone, SimpleObject)]
pub struct ProblemChange {
    /// Of which problem.
    slug: String,
    /// What part of it.
    kind: ProblemChangeKind,
    /// Which of them, where there are several.
    path: Option<String>,
    /// As it is, shortened; null where it is not there.
    before: Option<String>,
    /// As it would be, shortened; null where it would not be there.
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
    /// What importing an uploaded package would change; `slug` is as for `importProblem`. For setters.
    async fn package_diff(
        &self,
        ctx: &Context<'_>,
        package: Sha256,
        slug: Option<String>,
    ) -> Result<Vec<ProblemChange>> {
        Ok(changes(ctx, &package, slug).await.map_err(at_the_top)?)
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
        let current = commands.problems.current(&package.slug).await?;
        let current = current.as_ref().map(|revised| &revised.content);
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
    // What else the time limit will be is not known before it is measured.
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

/// A query has no payload to tell a user's errors in.
fn at_the_top(failure: Failure) -> ApiError {
    match failure {
        Failure::Api(error) => error,
        Failure::User(errors) => {
            let forbidden = errors.iter().any(|error| error.code == UserErrorCode::Forbidden);
            let code = if forbidden { Code::Forbidden } else { Code::BadUserInput };
            let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            ApiError::new(code, messages.join("\n"))
        }
    }
}
