//! Reads `testdata.yaml`: groups of the older format, each with a grader.

use bytes::Bytes;
use domain::grading::{OnFailure, Rule, ScoreMode, TestGroup, TestScores, VerdictMode};

use super::super::manifest::{Manifest, OlderGrading, range};
use super::super::words;
use super::files::{DataFiles, Kind, Name};
use super::groups::{Group, Groups};
use super::settings::{Settings, SettingsContext};
use crate::diagnostic::{Report, quote};
use crate::fields::Field;
use crate::yaml;

const FLAGS: &str = "worst_error, first_error, always_accept, sum, avg, min, max, ignore_sample or \
                     accept_if_any_accepted";

/// Another name of `worst_error` in the default grader of the format's tools. The format's text
/// does not have it.
const NO_ERRORS: &str = "no_errors";

/// The configuration of a group. Missing keys are inherited from the parent.
#[derive(Debug, Clone, Default)]
struct Config {
    settings: Settings,
    on_reject: OnFailure,
    is_custom: bool,
    flags: Vec<String>,
    scores: TestScores,
}

/// The modes set by the default grader's flags.
#[derive(Debug, Default)]
struct Modes {
    verdict: VerdictMode,
    score: ScoreMode,
    ignore_sample: bool,
    accept_if_any_accepted: bool,
}

pub(super) fn read(
    files: &DataFiles<'_>,
    context: &SettingsContext<'_>,
    report: &mut Report,
) -> Groups {
    let root = Config {
        settings: context.settings(report),
        // By default the format stops judging after a failure.
        on_reject: OnFailure::Stop,
        ..Config::default()
    };
    let mut groups = Groups::default();
    let mut configs: Vec<Config> = vec![];
    for name in names(files) {
        let parent = name.len().checked_sub(1).and_then(|end| groups.find(&name[..end]));
        let mut config = parent.map_or_else(|| root.clone(), |parent| configs[parent].clone());
        // The flag is allowed in the root only.
        config.flags.retain(|flag| flag != "ignore_sample" || parent.is_none());
        if let Some((path, bytes)) = files.configs.get(&name) {
            read_config(path, bytes, &mut config, parent.is_none(), context, report);
        }
        let mut effective = config.clone();
        apply_problem(&context.manifest.grading, &mut effective);
        let root = configs.first().map_or(&[][..], |root| root.flags.as_slice());
        if name.first() == Some(&"sample") && root.iter().any(|flag| flag == "ignore_sample") {
            // The score of the samples does not count, so the inherited range does not apply.
            (effective.scores.min, effective.scores.max) = (None, None);
        }
        let rule = rule(&effective, context.manifest);
        groups.push(Group {
            graded: TestGroup {
                name: name.join("/"),
                parent: parent.and_then(|parent| u32::try_from(parent).ok()),
                on_reject: effective.on_reject,
                require_pass: vec![],
                rule,
            },
            settings: config.settings.clone(),
            static_test: None,
        });
        configs.push(config);
    }
    groups
}

/// The root and every folder that contains tests at any depth, parents first.
fn names<'a>(files: &DataFiles<'a>) -> Vec<Name<'a>> {
    let tests = files.cases.iter().filter(|(_, (kind, case))| {
        matches!(kind, Kind::Sample | Kind::Secret) && case.files.contains_key("in")
    });
    let mut names: Vec<Name<'_>> = tests
        .flat_map(|(name, _)| (0..name.len()).map(|end| name[..end].to_vec()))
        .chain([vec![]])
        .collect();
    names.sort();
    names.dedup();
    names
}

