//! Creating and revising problems from uploaded packages.

use async_graphql::{Context, InputObject, Object, Result};
use domain::Slug;
use domain::problem::{ReviseProblem, Visibility};
use graphql::Sha256;
use graphql::nodes::ProblemVisibility;
use problem_package::Package;

use crate::commands::Commands;
use crate::payload::{Failure, UserError, UserErrorCode};
use crate::problems::{
    ProblemPayload, Revisions, answer, check_may_revise, check_setter, objections, parse_slug,
    parse_version, revise,
};
use crate::timing::{self, TimingInput};
use crate::uploaded;

/// Mutations that import packages.
#[derive(Debug, Default)]
pub struct ImportMutation;

/// A package to import.
#[derive(InputObject)]
pub struct ImportProblemInput {
    /// The SHA-256 of a package uploaded to `/packages`.
    package: Sha256,
    /// The problem's slug; null to use the package's own name. Allowed only for a package with one
    /// problem.
    slug: Option<String>,
    /// The version that the client has read; 0 for a problem that must not exist; null to overwrite
    /// any version. Allowed only for a package with one problem.
    expected_version: Option<i32>,
    /// Whether a problem with a different title may be revised. This matters only if the slug was
    /// derived from a title or from an irregular package name: by default such an import is
    /// refused, because it is usually a different problem.
    #[graphql(default)]
    replace: bool,
    /// Who may see the problems; null for no change. A new problem is public by default.
    visibility: Option<ProblemVisibility>,
    /// The measured times of the packages' submissions, for problems without a given time limit.
    timing: Option<Vec<TimingInput>>,
}

#[Object]
impl ImportMutation {
    /// Creates or revises the problems of an uploaded package. All are checked before the first is
    /// written. A retry is safe: the same package again changes nothing, and `revised` is then
    /// false. For setters, who may revise their own problems and those that they collaborate on,
    /// and for judges.
    async fn import_problem(
        &self,
        ctx: &Context<'_>,
        input: ImportProblemInput,
    ) -> Result<ProblemPayload> {
        answer(ctx, import(ctx, input).await).await
    }
}

async fn import(ctx: &Context<'_>, input: ImportProblemInput) -> Result<Revisions, Failure> {
    check_setter(ctx)?;
    let commands = Commands::of(ctx);
    let slug = input.slug.as_deref().map(parse_slug).transpose()?;
    let expected = parse_version(input.expected_version)?;
    let packages = uploaded::read(commands, &input.package, slug).await?;
    if packages.len() > 1 && expected.is_some() {
        let message = "the package has several problems; an expected version works only for a package with one";
        let code = UserErrorCode::Invalid;
        return Err(UserError::at(code, "input.expectedVersion", message).into());
    }
    let timing = input.timing.unwrap_or_default();
    let guard = Guard { expected, replace: input.replace };
    let visibility = input.visibility.map(Visibility::from);
    let checked = check(ctx, &packages, &guard, &timing, visibility).await?;
    for package in &packages {
        uploaded::keep_blobs(commands, package).await?;
    }
    let mut revisions = Revisions {
        slugs: packages.iter().map(|package| package.slug.clone()).collect(),
        recorded: vec![],
        warnings: warnings(&packages),
    };
    for (package, command) in packages.iter().zip(checked) {
        let recorded = revise(commands, ctx, &package.slug, command).await?;
        revisions.recorded.extend(recorded);
    }
    Ok(revisions)
}

/// Which problems an import may revise.
struct Guard {
    expected: Option<u32>,
    replace: bool,
}

/// The revision of each problem, or everything that forbids the import.
async fn check(
    ctx: &Context<'_>,
    packages: &[Package],
    guard: &Guard,
    timing: &[TimingInput],
    visibility: Option<Visibility>,
) -> Result<Vec<ReviseProblem>, Failure> {
    let commands = Commands::of(ctx);
    let Guard { expected, replace } = *guard;
    let mut errors = unknown(packages, timing);
    let mut checked = Vec::new();
    for package in packages {
        let problem = commands.problems.stream(&package.slug).await?.state;
        match check_may_revise(ctx, &problem) {
            Err(Failure::User(refused)) => {
                errors
                    .extend(refused.into_iter().map(|it| about(&package.slug, packages.len(), it)));
                continue;
            }
            checked => checked?,
        }
        let current = problem.current;
        // Revise exactly the version that was compared, so that no other problem can take its
        // place.
        let is_guarded = package.is_slug_derived && !replace;
        let read = current.as_ref().map_or(0, |revised| revised.revision);
        let expected = expected.or(is_guarded.then_some(read));
        let current = current.as_ref().map(|revised| &revised.content);
        if let Some(title) = current.map(|content| content.title.as_str())
            && is_guarded
            && !is_same_title(title, &package.content.title)
        {
            let message = format!(
                "{} is the slug of the problem {title:?}, but the package contains {:?}; choose another slug, or set `replace` \
                 to revise the problem anyway",
                package.slug, package.content.title
            );
            errors.push(UserError::at(UserErrorCode::OtherProblem, "input.replace", message));
            continue;
        }
        let measured = timing.iter().find(|it| it.slug == package.slug.as_str());
        match timing::with_time_limit(package, current, measured) {
            Ok(content) => {
                let command = ReviseProblem { expected, content, visibility };
                let objections = objections(commands, &package.slug, &command).await?;
                let named = |error| about(&package.slug, packages.len(), error);
                errors.extend(objections.into_iter().map(named));
                checked.push(command);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(checked) } else { Err(Failure::User(errors)) }
}

/// Whether titles are equal, ignoring case and spaces, as slugs do.
fn is_same_title(one: &str, other: &str) -> bool {
    let words = |title: &str| {
        title.to_lowercase().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    words(one) == words(other)
}

/// Errors for times of problems that are not in the package.
fn unknown(packages: &[Package], timing: &[TimingInput]) -> Vec<UserError> {
    let is_known = |slug: &str| packages.iter().any(|package| package.slug.as_str() == slug);
    let unknown = timing.iter().filter(|timing| !is_known(&timing.slug));
    let errors = unknown.map(|timing| {
        let message = format!("the package does not contain a problem {:?}", timing.slug);
        UserError::at(UserErrorCode::Invalid, "input.timing", message)
    });
    errors.collect()
}

/// Prefixes an error with its problem, if the package has several.
fn about(slug: &Slug, problems: usize, error: UserError) -> UserError {
    if problems == 1 {
        return error;
    }
    UserError { message: format!("{slug}: {}", error.message), ..error }
}

fn warnings(packages: &[Package]) -> Vec<String> {
    let several = packages.len() > 1;
    let warnings = packages.iter().flat_map(|package| {
        let message = move |warning: &_| match several {
            true => format!("{}: {warning}", package.slug),
            false => format!("{warning}"),
        };
        package.warnings.iter().map(message)
    });
    warnings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_the_same_but_for_case_and_spaces() {
        for (one, other, is_same) in [
            ("Two Sum", "Two Sum", true),
            ("Two Sum", "two  sum ", true),
            ("ÄRGER", "ärger", true),
            ("A+B", "A-B", false),
            ("Two Sum", "Two Sums", false),
            ("求和", "求积", false),
        ] {
            assert_eq!(is_same_title(one, other), is_same, "{one} {other}");
        }
    }
}
