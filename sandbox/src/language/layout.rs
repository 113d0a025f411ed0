//! Programs of several files: which files are sources, where the program begins, and the commands
//! with their placeholders filled in.

#[cfg(test)]
mod commands;

use std::path::Path;

use super::{Language, MIB};

/// The files of a program and its entry point.
///
/// Names are relative to the program's folder and follow the rules of
/// [`CellPath`](crate::CellPath).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layout {
    /// The file in which the program begins.
    pub main: String,
    /// All files of the program, including `main`. Some may not be sources of the language, such as
    /// headers.
    pub sources: Vec<String>,
    /// The entry point, if the author gives one: a class, or one of the sources, which is then the
    /// main file.
    pub entry_point: Option<String>,
}

impl Layout {
    /// The layout of a single source, which gets the language's usual name.
    pub fn single(language: &Language) -> Self {
        Self {
            main: language.source.clone(),
            sources: vec![language.source.clone()],
            entry_point: None,
        }
    }

    /// The main file: the entry point if that is a source, otherwise `main`.
    fn main(&self) -> &str {
        let named = self.entry_point.as_ref();
        named.filter(|named| self.sources.contains(named)).unwrap_or(&self.main)
    }
}

/// The files that runs need in the program area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outputs {
    /// The file of this name, which compiling leaves in the work area.
    File(String),
    /// All files of the program, under their own names.
    Sources,
}

impl Language {
    /// The commands that compile or check a program.
    pub fn compile_steps(&self, layout: &Layout) -> Vec<Vec<String>> {
        let sources = self.ordered_sources(layout);
        let alone = sources == [self.source.as_str()];
        let pack = self.pack.iter().filter(|_| !alone);
        let mut steps = Vec::new();
        for step in self.compile.iter().chain(pack) {
            if step.iter().any(|word| word.contains("{each}")) {
                steps.extend(sources.iter().map(|each| self.filled(step, layout, &[each])));
            } else {
                steps.push(self.filled(step, layout, &sources));
            }
        }
        steps
    }

    /// The command that runs a program under a problem's memory limit.
    pub fn run_argv(&self, memory_bytes: u64, layout: &Layout) -> Vec<String> {
        let memory_mib = (memory_bytes / MIB).max(1);
        let ceiling_mib = memory_mib + self.allowances.memory_mib;
        let limited = |word: String| {
            word.replace("{memory_mib}", &memory_mib.to_string())
                .replace("{ceiling_mib}", &ceiling_mib.to_string())
        };
        let sources = self.ordered_sources(layout);
        self.filled(&self.run, layout, &sources).into_iter().map(limited).collect()
    }

    /// The files that runs of a program need.
    pub fn outputs(&self, _layout: &Layout) -> Outputs {
        if self.runs_its_source() { Outputs::Sources } else { Outputs::File(self.artifact.clone()) }
    }

    /// Whether the sources themselves run, so that compiling only checks them.
    pub fn runs_its_source(&self) -> bool {
        self.source == self.artifact
    }

    /// Whether a file of this name is a source of this language, as opposed to a header or data.
    pub fn is_source(&self, name: &str) -> bool {
        let usual = extension(&self.source);
        let own = self.extensions.iter().chain(&self.also_sources).map(String::as_str);
        extension(name).is_some_and(|it| usual == Some(it) || own.into_iter().any(|own| own == it))
    }

    /// The main file among a program's files, given as (name, content): the one that
    /// [`main_shown`](Self::main_shown) finds, otherwise the first source by name, as the tools of
    /// the package formats choose.
    pub fn main_among(&self, files: &[(&str, &[u8])]) -> Option<String> {
        let first = || self.sources_of(files).first().map(|(name, _)| (*name).to_owned());
        self.main_shown(files).or_else(first)
    }

    /// The main file among a program's files, if they show it. In this order: the only source; the
    /// first source with one of the language's main names; the first that contains one of its main
    /// marks; if all sources are compiled together, the first by name.
    pub fn main_shown(&self, files: &[(&str, &[u8])]) -> Option<String> {
        let sources = self.sources_of(files);
        if let [(only, _)] = sources[..] {
            return Some(only.to_owned());
        }
        let named = |name: &str| {
            let usual = stem(&self.source) == stem(name) && !name.contains('/');
            usual || self.main_names.iter().any(|known| known == name)
        };
        let marks: Vec<_> = self.main_marks.iter().map(|mark| compact(mark.as_bytes())).collect();
        let is_marked = |text: &[u8]| marks.iter().any(|mark| contains(&compact(text), mark));
        let all_are_compiled = !self.runs_its_source()
            && self.compile.iter().flatten().any(|word| word.contains("{sources}"));
        let shown = sources.iter().find(|(name, _)| named(name));
        let shown = shown.or_else(|| sources.iter().find(|(_, text)| is_marked(text)));
        let shown = shown.or(sources.first().filter(|_| all_are_compiled));
        shown.map(|(name, _)| (*name).to_owned())
    }

