//! Reads `languages`, `embargo_until` and `uuid`.

use domain::LanguageId;

use super::content::{FILE, Manifest};
use crate::diagnostic::{Report, quote};
use crate::fields::Field;
use crate::kattis::languages::{Code, code};
use crate::package::Options;

/// The allowed languages; `None`: all.
pub(super) fn languages(
    field: Field<'_>,
    options: &Options,
    report: &mut Report,
) -> Option<Vec<LanguageId>> {
    let names = field.texts(report);
    if names.iter().any(|name| name == "all") {
        return None;
    }
    let errors_before = report.has_errors();
    let mut languages: Vec<LanguageId> = Vec::new();
    for name in names {
        match code(&name, options) {
            Code::Known(language) if languages.contains(&language) => {}
            Code::Known(language) => languages.push(language),
            Code::Missing => {
                let message =
                    format!("the language {} is not available here and is ignored", quote(&name));
                report.warning((FILE, field.position()), message, "");
            }
            Code::Wrong => {
                let message = format!("{} is not a language id", quote(&name));
                report.error((FILE, field.position()), message, "`all`, or ids such as `cpp`");
            }
        }
    }
    if languages.is_empty() && report.has_errors() == errors_before {
        report.error(
            (FILE, field.position()),
            "no available language is given",
            "`all`, or ids such as `cpp`",
        );
    }
    Some(languages)
}

/// Reads a date: `2026-01-31` or `2026-01-31T12:00:00Z`.
pub(super) fn read_embargo(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    if field.is_null() {
        return;
    }
    let Some(text) = field.text(report) else { return };
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if !matches!(shape.as_str(), "0000-00-00" | "0000-00-00T00:00:00Z") {
        let message = format!("`embargo_until` is {}", quote(&text));
        let expected = "a date such as 2026-01-31 or 2026-01-31T12:00:00Z";
        report.warning((FILE, field.position()), message, expected);
    }
    field.warning(report, "is not enforced");
    manifest.about.embargo_until = Some(text);
}

pub(super) fn read_uuid(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    if field.is_null() {
        return;
    }
    let Some(text) = field.text(report) else { return };
    if uuid::Uuid::try_parse(&text).is_err() {
        let expected = "a UUID such as 2f1b6c9e-8f0a-4c55-9d3c-5b7d0c1e6a42";
        let message = format!("`uuid` is {}, which is not a UUID", quote(&text));
        report.warning((FILE, field.position()), message, expected);
    }
    manifest.about.uuid = Some(text);
}
