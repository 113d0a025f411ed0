pub(crate) mod layout;

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use serde::{Deserialize, Serialize};

use crate::{Limits, Precompiled, Stack};

/// The built-in definitions, as (file name, text). The build script lists every file of
/// `sandbox/languages`, so adding a language means adding a file.
const BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// A mebibyte, the unit of sizes in language definitions.
const MIB: u64 = 1 << 20;

/// The most files a process may have open. R does not start with fewer.
const OPEN_FILES_MAX: u32 = 256;

/// The part of the wall limit that does not depend on the processor time limit: for loading, paging
/// and a busy machine.
const WALL_GRACE: Duration = Duration::from_secs(2);

/// A language's short name, such as `cpp` or `python3`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LanguageId(String);

impl LanguageId {
    /// The id as text.
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

/// A language's complete definition: data, not code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// The short name.
    pub id: LanguageId,
    /// The display name, such as `C++17`.
    pub name: String,
    /// File name extensions without the dot, the most common first.
    pub extensions: Vec<String>,
    /// The name of the syntax in the code editor.
    pub editor_mode: String,
    /// Extensions of another language that sources of this one may also have, such as those of the
    /// other C++ standards.
    #[serde(default)]
    pub also_sources: Vec<String>,
    /// The name that a source submitted alone gets in the cell, such as `main.cpp`.
    pub source: String,
    /// The single regular file that compiling leaves in the work area and that runs need in the
    /// program area. Equal to `source` if the sources themselves run.
    pub artifact: String,
    /// Names besides `source` that mark the main file among several.
    #[serde(default)]
    pub main_names: Vec<String>,
    /// Texts that only the main file among several contains. White space is ignored.
    #[serde(default)]
    pub main_marks: Vec<String>,
    /// The default entry point, in the language's own terms, such as a class. `{stem}` stands for
    /// the main file's name without its extension, `{Stem}` for that as a class name.
    pub entry_point: Option<String>,
    /// Commands that turn the sources into the artifact, run in order in the work area. A step that
    /// does not exit with 0 is a compile error. `{main}` stands for the main file's name,
    /// `{entry_point}` for the entry point, `{sources}` for the names of all sources with the main
    /// file last. A step that contains `{each}` runs once for each source.
    pub compile: Vec<Vec<String>>,
    /// Further steps, for programs that are not just one file named `source`.
    #[serde(default)]
    pub pack: Vec<Vec<String>>,
    /// The command that runs the artifact, or the sources, in the program area. `{memory_mib}`
    /// stands for the problem's memory limit, `{ceiling_mib}` for that limit plus the allowance. As
    /// a runtime's heap limit, `{ceiling_mib}` is so high that the run reaches the sandbox's limit
    /// first. So the sandbox ends the run and not the runtime (INV-4). `{main}` and `{entry_point}`
    /// are as in `compile`.
    pub run: Vec<String>,
    /// Whether the compiler only accepts sources in UTF-8. Sources in Latin-1 are then converted.
    #[serde(default)]
    pub utf8_only: bool,
    /// The compiler's message right before the name that a misnamed source must have, such as
    /// `Sum.java`.
    pub misnamed: Option<String>,
    /// How the entry point is found.
    #[serde(default)]
    pub begins: Begins,
    /// Additional files for runs: name to text. They replace the program's files of the same names.
    #[serde(default)]
    pub support: BTreeMap<String, String>,
    /// The command that prints the toolchain's version.
    pub probe: Vec<String>,
    /// The Debian packages of the toolchain, for machines and for the image.
    pub packages: Vec<String>,
    /// Paths that the toolchain needs besides those that every cell has. Missing ones are skipped.
    /// A `*` at the end matches the rest of a name.
    #[serde(default)]
    pub binds: Vec<String>,
    /// Shell commands that make the toolchain faster, run once as root when the image is built. The
    /// language must also work without them.
    #[serde(default)]
    pub prepare: Vec<String>,
    /// What the language's runtime needs beyond the program's own limits.
    pub allowances: Allowances,
    /// Limits of each compile step.
    pub compiling: Compiling,
    /// A header to compile in advance, if that saves time.
    pub precompiled: Option<Precompiled>,
    /// Example programs, one for each kind of result.
    pub examples: Examples,
}

/// How the entry point is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Begins {
    /// It is derived from the main file's name.
    #[default]
    MainFile,
    /// It is the class of the compiled program that has a `main`.
    MainClass,
}

/// Example programs in a language, for tests and for an evaluator's warm-up and measurements.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Examples {
    /// Prints `hello`.
    pub hello: String,
    /// Reads two integers and prints their sum.
    pub sum: String,
    /// Runs in an endless loop.
    #[serde(rename = "loop")]
    pub endless: String,
    /// Allocates and uses memory without end.
    pub hog: String,
    /// Ends with a runtime error.
    pub crash: String,
    /// Does not compile.
    pub broken: String,
}

/// The runtime's own needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowances {
    /// Memory of the runtime, in MiB, added to the problem's limit.
    pub memory_mib: u64,
    /// Processes and threads, including the program's first one.
    pub processes: u32,
}

/// Limits of each compile step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compiling {
    /// Processor time, in seconds.
    pub cpu_s: u64,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// Processes and threads.
    pub processes: u32,
    /// The largest file a step may write, including the artifact, in MiB.
    pub file_mib: u64,
}

/// How much of a compiler's standard output, and of its standard error, is kept, in bytes.
pub const COMPILER_TEXT_BYTES_MAX: u64 = 256 << 10;

impl Language {
    /// The limits of one compile step.
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

    /// The limits of one run of a program in this language: the problem's limits plus the runtime's
    /// needs.
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

/// An error in the language definitions.
#[derive(Debug, thiserror::Error)]
pub enum LanguageError {
    /// The file is not TOML or has the wrong fields.
    #[error("{file} is not a valid language definition")]
    Malformed {
        /// The definition's file.
        file: String,
        /// The parser's error, with its position.
        #[source]
        source: toml::de::Error,
    },
    /// The folder of further definitions cannot be read.
    #[error("the language definitions in {folder} cannot be read")]
    Unreadable {
        /// The folder that the configuration names.
        folder: PathBuf,
        /// The underlying error.
        #[source]
        source: io::Error,
    },
    /// Two definitions claim the same id or extension.
    #[error("{first} and {second} both claim {claim:?}")]
    Claimed {
        /// The id or extension.
        claim: String,
        /// The language that has it.
        first: LanguageId,
        /// The language that also claims it.
        second: LanguageId,
    },
}

/// All known languages.
#[derive(Debug, Clone)]
pub struct Languages {
    by_id: HashMap<LanguageId, Arc<Language>>,
    by_extension: HashMap<String, Arc<Language>>,
    ordered: Vec<Arc<Language>>,
}

impl Languages {
    /// The built-in languages.
    pub fn builtin() -> Self {
        Self::parse(BUILTIN.iter().copied())
            .expect("a test reads every definition that ships with the program")
    }

    /// The built-in languages and further definitions. A definition with the id of a built-in
    /// language replaces it.
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

    /// Parses definitions given as (file name, TOML text).
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
    pub fn get(&self, id: &str) -> Option<&Arc<Language>> {
        self.by_id.get(id)
    }

    /// The language whose sources have this extension, without the dot.
    pub fn by_extension(&self, extension: &str) -> Option<&Arc<Language>> {
        self.by_extension.get(extension)
    }

    /// All languages, sorted by id.
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

    /// Compilers only accept a precompiled header that was made with the same flags.
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
        assert_eq!(wrong.to_string(), "k.toml is not a valid language definition");
    }
}