    /// The sources among a program's files, sorted by name.
    fn sources_of<'a>(&self, files: &[(&'a str, &'a [u8])]) -> Vec<(&'a str, &'a [u8])> {
        let mut sources: Vec<_> =
            files.iter().filter(|(name, _)| self.is_source(name)).copied().collect();
        sources.sort_unstable();
        sources
    }

    /// The language's own sources, with the main file last because some compilers need its
    /// dependencies first.
    fn ordered_sources<'a>(&self, layout: &'a Layout) -> Vec<&'a str> {
        let main = layout.main();
        let sources = layout.sources.iter().map(String::as_str);
        let others = sources.filter(|name| *name != main && self.is_source(name));
        others.chain([main]).collect()
    }

    /// A command with its placeholders filled in. All names are plain.
    fn filled(&self, command: &[String], layout: &Layout, sources: &[&str]) -> Vec<String> {
        let entry_point = self.entry_point(layout);
        let mut words = Vec::new();
        for word in command {
            if word == "{sources}" {
                words.extend(sources.iter().map(ToString::to_string));
                continue;
            }
            let word = word
                .replace("{sources}", &sources.join(" "))
                .replace("{each}", &sources.join(" "))
                .replace("{main}", layout.main())
                .replace("{entry_point}", &entry_point);
            words.push(word);
        }
        words
    }

    fn entry_point(&self, layout: &Layout) -> String {
        let given = layout.entry_point.as_ref().filter(|given| !layout.sources.contains(given));
        if let Some(given) = given {
            return given.clone();
        }
        let stem = stem(layout.main());
        let usual = self.entry_point.as_deref().unwrap_or_default();
        usual.replace("{stem}", stem).replace("{Stem}", &class_name(stem))
    }
}

fn extension(name: &str) -> Option<&str> {
    Path::new(name).extension()?.to_str()
}

fn stem(name: &str) -> &str {
    Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name)
}

/// The name of the class that a compiler such as Kotlin's makes from a file.
fn class_name(stem: &str) -> String {
    let plain = stem.chars().map(|c| if c.is_alphanumeric() { c } else { '_' });
    let plain: String = plain.collect();
    match plain.chars().next() {
        Some(first) if first.is_ascii_digit() => format!("_{plain}"),
        Some(first) => first.to_uppercase().chain(plain.chars().skip(1)).collect(),
        None => plain,
    }
}

