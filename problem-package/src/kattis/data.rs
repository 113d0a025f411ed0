//! Reads `data/`: tests and samples, their groups, and cases for the validators.

mod arguments;
mod checks;
mod files;
mod groups;
mod newer;
mod older;
mod samples;
mod settings;

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::checker::TokenOptions;
use domain::grading::TestGroup;
use domain::problem::{Attachment, ProgramFile, Sample, Test};

pub(super) use settings::SettingsContext;

use super::manifest::Manifest;
use super::version::Version;
use crate::blobs::Blobs;
use crate::diagnostic::Report;
use crate::fields::Field;
use crate::package::{InputCase, OutputCase};
use crate::text::text;
use crate::tree::FileTree;
use crate::yaml;
use files::{Case, DataFiles, Kind, Name};
use groups::{Found, Groups};
use settings::Settings;

#[derive(Debug, Default)]
pub(super) struct Data {
    /// In judging order.
    pub(super) tests: Vec<Test>,
    pub(super) samples: Vec<Sample>,
    /// The root first, parents before their children.
    pub(super) groups: Vec<TestGroup>,
    /// The default validator's options, except for tests with options of their own.
    pub(super) tokens: TokenOptions,
    pub(super) input_cases: Vec<InputCase>,
    pub(super) output_cases: Vec<OutputCase>,
    /// Download versions of samples, if they differ from what is shown.
    pub(super) downloads: Vec<Attachment>,
}

struct Reader<'a> {
    context: SettingsContext<'a>,
    files: &'a DataFiles<'a>,
    groups: &'a Groups,
    data: Data,
    found: Vec<Found>,
    /// The settings of each folder of validator cases.
    folders: BTreeMap<String, Settings>,
}

pub(super) fn read(
    tree: &FileTree,
    context: SettingsContext<'_>,
    blobs: &mut Blobs,
    report: &mut Report,
) -> Data {
    let version = context.manifest.version;
    let files = files::collect(tree, version, report);
    let is_newer = has_newer_groups(&files, version);
    let groups = match is_newer {
        true => newer::read(&files, &context, report),
        false => older::read(&files, &context, report),
    };
    let mut reader = Reader {
        context,
        files: &files,
        groups: &groups,
        data: Data::default(),
        found: vec![],
        folders: BTreeMap::new(),
    };
    for (name, (kind, case)) in &files.cases {
        match kind {
            Kind::Sample | Kind::Secret => reader.read_test(name, *kind, case, blobs, report),
            _ => reader.read_validator_case(name, *kind, case, blobs, report),
        }
    }
    reader.add_static_tests(blobs, report);
    checks::check(&files, &groups, &reader.found, report);
    if is_newer {
        checks::check_newer(&files, &groups, &reader.found, report);
    }
    reader.finish(report)
}

/// Whether the groups use the newer format. Draft packages follow either the draft's text or its
/// tools, so the names of their files decide.
fn has_newer_groups(files: &DataFiles<'_>, version: Version) -> bool {
    let is_of_a_group =
        |name: &Name<'_>| matches!(name.first(), None | Some(&("sample" | "secret")));
    let configs = files.configs.iter().filter(|(name, _)| is_of_a_group(name));
    let (newer, older): (Vec<_>, Vec<_>) =
        configs.partition(|(_, (path, _))| path.ends_with(files::NEWER_CONFIG));
    match version {
        Version::Newer => true,
        Version::Draft => !newer.is_empty() && older.is_empty(),
        Version::Legacy | Version::LegacyIcpc => false,
    }
}

