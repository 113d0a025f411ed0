//! Detects the language of source files and programs.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::LanguageId;

/// Languages by file extension, for every language of the sandbox. A test compares the two.
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

/// The language of a source file by its extension.
pub(crate) fn language_of(name: &str) -> Option<LanguageId> {
    let (_, extension) = name.rsplit_once('.')?;
    let (_, id) = SOURCE_EXTENSIONS.iter().find(|(known, _)| *known == extension)?;
    Some(id.parse().expect("the table has language ids"))
}

/// Bytes at the start of a file in which its first line is searched for.
const FIRST_LINE_BYTES_MAX: usize = 256;

/// Extensions of languages that cannot be judged here, with their names. `.pl` and `.py` files are
/// distinguished by their contents.
const MISSING_EXTENSIONS: &[(&str, &str)] = &[
    ("4th", "Forth"),
    ("a68", "Algol 68"),
    ("adb", "Ada"),
    ("ads", "Ada"),
    ("apl", "APL"),
    ("cl", "Common Lisp"),
    ("clj", "Clojure"),
    ("cob", "COBOL"),
    ("cr", "Crystal"),
    ("d", "D"),
    ("dart", "Dart"),
    ("erl", "Erlang"),
    ("ex", "Elixir"),
    ("exs", "Elixir"),
    ("forth", "Forth"),
    ("frt", "Forth"),
    ("fs", "F#"),
    ("fth", "Forth"),
    ("groovy", "Groovy"),
    ("jl", "Julia"),
    ("lisp", "Common Lisp"),
    ("m", "Objective-C or Octave"),
    ("mod", "Modula-2"),
    ("nim", "Nim"),
    ("odin", "Odin"),
    ("plg", "Prolog"),
    ("py2", PYTHON2),
    ("rkt", "Racket"),
    ("sc", "Scala"),
    ("scala", "Scala"),
    ("scm", "Scheme"),
    ("sim", "Simula"),
    ("sml", "Standard ML"),
    ("sno", "SNOBOL"),
    ("ss", "Gerbil"),
    ("st", "Smalltalk"),
    ("swift", "Swift"),
    ("vb", "Visual Basic"),
    ("zig", "Zig"),
];

const PYTHON2: &str = "Python 2";
const PROLOG: &str = "Prolog";

/// The preferred language of a program with the same number of files in several languages, first
/// match first. This is the order of the formats' tools. Other languages come last.
const ORDER: &[&str] = &[
    "cpp23",
    "cpp20",
    "cpp",
    "c",
    PYTHON2,
    "python3",
    "pypy3",
    "java",
    "csharp",
    "F#",
    "ruby",
    "haskell",
    "rust",
    "Scala",
    "typescript",
    "javascript",
    "php",
    "go",
    "ocaml",
    "pascal",
    "Objective-C or Octave",
    "kotlin",
    "Common Lisp",
    PROLOG,
    "COBOL",
];

/// Languages whose programs may contain files of another language. Those files count for both.
const TAKES_FILES_OF: &[(&str, &str)] = &[
    ("cpp", "c"),
    ("cpp20", "c"),
    ("cpp20", "cpp"),
    ("cpp23", "c"),
    ("cpp23", "cpp"),
    ("cpp23", "cpp20"),
    ("haskell", "c"),
    ("Objective-C or Octave", "c"),
    ("typescript", "javascript"),
    (PYTHON2, "python3"),
];

/// The detected language of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Detected {
    /// A language that can be judged.
    Known {
        /// The language id.
        language: LanguageId,
        /// Other languages found among the files.
        others: Vec<String>,
    },
    /// A language that cannot be judged here, by name.
    Missing(&'static str),
    /// No file is in a known language.
    Nothing,
}

