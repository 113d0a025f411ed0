//! Time limits of problems whose package gives none.

use async_graphql::InputObject;
use domain::problem::{Derivation, RevisionContent, TimeLimitOrigin};
use problem_package::{Package, TimeLimitUse, Timed};

use crate::payload::{UserError, UserErrorCode};

/// The measured times of a package's own submissions. A submission's time is that of its slowest
/// test.
#[derive(Debug, Clone, InputObject)]
pub struct TimingInput {
    /// The problem's slug.
    pub(crate) slug: String,
    /// The slowest submission that must stay within the time limit, by its path in the package.
    pub(crate) slowest: String,
    /// The time of that submission, in milliseconds.
    pub(crate) slowest_ms: i32,
    /// The fastest submission that must exceed the time limit, by its path in the package; null if
    /// there is none.
    pub(crate) fastest_beyond: Option<String>,
    /// The time of that submission, in milliseconds; null if there is none.
    pub(crate) fastest_beyond_ms: Option<i32>,
    /// The sandbox used to measure: `native` or `docker`.
    pub(crate) sandbox: String,
}

/// The path of the times in the mutation's arguments.
const FIELD: &str = "input.timing";
/// The sandboxes that times may be measured in.
const SANDBOXES: [&str; 2] = ["native", "docker"];

/// A package's content with its time limit: the given one, the one derived earlier for the same
/// content, or one derived from measured times.
pub(crate) fn with_time_limit(
    package: &Package,
    current: Option<&RevisionContent>,
    measured: Option<&TimingInput>,
) -> Result<RevisionContent, UserError> {
    if !is_open(package) {
        return Ok(package.content.clone());
    }
    // Measuring again gives slightly different times; that alone must not make a new revision.
    if let Some(kept) = with_derivation_of(package, current)
        && Some(&kept) == current
    {
        return Ok(kept);
    }
    let Some(measured) = measured else {
        let message = format!(
            "{}: the package gives no time limit, only submissions to derive it from; import it with \
             `assay problem import`, which measures them, or pass their times as `timing`",
            package.slug
        );
        return Err(UserError::at(UserErrorCode::TimingNeeded, FIELD, message));
    };
    let (time_ms, derivation) = derive(package, measured)?;
    let mut content = package.content.clone();
    content.limits.time_ms = time_ms;
    content.time_limit = TimeLimitOrigin::Derived(derivation);
    Ok(content)
}

/// Whether the time limit must be derived from measured times.
pub(crate) fn is_open(package: &Package) -> bool {
    let mut rules = package.submissions.iter().flat_map(|submission| &submission.rules);
    package.timing.given_ms.is_none() && rules.any(|rule| rule.time_limit == TimeLimitUse::Lower)
}

/// The package's content with the current revision's time limit; `None` unless that was derived by
/// the same rules.
pub(crate) fn with_derivation_of(
    package: &Package,
    current: Option<&RevisionContent>,
) -> Option<RevisionContent> {
    let current = current?;
    let TimeLimitOrigin::Derived(derivation) = &current.time_limit else { return None };
    let Derivation { multiplier, resolution_ms, margin, .. } = derivation;
    let timing = &package.timing;
    let recorded = (*multiplier, *resolution_ms, *margin);
    if recorded != (timing.multiplier, timing.resolution_ms.max(1), timing.margin) {
        return None;
    }
    let mut content = package.content.clone();
    content.limits.time_ms = current.limits.time_ms;
    content.time_limit = current.time_limit.clone();
    Some(content)
}

