//! Settings of tests and groups that all versions of the format share.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::checker::TokenOptions;

use super::super::manifest::Manifest;
use super::super::validator;
use super::super::words::{self, Words};
use crate::diagnostic::{Report, quote};
use crate::fields::Field;
use crate::yaml::{self, Key, Node, Value};

/// The settings of a test, or the defaults for the tests of a group.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) args: Vec<String>,
    pub(super) input_validator: Arguments,
    pub(super) output_validator: Vec<String>,
    /// The output validator's arguments as options of the default validator.
    pub(super) tokens: TokenOptions,
    pub(super) full_feedback: bool,
    pub(super) hint: Option<String>,
}

/// Arguments of the input validators.
#[derive(Debug, Clone)]
pub(super) enum Arguments {
    /// Arguments for all input validators.
    All(Vec<String>),
    /// Arguments by validator name. Other validators get none.
    Named(BTreeMap<String, Vec<String>>),
}

impl Default for Arguments {
    fn default() -> Self {
        Self::All(vec![])
    }
}

impl Arguments {
    /// The arguments for the program with this name.
    pub(super) fn of(&self, program: &str) -> Vec<String> {
        match self {
            Self::All(args) => args.clone(),
            Self::Named(by_name) => by_name
                .iter()
                .find(|(name, _)| is_name_of(name, program))
                .map(|(_, args)| args.clone())
                .unwrap_or_default(),
        }
    }
}

/// `check` and `check.py` both name `output_validators/check.py`.
fn is_name_of(name: &str, program: &str) -> bool {
    let base = program.rsplit('/').next().unwrap_or(program);
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    name == base || name == stem
}

/// The context in which settings are read.
#[derive(Clone, Copy)]
pub(in crate::kattis) struct SettingsContext<'a> {
    pub(in crate::kattis) manifest: &'a Manifest,
    /// The names of the package's input validators.
    pub(in crate::kattis) input_validators: &'a [String],
    /// The names of the package's output validators; `None` if the default validator judges.
    pub(in crate::kattis) output_validators: Option<&'a [String]>,
    /// Whether there is a static validator.
    pub(in crate::kattis) has_static_validator: bool,
}

