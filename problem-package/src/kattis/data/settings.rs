//! What a test gets from its group and says itself, in either version of the format.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::checker::TokenOptions;

use super::super::manifest::Manifest;
use super::super::validator::{self, Words};
use crate::diagnostic::{Report, quote};
use crate::fields::Field;
use crate::yaml::{self, Key, Node, Value};

/// What holds for a test, or for the tests of a group that do not say otherwise.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) args: Vec<String>,
    pub(super) input_validator: Arguments,
    pub(super) output_validator: Vec<String>,
    /// What the arguments of the output validator mean to the default one.
    pub(super) tokens: TokenOptions,
    pub(super) full_feedback: bool,
    pub(super) hint: Option<String>,
}

/// Arguments of the input validators.
#[derive(Debug, Clone)]
pub(super) enum Arguments {
    /// All of them get these.
    All(Vec<String>),
    /// The named ones get theirs, others none.
    Named(BTreeMap<String, Vec<String>>),
}

impl Default for Arguments {
    fn default() -> Self {
        Self::All(vec![])
    }
}

impl Arguments {
    /// Those of the program that the package names so.
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

/// What the settings are read for.
#[derive(Clone, Copy)]
pub(in crate::kattis) struct Scene<'a> {
    pub(in crate::kattis) manifest: &'a Manifest,
    /// The package's names of its input validators.
    pub(in crate::kattis) input_validators: &'a [String],
    /// Those of its output validators; `None` where the default one judges.
    pub(in crate::kattis) output_validators: Option<&'a [String]>,
    /// Whether there is a static validator.
    pub(in crate::kattis) has_static_validator: bool,
}

impl Scene<'_> {
    /// What holds where nothing is said.
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

    /// Takes a key that groups and tests have; `false` if it is another.
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

    /// The arguments of the problem and those of the group together.
    fn read_output(&self, field: Field<'_>, settings: &mut Settings, report: &mut Report) {
        let field_words = match &field.node.value {
            Value::Map(entries) => self.named_output(entries, field, report),
            _ => {
                self.check_list(field, report);
                validator::words(field, report)
            }
        };
        let mut words =
            self.manifest.flags.iter().flat_map(|flags| flags.words.clone()).collect::<Vec<_>>();
        let own = field_words.map(|own| own.words).unwrap_or_default();
        words.extend(own);
        let words = Words { words, path: field.path.to_owned(), position: field.position() };
        self.set_output(words, settings, report);
    }

    /// The older format's `{name: …, flags: …}`, which names the validator.
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
                validator::words(field, report).map(|it| it.words).unwrap_or_default(),
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
                let words = validator::words(Field { node, ..field }, report);
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

    /// Words in a list; in the older versions in one text too.
    pub(super) fn list(&self, field: Field<'_>, report: &mut Report) -> Vec<String> {
        self.check_list(field, report);
        validator::words(field, report).map(|words| words.words).unwrap_or_default()
    }

    fn check_list(&self, field: Field<'_>, report: &mut Report) {
        let is_list = matches!(field.node.value, Value::List(_) | Value::Null);
        if self.manifest.version.is_strict() && !is_list {
            field.error(report, "a list of texts");
        }
    }

    /// `<test>.yaml`.
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
    let flags =
        get("flags").and_then(|(_, node)| validator::words(Field { node, ..field }, report));
    let (path, position) = (field.path.to_owned(), field.position());
    Some((name, flags.unwrap_or(Words { words: vec![], path, position })))
}
