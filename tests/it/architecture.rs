//! Checks the workspace's rules with cargo's metadata and by reading the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// The crates that each crate may depend on. Explain a new dependency in `docs/adr/`.
const ARROWS: [(&str, &[&str]); 22] = [
    ("crash-note", &[]),
    ("domain", &[]),
    ("runner", &[]),
    ("sqlite", &[]),
    ("event-store", &["domain", "sqlite"]),
    ("supervision", &[]),
    ("audit", &["domain", "event-store", "supervision"]),
    ("read-model", &["domain", "sqlite"]),
    ("sandbox", &["runner"]),
    ("functions", &["domain"]),
    ("statement", &[]),
    ("fuzz", &["graphql", "problem-package", "query-api", "statement"]),
    ("problem-package", &["domain", "functions", "statement"]),
    ("graphql", &["audit", "domain", "event-store", "read-model", "statement", "supervision"]),
    ("query-api", &["audit", "domain", "event-store", "graphql", "read-model"]),
    ("webhook", &["domain", "event-store", "read-model", "supervision"]),
    (
        "command-api",
        &[
            "domain",
            "event-store",
            "graphql",
            "problem-package",
            "read-model",
            "supervision",
            "webhook",
        ],
    ),
    ("evaluator", &["crash-note", "domain", "event-store", "functions", "sandbox", "supervision"]),
    ("projector", &["domain", "event-store", "read-model", "supervision"]),
    (
        "simulation",
        &[
            "audit",
            "command-api",
            "domain",
            "evaluator",
            "event-store",
            "projector",
            "read-model",
            "runner",
            "sandbox",
            "supervision",
        ],
    ),
    (
        "bench",
        &[
            "assay",
            "domain",
            "evaluator",
            "event-store",
            "graphql",
            "problem-package",
            "projector",
            "query-api",
            "read-model",
            "sandbox",
        ],
    ),
    (
        "assay",
        &[
            "audit",
            "command-api",
            "crash-note",
            "domain",
            "evaluator",
            "event-store",
            "graphql",
            "problem-package",
            "projector",
            "query-api",
            "read-model",
            "sandbox",
            "supervision",
            "webhook",
        ],
    ),
];

/// The only path prefixes where each library may be used.
const ADAPTERS: [(&str, &[&str]); 5] = [
    ("redis", &["event-store/src/redis"]),
    ("mongodb", &["event-store/src/mongo", "read-model/src/mongo"]),
    ("rusqlite", &["sqlite/src", "event-store/src/sqlite", "read-model/src/sqlite"]),
    ("bollard", &["sandbox/src/docker"]),
    (
        "async_graphql",
        &[
            "graphql/src",
            "query-api/src",
            "command-api/src",
            "assay/src/schema.rs",
            "bench/src/guard.rs",
            "fuzz/src/requests.rs",
        ],
    ),
];

/// Forbidden in the domain, which only computes.
const IMPURE: [&str; 11] = [
    "async ",
    ".await",
    "Timestamp::now",
    "Zoned::now",
    "SystemTime",
    "Instant",
    "now_v7",
    "new_v4",
    "std::fs",
    "std::net",
    "std::process",
];
/// Forbidden among the domain's dependencies.
const IMPURE_CRATES: [&str; 5] = ["tokio", "rand", "futures", "async-trait", "getrandom"];

/// The most lines of a `main.rs`.
const MAIN_LINES_MAX: usize = 150;

/// Words and phrases that a sentence in plain English does without, in lower case.
const BANNED: [&str; 11] = [
    "whoever",
    "whatever of",
    "anew",
    "so many",
    "it is looked",
    "is looked at",
    "not any more",
    "as many as there",
    "told",
    "heard of",
    "nobody's business",
];
/// Names of numbers that mean nothing without a unit.
const NEED_UNITS: [&str; 7] = ["time", "memory", "timeout", "delay", "size", "age", "wait"];
const UNITS: [&str; 15] = [
    "byte", "kib", "mib", "gib", "second", "minute", "hour", "day", "ms", " s", "µs", "tests",
    "percent", "unix", "event",
];

#[test]
fn the_arrows_between_crates_are_these_and_no_others() {
    let metadata = workspace();
    let ours: BTreeSet<String> = metadata.packages.iter().map(|it| it.name.to_string()).collect();
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata.packages.iter().filter(|it| it.name.as_str() != "tests") {
        let known = package.dependencies.iter().filter(|it| it.kind != DependencyKind::Development);
        let known = known.map(|it| it.name.as_str()).filter(|name| ours.contains(*name));
        arrows.insert(package.name.as_str(), known.collect());
    }
    let allowed = ARROWS.map(|(from, to)| (from, to.iter().copied().collect()));
    assert_eq!(arrows, BTreeMap::from(allowed));
}

