//! Making and revising problems from uploaded packages.

use async_graphql::{Context, InputObject, Object, Result};
use domain::Slug;
use domain::problem::RevisionContent;
use problem_package::Package;
use query_api::Sha256;

use crate::commands::Commands;
use crate::payload::{Failure, UserError, UserErrorCode};
use crate::problems::{
    ProblemPayload, Revisions, answer, check_setter, objections, parse_slug, parse_version, revise,
};
use crate::timing::{self, TimingInput};
use crate::uploaded;

/// Mutations of problems by packages.
#[derive(Debug, Default)]
pub struct ImportMutation;

/// Revisions as a package has them.
#[derive(InputObject)]
pub struct ImportProblemInput {
    /// Digest of a package uploaded to `/packages`.
    package: Sha256,
    /// Null: the package's own name. Only for a package of one problem.
    slug: Option<String>,
    /// The version that was read; 0 for a problem that must not exist; null writes over. Only for a
    /// package of one problem.
    expected_version: Option<i32>,
    /// Whether a problem with another title may be revised where the slug was made of a title or of an
    /// odd name. By default it may not, because it is another problem more often than not.
    #[graphql(default)]
    replace: bool,
    /// What the submissions of those problems take whose package gives no time limit.
    timing: Option<Vec<TimingInput>>,
}

#[Object]
impl ImportMutation {
    /// Makes the problems of an uploaded package, or revisions of them. All are checked before the
    /// first is written. For setters.
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
        let message = "a version is one problem's, and the package has several";
        let code = UserErrorCode::Invalid;
        return Err(UserError::at(code, "input.expectedVersion", message).into());
    }
    let timing = input.timing.unwrap_or_default();
    let checked = check(commands, &packages, expected, &timing, input.replace).await?;
    for package in &packages {
        uploaded::keep_blobs(commands, package).await?;
    }
    let mut revisions = Revisions {
        slugs: packages.iter().map(|package| package.slug.clone()).collect(),
        recorded: vec![],
        warnings: warnings(&packages),
    };
    for (package, (expected, content)) in packages.iter().zip(checked) {
        let recorded = revise(commands, ctx, &package.slug, expected, content).await?;
        revisions.recorded.extend(recorded);
    }
    Ok(revisions)
}

/// The revision of each problem with the version that it follows, unless there is something against any of them.
async fn check(
    commands: &Commands,
    packages: &[Package],
    expected: Option<u32>,
    timing: &[TimingInput],
    replace: bool,
) -> Result<Vec<(Option<u32>, RevisionContent)>, Failure> {
    let mut errors = unknown(packages, timing);
    let mut checked = Vec::new();
    for package in packages {
        let current = commands.problems.current(&package.slug).await?;
        // What was compared is what is revised: nobody else's problem may come between.
        let is_guarded = package.is_slug_derived && !replace;
        let read = current.as_ref().map_or(0, |revised| revised.revision);
        let expected = expected.or(is_guarded.then_some(read));
        let current = current.as_ref().map(|revised| &revised.content);
        if let Some(title) = current.map(|content| content.title.as_str())
            && is_guarded
            && !is_same_title(title, &package.content.title)
        {
            let message = format!(
                "{} is the slug of the problem {title:?}, and the package has {:?}; `replace` revises it nevertheless, \
                 and another slug makes another problem",
                package.slug, package.content.title
            );
            errors.push(UserError::at(UserErrorCode::OtherProblem, "input.replace", message));
            continue;
        }
        let measured = timing.iter().find(|it| it.slug == package.slug.as_str());
        match timing::settle(package, current, measured) {
            Ok(content) => {
                let objections = objections(commands, &package.slug, expected, &content).await?;
                let named = |error| about(&package.slug, packages.len(), error);
                errors.extend(objections.into_iter().map(named));
                checked.push((expected, content));
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(checked) } else { Err(Failure::User(errors)) }
}

/// Whether titles differ in no more than case and spaces, as slugs do.
fn is_same_title(one: &str, other: &str) -> bool {
    let words = |title: &str| {
        title.to_lowercase().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    words(one) == words(other)
}

/// Times of problems that are not in the package.
fn unknown(packages: &[Package], timing: &[TimingInput]) -> Vec<UserError> {
    let is_known = |slug: &str| packages.iter().any(|package| package.slug.as_str() == slug);
    let unknown = timing.iter().filter(|timing| !is_known(&timing.slug));
    let errors = unknown.map(|timing| {
        let message = format!("the package has no problem {:?}", timing.slug);
        UserError::at(UserErrorCode::Invalid, "input.timing", message)
    });
    errors.collect()
}

/// Says which problem an error is about, where there are several.
fn about(slug: &Slug, problems: usize, error: UserError) -> UserError {
    if problems == 1 {
        return error;
    }
    UserError { message: format!("{slug}: {}", error.message), ..error }
}

fn warnings(packages: &[Package]) -> Vec<String> {
    let several = packages.len() > 1;
    let warnings = packages.iter().flat_map(|package| {
        let told = move |warning: &_| match several {
            true => format!("{}: {warning}", package.slug),
            false => format!("{warning}"),
        };
        package.warnings.iter().map(told)
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
