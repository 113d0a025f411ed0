//! DMOJ's names of languages.

use domain::LanguageId;

const NAMES: [(&str, &str); 39] = [
    ("BASH", "bash"),
    ("C", "c"),
    ("C11", "c"),
    ("CLANG", "c"),
    ("CLANGX", "cpp"),
    ("CPP03", "cpp"),
    ("CPP11", "cpp"),
    ("CPP14", "cpp"),
    ("CPP17", "cpp"),
    ("CPP20", "cpp20"),
    ("CPP23", "cpp23"),
    ("F95", "fortran"),
    ("FPC", "pascal"),
    ("GO", "go"),
    ("HASK", "haskell"),
    ("JAVA", "java"),
    ("JAVA10", "java"),
    ("JAVA11", "java"),
    ("JAVA17", "java"),
    ("JAVA8", "java"),
    ("JAVA9", "java"),
    ("KOTLIN", "kotlin"),
    ("LUA", "lua"),
    ("LUAJIT", "lua"),
    ("MONOCS", "csharp"),
    ("NODEJS", "javascript"),
    ("OCAML", "ocaml"),
    ("PAS", "pascal"),
    ("PERL", "perl"),
    ("PHP", "php"),
    ("PHP7", "php"),
    ("PY3", "python3"),
    ("PYPY3", "pypy3"),
    ("R", "r"),
    ("RUBY", "ruby"),
    ("RUBY2", "ruby"),
    ("RUST", "rust"),
    ("TS", "typescript"),
    ("V8JS", "javascript"),
];

/// The language with a DMOJ name; `None` if it is not supported.
pub(super) fn of(name: &str) -> Option<LanguageId> {
    let (_, id) = NAMES.iter().find(|(known, _)| *known == name)?;
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_languages() {
        let found = ["CPP17", "CPP20", "PY3", "PY2", "NASM", "cpp"]
            .map(|name| of(name).map(|id| id.to_string()));
        let expected = [Some("cpp"), Some("cpp20"), Some("python3"), None, None, None];
        assert_eq!(found, expected.map(|id| id.map(str::to_owned)));
    }
}