/// As `cargo machete` would say, without having to install it.
#[test]
fn every_dependency_is_named_in_a_source_of_its_package() {
    let metadata = workspace();
    let sources: Vec<Source> = sources().collect();
    let mut unused = Vec::new();
    for package in &metadata.packages {
        let folder = package.manifest_path.parent().expect("a manifest is in a folder");
        let folder = folder.strip_prefix(root()).expect("a package is in the repository");
        let own: Vec<&Source> =
            sources.iter().filter(|it| Path::new(&it.path).starts_with(folder)).collect();
        for dependency in &package.dependencies {
            let name = dependency.rename.as_ref().unwrap_or(&dependency.name).replace('-', "_");
            if !own.iter().any(|source| has_phrase(&source.text, &name)) {
                unused.push(format!("{}: {}", package.name, dependency.name));
            }
        }
    }
    assert!(unused.is_empty(), "unused dependencies:\n{}", unused.join("\n"));
}

#[test]
fn libraries_of_stores_and_engines_are_named_in_their_adapters_only() {
    for source in sources().filter(|source| !source.is_test()) {
        for (library, places) in ADAPTERS {
            let named = source.code().any(|line| names(line, library));
            let allowed = places.iter().any(|place| source.path.starts_with(place));
            assert!(!named || allowed, "{} names {library}, which is for {places:?}", source.path);
        }
    }
}

#[test]
fn the_domain_is_pure() {
    for source in
        sources().filter(|source| source.path.starts_with("domain/src") && !source.is_test())
    {
        // The domain's tests may read golden files.
        let tested = source.text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        let outside_tests = Source { text: tested, ..source };
        for line in outside_tests.code() {
            let impure = IMPURE.iter().find(|word| line.contains(**word));
            assert_eq!(impure, None, "{}: {line}", outside_tests.path);
        }
    }
    let manifest = read(&root().join("domain/Cargo.toml"));
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
    for name in IMPURE_CRATES {
        let named = dependencies.lines().any(|line| line.starts_with(&format!("{name}.")));
        assert!(!named, "the domain depends on {name}");
    }
}

#[test]
fn every_invariant_that_is_cited_is_stated() {
    let stated = invariants(&read(&root().join("docs/ARCHITECTURE.md")));
    for source in sources() {
        let unknown: Vec<_> = invariants(&source.text).difference(&stated).copied().collect();
        assert!(unknown.is_empty(), "{} cites INV {unknown:?}, which nothing states", source.path);
    }
    assert_eq!(stated, (1..=14).collect(), "the invariants of docs/ARCHITECTURE.md");
}

/// The table of limits names a constant for most of them, and where it is.
#[test]
fn the_limits_of_the_page_exist() {
    let table = read(&root().join("docs/limits.md"));
    let code: String = sources().map(|source| source.text).collect();
    let mut constants = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")) {
        let place = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap_or_default();
        for name in place.split('`').skip(1).step_by(2) {
            if name.contains('/') {
                assert!(root().join(name).exists(), "{name} is gone: {row}");
            }
            let is_constant = name.chars().all(|it| it.is_ascii_uppercase() || it == '_');
            if is_constant {
                constants += 1;
                assert!(code.contains(&format!("const {name}: ")), "{name} is gone: {row}");
            }
        }
    }
    assert!(constants > 40, "only {constants} constants were found");
}

#[test]
fn nothing_is_left_undone_and_no_test_is_left_out() {
    // Split, so that this test does not find its own list.
    let undone = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("db", "g!("),
        concat!("#[ig", "nore"),
    ];
    for source in sources() {
        for line in source.code() {
            let found = undone.iter().find(|word| line.contains(**word));
            assert_eq!(found, None, "{}: {line}", source.path);
        }
    }
}

#[test]
fn programs_begin_in_short_files() {
    for source in sources().filter(|source| source.path.ends_with("src/main.rs")) {
        let lines = source.text.lines().count();
        assert!(lines < MAIN_LINES_MAX, "{} has {lines} lines", source.path);
    }
}

