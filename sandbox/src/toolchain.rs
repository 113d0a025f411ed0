//! Finds the compiler or interpreter of each language.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{
    Cell, CellSpec, Execution, Language, LanguageId, Purpose, Sandbox, SandboxError, Toolchain,
};

/// The longest version text kept, in bytes.
const VERSION_BYTES_MAX: usize = 1024;

/// The toolchains found so far, by language.
#[derive(Debug, Default)]
pub(crate) struct Toolchains(Mutex<HashMap<LanguageId, Toolchain>>);

impl Toolchains {
    /// For each language, the toolchain from the cache or from its probe. All probes run in one
    /// fresh cell, because every cell has every language.
    pub(crate) async fn get(
        &self,
        sandbox: &dyn Sandbox,
        languages: &[Arc<Language>],
        image: Option<&str>,
        cure: impl Fn(&Language) -> String,
    ) -> Result<Vec<Result<Toolchain, SandboxError>>, SandboxError> {
        let mut cell = None;
        let mut answers = Vec::new();
        for language in languages {
            let known = self.lock().get(&language.id).cloned();
            if let Some(known) = known.filter(|known| known.image.as_deref() == image) {
                answers.push(Ok(known));
                continue;
            }
            let cell = match &mut cell {
                Some(cell) => cell,
                None => cell.insert(sandbox.prepare(&cell_spec(languages, language)).await?),
            };
            answers.push(match probe(cell, language).await? {
                Ok((version, probe)) => {
                    let digest = digest(language, &version, image);
                    let image = image.map(str::to_owned);
                    let toolchain = Toolchain { version, digest, image, probe };
                    self.lock().insert(language.id.clone(), toolchain.clone());
                    Ok(toolchain)
                }
                Err(reason) => Err(SandboxError::LanguageUnavailable {
                    language: language.id.clone(),
                    reason,
                    cure: cure(language),
                }),
            });
        }
        if let Some(cell) = cell {
            cell.close().await?;
        }
        Ok(answers)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<LanguageId, Toolchain>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cell large enough for every language's probe. `Purpose::Run`, because precompiled headers
/// depend on the probes' results.
fn cell_spec(languages: &[Arc<Language>], any: &Arc<Language>) -> CellSpec {
    let limits = languages.iter().map(|language| language.compile_limits());
    let (memory, processes) = limits.fold((0, 0), |(memory, processes), limits| {
        (limits.memory_bytes.max(memory), limits.processes.max(processes))
    });
    CellSpec {
        purpose: Purpose::Run,
        memory_bytes_max: memory,
        processes_max: processes,
        ..CellSpec::compile(any)
    }
}

/// The probe's output and duration, or why it failed.
async fn probe(
    cell: &mut Cell,
    language: &Language,
) -> Result<Result<(String, Duration), String>, SandboxError> {
    let probe = Execution::new(language.probe.clone(), language.compile_limits());
    let outcome = match cell.execute(&probe).await {
        Ok(outcome) if outcome.ended.is_success() => outcome,
        Ok(outcome) => {
            return Ok(Err(format!("{} {}", language.probe.join(" "), outcome.ended)));
        }
        Err(SandboxError::NotStarted { detail, .. }) => return Ok(Err(detail)),
        Err(error) => return Err(error),
    };
    // Some toolchains print their version to standard error.
    let mut text = [outcome.stdout.as_ref(), outcome.stderr.as_ref()].concat();
    text.truncate(VERSION_BYTES_MAX);
    Ok(Ok((String::from_utf8_lossy(&text).trim().to_owned(), outcome.wall)))
}

fn digest(language: &Language, version: &str, image: Option<&str>) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    for step in language.compile.iter().chain(&language.pack) {
        add("compile");
        step.iter().for_each(|word| add(word));
    }
    if let Some(precompiled) = &language.precompiled {
        add("precompiled");
        precompiled.command.iter().for_each(|word| add(word));
    }
    for (name, text) in &language.support {
        add("support");
        add(name);
        add(text);
    }
    add("run");
    language.run.iter().for_each(|word| add(word));
    add(version);
    add(image.unwrap_or(""));
    hex::encode(hash.finalize())
}