/// A text without its white space.
fn compact(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::commands::COMMANDS;
    use super::*;
    use crate::Languages;

    fn layout(main: &str, others: &[&str]) -> Layout {
        let sources = std::iter::once(&main).chain(others).map(ToString::to_string).collect();
        Layout { main: main.to_owned(), sources, entry_point: None }
    }

    #[test]
    fn single_files_are_compiled_and_run_by_these_commands() {
        let languages = Languages::builtin();
        assert_eq!(COMMANDS.len(), languages.all().len());
        for (id, steps, run, artifact) in COMMANDS {
            let language = languages.get(id).expect("a language of the table");
            let layout = Layout::single(language);
            assert_eq!(language.compile_steps(&layout), *steps, "{id}");
            assert_eq!(language.run_argv(256 << 20, &layout), *run, "{id}");
            let outputs = artifact.map_or(Outputs::Sources, |it| Outputs::File(it.to_owned()));
            assert_eq!(language.outputs(&layout), outputs, "{id}");
        }
    }

    #[test]
    fn no_placeholder_is_left() {
        for language in Languages::builtin().all() {
            let end = language.source.rsplit_once('.').expect("sources have extensions").1;
            let several = layout(&format!("Different.{end}"), &[&format!("Other.{end}")]);
            let mut words = language.compile_steps(&several).concat();
            words.extend(language.run_argv(1 << 20, &several));
            for name in ["main", "sources", "each", "entry_point", "stem", "Stem"] {
                let left = format!("{{{name}}}");
                assert!(words.iter().all(|word| !word.contains(&left)), "{words:?}");
            }
            let mentions = |name: &str| words.iter().any(|word| word.contains(name));
            assert!(mentions("Different"), "{words:?}");
        }
    }

    #[test]
    fn headers_are_beside_the_sources() {
        let languages = Languages::builtin();
        let steps = |id: &str, layout: &Layout| {
            languages.get(id).expect("built in").compile_steps(layout).concat()
        };
        let words = steps("cpp20", &layout("a.cpp", &["b.cc", "b.hpp", "sub/c.C", "data.txt"]));
        let end = ["b.cc", "sub/c.C", "a.cpp", "-x", "none", "-lm"];
        assert!(words.ends_with(&end.map(str::to_owned)), "{words:?}");
        let words = steps("ocaml", &layout("a.ml", &["z.ml"]));
        assert!(words.ends_with(&["z.ml", "a.ml"].map(str::to_owned)));
        let words = steps("go", &layout("a.go", &["z.go"]));
        assert!(words[2].ends_with("-o main z.go a.go"), "{words:?}");
        let words = steps("rust", &layout("a.rs", &["z.rs"]));
        assert!(!words.contains(&"z.rs".to_owned()));
    }

    #[test]
    fn every_file_that_runs_as_it_is_gets_checked() {
        let languages = Languages::builtin();
        let perl = languages.get("perl").expect("built in");
        let steps = perl.compile_steps(&layout("a.pl", &["b.pl", "words.txt"]));
        assert_eq!(steps, [["perl", "-c", "b.pl"], ["perl", "-c", "a.pl"]]);
    }

    #[test]
    fn programs_begin_where_they_say() {
        let languages = Languages::builtin();
        let last = |id: &str, layout: &Layout| {
            let argv = languages.get(id).expect("built in").run_argv(1 << 20, layout);
            argv.last().expect("a command").clone()
        };
        let begin = |mut layout: Layout, entry_point: &str| {
            layout.entry_point = Some(entry_point.to_owned());
            layout
        };
        assert_eq!(last("java", &layout("Different.java", &[])), "Different");
        assert_eq!(last("java", &begin(layout("a.java", &[]), "org.Sum")), "org.Sum");
        assert_eq!(last("kotlin", &layout("different.kt", &[])), "DifferentKt");
        assert_eq!(last("kotlin", &layout("wrong-answer.kt", &[])), "Wrong_answerKt");
        assert_eq!(last("kotlin", &layout("2.kt", &[])), "_2Kt");
        assert_eq!(last("kotlin", &begin(layout("a.kt", &[]), "SumKt")), "SumKt");
        assert_eq!(last("python3", &layout("sub/sum.py", &[])), "/box/sub/sum.py");
        assert_eq!(last("python3", &begin(layout("a.py", &["b.py"]), "b.py")), "/box/b.py");
        assert_eq!(last("c", &begin(layout("a.c", &[]), "whatever")), "/box/main");
    }

    /// A language, files, and the main one among them.
    type Case = (&'static str, &'static [(&'static str, &'static str)], Option<&'static str>);

    #[test]
    fn the_main_file_is_found() {
        const CASES: &[Case] = &[
            ("c", &[], None),
            ("c", &[("read.me", "")], None),
            ("c", &[("z.c", ""), ("a.h", "")], Some("z.c")),
            ("c", &[("b.c", ""), ("a.c", "")], Some("a.c")),
            ("cpp", &[("b.cc", ""), ("main.cc", ""), ("a.cpp", "")], Some("main.cc")),
            ("java", &[("A.java", ""), ("Main.java", "")], Some("Main.java")),
            (
                "java",
                &[("A.java", "class A {}"), ("B.java", "public static void  main (String[] a)")],
                Some("B.java"),
            ),
            ("java", &[("A.java", ""), ("B.java", "")], Some("A.java")),
            ("kotlin", &[("a.kt", ""), ("b.kt", "fun main() {}")], Some("b.kt")),
            ("python3", &[("a.py", ""), ("__main__.py", "")], Some("__main__.py")),
            // A module may run its own tests.
            ("python3", &[("a.py", ""), ("b.py", "if __name__ == '__main__':")], Some("a.py")),
            ("python3", &[("b.py", ""), ("a.py", "")], Some("a.py")),
            ("python3", &[("a.py", ""), ("sub/main.py", "")], Some("a.py")),
            ("pypy3", &[("a.py", ""), ("main.py", "")], Some("main.py")),
            ("rust", &[("a.rs", "fn main() {}"), ("b.rs", "pub fn f() {}")], Some("a.rs")),
            ("rust", &[("a.rs", ""), ("b.rs", "")], Some("a.rs")),
            (
                "rust",
                &[("b.rs", "fn main() {}"), ("a.rs", ""), ("c.rs", "fn main() {}")],
                Some("b.rs"),
            ),
            ("php", &[("solve.php", ""), ("util.php", "")], Some("solve.php")),
            ("javascript", &[("a.js", ""), ("main.js", "")], Some("main.js")),
        ];
        let languages = Languages::builtin();
        for (id, files, main) in CASES {
            let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
            let found = languages.get(id).expect("built in").main_among(&files);
            assert_eq!(found.as_deref(), *main, "{id} {files:?}");
        }
    }

    #[test]
    fn memory_limits_reach_the_command() {
        let languages = Languages::builtin();
        let java = languages.get("java").expect("java is built in");
        let ceiling_mib = 256 + java.allowances.memory_mib;
        let argv = java.run_argv(256 << 20, &Layout::single(java));
        assert!(argv.contains(&"-Xms256m".to_owned()), "{argv:?}");
        assert!(argv.contains(&format!("-Xmx{ceiling_mib}m")), "{argv:?}");
    }
}