#[test]
fn comments_and_documents_are_in_plain_english() {
    let mut found = Vec::new();
    for (path, number, line) in prose() {
        // What is in backquotes is a name.
        let line: String = line.to_lowercase().split('`').step_by(2).collect();
        let banned = BANNED.iter().filter(|phrase| has_phrase(&line, phrase));
        found.extend(banned.map(|phrase| format!("{path}:{number}: {phrase:?}")));
    }
    assert!(found.is_empty(), "say it plainly:\n{}", found.join("\n"));
}

#[test]
fn doc_comments_say_more_than_a_word_and_numbers_have_units() {
    let mut found = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for (index, line) in lines.iter().enumerate() {
            let doc = |line: &str| line.strip_prefix("/// ").map(str::to_owned);
            let is_alone = |index: usize| {
                let next = lines.get(index + 1).copied().unwrap_or_default();
                let before = index > 0 && lines[index - 1].starts_with("///");
                !before && !next.starts_with("///")
            };
            if doc(line).is_some_and(|it| it.ends_with('.') && !it.contains(' ')) && is_alone(index)
            {
                found.push(format!("{}:{}: {line}", source.path, index + 1));
            }
            let Some((name, kind)) = line.strip_prefix("pub ").and_then(|it| it.split_once(": "))
            else {
                continue;
            };
            let is_number = ["u8", "u16", "u32", "u64", "usize", "i32", "i64", "f64"]
                .contains(&kind.trim_end_matches(','));
            if is_number && NEED_UNITS.contains(&name) {
                let docs = lines[..index].iter().rev().take_while(|it| it.starts_with("//"));
                let docs: String = docs.map(|it| it.to_lowercase()).collect();
                if !UNITS.iter().any(|unit| docs.contains(unit)) {
                    found.push(format!("{}:{}: {name} has no unit", source.path, index + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// The packages of the workspace, without their dependencies.
pub(super) fn workspace() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo describes the workspace")
}

/// Every line of a comment or a document, with its place.
fn prose() -> impl Iterator<Item = (String, usize, String)> {
    let comments = sources().flat_map(|source| {
        let lines = source.text.lines().enumerate();
        let comments = lines.filter_map(|(index, line)| {
            let comment = line.trim_start().strip_prefix("//")?;
            Some((index + 1, comment.trim_start_matches(['/', '!']).to_owned()))
        });
        let path = source.path.clone();
        comments.map(move |(at, line)| (path.clone(), at, line)).collect::<Vec<_>>()
    });
    let mut pages = vec![root().join("README.md"), root().join("graphql/schema.graphql")];
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|it| it == "md")));
    let pages = pages.into_iter().flat_map(|page| {
        let path = page.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        let text = read(&page);
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned()));
        lines.map(|(at, line)| (path.clone(), at, line)).collect::<Vec<_>>()
    });
    comments.chain(pages)
}

/// Whether a text has the phrase as whole words.
fn has_phrase(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let is_letter = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
        !is_letter(text[..at].chars().next_back())
            && !is_letter(text[at + phrase.len()..].chars().next())
    })
}

/// A source file of the workspace.
struct Source {
    /// Relative to the repository's root.
    path: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
    }

    /// The lines that are not comments.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.text.lines().filter(|line| !line.trim_start().starts_with("//"))
    }
}

/// All Rust sources of the repository.
fn sources() -> impl Iterator<Item = Source> {
    let mut folders = vec![root()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !path.is_symlink() {
                let skipped = name.starts_with('.') || name == "target" || name == "node_modules";
                folders.extend((!skipped).then_some(path));
            } else if name.ends_with(".rs") {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 100, "only {} sources were found", files.len());
    files.into_iter().map(|path| Source {
        text: read(&path),
        path: path.strip_prefix(root()).unwrap().to_string_lossy().into_owned(),
    })
}

/// Whether a line of code uses a path of this library.
fn names(line: &str, library: &str) -> bool {
    let path = format!("{library}::");
    line.match_indices(&path).any(|(at, _)| {
        // `super::redis::` and `event_store_redis::` do not refer to the library.
        let before = line[..at].chars().next_back().unwrap_or(' ');
        !before.is_alphanumeric()
            && before != '_'
            && (before != ':' || line[..at].trim() == "use ::")
    })
}

/// The numbers of the invariants that a text cites.
fn invariants(text: &str) -> BTreeSet<u32> {
    let text = text.to_uppercase().replace("INV_", "INV-");
    let cited = text.match_indices("INV-").filter_map(|(at, prefix)| {
        let rest = &text[at + prefix.len()..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    });
    cited.collect()
}

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(super) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
