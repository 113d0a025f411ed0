mod layout;

use std::{
    borrow::Borrow,
    collections::{BTreeMap, HashMap},
    fmt, io,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub use self::layout::{Layout, Outputs};
use crate::{Limits, Precompiled, Stack};

/// The definitions that ship with the program, as (file name, text): every file of `sandbox/languages`, which the build
/// script lists, so that adding a language is adding a file.
const BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// A mebibyte, the unit of sizes in language definitions.
const MIB: u64 = 1 << 20;

/// Files that a process may have open. R does not start with fewer.
const OPEN_FILES_MAX: u32 = 256;

/// How much longer than its processor time a run may last on the wall: for loading, paging and a busy machine.
const WALL_GRACE: Duration = Duration::from_secs(2);

/// A language's short name: `cpp`, `python`.
#[derive(Clone, Debug, Eq, PartialEq, Hash, Ord, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LanguageId(String);

impl LanguageId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LanguageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for LanguageId {
    fn from(id: &str) -> Self {
        Self(id.to_owned())
    }
}

impl Borrow<str> for LanguageId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Everything there is to know about a language: data, not code.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// The short name.
    pub id: LanguageId,
    /// The name people read: `C++17`.
    pub name: String,
    /// File name extensions, without the dot, the usual one first.
    pub extensions: Vec<String>,
    /// The code editor's name for the syntax.
    pub editor_mode: String,
    /// Extensions that belong to another language, and that sources of this one may have as well: those of the other
    /// C++ standards, for example.
    #[serde(default)]
    pub also_sources: Vec<String>,
    /// What a source that was submitted alone is called in the cell: `main.cpp`.
    pub source: String,
    /// The single regular file that compiling leaves in the work area and that runs need in the program area.
    /// Equal to `source` where nothing is built and the sources themselves run.
    pub artifact: String,
    /// What else than `source` the main file among several may be called.
    #[serde(default)]
    pub main_names: Vec<String>,
    /// What the main file among several has in it, and no other; spaces do not count.
    #[serde(default)]
    pub main_marks: Vec<String>,
    /// Where programs begin that do not say it, in the language's own words: a class. `{stem}` stands for the main
    /// file's name without its extension, `{Stem}` for the same as the name of a class.
    pub entry_point: Option<String>,
    /// Commands that turn the sources into the artifact, run in order in the work area. A step that does not exit
    /// with 0 is a compile error. `{main}` stands for the name of the main file, `{entry_point}` for where the program
    /// begins, `{sources}` for the names of all sources, the main file's last; a step with `{each}` in it is run for
    /// each of them.
    pub compile: Vec<Vec<String>>,
    /// Further steps of a program that is not just one file called `source`, where they are needed.
    #[serde(default)]
    pub pack: Vec<Vec<String>>,
    /// The command that runs the program: the artifact, or the sources in the program area. `{memory_mib}` stands for
    /// the problem's memory limit, `{ceiling_mib}` for that with the allowance: as a runtime's own ceiling, it is one
    /// that the heap alone cannot reach before the run as a whole has reached its limit, so that it is the limit that
    /// ends the run and not the runtime (INV-4). `{main}` and `{entry_point}` are as in `compile`.
    pub run: Vec<String>,
    /// Whether the compiler takes sources in UTF-8 only. Those in Latin-1 are converted for it.
    #[serde(default)]
    pub utf8_only: bool,
    /// What the compiler says right before the name that a source must have, where it has another: `Sum.java`.
    pub misnamed: Option<String>,
    /// How it is found where a program begins.
    #[serde(default)]
    pub begins: Begins,
    /// Files that runs need beside the program, by name, with their text. They replace the program's own.
    #[serde(default)]
    pub support: BTreeMap<String, String>,
    /// The command that prints the toolchain's version.
    pub probe: Vec<String>,
    /// The packages that bring the toolchain to a Debian machine, and to the image.
    pub packages: Vec<String>,
    /// What the toolchain needs to see outside `/usr` and the few places that every cell has, where it is there. A `*`
    /// at the end stands for the rest of a name.
    #[serde(default)]
    pub binds: Vec<String>,
    /// Shell commands that make the toolchain faster, run once as root when the image is built. The language must work
    /// without them, too.
    #[serde(default)]
    pub prepare: Vec<String>,
    /// What the language's runtime needs beyond the program's own limits.
    pub allowances: Allowances,
    /// Limits of each compile step.
    pub compiling: Compiling,
    /// A header compiled ahead, where that saves time.
    pub precompiled: Option<Precompiled>,
    /// One program for each thing that can happen.
    pub examples: Examples,
}

