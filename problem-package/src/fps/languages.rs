//! HUSTOJ's names of languages.

use domain::LanguageId;

use crate::languages::SOURCE_EXTENSIONS;

const NAMES: [(&str, &str); 18] = [
    ("bash", "bash"),
    ("c", "c"),
    ("c#", "csharp"),
    ("c++", "cpp"),
    ("clang", "c"),
    ("clang++", "cpp"),
    ("fortran", "fortran"),
    ("go", "go"),
    ("java", "java"),
    ("javascript", "javascript"),
    ("lua", "lua"),
    ("pascal", "pascal"),
    ("perl", "perl"),
    ("php", "php"),
    ("python", "python3"),
    ("python3", "python3"),
    ("r", "r"),
    ("ruby", "ruby"),
];

/// The language with a HUSTOJ name, ignoring case and surrounding spaces.
pub(super) fn of(name: &str) -> Option<LanguageId> {
    let name = name.trim().to_ascii_lowercase();
    let (_, id) = NAMES.iter().find(|(known, _)| *known == name)?;
    Some(id.parse().expect("the table has language ids"))
}

/// A file name for a program in a language.
pub(super) fn file_name(language: &LanguageId) -> String {
    let id = language.as_str();
    // The shortest lower-case extension: capital ones mean another language to some compilers.
    let is_usual =
        |(extension, of): &&(&str, &str)| *of == id && extension.starts_with(char::is_lowercase);
    let extension = SOURCE_EXTENSIONS.iter().filter(is_usual).map(|(extension, _)| *extension);
    let extension =
        extension.min_by_key(|extension| (*extension == "c++", extension.len())).unwrap_or("txt");
    // A Java class must be in a file with its name.
    let stem = if id == "java" { "Main" } else { "main" };
    format!("{stem}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_languages() {
        let file = |name| of(name).map(|language| file_name(&language));
        assert_eq!(file("C++").as_deref(), Some("main.cc"));
        assert_eq!(file("C").as_deref(), Some("main.c"));
        assert_eq!(file(" Python").as_deref(), Some("main.py"));
        assert_eq!(file("Java").as_deref(), Some("Main.java"));
        assert_eq!(file("Scratch"), None);
    }
}
