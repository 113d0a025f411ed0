//! Finding out which compiler or interpreter a language's cells have.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sha2::{Digest, Sha256};

use crate::{CellSpec, Execution, Language, LanguageId, Purpose, Sandbox, SandboxError, Toolchain};

/// The longest version text kept, in bytes.
const VERSION_BYTES_MAX: usize = 1024;

/// Toolchains already asked for.
#[derive(Debug, Default)]
pub(crate) struct Toolchains(Mutex<HashMap<LanguageId, Toolchain>>);

impl Toolchains {
    /// The remembered toolchain, or the one a probe in a fresh cell finds.
    pub(crate) async fn get(
        &self,
        sandbox: &dyn Sandbox,
        language: &Language,
        image: Option<String>,
        cure: impl FnOnce() -> String,
    ) -> Result<Toolchain, SandboxError> {
        if let Some(known) = self.lock().get(&language.id).filter(|known| known.image == image) {
            return Ok(known.clone());
        }
        let unavailable = |reason| SandboxError::LanguageUnavailable {
            language: language.id.clone(),
            reason,
            cure: cure(),
        };
        // Sized as for compiling, but with nothing in it that depends on the answer.
        let spec =
            CellSpec { purpose: Purpose::Run, ..CellSpec::compile(&Arc::new(language.clone())) };
        let mut cell = sandbox.prepare(&spec).await?;
        let probe = Execution::new(language.probe.clone(), language.compile_limits());
        let probed = cell.execute(&probe).await;
        cell.close().await?;
        let outcome = match probed {
            Ok(outcome) if outcome.ended.is_success() => outcome,
            Ok(outcome) => {
                return Err(unavailable(format!(
                    "{} ended by {:?}",
                    language.probe.join(" "),
                    outcome.ended
                )));
            }
            Err(SandboxError::NotStarted { detail, .. }) => return Err(unavailable(detail)),
            Err(error) => return Err(error),
        };
        // Some print their version where others print their errors.
        let mut text = [outcome.stdout.as_ref(), outcome.stderr.as_ref()].concat();
        text.truncate(VERSION_BYTES_MAX);
        let version = String::from_utf8_lossy(&text).trim().to_owned();
        let toolchain = Toolchain {
            digest: digest(language, &version, image.as_deref()),
            version,
            image,
            probe: outcome.wall,
        };
        self.lock().insert(language.id.clone(), toolchain.clone());
        Ok(toolchain)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<LanguageId, Toolchain>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(language: &Language, version: &str, image: Option<&str>) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    for step in &language.compile {
        add("compile");
        step.iter().for_each(|word| add(word));
    }
    if let Some(precompiled) = &language.precompiled {
        add("precompiled");
        precompiled.command.iter().for_each(|word| add(word));
    }
    add("run");
    language.run.iter().for_each(|word| add(word));
    add(version);
    add(image.unwrap_or(""));
    hex::encode(hash.finalize())
}
