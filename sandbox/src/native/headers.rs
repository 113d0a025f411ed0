//! Precompiled headers. Compiling a small C++ program spends most of its time on the standard
//! headers, which are always the same.
//!
//! A header is compiled at its first use, in a cell that never holds untrusted files. It is stored
//! under the digest of its toolchain and flags, in a directory that only this program's user can
//! write to. Compile cells see it read-only.

use std::collections::HashMap;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, fs, io};

use bytes::Bytes;
use nix::unistd::geteuid;
use runner::layout;
use runner::message::Bind;
use tokio::sync::OnceCell;

use crate::{CellPath, CellSpec, Execution, Language, Precompiled, Purpose, Sandbox, SandboxError};

/// The largest precompiled header, in bytes. GCC's, for all of the standard library, has about 120
/// MiB.
const HEADER_BYTES_MAX: u64 = 512 << 20;

/// Mode bits that let other users change a file.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The headers made or found so far, by toolchain digest.
#[derive(Debug)]
pub(super) struct Headers {
    directory: Option<PathBuf>,
    known: Mutex<HashMap<String, Arc<OnceCell<Option<PathBuf>>>>>,
}

impl Headers {
    /// Stores headers in this directory, or in the user's cache directory.
    pub(super) fn new(directory: Option<PathBuf>) -> Self {
        let usual = || {
            let caches = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
            caches.or_else(home).map(|caches| caches.join("assay/headers"))
        };
        Self { directory: directory.or_else(usual), known: Mutex::default() }
    }

    /// The mount that gives a cell the language's precompiled header. `None` if the language has
    /// none or it could not be made; compiling then takes longer.
    pub(super) async fn bind(
        &self,
        sandbox: &dyn Sandbox,
        language: &Arc<Language>,
    ) -> Result<Option<Bind>, SandboxError> {
        let (Some(precompiled), Some(directory)) = (&language.precompiled, &self.directory) else {
            return Ok(None);
        };
        let toolchain = sandbox.toolchain(language).await?;
        let header = self.entry(&toolchain.digest);
        let found = header
            .get_or_init(|| async {
                let place = directory.join(&toolchain.digest);
                if is_ours(&place.join(precompiled.file())) {
                    return Some(place);
                }
                tracing::info!(
                    language = %language.id,
                    "compiling the standard headers ahead, once; this can take half a minute"
                );
                let kept = match make(sandbox, language, precompiled).await {
                    Ok(content) => {
                        let fallback = precompiled.fallback();
                        let files = [
                            (precompiled.fallback_file(), fallback.as_bytes()),
                            (precompiled.file(), content.as_ref()),
                        ];
                        keep(&place, &files).map_err(|error| error.to_string())
                    }
                    Err(error) => Err(runner::with_causes(&error)),
                };
                match kept {
                    Ok(()) => Some(place),
                    Err(error) => {
                        tracing::warn!(language = %language.id, error, "continuing without a precompiled header");
                        None
                    }
                }
            })
            .await;
        let target = format!("{}/{}", layout::PRECOMPILED, language.id);
        Ok(found
            .as_ref()
            .map(|place| Bind { source: place.to_string_lossy().into_owned(), target }))
    }

    fn entry(&self, digest: &str) -> Arc<OnceCell<Option<PathBuf>>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(digest.to_owned()).or_default())
    }
}

/// Compiles the header in a cell of its own.
async fn make(
    sandbox: &dyn Sandbox,
    language: &Arc<Language>,
    precompiled: &Precompiled,
) -> Result<Bytes, SandboxError> {
    let mut limits = language.compile_limits();
    limits.cpu *= 4;
    limits.wall *= 4;
    limits.memory_bytes *= 2;
    limits.file_bytes = HEADER_BYTES_MAX;
    let spec = CellSpec { purpose: Purpose::Run, ..CellSpec::run(language, &limits) };
    let mut cell = sandbox.prepare(&spec).await?;
    let source = Bytes::from(precompiled.source());
    cell.put(&CellPath::work(Precompiled::SOURCE)?, source, false).await?;
    let compile = Execution::new(precompiled.command.clone(), limits).keeping();
    let outcome = cell.execute(&compile).await?;
    let content = if outcome.ended.is_success() {
        cell.get(&CellPath::work(Precompiled::OUTPUT)?, HEADER_BYTES_MAX).await
    } else {
        let said = String::from_utf8_lossy(&outcome.stderr).trim().to_owned();
        let program = precompiled.command.join(" ");
        Err(SandboxError::NotStarted { program, detail: format!("it {}: {said}", outcome.ended) })
    };
    cell.close().await?;
    content
}

/// Stores all files or none, so that another evaluator on this machine never sees only some of
/// them.
fn keep(place: &Path, files: &[(PathBuf, &[u8])]) -> io::Result<()> {
    let parent = place.parent().unwrap_or(place);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let draft = parent.join(format!("draft-{}", uuid::Uuid::new_v4().simple()));
    let written = (|| {
        for (file, content) in files {
            let target = draft.join(file);
            fs::create_dir_all(target.parent().unwrap_or(&draft))?;
            fs::write(&target, content)?;
            // Programs run as other users and must be able to read it.
            fs::set_permissions(&target, fs::Permissions::from_mode(0o644))?;
        }
        match fs::rename(&draft, place) {
            // Another evaluator stored the same files first.
            Err(_) if files.iter().all(|(file, _)| is_ours(&place.join(file))) => Ok(()),
            renamed => renamed,
        }
    })();
    if draft.exists() {
        fs::remove_dir_all(&draft)?;
    }
    written
}

/// Whether a file exists and no other user can have changed it.
fn is_ours(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| {
        metadata.is_file()
            && metadata.uid() == geteuid().as_raw()
            && metadata.mode() & WRITABLE_BY_OTHERS == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_others_can_change_is_not_used() {
        let place = env::temp_dir().join(format!("assay-headers-{}/digest", std::process::id()));
        let file = Path::new("bits/all.h.gch");
        let files: [(PathBuf, &[u8]); 1] = [(file.to_owned(), b"compiled")];
        keep(&place, &files).expect("kept");
        assert!(is_ours(&place.join(file)));
        keep(&place, &files).expect("a second one changes nothing");
        let loose = fs::Permissions::from_mode(0o666);
        fs::set_permissions(place.join(file), loose).expect("set");
        assert!(!is_ours(&place.join(file)));
        let parent = place.parent().expect("it has one");
        assert_eq!(fs::read_dir(parent).expect("it is there").count(), 1, "no draft is left");
        fs::remove_dir_all(parent).expect("removed");
    }
}
