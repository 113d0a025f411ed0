//! Reads `test_group.yaml`: groups of the newer format, with aggregated scores.

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::grading::{
    Aggregation, OnFailure, Rule, ScoreMode, TestGroup, TestScores, VerdictMode,
};

use super::super::version::Version;
use super::files::{DataFiles, Kind, Name};
use super::groups::{Group, Groups, StaticTest};
use super::settings::{Settings, SettingsContext};
use crate::diagnostic::{Position, Report, quote};
use crate::fields::Field;
use crate::yaml::{self, Value};

/// The default `max_score` of `secret`.
const SECRET_MAX_SCORE: f64 = 100.0;

/// The configuration of one group, with defaults.
#[derive(Debug, Default)]
struct Config {
    settings: Settings,
    path: String,
    /// `Some(None)`: unbounded.
    max_score: Option<(Option<f64>, Position)>,
    aggregation: Option<(Aggregation, Position)>,
    require_pass: Vec<(String, Position)>,
    static_score: Option<(Option<f64>, Position)>,
    static_args: Option<(Vec<String>, Position)>,
}

pub(super) fn read(
    files: &DataFiles<'_>,
    context: &SettingsContext<'_>,
    report: &mut Report,
) -> Groups {
    let is_draft = context.manifest.version == Version::Draft;
    let names = names(files, is_draft, report);
    let mut groups = Groups::default();
    let root_settings = config(&vec![], files, context.settings(report), context, report).settings;
    groups.push(root(root_settings.clone(), context));
    let mut aggregations: Vec<Option<Aggregation>> = vec![None];
    let secret = secret_config(files, root_settings.clone(), context, report);
    let inferred = if is_draft { inferred_score(&names, files, &secret, context) } else { None };
    for name in &names {
        let is_secret = name.len() == 1 && name[0] == "secret";
        let own;
        let config = match is_secret {
            true => &secret,
            false => {
                // In the draft, a group inherits the arguments of `secret`.
                let outer = match name[0] {
                    "secret" if is_draft => secret.settings.clone(),
                    _ => root_settings.clone(),
                };
                let mut found = config(name, files, outer, context, report);
                if name[0] == "secret" {
                    found.max_score = found.max_score.or(inferred);
                }
                own = found;
                &own
            }
        };
        let (rule, aggregation) = rule(name, config, &secret, context, report);
        let mut require_pass = vec![];
        for (required, position) in &config.require_pass {
            let at = (config.path.as_str(), *position);
            if let Some(place) = required_place(required, name, &groups, &aggregations, at, report)
            {
                require_pass.push(place);
            }
        }
        let parent = if name.len() > 1 { groups.find(&name[..1]) } else { Some(0) };
        groups.push(Group {
            graded: TestGroup {
                name: name.join("/"),
                parent: parent.and_then(|parent| u32::try_from(parent).ok()),
                on_reject: on_reject(name, aggregation, context),
                require_pass,
                rule,
            },
            static_test: static_test(config, aggregation, context, report),
            settings: config.settings.clone(),
        });
        aggregations.push(aggregation);
    }
    check_sum(&secret, &groups, context, report);
    groups
}

