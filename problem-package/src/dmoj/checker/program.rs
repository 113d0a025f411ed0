//! Checkers and interactors that are programs in the package.

use bytes::Bytes;
use domain::LanguageId;
use domain::problem::bounds::{MEMORY_KIB, VALIDATION_TIME_MS};
use domain::problem::{PackagedProgram, ProgramFile, Protocol, Validation, ValidationLimits};

use super::{Reader, validation};
use crate::diagnostic::quote;
use crate::dmoj::config::{FILE, is_true};
use crate::dmoj::languages;
use crate::fields::{Field, unknown_key};
use crate::languages::language_of;
use crate::yaml::{Key, Node};

/// The header that Testlib checkers and interactors include.
const TESTLIB: &str = "testlib.h";

impl Reader<'_, '_> {
    /// A program in the package: a bridged checker or an interactor.
    pub(super) fn program(
        &mut self,
        entries: &[(Key, Node)],
        at: Field<'_>,
        role: &str,
    ) -> Option<Validation> {
        let (mut paths, mut language, mut flags) = (Vec::new(), None, Vec::new());
        let (mut protocol, mut format, mut is_silent) = (Protocol::Bridged, None, false);
        let mut limits = ValidationLimits::default();
        let mut files_field = at;
        for (key, node) in entries {
            let field = Field { path: FILE, key: &key.text, node };
            if field.is_null() {
                continue;
            }
            match key.text.as_str() {
                "files" => {
                    paths = field.texts(self.report);
                    files_field = field;
                }
                "lang" => language = self.language(field),
                "type" => protocol = self.protocol(field).unwrap_or(protocol),
                "flags" => flags = field.texts(self.report),
                "args_format_string" => format = Some(field).filter(|field| is_true(field.node)),
                "feedback" => is_silent = !is_true(node),
                "treat_checker_points_as_percentage" if is_true(node) => {
                    let feature = "checker points as a percentage are";
                    field.not_supported(self.report, feature, "points");
                }
                "treat_checker_points_as_percentage" => {}
                "time_limit" => {
                    if let Some(seconds) = field.positive(self.report, "a number of seconds") {
                        #[allow(
                            clippy::cast_possible_truncation,
                            clippy::cast_sign_loss,
                            reason = "it is above 0, and held to the bounds"
                        )]
                        let time_ms = (seconds * 1_000.0).round() as u64;
                        limits.time_ms =
                            time_ms.clamp(*VALIDATION_TIME_MS.start(), *VALIDATION_TIME_MS.end());
                    }
                }
                "memory_limit" => {
                    if let Some(kib) = field.positive_integer(self.report, "a number of KiB") {
                        limits.memory_kib = kib.clamp(*MEMORY_KIB.start(), *MEMORY_KIB.end());
                    }
                }
                "cached" | "compiler_time_limit" | "preprocessing_time" | "unbuffered" => {}
                _ => unknown_key(FILE, key, &key.text, self.report),
            }
        }
        if paths.is_empty() {
            let message = format!("`{role}` has no `files`");
            self.report.error((FILE, at.position()), message, "`files: …`");
            return None;
        }
        // DMOJ has the header installed, so a package may contain it without listing it.
        if protocol == Protocol::Testlib
            && !paths.iter().any(|path| path.ends_with(TESTLIB))
            && self.data.has(TESTLIB)
        {
            paths.push(TESTLIB.to_owned());
        }
        let files: Vec<ProgramFile> = paths
            .iter()
            .filter_map(|path| self.data.program_file(path, files_field, self.blobs, self.report))
            .collect();
        let language = language.or_else(|| default_language(&paths));
        let Some(language) = language else {
            let message = format!("the language of the program in `{role}` is unknown");
            self.report.error((FILE, files_field.position()), message, "`lang: CPP17`");
            return None;
        };
        let name = paths.first().map_or(role, String::as_str).to_owned();
        let is_interactor = role == "interactive";
        let arguments = match format {
            Some(field) => self.arguments(field, protocol, is_interactor)?,
            None => None,
        };
        // The output of an interactor goes to the submission, so it is not redirected.
        let is_silent = is_silent && protocol == Protocol::Bridged && !is_interactor;
        let is_plain = flags.is_empty() && arguments.is_none() && !is_silent;
        let program = if is_plain {
            PackagedProgram { name, language: Some(language), files }
        } else {
            let arguments = arguments.unwrap_or_else(|| "\"$@\"".to_owned());
            // Feedback goes to standard error, where only judges and setters see it.
            let redirected = if is_silent { " >&2" } else { "" };
            let run = format!("{arguments}{redirected}");
            self.with_script(name, &language, files, &flags, &run, files_field)?
        };
        Some(Validation { limits, ..validation(program, protocol) })
    }

    fn language(&mut self, field: Field<'_>) -> Option<LanguageId> {
        let name = field.text(self.report)?;
        let language = languages::of(&name);
        if language.is_none() {
            field.error(self.report, "a language such as CPP17 or PY3");
        }
        language
    }

    fn protocol(&mut self, field: Field<'_>) -> Option<Protocol> {
        match field.text(self.report)?.as_str() {
            "default" => Some(Protocol::Bridged),
            "testlib" => Some(Protocol::Testlib),
            other => {
                let why = match other {
                    "coci" => ": its programs give a fraction of the points",
                    "peg" => ": its programs print a fraction of the points",
                    _ => "",
                };
                let message = format!("`type` is {}, which is not supported{why}", quote(other));
                self.report.error((FILE, field.position()), message, "default or testlib");
                None
            }
        }
    }

    /// The arguments of a program as shell words, for a script that gets them in the default order.
    /// `Some(None)` if the default order is right.
    fn arguments(
        &mut self,
        field: Field<'_>,
        protocol: Protocol,
        is_interactor: bool,
    ) -> Option<Option<String>> {
        let format = field.text(self.report)?;
        let [input, output, answer] = ["{input_file}", "{output_file}", "{answer_file}"];
        // An interactor gets no output file.
        let (default, given) = match (is_interactor, protocol) {
            (true, Protocol::Bridged) => (vec![input, answer], ["$1", "/dev/null", "$2"]),
            _ => (vec![input, output, answer], ["$1", "$2", "$3"]),
        };
        let words: Vec<&str> = format.split_whitespace().collect();
        if words == default {
            return Some(None);
        }
        let mut arguments = Vec::new();
        for word in words {
            let bare = [input, output, answer]
                .iter()
                .fold(word.to_owned(), |bare, name| bare.replace(name, ""));
            if bare.contains(['{', '}', '\'', '"', '\\']) {
                let message =
                    format!("`{}` is {}, which is not supported", field.key, quote(&format));
                let expected = format!("words with {input}, {output} and {answer}, without quotes");
                self.report.error((FILE, field.position()), message, expected);
                return None;
            }
            let names = [input, output, answer].into_iter().zip(given);
            arguments.push(names.fold(quoted(word), |word, (name, value)| {
                word.replace(name, &format!("'\"{value}\"'"))
            }));
        }
        Some(Some(arguments.join(" ")))
    }

    /// A program with custom compiler flags or arguments, as `build` and `run` scripts.
    fn with_script(
        &mut self,
        name: String,
        language: &LanguageId,
        mut files: Vec<ProgramFile>,
        flags: &[String],
        run: &str,
        at: Field<'_>,
    ) -> Option<PackagedProgram> {
        let (compiler, standard) = match language.as_str() {
            "c" => ("gcc", "gnu17"),
            "cpp" => ("g++", "gnu++17"),
            "cpp20" => ("g++", "gnu++20"),
            "cpp23" => ("g++", "gnu++23"),
            _ => {
                let message = format!(
                    "`flags`, `args_format_string` and `feedback: false` are not supported for {language}"
                );
                self.report.error(
                    (FILE, at.position()),
                    message,
                    "a program in C or C++, or none of them",
                );
                return None;
            }
        };
        let sources =
            files.iter().map(|file| file.path.as_str()).filter(|path| language_of(path).is_some());
        let words: Vec<String> =
            flags.iter().map(String::as_str).chain(sources).map(quoted).collect();
        let build = format!(
            "#!/bin/sh\nexec {compiler} -std={standard} -O2 -o program {} -lm\n",
            words.join(" ")
        );
        let run = format!("#!/bin/sh\nexec \"$(dirname \"$0\")/program\" {run}\n");
        for (path, script) in [("build", build), ("run", run)] {
            let content = self.blobs.put(&Bytes::from(script));
            files.push(ProgramFile { path: path.to_owned(), content, executable: true });
        }
        Some(PackagedProgram { name, language: None, files })
    }
}

/// Quotes a word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The default language of a program, by file extension. C++ is C++20, the newest of DMOJ's judge.
fn default_language(paths: &[String]) -> Option<LanguageId> {
    let found = paths.iter().find_map(|path| language_of(path))?;
    Some(if found.as_str() == "cpp" {
        "cpp20".parse().expect("it is a language id")
    } else {
        found
    })
}
