//! How the outputs for one problem are judged: its checker, and its own programs, compiled.

use std::sync::Arc;

use domain::checker::{LineRule, TokenOptions};
use domain::problem::{Checker, PackagedProgram, RevisionContent};
use sandbox::{Language, Languages};

use super::executable::{ArtifactFile, Executable, Start};
use super::materials::{Materials, fetch_files};
use super::source::Source;
use super::validator::Validators;
use super::{Compilation, Compiler, Fault};

/// The language whose cells build and run programs with their own scripts.
const SCRIPT_LANGUAGE: &str = "cpp";

/// How outputs are judged.
#[derive(Debug, Clone)]
pub enum Checking {
    /// Compare token by token.
    Tokens(TokenOptions),
    /// Compare line by line.
    Lines(LineRule),
    /// Run the problem's validators.
    Programs(Validators),
}

/// A problem's own programs, compiled, and how its outputs are judged.
#[derive(Debug, Clone)]
pub struct ProblemPrograms {
    /// How outputs are judged.
    pub checking: Checking,
    /// Computes the results of groups.
    pub grader: Option<Executable>,
    /// Checks the files of submissions.
    pub static_validator: Option<Executable>,
}

impl ProblemPrograms {
    /// For a problem that has no programs except those in `checking`.
    pub fn of(checking: Checking) -> Self {
        Self { checking, grader: None, static_validator: None }
    }

    /// Compiles a revision's programs, each at most once.
    ///
    /// # Errors
    /// If the sandbox failed, something could not be fetched, or a program does not compile.
    pub async fn prepare(
        content: &RevisionContent,
        materials: &dyn Materials,
        compiler: &Compiler,
        languages: &Languages,
        core: Option<u32>,
    ) -> Result<Self, Fault> {
        let make = async |program: &PackagedProgram| {
            executable(program, materials, compiler, languages, core).await
        };
        let checking = match &content.checker {
            Checker::Tokens(options) => Checking::Tokens(*options),
            Checker::Lines(rule) => Checking::Lines(*rule),
            Checker::Programs(validation) => {
                let mut programs = Vec::new();
                for program in &validation.programs {
                    programs.push(make(program).await?);
                }
                let names = validation.programs.iter().map(|program| program.name.clone());
                Checking::Programs(Validators {
                    programs: programs.into(),
                    names: names.collect(),
                    validation: validation.clone(),
                    is_scored: content.grading.objective.is_some(),
                })
            }
        };
        let grader = match &content.grader {
            Some(program) => Some(make(program).await?),
            None => None,
        };
        let static_validator = match &content.static_validator {
            Some(program) => Some(make(program).await?),
            None => None,
        };
        Ok(Self { checking, grader, static_validator })
    }
}

/// The language of a problem's program, or the language whose cells run its scripts.
///
/// # Errors
/// If the language is not known.
pub fn language_of<'a>(
    program: &PackagedProgram,
    languages: &'a Languages,
) -> Result<&'a Arc<Language>, Fault> {
    let id = program.language.as_ref().map_or(SCRIPT_LANGUAGE, |language| language.as_str());
    languages.get(id).ok_or_else(|| Fault::Program {
        program: program.name.clone(),
        detail: format!("the language {id} is not known"),
    })
}

/// Fetches and compiles a problem's program.
///
/// # Errors
/// If the sandbox failed, something could not be fetched, or the program does not compile.
pub async fn executable(
    program: &PackagedProgram,
    materials: &dyn Materials,
    compiler: &Compiler,
    languages: &Languages,
    core: Option<u32>,
) -> Result<Executable, Fault> {
    let useless = |detail: String| Fault::Program { program: program.name.clone(), detail };
    let language = language_of(program, languages)?;
    let files = fetch_files(materials, &program.files).await?;
    let (compilation, start) = if program.language.is_some() {
        let source = Source::of_files(language, files, None, &[])
            .map_err(|error| useless(error.to_string()))?;
        (compiler.compile(&source, core).await?, Start::Language(source.layout))
    } else {
        let files: Vec<_> = files
            .into_iter()
            .zip(&program.files)
            .map(|((path, bytes), file)| ArtifactFile { path, bytes, executable: file.executable })
            .collect();
        (compiler.build(language, &files, core).await?, Start::Script)
    };
    let Compilation { artifact, log, .. } = compilation;
    match artifact {
        Some(artifact) => Ok(Executable { language: Arc::clone(language), start, artifact }),
        None => Err(useless(format!("it does not compile: {}", log.trim()))),
    }
}