/// The default `max_score` of a group in the draft: an equal share of what the other groups leave.
fn inferred_score(
    names: &[Name<'_>],
    files: &DataFiles<'_>,
    secret: &Config,
    context: &SettingsContext<'_>,
) -> Option<(Option<f64>, Position)> {
    let (max, at) = match secret.max_score {
        Some((max, at)) => (max?, at),
        None => (SECRET_MAX_SCORE, Position { line: 1, column: 1 }),
    };
    if matches!(secret.aggregation, Some((Aggregation::Min | Aggregation::PassFail, _))) {
        return Some((Some(max), at));
    }
    // Errors in these files are reported when the groups are read.
    let mut unheard = Report::default();
    let scores: Vec<_> = names
        .iter()
        .filter(|name| name.len() == 2)
        .map(|name| config(name, files, Settings::default(), context, &mut unheard).max_score)
        .collect();
    let given: f64 = scores.iter().filter_map(|score| (*score)?.0).sum();
    let without = scores.iter().filter(|score| score.is_none()).count();
    Some((Some((max - given).max(0.0) / without.max(1) as f64), at))
}

/// The names of `sample`, `secret` and its groups, in order.
fn names<'a>(files: &DataFiles<'a>, is_draft: bool, report: &mut Report) -> Vec<Name<'a>> {
    let mut names = BTreeSet::from([vec!["secret"]]);
    for (name, (kind, case)) in &files.cases {
        match kind {
            Kind::Sample => drop(names.insert(vec!["sample"])),
            Kind::Secret if name.len() > 2 && case.files.contains_key("in") => {
                names.insert(name[..2].to_vec());
            }
            _ => {}
        }
    }
    for (name, (path, _)) in &files.configs {
        match name.as_slice() {
            ["sample" | "secret"] | ["secret", _] => drop(names.insert(name.clone())),
            // Configuration of validator cases.
            [root, ..] if !matches!(*root, "sample" | "secret") => {}
            [] if is_draft => {}
            [] => report.warning(
                path,
                "configures no group; its arguments apply to all groups",
                "a file in data/sample, data/secret or a group",
            ),
            _ => report.error(
                path,
                "is in no group: groups cannot be nested",
                "groups directly in data/secret",
            ),
        }
    }
    names.into_iter().collect()
}

/// The root group. A pass-fail problem passes if everything passes; in a scored problem the samples
/// do not count.
fn root(settings: Settings, context: &SettingsContext<'_>) -> Group {
    let is_scoring = context.manifest.kind.is_scoring;
    let on_reject = if is_scoring { OnFailure::Continue } else { OnFailure::Stop };
    let mut root = TestGroup::root(on_reject);
    root.rule = grader(is_scoring);
    Group { graded: root, settings, static_test: None }
}

fn grader(ignore_sample: bool) -> Rule {
    Rule::Grader {
        verdict: VerdictMode::FirstError,
        score: ScoreMode::Sum,
        ignore_sample,
        accept_if_any_accepted: false,
        scores: TestScores::default(),
    }
}

fn on_reject(
    name: &Name<'_>,
    aggregation: Option<Aggregation>,
    context: &SettingsContext<'_>,
) -> OnFailure {
    match aggregation {
        _ if !context.manifest.kind.is_scoring => OnFailure::Stop,
        // After the first failure the score of a pass-fail group cannot change.
        Some(Aggregation::PassFail) if name.len() > 1 => OnFailure::Stop,
        _ => OnFailure::Continue,
    }
}

fn secret_config(
    files: &DataFiles<'_>,
    outer: Settings,
    context: &SettingsContext<'_>,
    report: &mut Report,
) -> Config {
    let mut secret = config(&vec!["secret"], files, outer, context, report);
    for (required, position) in &secret.require_pass {
        if required != "sample" {
            let message = format!("secret requires {}", quote(required));
            report.error((secret.path.as_str(), *position), message, "sample or nothing");
        }
    }
    secret.require_pass.retain(|(required, _)| required == "sample");
    secret
}

/// The configuration of a group, which overrides `outer`.
fn config(
    name: &Name<'_>,
    files: &DataFiles<'_>,
    outer: Settings,
    context: &SettingsContext<'_>,
    report: &mut Report,
) -> Config {
    let path = format!("data/{}", name.join("/"));
    let mut config = Config { settings: outer, path, ..Config::default() };
    if context.manifest.version != Version::Draft || name.len() == 1 {
        config.settings.full_feedback = name.first() == Some(&"sample");
    }
    if let Some((path, bytes)) = files.configs.get(name) {
        config.path.clone_from(path);
        read_config(path, bytes, name, &mut config, context, report);
    }
    config
}