impl SettingsContext<'_> {
    /// The default settings.
    pub(super) fn settings(&self, report: &mut Report) -> Settings {
        let mut settings = Settings::default();
        if let Some(words) = &self.manifest.flags {
            self.set_output(words.clone(), &mut settings, report);
        }
        settings
    }

    fn set_output(&self, words: Words, settings: &mut Settings, report: &mut Report) {
        if self.output_validators.is_none() {
            settings.tokens = validator::options(&words, self.manifest.version, report);
        }
        settings.output_validator = words.words;
    }

    /// Reads a key that groups and tests share. Returns `false` for any other key.
    pub(super) fn read_key(
        &self,
        field: Field<'_>,
        key: &str,
        settings: &mut Settings,
        report: &mut Report,
    ) -> bool {
        match key {
            "args" => {
                settings.args = self.list(field, report);
            }
            "input_validator_args" | "input_validator_flags" => {
                settings.input_validator = self.input_arguments(field, report);
            }
            "output_validator_args" | "output_validator_flags" => {
                self.read_output(field, settings, report);
            }
            "input_visualizer_args" | "output_visualizer_args" => drop(self.list(field, report)),
            "full_feedback" => {
                settings.full_feedback = field.boolean(report).unwrap_or(settings.full_feedback);
            }
            _ => return false,
        }
        true
    }

    /// Reads the output validator's arguments. They follow those of the problem.
    fn read_output(&self, field: Field<'_>, settings: &mut Settings, report: &mut Report) {
        let field_words = match &field.node.value {
            Value::Map(entries) => self.named_output(entries, field, report),
            _ => {
                self.check_list(field, report);
                words::read(field, report)
            }
        };
        let mut words =
            self.manifest.flags.iter().flat_map(|flags| flags.words.clone()).collect::<Vec<_>>();
        let own = field_words.map(|own| own.words).unwrap_or_default();
        words.extend(own);
        let words = Words { words, path: field.path.to_owned(), position: field.position() };
        self.set_output(words, settings, report);
    }

    /// Reads the older form `{name: …, flags: …}`, which names the validator.
    fn named_output(
        &self,
        entries: &[(Key, Node)],
        field: Field<'_>,
        report: &mut Report,
    ) -> Option<Words> {
        let (name, flags) = name_and_flags(entries, field, report)?;
        match self.output_validators {
            None => {
                let message = format!("there is no output validator {}", quote(&name));
                report.error((field.path, field.position()), message, "flags alone");
            }
            Some([only]) if is_name_of(&name, only) => {}
            Some(known) if !known.iter().any(|known| is_name_of(&name, known)) => {
                let message = format!("there is no output validator {}", quote(&name));
                report.error((field.path, field.position()), message, known.join(", "));
            }
            Some(_) => {
                let feature = "choosing one of several output validators for a group is";
                field.not_supported(report, feature, "flags for all of them");
            }
        }
        Some(flags)
    }

    fn input_arguments(&self, field: Field<'_>, report: &mut Report) -> Arguments {
        let Value::Map(entries) = &field.node.value else {
            self.check_list(field, report);
            return Arguments::All(
                words::read(field, report).map(|it| it.words).unwrap_or_default(),
            );
        };
        let mut by_name = BTreeMap::new();
        let is_older = entries.iter().any(|(key, _)| key.text == "name");
        if is_older && !self.manifest.version.is_strict() {
            if let Some((name, flags)) = name_and_flags(entries, field, report) {
                by_name.insert(name, flags.words);
            }
        } else {
            for (key, node) in entries {
                let words = words::read(Field { node, ..field }, report);
                by_name
                    .insert(key.text.clone(), words.map(|words| words.words).unwrap_or_default());
            }
        }
        for name in by_name.keys() {
            if !self.input_validators.iter().any(|known| is_name_of(name, known)) {
                let message = format!("there is no input validator {}", quote(name));
                report.warning(
                    (field.path, field.position()),
                    message,
                    self.input_validators.join(", "),
                );
            }
        }
        Arguments::Named(by_name)
    }

    /// Reads a list of words; in the older versions also a single string.
    pub(super) fn list(&self, field: Field<'_>, report: &mut Report) -> Vec<String> {
        self.check_list(field, report);
        words::read(field, report).map(|words| words.words).unwrap_or_default()
    }

    fn check_list(&self, field: Field<'_>, report: &mut Report) {
        let is_list = matches!(field.node.value, Value::List(_) | Value::Null);
        if self.manifest.version.is_strict() && !is_list {
            field.error(report, "a list of strings");
        }
    }

    /// Reads `<test>.yaml`.
    pub(super) fn read_test(
        &self,
        path: &str,
        bytes: &Bytes,
        settings: &mut Settings,
        report: &mut Report,
    ) {
        for (key, node) in yaml::read_map(path, bytes, report).unwrap_or_default() {
            let field = Field { path, key: &key.text, node: &node };
            match key.text.as_str() {
                "hint" => settings.hint = field.text(report),
                "description" => drop(field.text(report)),
                known if self.read_key(field, known, settings, report) => {}
                _ => self.manifest.version.unknown_key(path, &key, &key.text, report),
            }
        }
    }
}

fn name_and_flags(
    entries: &[(Key, Node)],
    field: Field<'_>,
    report: &mut Report,
) -> Option<(String, Words)> {
    let get = |name: &str| entries.iter().find(|(key, _)| key.text == name);
    let Some((_, name)) = get("name") else {
        field.error(report, "`name` and `flags`");
        return None;
    };
    let name = Field { node: name, ..field }.text(report)?;
    let flags = get("flags").and_then(|(_, node)| words::read(Field { node, ..field }, report));
    let (path, position) = (field.path.to_owned(), field.position());
    Some((name, flags.unwrap_or(Words { words: vec![], path, position })))
}
