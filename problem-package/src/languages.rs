//! Which language a source file is in.

use domain::LanguageId;

/// The language of a source file by its extension, for every language that the sandbox knows; a test compares the two.
pub const SOURCE_EXTENSIONS: &[(&str, &str)] = &[
    ("C", "cpp"),
    ("R", "r"),
    ("bash", "bash"),
    ("c", "c"),
    ("c++", "cpp"),
    ("cc", "cpp"),
    ("cjs", "javascript"),
    ("cpp", "cpp"),
    ("cpp20", "cpp20"),
    ("cpp23", "cpp23"),
    ("cs", "csharp"),
    ("cts", "typescript"),
    ("cxx", "cpp"),
    ("dpr", "pascal"),
    ("f03", "fortran"),
    ("f08", "fortran"),
    ("f90", "fortran"),
    ("f95", "fortran"),
    ("go", "go"),
    ("hs", "haskell"),
    ("java", "java"),
    ("js", "javascript"),
    ("kt", "kotlin"),
    ("lpr", "pascal"),
    ("lua", "lua"),
    ("mjs", "javascript"),
    ("ml", "ocaml"),
    ("pas", "pascal"),
    ("php", "php"),
    ("pl", "perl"),
    ("pp", "pascal"),
    ("py", "python3"),
    ("py3", "python3"),
    ("pypy", "pypy3"),
    ("pypy3", "pypy3"),
    ("r", "r"),
    ("rb", "ruby"),
    ("rs", "rust"),
    ("sh", "bash"),
    ("ts", "typescript"),
];

/// The language of a source file by the extension of its name.
pub(crate) fn language_of(name: &str) -> Option<LanguageId> {
    let (_, extension) = name.rsplit_once('.')?;
    let (_, id) = SOURCE_EXTENSIONS.iter().find(|(known, _)| *known == extension)?;
    Some(id.parse().expect("the table has language ids"))
}