fn read_config(
    path: &str,
    bytes: &Bytes,
    name: &Name<'_>,
    config: &mut Config,
    context: &SettingsContext<'_>,
    report: &mut Report,
) {
    let manifest = context.manifest;
    let text = String::from_utf8_lossy(bytes);
    manifest.constants.report_unknown(path, &text, manifest.version, report);
    let bytes = manifest.constants.replace_in(bytes);
    for (key, node) in yaml::read_map(path, &bytes, report).unwrap_or_default() {
        let field = Field { path, key: &key.text, node: &node };
        let at = field.position();
        let key_name = key.text.as_str();
        match key_name {
            "max_score" | "score_aggregation" | "require_pass" => {
                read_scoring(key_name, field, name, config, context, report);
            }
            // The draft has these keys in a map `scoring`.
            "scoring" if manifest.version == Version::Draft => {
                for (key, node) in field.map(report) {
                    let inner = Field { path, key: &key.text, node };
                    let known = match key.text.as_str() {
                        "score" => "max_score",
                        "aggregation" => "score_aggregation",
                        other => other,
                    };
                    if !read_scoring(known, inner, name, config, context, report) {
                        manifest.version.unknown_key(path, key, &key.text, report);
                    }
                }
            }
            // A description has no effect.
            "description" if manifest.version == Version::Draft => {}
            "hint" if manifest.version == Version::Draft => {
                config.settings.hint = field.text(report);
            }
            "static_validation_score" => {
                config.static_score = score(field, "pass-fail", report).map(|score| (score, at));
            }
            "static_validator_args" => config.static_args = Some((context.list(field, report), at)),
            known if context.read_key(field, known, &mut config.settings, report) => {}
            _ => manifest.version.unknown_key(path, &key, key_name, report),
        }
    }
}

/// Reads a key about scoring. Returns `false` for any other key.
fn read_scoring(
    key: &str,
    field: Field<'_>,
    name: &Name<'_>,
    config: &mut Config,
    context: &SettingsContext<'_>,
    report: &mut Report,
) -> bool {
    if !matches!(key, "max_score" | "score_aggregation" | "require_pass") {
        return false;
    }
    let (path, at) = (field.path, field.position());
    let message = format!("`{}` is given for ", field.key);
    if !context.manifest.kind.is_scoring {
        let message = message + "a problem that is not scored";
        report.warning((path, at), message, "`type: scoring` in problem.yaml");
        return true;
    }
    if name.first() != Some(&"secret") {
        let place = if name.is_empty() { "all of data" } else { "sample" };
        report.warning((path, at), message + place, "the key in secret or its groups");
        return true;
    }
    match key {
        "max_score" => {
            config.max_score = score(field, "unbounded", report).map(|max| (max, at));
        }
        "score_aggregation" => match field.text(report).as_deref() {
            Some("pass-fail") => config.aggregation = Some((Aggregation::PassFail, at)),
            Some("sum") => config.aggregation = Some((Aggregation::Sum, at)),
            Some("min") => config.aggregation = Some((Aggregation::Min, at)),
            _ => field.error(report, "pass-fail, sum or min"),
        },
        _ if field.is_null() => {}
        _ => {
            config.require_pass = field.texts(report).into_iter().map(|name| (name, at)).collect();
        }
    }
    true
}

/// Reads an integer of at least 0, or `word` as `None`.
fn score(field: Field<'_>, word: &str, report: &mut Report) -> Option<Option<f64>> {
    match &field.node.value {
        Value::Integer(number) if *number >= 0 => Some(Some(*number as f64)),
        Value::Text(text) if text == word => Some(None),
        _ => {
            field.error(report, &format!("an integer of at least 0, or {word}"));
            None
        }
    }
}

fn rule(
    name: &Name<'_>,
    config: &Config,
    secret: &Config,
    context: &SettingsContext<'_>,
    report: &mut Report,
) -> (Rule, Option<Aggregation>) {
    if !context.manifest.kind.is_scoring {
        return (Rule::first_error(), None);
    }
    if name[0] == "sample" {
        let mut rule = grader(false);
        if let Rule::Grader { scores, .. } = &mut rule {
            *scores = TestScores { accept: 0.0, reject: 0.0, ..TestScores::default() };
        }
        return (rule, Some(Aggregation::PassFail));
    }
    let is_secret = name.len() == 1;
    let default = if is_secret { Aggregation::Sum } else { Aggregation::PassFail };
    let aggregation = config.aggregation.map_or(default, |(aggregation, _)| aggregation);
    let max_of = |config: &Config, default| config.max_score.map_or(default, |(max, _)| max);
    let max_score = max_of(config, is_secret.then_some(SECRET_MAX_SCORE));
    let place = config.max_score.map(|(_, position)| position);
    let at = (config.path.as_str(), place);
    let secret_is_bounded = max_of(secret, Some(SECRET_MAX_SCORE)).is_some();
    if max_score.is_none() && aggregation == Aggregation::PassFail {
        let message = "a pass-fail group needs a `max_score`";
        report.error(at, message, "`max_score: points`, or another `score_aggregation`");
    } else if max_score.is_none() && secret_is_bounded && !is_secret {
        let message = "the group has no `max_score`, but secret has one";
        report.error(at, message, "`max_score: points`, or an unbounded secret");
    }
    let secret_is_pass_fail = matches!(secret.aggregation, Some((Aggregation::PassFail, _)));
    if secret_is_pass_fail && aggregation != Aggregation::PassFail {
        let place = config.aggregation.map(|(_, position)| position);
        let message = "the group is not pass-fail, but secret is";
        report.error((config.path.as_str(), place), message, "`score_aggregation: pass-fail`");
    }
    (Rule::Aggregate { aggregation, max_score }, Some(aggregation))
}

