//! `data/`: the tests, the samples among them, and how the tests are grouped.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::grading::TestGroup;
use domain::problem::{OnFailure, Sample, Test, bounds};

use super::validator::{self, Flags};
use crate::blobs::Blobs;
use crate::diagnostic::{Report, quote};
use crate::fields::{Field, unknown_key};
use crate::text::text;
use crate::tree::FileTree;
use crate::yaml;

/// The older name of the file that configures a group, and the newer one.
const GROUP_FILES: [&str; 2] = ["testdata.yaml", "test_group.yaml"];

/// What tells those who prepare the package something about a test.
const NOT_NEEDED: [&str; 8] =
    ["desc", "hint", "png", "jpg", "jpeg", "svg", "in.download", "ans.download"];

/// What is shown instead of a sample's input or answer.
const SHOWN: [&str; 3] = ["in.statement", "ans.statement", "out"];

/// Cases for testing the package's validators.
const VALIDATOR_CASES: [&str; 3] = ["invalid_input", "invalid_output", "valid_output"];

#[derive(Debug, Default)]
pub(super) struct Data {
    /// In judging order, samples first.
    pub(super) tests: Vec<Test>,
    pub(super) samples: Vec<Sample>,
    on_failure: OnFailure,
    /// The root, then those of the tests.
    pub(super) groups: Vec<TestGroup>,
    /// Wherever the groups give some.
    pub(super) flags: Vec<Flags>,
}

/// The files of one test by their extension.
type Files<'a> = BTreeMap<&'a str, &'a Bytes>;

pub(super) fn read(tree: &FileTree, blobs: &mut Blobs, report: &mut Report) -> Data {
    // The format judges no further after a failure, unless a group says otherwise.
    let mut data = Data { on_failure: OnFailure::Stop, ..Data::default() };
    let mut cases: BTreeMap<&str, Files<'_>> = BTreeMap::new();
    for (name, bytes) in tree.under("data") {
        let path = format!("data/{name}");
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let (root, _) = name.split_once('/').unwrap_or(("", name));
        if GROUP_FILES.contains(&file) {
            read_group(&path, bytes, &mut data, report);
        } else if folder.split('/').any(|folder| folder.ends_with(".files")) {
            report.error(
                &path,
                "files for a submission are not supported",
                "input in the .in file",
            );
        } else if matches!(root, "sample" | "secret") {
            // The name ends at the first point of the file's name: `1.in.statement` belongs to `1`.
            let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
            let stem_end = name.len() - file.len() + stem.len();
            let extension = name[stem_end..].trim_start_matches('.');
            cases.entry(&name[..stem_end]).or_default().insert(extension, bytes);
        } else if !VALIDATOR_CASES.contains(&root) {
            report.warning(&path, "is no test and is left aside", "data/sample or data/secret");
        }
    }
    data.groups.push(TestGroup::root(data.on_failure));
    for (name, files) in &cases {
        read_case(name, files, blobs, &mut data, report);
    }
    let has_secret_answer = |name: &&str| name.starts_with("secret/");
    if !cases.keys().any(has_secret_answer) {
        report.error("data/secret", "there are no secret tests", "data/secret/*.in and *.ans");
    }
    data
}