/// How it is found where a program begins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begins {
    /// It follows from the name of the main file.
    #[default]
    MainFile,
    /// In the class of the compiled program that has a `main`.
    MainClass,
}

/// Programs in a language: what tests expect, and what a judge warms up and measures itself with.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examples {
    /// Prints `hello`.
    pub hello: String,
    /// Reads two integers and prints their sum.
    pub sum: String,
    /// Computes for ever.
    #[serde(rename = "loop")]
    pub endless: String,
    /// Takes memory, and uses it, for ever.
    pub hog: String,
    /// Ends with a runtime error.
    pub crash: String,
    /// Is no program: the compile step says so.
    pub broken: String,
}

/// What a language's runtime needs for itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowances {
    /// Memory of the runtime, added to the problem's limit.
    pub memory_mib: u64,
    /// Processes and threads, the program's first one included.
    pub processes: u32,
}

/// Limits of each compile step.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compiling {
    /// Processor time.
    pub cpu_s: u64,
    /// Memory.
    pub memory_mib: u64,
    /// Processes and threads.
    pub processes: u32,
    /// The largest file a step may write, the artifact included.
    pub file_mib: u64,
}

/// How much of a compiler's standard output and error is kept, in bytes, each.
pub const COMPILER_TEXT_BYTES_MAX: u64 = 256 << 10;

impl Language {
    /// The limits of one compile step.
    #[must_use]
    pub fn compile_limits(&self) -> Limits {
        let cpu = Duration::from_secs(self.compiling.cpu_s);
        Limits {
            cpu,
            wall: cpu * 2 + WALL_GRACE,
            memory_bytes: self.compiling.memory_mib * MIB,
            processes: self.compiling.processes,
            open_files: OPEN_FILES_MAX,
            stdout_bytes: COMPILER_TEXT_BYTES_MAX,
            stderr_bytes: COMPILER_TEXT_BYTES_MAX,
            file_bytes: self.compiling.file_mib * MIB,
            stack: Stack::Unlimited,
        }
    }

    /// The limits of one run of a program in this language under a problem's limits: the problem's own plus what the
    /// runtime needs.
    #[must_use]
    pub fn run_limits(&self, cpu: Duration, memory_bytes: u64, stdout_bytes: u64) -> Limits {
        Limits {
            cpu,
            wall: cpu * 2 + WALL_GRACE,
            memory_bytes: memory_bytes + self.allowances.memory_mib * MIB,
            processes: self.allowances.processes,
            open_files: OPEN_FILES_MAX,
            stdout_bytes,
            ..Limits::default()
        }
    }
}

/// A language definition that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LanguageError {
    /// Not TOML, or not of the expected shape.
    #[error("{file} is no definition of a language")]
    Malformed {
        /// Which definition.
        file: String,
        /// What is wrong with it, and where.
        #[source]
        source: toml::de::Error,
    },
    /// The folder of further definitions cannot be read.
    #[error("the language definitions in {folder} cannot be read")]
    Unreadable {
        /// The folder that the configuration names.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Two definitions claim the same id or extension.
    #[error("{claim:?} is claimed by both {first} and {second}")]
    Claimed {
        /// The id or extension.
        claim: String,
        /// Who had it.
        first: LanguageId,
        /// Who wants it too.
        second: LanguageId,
    },
}

/// All the languages there are.
#[derive(Clone, Debug)]
pub struct Languages {
    by_id: HashMap<LanguageId, Arc<Language>>,
    by_extension: HashMap<String, Arc<Language>>,
    ordered: Vec<Arc<Language>>,
}