impl Reader<'_> {
    fn manifest(&self) -> &Manifest {
        self.context.manifest
    }

    fn is_interactive_or_multi_pass(&self) -> bool {
        let kind = self.manifest().kind;
        kind.is_interactive || kind.is_multi_pass
    }

    fn read_test(
        &mut self,
        name: &Name<'_>,
        kind: Kind,
        case: &Case<'_>,
        blobs: &mut Blobs,
        report: &mut Report,
    ) {
        let version = self.manifest().version;
        let is_sample = kind == Kind::Sample;
        checks::check_shown(case, is_sample, version, report);
        let short = name.join("/");
        let path = format!("data/{short}");
        let (Some(input), Some(answer)) = (case.get("in"), case.get("ans")) else {
            checks::report_missing(&path, case, self.is_interactive_or_multi_pass(), report);
            if is_sample && let Some(path) = case.path("interaction") {
                self.add_interaction(&short, path, case, report);
            }
            return;
        };
        let place = self.groups.of_test(name);
        let settings = self.settings(case, &self.groups.groups[place].settings.clone(), report);
        let mut test = Test::new(&short, blobs.put(input), blobs.put(answer));
        test.group = u32::try_from(place).unwrap_or(u32::MAX);
        test.sample = is_sample;
        self.complete(&mut test, case, &settings, blobs);
        self.add_input(&path, &test, &settings, true);
        if is_sample {
            let mut found = Report::default();
            self.add_sample(&short, case, &test, settings.tokens, blobs, &mut found);
            // Shown samples do not affect judging.
            report.add_as_warnings(found);
        }
        self.found.push(Found {
            order: name.iter().map(|name| (*name).to_owned()).collect(),
            test,
            tokens: settings.tokens,
        });
    }

    /// The settings of the test, which override those of its group.
    fn settings(&self, case: &Case<'_>, group: &Settings, report: &mut Report) -> Settings {
        let mut settings = group.clone();
        if let (Some(path), Some(bytes)) = (case.path("args"), case.get("args")) {
            settings.args = arguments::read(path, bytes, report);
        }
        if let (Some(path), Some(bytes)) = (case.path("yaml"), case.get("yaml")) {
            self.context.read_test(path, bytes, &mut settings, report);
        }
        if let (Some(path), Some(bytes)) = (case.path("hint"), case.get("hint")) {
            settings.hint = text(path, bytes, report).map(|hint| hint.trim_end().to_owned());
        }
        settings
    }

    fn complete(&self, test: &mut Test, case: &Case<'_>, settings: &Settings, blobs: &mut Blobs) {
        test.args.clone_from(&settings.args);
        test.files = case
            .beside
            .iter()
            .map(|(path, bytes)| ProgramFile {
                path: (*path).to_owned(),
                content: blobs.put(bytes),
                executable: false,
            })
            .collect();
        if self.context.output_validators.is_some() {
            test.validator_args.clone_from(&settings.output_validator);
        }
        test.full_feedback = settings.full_feedback;
        test.hint.clone_from(&settings.hint);
    }

    fn add_input(&mut self, path: &str, test: &Test, settings: &Settings, valid: bool) {
        let args = self.context.input_validators.iter().map(|program| {
            let mut args = settings.input_validator.of(program);
            args.extend(settings.args.iter().cloned());
            args
        });
        self.data.input_cases.push(InputCase {
            path: format!("{path}.in"),
            input: test.input,
            files: test.files.clone(),
            args: args.collect(),
            valid,
        });
    }

    /// Reads a case that tests a validator.
    fn read_validator_case(
        &mut self,
        name: &Name<'_>,
        kind: Kind,
        case: &Case<'_>,
        blobs: &mut Blobs,
        report: &mut Report,
    ) {
        let short = name.join("/");
        let path = format!("data/{short}");
        let Some(input) = case.get("in") else {
            let other = case.files.values().next().map_or(&path, |(path, _)| path);
            report.warning(other, "has no input and is ignored", format!("{path}.in"));
            return;
        };
        let folder = self.folder_settings(name, report);
        let settings = self.settings(case, &folder, report);
        let answer = blobs.put(case.get("ans").unwrap_or(&Bytes::new()));
        let mut test = Test::new(&short, blobs.put(input), answer);
        self.complete(&mut test, case, &settings, blobs);
        self.add_input(&path, &test, &settings, kind != Kind::InvalidInput);
        if kind == Kind::InvalidInput {
            return;
        }
        for extension in ["ans", "out"] {
            if case.get(extension).is_none() {
                let message = format!("has no .{extension} file");
                let expected = format!("{path}.{extension}");
                report.warning(format!("{path}.in").as_str(), message, expected);
            }
        }
        let (Some(out), Some(output)) = (case.path("out"), case.get("out")) else { return };
        if self.is_interactive_or_multi_pass() {
            report.warning(out, "is ignored: the problem is interactive or multi-pass", "");
            return;
        }
        let accepted = kind == Kind::ValidOutput;
        self.add_output(out, test, settings.tokens, output, accepted, blobs);
    }

    fn add_output(
        &mut self,
        path: &str,
        mut test: Test,
        tokens: TokenOptions,
        output: &Bytes,
        accepted: bool,
        blobs: &mut Blobs,
    ) {
        // `finish` removes it again if it equals the common options.
        test.tokens = Some(tokens);
        let (path, output) = (path.to_owned(), blobs.put(output));
        self.data.output_cases.push(OutputCase { path, test, output, accepted });
    }

    /// The settings of a folder of validator cases.
    fn folder_settings(&mut self, name: &Name<'_>, report: &mut Report) -> Settings {
        let folder = name[..name.len() - 1].join("/");
        if let Some(known) = self.folders.get(&folder) {
            return known.clone();
        }
        // Errors in the problem's flags were already reported.
        let mut settings = self.context.settings(&mut Report::default());
        for end in 1..name.len() {
            let Some((path, bytes)) = self.files.configs.get(&name[..end]) else { continue };
            for (key, node) in yaml::read_map(path, bytes, report).unwrap_or_default() {
                let field = Field { path, key: &key.text, node: &node };
                if !self.context.read_key(field, &key.text, &mut settings, report) {
                    self.manifest().version.unknown_key(path, &key, &key.text, report);
                }
            }
        }
        self.folders.insert(folder, settings.clone());
        settings
    }

    fn add_static_tests(&mut self, blobs: &mut Blobs, report: &mut Report) {
        for (place, group) in self.groups.iter().enumerate() {
            let Some(found) = &group.static_test else { continue };
            let nothing = blobs.put(&Bytes::new());
            let name = format!("{}/static", group.graded.name);
            if self.found.iter().any(|other| other.test.name == name) {
                let path = format!("data/{name}.in");
                report.error(&path, "is named like the group's static validation", "another name");
                continue;
            }
            let mut test = Test::new(&name, nothing, nothing);
            test.group = u32::try_from(place).unwrap_or(u32::MAX);
            test.is_static = true;
            test.points = found.points;
            test.validator_args.clone_from(&found.args);
            test.full_feedback = group.settings.full_feedback;
            // An empty name sorts before all others of the group.
            let order = group.graded.name.split('/').chain([""]).map(str::to_owned).collect();
            self.found.push(Found { order, test, tokens: TokenOptions::default() });
        }
        self.found.sort_by(|one, other| one.order.cmp(&other.order));
    }

    fn finish(mut self, report: &mut Report) -> Data {
        let judged = || self.found.iter().filter(|found| !found.test.is_static);
        let first = judged().next().map(|found| found.tokens);
        let same = first.filter(|first| judged().all(|found| found.tokens == *first));
        let tokens = same.unwrap_or_else(|| self.context.settings(&mut Report::default()).tokens);
        let is_default = self.context.output_validators.is_none();
        let differing = |own: TokenOptions| (is_default && own != tokens).then_some(own);
        for case in &mut self.data.output_cases {
            case.test.tokens = case.test.tokens.and_then(differing);
        }
        for Found { mut test, tokens, .. } in self.found {
            if !test.is_static {
                test.tokens = differing(tokens);
            }
            self.data.tests.push(test);
        }
        self.data.tokens = tokens;
        self.data.groups = self.groups.iter().map(|group| group.graded.clone()).collect();
        // Incomplete tests were already reported.
        let half = self.files.cases.iter().any(|(_, (kind, case))| {
            *kind == Kind::Secret && ["in", "ans"].iter().any(|it| case.get(it).is_some())
        });
        if !half && !self.data.tests.iter().any(|test| test.name.starts_with("secret/")) {
            let expected = "data/secret/*.in and *.ans";
            report.error("data/secret", "there are no secret tests", expected);
        }
        self.data
    }
}
