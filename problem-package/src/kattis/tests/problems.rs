//! The sample packages of the repository, read from its `problems/` folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use domain::Verdict;
use domain::problem::Checker;

use crate::diagnostic::Report;
use crate::package::SampleSubmission;
use crate::yaml::{self, Node, Value};
use crate::{Entry, FileTree, FileTreeBuilder, Options, Package, TreeLimits, read};

fn problems() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("problems")
}

fn insert_folder(root: &Path, folder: &Path, builder: &mut FileTreeBuilder) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            insert_folder(root, &path, builder);
        } else if path.is_symlink() {
            let target = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
            let name = path.strip_prefix(root).unwrap().as_os_str().as_encoded_bytes().to_vec();
            builder.insert(&name, Entry::Link { target });
        } else {
            let name = path.strip_prefix(root).unwrap().as_os_str().as_encoded_bytes().to_vec();
            builder.insert(&name, Entry::File(fs::read(&path).unwrap().into()));
        }
    }
}

/// Every package by the name of its folder, with its warnings.
fn packages() -> BTreeMap<String, Package> {
    packages_in(&problems())
}

fn packages_in(root: &Path) -> BTreeMap<String, Package> {
    let mut packages = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("problem.yaml").exists() {
            continue;
        }
        let mut builder = FileTree::builder(TreeLimits::default());
        insert_folder(root, &folder, &mut builder);
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let package = builder
            .finish()
            .and_then(|tree| read(&tree, &Options::default()))
            .unwrap_or_else(|diagnostics| panic!("{name}: {diagnostics:#?}"))
            .remove(0);
        packages.insert(name, package);
    }
    packages
}

#[test]
fn every_package_reads_without_a_diagnostic() {
    let packages = packages();
    assert!(packages.len() >= 10);
    for (name, package) in &packages {
        assert_eq!(package.warnings, [], "{name}");
        assert_eq!(package.slug.as_str(), name);
        let content = &package.content;
        assert_eq!(content.flaws(), []);
        assert!((3..=15).contains(&content.tests.len()), "{name}: {}", content.tests.len());
        assert!(content.editorial.is_some(), "{name} has no editorial");
        assert!(!content.hints.is_empty(), "{name} has no hints");
        assert!(!content.tags.is_empty(), "{name} has no tags");
        assert!((1_000..=2_000).contains(&content.limits.time_ms), "{name}");
    }
}

#[test]
fn the_submissions_show_every_language_and_every_verdict() {
    let packages = packages();
    let mut accepted: BTreeMap<String, usize> = BTreeMap::new();
    let mut verdicts: BTreeSet<Verdict> = BTreeSet::new();
    for (name, package) in &packages {
        let mut languages = BTreeSet::new();
        for submission in &package.submissions {
            verdicts.extend(&submission.expected);
            if submission.path.starts_with("accepted/") {
                *accepted.entry(submission.language.to_string()).or_default() += 1;
                languages.insert(&submission.language);
            }
        }
        assert!(languages.len() >= 2, "{name} is solved in {languages:?}");
    }
    let languages: Vec<_> = accepted.keys().map(String::as_str).collect();
    assert_eq!(languages, ["c", "cpp", "cpp23", "java", "javascript", "python3"]);
    assert!(accepted.values().all(|count| *count >= 2), "{accepted:?}");
    for verdict in [
        Verdict::Accepted,
        Verdict::WrongAnswer,
        Verdict::PresentationError,
        Verdict::TimeLimitExceeded,
        Verdict::MemoryLimitExceeded,
        Verdict::OutputLimitExceeded,
        Verdict::RuntimeError,
        Verdict::CompileError,
    ] {
        assert!(verdicts.contains(&verdict), "{verdict:?}");
    }
}

