//! Validation of a revision's content.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::bounds;
use super::content::{ProblemLanguage, RevisionContent};
use super::judging::Checker;
use super::limits::Limits;
use super::test::{ProgramFile, Test};
use crate::text::is_shown;

/// One thing wrong with a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The field's name in the API.
    pub field: &'static str,
    /// What is expected of the field.
    pub message: String,
}

impl RevisionContent {
    /// Everything that is wrong with the content; empty when it is valid.
    pub fn flaws(&self) -> Vec<Flaw> {
        let mut flaws = Vec::new();
        let mut require = |met: bool, field: &'static str, message: &dyn Fn() -> String| {
            if !met {
                flaws.push(Flaw { field, message: message() });
            }
        };
        let title_chars = self.title.chars().count();
        require((1..=bounds::TITLE_CHARS_MAX).contains(&title_chars), "title", &|| {
            format!("a title has 1 to {} characters", bounds::TITLE_CHARS_MAX)
        });
        require(self.title.chars().all(is_shown), "title", &|| {
            "a title has no control characters and no characters that change the text direction"
                .to_owned()
        });
        require(self.tags.len() <= bounds::TAGS_MAX, "tags", &|| {
            format!("at most {} tags", bounds::TAGS_MAX)
        });
        for (field, text) in
            [("statement", Some(&self.statement)), ("editorial", self.editorial.as_ref())]
        {
            require(
                text.is_none_or(|text| text.len() <= bounds::MARKDOWN_BYTES_MAX),
                field,
                &|| format!("at most {} bytes", bounds::MARKDOWN_BYTES_MAX),
            );
        }
        require(self.hints.len() <= bounds::HINTS_MAX, "hints", &|| {
            format!("at most {} hints", bounds::HINTS_MAX)
        });
        require(
            self.hints.iter().all(|hint| hint.len() <= bounds::MARKDOWN_BYTES_MAX),
            "hints",
            &|| format!("at most {} bytes per hint", bounds::MARKDOWN_BYTES_MAX),
        );
        require(self.samples.len() <= bounds::SAMPLES_MAX, "samples", &|| {
            format!("at most {} samples", bounds::SAMPLES_MAX)
        });
        require(
            self.samples.iter().all(|sample| {
                sample.input.len().max(sample.output.len()) <= bounds::SAMPLE_BYTES_MAX
            }),
            "samples",
            &|| format!("at most {} bytes of input or output", bounds::SAMPLE_BYTES_MAX),
        );
        require((1..=bounds::TESTS_MAX).contains(&self.tests.len()), "tests", &|| {
            format!("1 to {} tests", bounds::TESTS_MAX)
        });
        self.flaws_of_judging(&mut flaws);
        let mut require = |met: bool, field: &'static str, message: &dyn Fn() -> String| {
            if !met {
                flaws.push(Flaw { field, message: message() });
            }
        };
        let code = |offer: &ProblemLanguage| {
            offer.starter_code.len().max(offer.start_snippet.len()).max(offer.end_snippet.len())
        };
        require(
            self.languages.iter().all(|offer| code(offer) <= bounds::CODE_BYTES_MAX),
            "languages",
            &|| format!("at most {} bytes per starter code or snippet", bounds::CODE_BYTES_MAX),
        );
        let Limits { time_ms, memory_kib, output_kib, source_bytes } = self.limits;
        for (field, value, range, unit) in [
            ("limits.timeMs", time_ms, bounds::TIME_MS, "milliseconds"),
            ("limits.memoryKb", memory_kib, bounds::MEMORY_KIB, "KiB"),
            ("limits.outputKb", output_kib, bounds::OUTPUT_KIB, "KiB"),
            ("limits.sourceBytes", source_bytes, bounds::SOURCE_BYTES, "bytes"),
        ] {
            require(range.contains(&value), field, &|| {
                format!("{} {unit}, not {value}", words(&range))
            });
        }
        flaws
    }

    fn flaws_of_judging(&self, flaws: &mut Vec<Flaw>) {
        let mut require = |met: bool, field: &'static str, message: String| {
            if !met {
                flaws.push(Flaw { field, message });
            }
        };
        let at_most = |max: usize, what: &str| format!("at most {max} {what}");
        let groups = self.grading.groups.len();
        require(
            groups <= bounds::GROUPS_MAX,
            "grading",
            at_most(bounds::GROUPS_MAX, "test groups"),
        );
        for message in self.grading.flaws(&self.slots()) {
            require(false, "grading", message);
        }
        let attachments = self.attachments.len();
        let message = at_most(bounds::ATTACHMENTS_MAX, "attachments");
        require(attachments <= bounds::ATTACHMENTS_MAX, "attachments", message);
        let translations = self.translations.len();
        let message = at_most(bounds::TRANSLATIONS_MAX, "translations");
        require(translations <= bounds::TRANSLATIONS_MAX, "translations", message);
        let args_fit = |test: &Test| {
            let args = test.args.iter().chain(&test.validator_args);
            args.map(|arg| arg.chars().count()).sum::<usize>() <= bounds::ARGS_CHARS_MAX
        };
        let message = at_most(bounds::ARGS_CHARS_MAX, "characters of arguments per test");
        require(self.tests.iter().all(args_fit), "tests", message);
        let programs = self.programs().map(|program| &program.files);
        let includes = self.include.iter().map(|include| &include.files);
        let beside = self.tests.iter().map(|test| &test.files);
        let fits = |files: &Vec<ProgramFile>| files.len() <= bounds::PROGRAM_FILES_MAX;
        let message = at_most(bounds::PROGRAM_FILES_MAX, "files in a program or beside one");
        require(programs.chain(includes).chain(beside).all(fits), "tests", message);
        if let Checker::Programs(validation) = &self.checker {
            let count = validation.programs.len();
            let message = format!("1 to {} validators", bounds::VALIDATORS_MAX);
            require((1..=bounds::VALIDATORS_MAX).contains(&count), "checker", message);
            let message = format!("{} passes per test", words(&bounds::PASSES));
            require(bounds::PASSES.contains(&validation.passes), "checker", message);
            let message = format!("{} ms for a validator", words(&bounds::VALIDATION_TIME_MS));
            let time_ms = validation.limits.time_ms;
            require(bounds::VALIDATION_TIME_MS.contains(&time_ms), "checker", message);
            let message = format!("{} KiB for a validator", words(&bounds::MEMORY_KIB));
            let memory_kib = validation.limits.memory_kib;
            require(bounds::MEMORY_KIB.contains(&memory_kib), "checker", message);
        }
    }
}

fn words<T: Display>(range: &RangeInclusive<T>) -> String {
    format!("{} to {}", range.start(), range.end())
}