fn read_case(
    name: &str,
    files: &Files<'_>,
    blobs: &mut Blobs,
    data: &mut Data,
    report: &mut Report,
) {
    let path = format!("data/{name}");
    let sample = name.starts_with("sample/");
    for (extension, bytes) in files {
        let path = format!("{path}.{extension}");
        match *extension {
            "in" | "ans" => {}
            "yaml" => check_case_file(&path, bytes, report),
            "args" => report.error(&path, "arguments are not supported", "input in the .in file"),
            "interaction" => {
                report.error(
                    &path,
                    "interactive problems are not supported",
                    "a pass-fail problem",
                );
            }
            known if NOT_NEEDED.contains(&known) || SHOWN.contains(&known) => {}
            _ => report.warning(&path, "belongs to no test and is left aside", ""),
        }
    }
    let (input, answer) = match (files.get("in"), files.get("ans")) {
        (Some(input), Some(answer)) => (*input, *answer),
        (Some(_), None) => {
            report.error(format!("{path}.in").as_str(), "has no answer", format!("{path}.ans"));
            return;
        }
        (None, Some(_)) => {
            report.error(format!("{path}.ans").as_str(), "has no input", format!("{path}.in"));
            return;
        }
        (None, None) => return,
    };
    // `secret/group1/03` is a test of the group `group1`.
    let group = name.split_once('/').and_then(|(_, rest)| rest.rsplit_once('/'));
    let mut test = Test::new(name, blobs.put(input), blobs.put(answer));
    test.sample = sample;
    if let Some((group, _)) = group {
        let at = data.groups.iter().position(|known| known.name == group).unwrap_or_else(|| {
            let name = group.to_owned();
            data.groups.push(TestGroup {
                name,
                parent: Some(0),
                ..TestGroup::root(data.on_failure)
            });
            data.groups.len() - 1
        });
        test.group = u32::try_from(at).unwrap_or_default();
    }
    data.tests.push(test);
    if sample {
        let shown = |extensions: &[&'static str], default| {
            extensions
                .iter()
                .find_map(|extension| Some((*extension, *files.get(extension)?)))
                .unwrap_or(default)
        };
        let input = shown(&["in.statement"], ("in", input));
        let output = shown(&["ans.statement", "out"], ("ans", answer));
        let input = sample_text(&path, input, report);
        let output = sample_text(&path, output, report);
        let name = name.strip_prefix("sample/").unwrap_or(name).to_owned();
        data.samples.push(Sample { name, input, output, explanation: None });
    }
}

fn sample_text(path: &str, (extension, bytes): (&str, &Bytes), report: &mut Report) -> String {
    let path = format!("{path}.{extension}");
    if bytes.len() > bounds::SAMPLE_BYTES_MAX {
        let expected = format!("at most {} in a sample", bounds::SAMPLE_BYTES_MAX);
        report.error(&path, format!("has {} bytes", bytes.len()), expected);
        return String::new();
    }
    text(&path, bytes, report).unwrap_or_default().to_owned()
}

/// The configuration of a group of tests.
fn read_group(path: &str, bytes: &Bytes, data: &mut Data, report: &mut Report) {
    for (key, node) in yaml::read_map(path, bytes, report).unwrap_or_default() {
        let field = Field { path, key: &key.text, node: &node };
        match key.text.as_str() {
            "on_reject" => match field.text(report).as_deref() {
                Some("break") => {}
                Some("continue") => data.on_failure = OnFailure::Continue,
                _ => field.error(report, "break or continue"),
            },
            "output_validator_flags" | "output_validator_args" => {
                data.flags.extend(validator::read(field, report));
            }
            "grading" if field.text(report).as_deref() == Some("default") => {}
            "grading"
            | "accept_score"
            | "reject_score"
            | "range"
            | "grader_flags"
            | "max_score"
            | "score_aggregation"
            | "static_validation_score"
            | "require_pass" => {
                let feature = format!("scoring, and with it {}, is", quote(&key.text));
                field.not_supported(report, &feature, "a pass-fail problem");
            }
            "args" => field.not_supported(report, "arguments are", "input in the .in file"),
            "input_validator_flags"
            | "input_validator_args"
            | "input_visualizer_args"
            | "output_visualizer_args"
            | "static_validator_args"
            | "full_feedback" => {}
            _ => unknown_key(path, &key, &key.text, report),
        }
    }
}

/// The configuration of one test.
fn check_case_file(path: &str, bytes: &Bytes, report: &mut Report) {
    for (key, node) in yaml::read_map(path, bytes, report).unwrap_or_default() {
        let field = Field { path, key: &key.text, node: &node };
        match key.text.as_str() {
            "args" => field.not_supported(report, "arguments are", "input in the .in file"),
            "output_validator_args" => {
                let feature = "validator flags for a single test are";
                field.not_supported(report, feature, "the same flags for all tests");
            }
            "input_validator_args"
            | "input_visualizer_args"
            | "output_visualizer_args"
            | "full_feedback"
            | "hint"
            | "description" => {}
            _ => unknown_key(path, &key, &key.text, report),
        }
    }
}