fn read_config(
    path: &str,
    bytes: &Bytes,
    config: &mut Config,
    is_root: bool,
    context: &SettingsContext<'_>,
    report: &mut Report,
) {
    let manifest = context.manifest;
    let mut has_flags = None;
    for (key, node) in
        yaml::read_map_as(manifest.version.schema(), path, bytes, report).unwrap_or_default()
    {
        let field = Field { path, key: &key.text, node: &node };
        if field.is_null() {
            continue;
        }
        let name = key.text.as_str();
        if matches!(name, "accept_score" | "reject_score" | "range") && !manifest.kind.is_scoring {
            let message = format!("`{name}` is given for a problem that is not scored");
            report.warning((path, field.position()), message, "`type: scoring` in problem.yaml");
            continue;
        }
        match name {
            "on_reject" => match field.text(report).as_deref() {
                Some("break") => config.on_reject = OnFailure::Stop,
                Some("continue") => config.on_reject = OnFailure::Continue,
                _ => field.error(report, "break or continue"),
            },
            "grading" => match field.text(report).as_deref() {
                Some("default") => config.is_custom = false,
                Some("custom") => config.is_custom = true,
                _ => field.error(report, "default or custom"),
            },
            "grader_flags" => {
                config.flags = words::read(field, report).map(|it| it.words).unwrap_or_default();
                has_flags = Some(field.position());
            }
            "accept_score" => {
                config.scores.accept =
                    field.number(report, "a number").unwrap_or(config.scores.accept);
            }
            "reject_score" => {
                config.scores.reject =
                    field.number(report, "a number").unwrap_or(config.scores.reject);
            }
            "range" => {
                if let Some((min, max)) = range(field, report) {
                    (config.scores.min, config.scores.max) = (min, max);
                }
            }
            _ if context.read_key(field, name, &mut config.settings, report) => {}
            _ => manifest.version.unknown_key(path, &key, name, report),
        }
    }
    let Some(position) = has_flags.filter(|_| !config.is_custom) else { return };
    for flag in &config.flags {
        if flag == "ignore_sample" && !is_root {
            report.error(
                (path, position),
                "ignore_sample is allowed in the root group only",
                "data/testdata.yaml",
            );
        } else if flag == NO_ERRORS {
            report.warning((path, position), "the grader flag no_errors means worst_error", FLAGS);
        } else if !Modes::default().take(flag) {
            let message = format!("unknown grader flag {} is ignored", quote(flag));
            report.warning((path, position), message, FLAGS);
        }
    }
    if is_root
        && config.flags.iter().any(|flag| flag == "ignore_sample")
        && config.on_reject == OnFailure::Stop
    {
        let message = "a failed sample ends judging before the tests that count";
        report.warning((path, position), message, "`on_reject: continue`");
    }
}

impl Modes {
    /// Applies a flag. Returns `false` if it is unknown.
    fn take(&mut self, flag: &str) -> bool {
        match flag {
            "worst_error" | NO_ERRORS => self.verdict = VerdictMode::WorstError,
            "first_error" => self.verdict = VerdictMode::FirstError,
            "always_accept" => self.verdict = VerdictMode::AlwaysAccept,
            "sum" => self.score = ScoreMode::Sum,
            "avg" => self.score = ScoreMode::Avg,
            "min" => self.score = ScoreMode::Min,
            "max" => self.score = ScoreMode::Max,
            "ignore_sample" => self.ignore_sample = true,
            "accept_if_any_accepted" => self.accept_if_any_accepted = true,
            _ => return false,
        }
        true
    }
}

/// Keys in `problem.yaml` override those of groups.
fn apply_problem(grading: &OlderGrading, config: &mut Config) {
    config.on_reject = grading.on_reject.unwrap_or(config.on_reject);
    config.scores.accept = grading.accept_score.unwrap_or(config.scores.accept);
    config.scores.reject = grading.reject_score.unwrap_or(config.scores.reject);
    if let Some((min, max)) = grading.range {
        (config.scores.min, config.scores.max) = (min, max);
    }
}

fn rule(config: &Config, manifest: &Manifest) -> Rule {
    let scores = if manifest.kind.is_scoring { config.scores } else { TestScores::default() };
    if config.is_custom {
        return Rule::Custom { flags: config.flags.clone(), scores };
    }
    let mut modes = Modes::default();
    for flag in &config.flags {
        modes.take(flag);
    }
    Rule::Grader {
        verdict: modes.verdict,
        score: modes.score,
        ignore_sample: modes.ignore_sample,
        accept_if_any_accepted: modes.accept_if_any_accepted,
        scores,
    }
}