#[test]
fn the_packages_exercise_what_a_judge_has_to_do() {
    let packages = packages();
    let contents: Vec<_> = packages.values().map(|package| &package.content).collect();
    assert!(contents.iter().any(|content| {
        let Checker::Tokens(options) = &content.checker else { return false };
        options.float_relative == Some(1e-6)
    }));
    assert!(contents.iter().any(|content| {
        let Checker::Tokens(options) = &content.checker else { return false };
        options.space_sensitive
    }));
    assert!(contents.iter().any(|content| content.limits.memory_kib == 32 * 1024));
    let inputs = contents.iter().flat_map(|content| &content.tests).map(|test| test.input.bytes);
    assert!(inputs.max().unwrap() >= 5 * 1024 * 1024);
    let with_snippets = |content: &&&domain::problem::RevisionContent| {
        content.languages.iter().any(|offer| !offer.end_snippet.is_empty())
    };
    let function = contents.iter().find(with_snippets).unwrap();
    let languages: Vec<_> =
        function.languages.iter().map(|offer| offer.language.as_str()).collect();
    assert_eq!(languages, ["cpp", "python3", "javascript"]);
    assert!(
        contents.iter().any(|content| content.statement.contains("data:image/svg+xml;base64,"))
    );
}

fn value<'a>(node: &'a Node, key: &str) -> Option<&'a Value> {
    let Value::Map(entries) = &node.value else { panic!("a map") };
    entries.iter().find(|(known, _)| known.text == key).map(|(_, node)| &node.value)
}

fn word<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    match value(node, key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// The expected results are in `expected.json`. JSON is also YAML.
#[test]
fn every_test_package_has_the_expected_submissions() {
    let folder = problems().parent().unwrap().join("tests/packages");
    let packages = packages_in(&folder);
    let json = fs::read(folder.join("expected.json")).unwrap();
    let entries = yaml::read_map("expected.json", &json, &mut Report::default()).unwrap();
    let (_, list) = entries.iter().find(|(key, _)| key.text == "packages").unwrap();
    let Value::List(list) = &list.value else { panic!("a list of packages") };
    let of_kattis =
        |entry: &&Node| matches!(word(entry, "format"), Some("legacy" | "legacy-icpc" | "2025-09"));
    let mut found = 0;
    for entry in list.iter().filter(of_kattis) {
        let name = word(entry, "path").unwrap();
        let package = &packages[name];
        found += 1;
        assert_eq!(package.content.flaws(), [], "{name}");
        assert_eq!(Some(package.format.name()), word(entry, "format"), "{name}");
        let is_scoring = word(entry, "type").is_some_and(|text| text.contains("scoring"));
        assert_eq!(package.content.grading.objective.is_some(), is_scoring, "{name}");
        let Some(Value::List(submissions)) = value(entry, "submissions") else { panic!("{name}") };
        assert_eq!(package.submissions.len(), submissions.len(), "{name}");
        for expected in submissions {
            let path = word(expected, "path").unwrap();
            let found =
                package.submissions.iter().find(|it| path == format!("submissions/{}", it.path));
            let found = found.unwrap_or_else(|| panic!("{name} has no {path}"));
            check_submission(name, found, expected);
        }
    }
    assert_eq!(found, packages.len());
}

fn check_submission(name: &str, found: &SampleSubmission, expected: &Node) {
    let place = format!("{name}/{}", found.path);
    let verdict = word(expected, "verdict").unwrap();
    let right = found.expected.iter().chain(&found.tolerated);
    let verdicts: Vec<_> = right.map(|it| format!("{it:?}").to_uppercase()).collect();
    let fits = verdicts.contains(&verdict.replace('_', ""));
    // In the newer format the rules about tests decide.
    assert!(
        fits || verdicts.is_empty() && !found.rules.is_empty(),
        "{place} {verdict} {verdicts:?}"
    );
    if let Some(language) = word(expected, "language") {
        assert_eq!(found.language.as_str(), language, "{place}");
    }
    if let Some(entry_point) = word(expected, "entrypoint") {
        assert_eq!(found.entry_point.as_deref(), Some(entry_point), "{place}");
    }
    let score = match value(expected, "score") {
        Some(Value::Integer(score)) => *score as f64,
        Some(Value::Float(score)) => *score,
        _ => return,
    };
    assert!(found.score.is_none_or(|(min, max)| min <= score && score <= max), "{place}");
}