/// Detects the language of a program: the one with the most files, and on a tie the first in
/// [`ORDER`]. Contents decide where two languages share an extension.
pub(crate) fn detect(files: &[(&str, &Bytes)]) -> Detected {
    let is_prolog = is_prolog(files);
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for (path, bytes) in files {
        if let Some(language) = language_of_file(path, bytes, is_prolog) {
            *counts.entry(language).or_default() += 1;
        }
    }
    let own = counts.clone();
    for (taker, other) in TAKES_FILES_OF {
        if let (Some(count), Some(more)) = (counts.get_mut(taker), own.get(other)) {
            *count += more;
        }
    }
    let rank = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
    let best = counts.iter().max_by_key(|(name, count)| (**count, std::cmp::Reverse(rank(name))));
    let Some((&best, _)) = best else { return Detected::Nothing };
    let takes = |other: &str| TAKES_FILES_OF.contains(&(best, other));
    let others = own.keys().filter(|name| **name != best && !takes(name));
    match best.parse::<LanguageId>() {
        Ok(language) if SOURCE_EXTENSIONS.iter().any(|(_, known)| *known == best) => {
            Detected::Known { language, others: others.map(|name| (*name).to_owned()).collect() }
        }
        _ => Detected::Missing(best),
    }
}

/// The language id, or the name of a language that cannot be judged.
fn language_of_file(path: &str, bytes: &Bytes, is_prolog: bool) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    let find = |table: &'static [(&str, &str)]| {
        table.iter().find(|(known, _)| *known == extension).map(|(_, name)| *name)
    };
    match extension {
        // `go.mod` is not a Modula-2 source.
        "mod" if path == "go.mod" || path.ends_with("/go.mod") => None,
        "py" if first_line(bytes).is_some_and(|line| line.contains("python2")) => Some(PYTHON2),
        "pl" if is_prolog => Some(PROLOG),
        _ => find(SOURCE_EXTENSIONS).or_else(|| find(MISSING_EXTENSIONS)),
    }
}

/// The first line, if it names an interpreter.
fn first_line(bytes: &Bytes) -> Option<String> {
    let head = &bytes[..bytes.len().min(FIRST_LINE_BYTES_MAX)];
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line).into_owned();
    line.starts_with("#!").then_some(line)
}

