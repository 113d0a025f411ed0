//! Answers own inputs of users with the problem's reference solution.

use std::sync::Arc;

use bytes::Bytes;
use domain::LanguageId;
use domain::problem::{Checker, RevisionContent};
use domain::run::{ReferenceRun, SHOWN_BYTES_MAX};
use event_store::Ability;

use crate::interruption::Interruption;
use crate::judge::{
    Checking, Executable, Fault, JudgingCells, Materials, ProblemPrograms, Program, Source, Start,
    TestData, excerpt, fetch_files,
};
use crate::library::Revision;
use crate::tools::Tools;

/// A reference solution, ready to run.
#[derive(Debug)]
pub(crate) struct Reference(JudgingCells);

/// What the reference solution did on an input.
#[derive(Debug)]
pub(crate) struct Answer {
    /// As it is recorded.
    pub(crate) reference: ReferenceRun,
    /// The whole answer; `None` if the solution failed.
    pub(crate) output: Option<Bytes>,
}

impl Reference {
    /// The problem's reference solution; `None` if it has none, if it does not compile or cannot run
    /// here, or if a run on one input alone says nothing, as in interactive problems.
    pub(crate) async fn prepare(
        tools: &Tools,
        revision: &Revision,
        core: Option<u32>,
    ) -> Result<Option<Self>, Interruption> {
        let content = &revision.revised.content;
        let Some(reference) = content.reference.as_ref().filter(|_| has_one_pass(content)) else {
            return Ok(None);
        };
        let is_able = Ability::needed(&reference.language, content).is_subset(&tools.abilities);
        if !is_able || content.language(&reference.language).is_none() {
            return Ok(None);
        }
        let text = tools.library.bytes(&reference.source.digest).await.map_err(Fault::from)?;
        let text = String::from_utf8_lossy(&text);
        let source = source_of(tools, Some(revision), &reference.language, &text).await?;
        let compilation = tools.compiler.compile(&source, core).await?;
        let Some(artifact) = compilation.artifact else {
            let (source, log) = (&reference.source.digest, compilation.log.trim());
            tracing::warn!(%source, log, "a problem's reference solution does not compile");
            return Ok(None);
        };
        let start = Start::Language(source.layout.clone());
        let executable = Executable { language: Arc::clone(&source.language), start, artifact };
        let (source, limits) = (Arc::new(source), content.limits);
        let program = Program { source, executable, limits, watched_ms: None };
        let unchecked = ProblemPrograms::of(Checking::Tokens(Default::default()));
        let cells = JudgingCells::set_up(&tools.cells, program, Arc::new(unchecked)).await?;
        Ok(Some(Self(cells)))
    }

    /// Runs the solution on an input.
    pub(crate) async fn answer(
        &mut self,
        test: &TestData,
        core: Option<u32>,
    ) -> Result<Answer, Interruption> {
        let (end, output) = self.0.output_on(test, core).await?;
        Ok(match end.verdict() {
            Some(verdict) => Answer { reference: ReferenceRun::Failed { verdict }, output: None },
            None => {
                let (answer, truncated) = excerpt(&output, SHOWN_BYTES_MAX);
                let reference = ReferenceRun::Answered { answer, truncated };
                Answer { reference, output: Some(output) }
            }
        })
    }

    /// Destroys its cell in the background.
    pub(crate) async fn tear_down(self) {
        self.0.tear_down().await;
    }
}

fn has_one_pass(content: &RevisionContent) -> bool {
    match &content.checker {
        Checker::Programs(validation) => !validation.interactive && validation.passes == 1,
        Checker::Tokens(_) | Checker::Lines(_) => true,
    }
}

/// A program of one file as it is compiled: with the problem's code and files if there is a problem,
/// or else as it is.
pub(crate) async fn source_of(
    tools: &Tools,
    revision: Option<&Revision>,
    language: &LanguageId,
    text: &str,
) -> Result<Source, Interruption> {
    let no_language = || Interruption::NoLanguage(language.clone());
    let known = tools.languages.get(language.as_str()).ok_or_else(no_language)?;
    let Some(revision) = revision else { return Ok(Source::single(known, text)) };
    let content = &revision.revised.content;
    let offer = content.language(language).ok_or_else(no_language)?;
    let included = fetch_files(&tools.library, &content.included(language)).await;
    let included = included.map_err(Fault::from)?;
    let source = Source::submitted(known, content, &offer, text, &included);
    Ok(source.map_err(|error| Fault::Program {
        program: "the included code".to_owned(),
        detail: error.to_string(),
    })?)
}