/// The index of a required group, which must come before the group that requires it.
fn required_place(
    required: &str,
    name: &Name<'_>,
    groups: &Groups,
    aggregations: &[Option<Aggregation>],
    at: (&str, Position),
    report: &mut Report,
) -> Option<u32> {
    let path: Name<'_> = required.split('/').collect();
    if path == *name {
        report.error(at, "the group requires itself", "groups that come before it");
        return None;
    }
    // Later groups have not been added yet.
    let place = groups.find(&path).filter(|place| *place > 0 && required != "secret");
    let Some(place) = place else {
        let message = format!("{} is not a group that comes before this one", quote(required));
        report.error(at, message, "sample, or a name such as secret/group1");
        return None;
    };
    if aggregations[place] != Some(Aggregation::PassFail) {
        let message = format!("{} is not a pass-fail group", quote(required));
        report.error(at, message, "a group with `score_aggregation: pass-fail`");
    }
    u32::try_from(place).ok()
}

fn static_test(
    config: &Config,
    aggregation: Option<Aggregation>,
    context: &SettingsContext<'_>,
    report: &mut Report,
) -> Option<StaticTest> {
    let path = config.path.as_str();
    let Some((points, position)) = config.static_score else {
        if let Some((_, position)) = config.static_args {
            let message = "there are `static_validator_args` without a `static_validation_score`";
            report.warning((path, position), message, "both");
        }
        return None;
    };
    let is_pass_fail = aggregation.is_none_or(|it| it == Aggregation::PassFail);
    if points.is_some() && is_pass_fail {
        let message = "static validation has a score, but the group is pass-fail";
        report.error((path, position), message, "`static_validation_score: pass-fail`");
    } else if points.is_none() && !is_pass_fail {
        let message = "static validation is pass-fail, but the group is not";
        report.error((path, position), message, "a score");
    }
    if !context.has_static_validator {
        report.error(
            (path, position),
            "there is no static validator",
            "a program in static_validator",
        );
    }
    let args = config.static_args.as_ref().map(|(args, _)| args.clone()).unwrap_or_default();
    Some(StaticTest { points, args })
}

/// Warns if the groups' scores do not add up to the score of `secret`.
fn check_sum(secret: &Config, groups: &Groups, context: &SettingsContext<'_>, report: &mut Report) {
    let is_sum = secret.aggregation.is_none_or(|(aggregation, _)| aggregation == Aggregation::Sum);
    if !context.manifest.kind.is_scoring || !is_sum {
        return;
    }
    let (max, place) =
        secret.max_score.map_or((Some(SECRET_MAX_SCORE), None), |(max, at)| (max, Some(at)));
    let inner = groups.iter().filter(|group| group.graded.name.starts_with("secret/"));
    let scores: Vec<_> = inner
        .filter_map(|group| match group.graded.rule {
            Rule::Aggregate { max_score, .. } => Some(max_score.unwrap_or(0.0)),
            _ => None,
        })
        .collect();
    let sum = scores.iter().sum::<f64>()
        + secret.static_score.and_then(|(score, _)| score).unwrap_or(0.0);
    if let Some(max) = max
        && !scores.is_empty()
        && (sum - max).abs() > 1e-9
    {
        let message = format!("the groups are worth {sum} together, but secret is worth {max}");
        report.warning((secret.path.as_str(), place), message, "the same");
    }
}