/// Whether the `.pl` files are Prolog and not Perl. A shebang line decides. Otherwise the line
/// endings do: Prolog clauses end with `.` or contain `:-`, Perl statements end with `;` or braces.
fn is_prolog(files: &[(&str, &Bytes)]) -> bool {
    let (mut prolog, mut perl) = (0, 0);
    for (_, bytes) in files.iter().filter(|(path, _)| path.ends_with(".pl")) {
        match first_line(bytes) {
            Some(line) if line.contains("perl") => return false,
            Some(line)
                if ["swipl", "prolog", "gprolog", "yap"].iter().any(|it| line.contains(it)) =>
            {
                return true;
            }
            _ => {}
        }
        let text = String::from_utf8_lossy(bytes);
        for line in text.lines().map(str::trim) {
            let is_perl = line.ends_with([';', '{', '}'])
                || line.starts_with('#')
                || ["my $", "my @", "my %", "<STDIN>", "<>"].iter().any(|it| line.contains(it));
            let is_prolog = line.ends_with('.')
                || line.ends_with("-->")
                || line.contains(":-")
                || line.starts_with('%') && !line.ends_with(';');
            perl += usize::from(is_perl && !line.contains(":-"));
            prolog += usize::from(is_prolog && !is_perl);
        }
    }
    prolog > perl
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The language detected for files with these paths and contents.
    fn detected(files: &[(&str, &str)]) -> String {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, Bytes::copy_from_slice(text.as_bytes())))
            .collect();
        let files: Vec<_> = files.iter().map(|(path, bytes)| (*path, bytes)).collect();
        match detect(&files) {
            Detected::Known { language, others } if others.is_empty() => language.to_string(),
            Detected::Known { language, others } => format!("{language}, not {}", others.join(" ")),
            Detected::Missing(name) => format!("no {name}"),
            Detected::Nothing => "nothing".to_owned(),
        }
    }

    const PROLOG_FACTS: &str = "[kattio].\n\nmain :-\n    repeat,\n    read_int(X),\n    halt.\n";
    const PERL: &str = "use strict;\nmy ($a, $b) = split ' ', <STDIN>;\nprint $a + $b, \"\\n\";\n";

    #[test]
    fn a_program_is_in_the_language_of_most_of_its_files() {
        let python2 = "#!/usr/bin/env python2\nprint 1\n";
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[("a.py", "")], "python3"),
            (&[("a.C", "")], "cpp"),
            (&[("a.c", ""), ("b.h", ""), ("data.txt", "")], "c"),
            (&[("a.h", "")], "nothing"),
            (&[("README", ""), ("Makefile", "")], "nothing"),
            (&[], "nothing"),
            // Files of another language that count for the program's language.
            (&[("a.c", ""), ("b.cpp", "")], "cpp"),
            (&[("a.c", ""), ("b.c", ""), ("c.cc", "")], "cpp"),
            (&[("a.cpp", ""), ("b.cpp23", "")], "cpp23"),
            (&[("a.hs", ""), ("b.c", "")], "haskell"),
            (&[("a.ts", ""), ("b.js", ""), ("c.js", "")], "typescript"),
            (&[("a.m", ""), ("b.c", "")], "no Objective-C or Octave"),
            // The most files, then the order of the formats' tools.
            (&[("a.c", ""), ("b.py", "")], "c, not python3"),
            (&[("a.c", ""), ("b.py", ""), ("c.py", "")], "python3, not c"),
            (&[("a.java", ""), ("b.kt", "")], "java, not kotlin"),
            (&[("a.java", ""), ("b.kt", ""), ("c.kt", "")], "kotlin, not java"),
            (&[("a.scala", ""), ("b.java", "")], "java, not Scala"),
            (&[("a.scala", ""), ("b.scala", ""), ("c.java", "")], "no Scala"),
            (&[("a.py", ""), ("run.sh", "")], "python3, not bash"),
            (&[("a.go", ""), ("go.mod", ""), ("b/go.mod", "")], "go"),
            (&[("a.mod", "")], "no Modula-2"),
            // By the first line.
            (&[("a.py", python2)], "no Python 2"),
            (&[("a.py2", "")], "no Python 2"),
            (&[("a.py", python2), ("b.py", python2)], "no Python 2"),
            (&[("a.py", python2), ("b.py", "")], "no Python 2"),
            (&[("a.py", "#!/usr/bin/env python3\n")], "python3"),
            (&[("a.py", "#!/usr/bin/pypy\n# not for python2\n")], "python3"),
            // By the text.
            (&[("a.pl", PROLOG_FACTS)], "no Prolog"),
            (&[("a.pl", PERL)], "perl"),
            (&[("a.pl", "")], "perl"),
            (&[("a.pl", "#!/usr/bin/perl -w\nmain.\n")], "perl"),
            (&[("a.pl", "#!/usr/bin/env swipl\n$x;\n")], "no Prolog"),
            (
                &[
                    ("different.pl", PROLOG_FACTS),
                    ("kattio.pl", "% Reads.\nread_int(I) :-\n  a(I).\n"),
                ],
                "no Prolog",
            ),
            (&[("a.pl", "% facts only\nparent(a, b).\nparent(b, c).\n")], "no Prolog"),
            (&[("a.pl", "print \"a.\\n\";\n")], "perl"),
            (&[("a.pl", "greeting --> [hello], name.\nname --> [world].\n")], "no Prolog"),
            (&[("a.pl", "%h = (1, 2);\nfor my $k (keys %h) {\n  print $k;\n}\n")], "perl"),
            (&[("a.pl", "#comment\nprint 1 if $x =~ /:-/;\n")], "perl"),
            (&[("a.pl", "print 'Hello World!'\n")], "perl"),
        ];
        for (files, expected) in cases {
            assert_eq!(detected(files), *expected, "{files:?}");
        }
    }

    #[test]
    fn a_language_that_is_not_here_is_named() {
        for (extension, name) in MISSING_EXTENSIONS {
            let path = format!("main.{extension}");
            assert_eq!(detected(&[(path.as_str(), "")]), format!("no {name}"));
            let is_here = SOURCE_EXTENSIONS.iter().any(|(known, _)| known == extension);
            assert!(!is_here, "{extension} is of a language that is here");
        }
        for (extension, id) in SOURCE_EXTENSIONS {
            let path = format!("main.{extension}");
            assert_eq!(detected(&[(path.as_str(), "")]), *id);
        }
    }
}
