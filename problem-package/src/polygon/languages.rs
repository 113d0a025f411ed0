//! Polygon's names of natural languages and programming languages.

use domain::LanguageId;

use crate::languages::language_of;

/// Natural languages and their ISO 639-1 codes.
const NATURAL: [(&str, &str); 39] = [
    ("afrikaans", "af"),
    ("arabic", "ar"),
    ("armenian", "hy"),
    ("azerbaijani", "az"),
    ("belarusian", "be"),
    ("bengali", "bn"),
    ("bulgarian", "bg"),
    ("chinese", "zh"),
    ("croatian", "hr"),
    ("czech", "cs"),
    ("dutch", "nl"),
    ("english", "en"),
    ("estonian", "et"),
    ("finnish", "fi"),
    ("french", "fr"),
    ("georgian", "ka"),
    ("german", "de"),
    ("hebrew", "he"),
    ("hungarian", "hu"),
    ("indonesian", "id"),
    ("italian", "it"),
    ("japanese", "ja"),
    ("kazakh", "kk"),
    ("korean", "ko"),
    ("latvian", "lv"),
    ("lithuanian", "lt"),
    ("mongolian", "mn"),
    ("persian", "fa"),
    ("polish", "pl"),
    ("portuguese", "pt"),
    ("romanian", "ro"),
    ("russian", "ru"),
    ("serbian", "sr"),
    ("spanish", "es"),
    ("swedish", "sv"),
    ("turkish", "tr"),
    ("ukrainian", "uk"),
    ("uzbek", "uz"),
    ("vietnamese", "vi"),
];

/// The code of a natural language; an unknown one keeps its name.
pub(super) fn natural(name: &str) -> String {
    let known = NATURAL.iter().find(|(known, _)| *known == name);
    known.map_or(name, |(_, code)| code).to_owned()
}

/// The language of a program, by its type, such as `cpp.g++17`, or by its file extension.
pub(super) fn of_program(kind: Option<&str>, path: &str) -> Option<LanguageId> {
    let id = kind.and_then(of_type);
    id.map(|id| id.parse().expect("these are language ids")).or_else(|| {
        // Python 2 is a language of its own.
        language_of(path).filter(|_| !kind.is_some_and(|kind| kind.starts_with("python")))
    })
}

fn of_type(kind: &str) -> Option<&'static str> {
    let (family, version) = kind.split_once('.').unwrap_or((kind, ""));
    let ends = |suffix: &str| version.ends_with(suffix) || version.contains(&format!("{suffix}-"));
    let begins = |prefix: &str| kind.starts_with(prefix);
    Some(match family {
        "cpp" if ends("++23") || ends("++26") => "cpp23",
        "cpp" if ends("++20") => "cpp20",
        "cpp" => "cpp",
        "c" => "c",
        "python" if version.starts_with("pypy3") => "pypy3",
        "python" if version.starts_with('3') => "python3",
        "python" => return None,
        "pas" => "pascal",
        "csharp" => "csharp",
        "js" | "node" => "javascript",
        "h" => return None,
        _ if begins("javascript") || begins("nodejs") => "javascript",
        _ if begins("java") => "java",
        _ if begins("kotlin") => "kotlin",
        _ if begins("rust") => "rust",
        _ if begins("ruby") => "ruby",
        _ if begins("perl") => "perl",
        _ if begins("php") => "php",
        _ if begins("haskell") => "haskell",
        _ if begins("ocaml") => "ocaml",
        _ if begins("go") => "go",
        _ => return None,
    })
}

/// The languages that a pattern of types such as `cpp.*` matches; `None` for all.
pub(super) fn of_pattern(pattern: &str) -> Option<Vec<LanguageId>> {
    let ids: &[&str] = match pattern.split(['.', '*']).next().unwrap_or_default() {
        "" => return None,
        "cpp" => &["cpp", "cpp20", "cpp23"],
        "python" => &["python3", "pypy3"],
        "pas" => &["pascal"],
        family => {
            let id = of_type(family).or_else(|| of_type(pattern));
            return Some(id.into_iter().filter_map(|id| id.parse().ok()).collect());
        }
    };
    Some(ids.iter().filter_map(|id| id.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_languages() {
        let cases = [
            (Some("cpp.g++17"), "a.cpp", Some("cpp")),
            (Some("cpp.g++11"), "a.cpp", Some("cpp")),
            (Some("cpp.gcc13-64-winlibs-g++20"), "a.cpp", Some("cpp20")),
            (Some("cpp.gcc14-64-msys2-g++23"), "a.cpp", Some("cpp23")),
            (Some("cpp.clang++20-diagnose"), "a.cpp", Some("cpp20")),
            (Some("c.gcc"), "a.c", Some("c")),
            (Some("java11"), "A.java", Some("java")),
            (Some("kotlin19"), "a.kt", Some("kotlin")),
            (Some("python.3"), "a.py", Some("python3")),
            (Some("python.pypy3-64"), "a.py", Some("pypy3")),
            (Some("python.2"), "a.py", None),
            (Some("python.pypy2"), "a.py", None),
            (Some("pas.dpr"), "a.dpr", Some("pascal")),
            (Some("csharp.mono"), "a.cs", Some("csharp")),
            (Some("js.node"), "a.js", Some("javascript")),
            (Some("rust.2021"), "a.rs", Some("rust")),
            (Some("go"), "a.go", Some("go")),
            (Some("d"), "a.d", None),
            (Some("unheard-of"), "a.cc", Some("cpp")),
            (None, "a.py", Some("python3")),
            (None, "a", None),
        ];
        for (kind, path, expected) in cases {
            let found = of_program(kind, path);
            assert_eq!(found.as_ref().map(LanguageId::as_str), expected, "{kind:?} {path}");
        }
        let of = |pattern| of_pattern(pattern).map(|ids| ids.len());
        assert_eq!(
            [of("cpp.*"), of("java*"), of("*"), of("d.*")],
            [Some(3), Some(1), None, Some(0)]
        );
    }
}