fn derive(package: &Package, measured: &TimingInput) -> Result<(u64, Derivation), UserError> {
    let invalid = |message: String| {
        let message = format!("{}: {message}", package.slug);
        UserError::at(UserErrorCode::Invalid, FIELD, message)
    };
    let timed = |name: &str, ms: i32| -> Result<Timed, UserError> {
        if !package.submissions.iter().any(|submission| submission.path == name) {
            return Err(invalid(format!("the package has no submission {name:?}")));
        }
        let ms = u64::try_from(ms).map_err(|_| invalid("a time cannot be negative".to_owned()))?;
        Ok((name.to_owned(), ms))
    };
    let slowest = timed(&measured.slowest, measured.slowest_ms)?;
    let fastest_beyond = match (&measured.fastest_beyond, measured.fastest_beyond_ms) {
        (Some(name), Some(ms)) => Some(timed(name, ms)?),
        (None, None) => None,
        _ => return Err(invalid("give fastestBeyond and fastestBeyondMs together".to_owned())),
    };
    if !SANDBOXES.contains(&measured.sandbox.as_str()) {
        return Err(invalid(format!("the sandbox must be one of {}", SANDBOXES.join(", "))));
    }
    let derived = package.timing.derive(Some(slowest), fastest_beyond, &measured.sandbox);
    derived.map_err(|error| invalid(format!("no time limit is possible: {error}")))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use domain::problem::{BlobRef, Test};
    use domain::{Digest, Verdict};
    use problem_package::{About, Format, InputValidation, Rule, SampleSubmission, Timing};

    use super::*;

    fn submission(path: &str, time_limit: TimeLimitUse) -> SampleSubmission {
        let rule = Rule {
            scope: String::new(),
            permitted: BTreeSet::from([Verdict::Accepted]),
            required: BTreeSet::new(),
            score: None,
            message: None,
            time_limit,
        };
        SampleSubmission {
            path: path.to_owned(),
            language: "cpp".parse().unwrap(),
            files: vec![],
            entry_point: None,
            expected: BTreeSet::new(),
            tolerated: BTreeSet::new(),
            rules: vec![rule],
            score: None,
            is_model: None,
        }
    }

    fn package(given_ms: Option<u64>) -> Package {
        let blob = BlobRef { digest: Digest::of(b""), bytes: 0 };
        let timing = Timing { given_ms, multiplier: 2.0, margin: 1.5, resolution_ms: 100 };
        Package {
            format: Format::Kattis2025,
            slug: "sum".parse().unwrap(),
            is_slug_derived: false,
            content: RevisionContent {
                title: "Sum".to_owned(),
                tests: vec![Test::new("secret/1", blob, blob)],
                time_limit: timing.origin(),
                ..RevisionContent::default()
            },
            blobs: BTreeMap::new(),
            submissions: vec![
                submission("accepted/a.cpp", TimeLimitUse::Lower),
                submission("time_limit_exceeded/b.cpp", TimeLimitUse::Upper),
            ],
            input_validation: InputValidation::default(),
            output_cases: vec![],
            timing,
            about: About::default(),
            warnings: vec![],
        }
    }

    fn measured(slowest_ms: i32, fastest_beyond_ms: i32) -> TimingInput {
        TimingInput {
            slug: "sum".to_owned(),
            slowest: "accepted/a.cpp".to_owned(),
            slowest_ms,
            fastest_beyond: Some("time_limit_exceeded/b.cpp".to_owned()),
            fastest_beyond_ms: Some(fastest_beyond_ms),
            sandbox: "native".to_owned(),
        }
    }

    #[test]
    fn a_given_limit_is_not_derived() {
        let package = package(Some(1_000));
        let content = with_time_limit(&package, None, Some(&measured(210, 9_000))).unwrap();
        assert_eq!(content, package.content);
    }

    #[test]
    fn without_submissions_to_measure_there_is_the_default() {
        let mut package = package(None);
        package.submissions.retain(|it| it.path.starts_with("time"));
        assert_eq!(
            with_time_limit(&package, None, None).unwrap().time_limit,
            TimeLimitOrigin::Default
        );
    }

    #[test]
    fn a_limit_follows_from_the_measured_times() {
        let content = with_time_limit(&package(None), None, Some(&measured(210, 9_000))).unwrap();
        assert_eq!(content.limits.time_ms, 500);
        let TimeLimitOrigin::Derived(derivation) = content.time_limit else {
            panic!("not derived")
        };
        assert_eq!(derivation.slowest, "accepted/a.cpp");
    }

    /// The same bytes imported twice are one revision, even if the measured times differ.
    #[test]
    fn the_same_package_keeps_the_limit_that_was_derived() {
        let mut package = package(None);
        let first = with_time_limit(&package, None, Some(&measured(210, 9_000))).unwrap();
        assert_eq!(
            with_time_limit(&package, Some(&first), Some(&measured(260, 9_000))),
            Ok(first.clone())
        );
        assert_eq!(with_time_limit(&package, Some(&first), None), Ok(first.clone()));

        package.timing.multiplier = 3.0;
        let other = with_time_limit(&package, Some(&first), Some(&measured(260, 9_000))).unwrap();
        assert_eq!(other.limits.time_ms, 800);
        package.timing.multiplier = 2.0;
        package.content.title.push('!');
        let other = with_time_limit(&package, Some(&first), Some(&measured(260, 9_000))).unwrap();
        assert_eq!(other.limits.time_ms, 600);
    }

    #[test]
    fn times_that_do_not_fit_the_package_are_refused() {
        use UserErrorCode::{Invalid, TimingNeeded};
        let package = package(None);
        let with = |change: fn(&mut TimingInput)| {
            let mut measured = measured(210, 9_000);
            change(&mut measured);
            Some(measured)
        };
        for (measured, code, part) in [
            (None, TimingNeeded, "gives no time limit"),
            (
                with(|it| it.slowest = "accepted/x".to_owned()),
                Invalid,
                "no submission \"accepted/x\"",
            ),
            (with(|it| it.slowest_ms = -1), Invalid, "cannot be negative"),
            (with(|it| it.fastest_beyond = None), Invalid, "fastestBeyond and"),
            (with(|it| it.fastest_beyond_ms = Some(600)), Invalid, "must take at least 750 ms"),
            (with(|it| it.sandbox = "mine".to_owned()), Invalid, "native, docker"),
        ] {
            let error = with_time_limit(&package, None, measured.as_ref()).unwrap_err();
            assert_eq!(error.code, code, "{}", error.message);
            assert!(
                error.message.starts_with("sum: ") && error.message.contains(part),
                "{error:?}"
            );
        }
    }
}