impl Languages {
    /// The languages that ship with the program.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(BUILTIN.iter().copied())
            .expect("a test reads every definition that ships with the program")
    }

    /// The same, with further definitions. One that has the id of another takes its place.
    pub fn with<'a>(
        own: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, LanguageError> {
        let own = Self::parse(own)?;
        let mut all =
            Self { by_id: HashMap::new(), by_extension: HashMap::new(), ordered: Vec::new() };
        let builtin = Self::builtin();
        let kept = builtin.ordered.into_iter().filter(|it| !own.by_id.contains_key(&it.id));
        kept.chain(own.ordered).try_for_each(|language| all.add(language))?;
        all.ordered.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(all)
    }

    /// Reads definitions, one TOML document each, given with the names of their files.
    pub fn parse<'a>(
        definitions: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, LanguageError> {
        let mut languages =
            Self { by_id: HashMap::new(), by_extension: HashMap::new(), ordered: Vec::new() };
        for (file, definition) in definitions {
            let language = toml::from_str(definition)
                .map_err(|source| LanguageError::Malformed { file: file.to_owned(), source })?;
            languages.add(Arc::new(language))?;
        }
        languages.ordered.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(languages)
    }

    fn add(&mut self, language: Arc<Language>) -> Result<(), LanguageError> {
        let claimed = |claim: &str, first: &Language| LanguageError::Claimed {
            claim: claim.to_owned(),
            first: first.id.clone(),
            second: language.id.clone(),
        };
        if let Some(first) = self.by_id.get(&language.id) {
            return Err(claimed(language.id.as_str(), first));
        }
        for extension in &language.extensions {
            if let Some(first) = self.by_extension.insert(extension.clone(), Arc::clone(&language))
            {
                return Err(claimed(extension, &first));
            }
        }
        self.by_id.insert(language.id.clone(), Arc::clone(&language));
        self.ordered.push(language);
        Ok(())
    }

    /// The language with this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<Language>> {
        self.by_id.get(id)
    }

    /// The language whose sources have this extension, given without its dot.
    #[must_use]
    pub fn by_extension(&self, extension: &str) -> Option<&Arc<Language>> {
        self.by_extension.get(extension)
    }

    /// All of them, by id.
    #[must_use]
    pub fn all(&self) -> &[Arc<Language>] {
        &self.ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_definition_is_whole() {
        let definitions = Languages::parse(BUILTIN.iter().copied());
        let languages = definitions.unwrap_or_else(|error| panic!("{error:#?}"));
        assert_eq!(languages.all().len(), BUILTIN.len());
        for (file, definition) in BUILTIN {
            let language: Language = toml::from_str(definition).expect("it was read above");
            let id = &language.id;
            assert_eq!(*file, format!("{id}.toml"));
            assert!(
                !language.extensions.is_empty()
                    && !language.packages.is_empty()
                    && !language.run.is_empty()
                    && !language.probe.is_empty(),
                "{id}"
            );
            assert!(crate::CellPath::work(&language.source).is_ok(), "{id}");
            assert!(crate::CellPath::program(&language.artifact).is_ok(), "{id}");
            assert!(language.is_source(&language.source), "{id}");
            assert!(!language.compile.is_empty(), "{id} has nothing that finds errors");
            assert!(language.binds.iter().all(|path| path.starts_with('/')), "{id}");
        }
    }

    /// What was compiled ahead is only taken by a compiler that is given the same flags.
    #[test]
    fn headers_are_precompiled_as_programs_are_compiled() {
        for language in Languages::builtin().all() {
            let Some(precompiled) = &language.precompiled else { continue };
            let flags = |command: &[String]| -> Vec<String> {
                command
                    .iter()
                    .filter(|word| {
                        word.starts_with("-std") || word.starts_with("-D") || *word == "-O2"
                    })
                    .cloned()
                    .collect()
            };
            assert_eq!(flags(&precompiled.command), flags(&language.compile[0]));
            let look = format!("-I{}/{}", runner::layout::PRECOMPILED, language.id);
            assert_eq!(language.compile[0][1], look);
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

    #[test]
    fn two_languages_cannot_share_an_extension() {
        let (_, c) = BUILTIN.iter().find(|(file, _)| *file == "c.toml").expect("c is built in");
        let other = c.replace("id = \"c\"", "id = \"k\"");
        assert!(matches!(
            Languages::parse([("c.toml", *c), ("k.toml", &other)]),
            Err(LanguageError::Claimed { claim, .. }) if claim == "c"
        ));
    }

    #[test]
    fn a_further_definition_takes_the_place_of_one_with_its_id() {
        let (_, c) = BUILTIN.iter().find(|(file, _)| *file == "c.toml").expect("c is built in");
        let newer = c.replace("C17", "C23");
        let other = c.replace("id = \"c\"", "id = \"k\"").replace("[\"c\"]", "[\"k\"]");
        let languages =
            Languages::with([("c.toml", newer.as_str()), ("k.toml", &other)]).expect("both fit in");
        assert_eq!(languages.all().len(), BUILTIN.len() + 1);
        assert_eq!(languages.get("c").expect("it is there").name, "C23");
        assert_eq!(languages.by_extension("k").expect("it is there").id.as_str(), "k");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_file() {
        let wrong = Languages::parse([("k.toml", "id = 1")]).expect_err("an id is a text");
        assert_eq!(wrong.to_string(), "k.toml is no definition of a language");
    }
}
