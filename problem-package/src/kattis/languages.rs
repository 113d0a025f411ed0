//! Maps the format's language codes to Assay's languages.

use domain::LanguageId;

use crate::languages::SOURCE_EXTENSIONS;
use crate::package::Options;

/// Codes of the format without a language in Assay.
const MISSING: [&str; 34] = [
    "ada",
    "algol68",
    "apl",
    "cgmp",
    "cobol",
    "cppgmp",
    "crystal",
    "d",
    "dart",
    "elixir",
    "erlang",
    "forth",
    "fsharp",
    "gerbil",
    "javaalgs4",
    "julia",
    "lisp",
    "modula2",
    "nim",
    "objectivec",
    "octave",
    "odin",
    "prolog",
    "python2",
    "python3numpy",
    "racket",
    "scala",
    "simula",
    "smalltalk",
    "snobol",
    "swift",
    "visualbasic",
    "zig",
    "pypy2",
];

/// The meaning of a language code.
pub(super) enum Code {
    /// A language, which may be one that only this installation has.
    Known(LanguageId),
    /// A language that is not available.
    Missing,
    /// An invalid code.
    Wrong,
}

pub(super) fn code(code: &str, options: &Options) -> Code {
    match code.parse::<LanguageId>() {
        Err(_) => Code::Wrong,
        Ok(language) if MISSING.contains(&code) && !options.languages.contains(&language) => {
            Code::Missing
        }
        Ok(language) => Code::Known(language),
    }
}

/// The language and its variants, which have the same code in the format.
pub(super) fn with_variants(language: &LanguageId) -> Vec<LanguageId> {
    let variants: &[&str] = match language.as_str() {
        "cpp" => &["cpp20", "cpp23"],
        "python3" => &["pypy3"],
        _ => &[],
    };
    let is_here = |id: &&&str| SOURCE_EXTENSIONS.iter().any(|(_, known)| known == *id);
    let variants = variants.iter().filter(is_here);
    let variants = variants.map(|id| id.parse().expect("these are language ids"));
    std::iter::once(language.clone()).chain(variants).collect()
}
