//! Compiles sources to artifacts, at most once for the same source, toolchain and flags.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::Digest;
use moka::future::Cache;
use sandbox::{
    Area, Begins, Cell, CellPath, CellSpec, Execution, Language, Layout, Outputs, SandboxError,
};

use super::executable::{Artifact, ArtifactFile, RUN_SCRIPT};
use super::messages::Messages;
use super::source::{Source, framed};
use super::{Cells, Fault, jvm};

/// Bytes of artifacts kept in case the same program is submitted again.
const CACHE_BYTES_MAX: u64 = 256 << 20;
/// Bytes added to the size of each entry, so that the number of empty entries is bounded too.
const ENTRY_BYTES: usize = 256;

/// The result of compiling.
#[derive(Debug, Clone)]
pub struct Compilation {
    /// The program to run; `None` if compiling failed.
    pub artifact: Option<Artifact>,
    /// The compiler's messages, shortened.
    pub log: String,
    /// Whether the messages were cut.
    pub truncated: bool,
    /// CPU time of the compilation when it was done.
    pub cpu: Duration,
    /// Whether it was compiled now, and not taken from the cache.
    pub fresh: bool,
}

/// The build script of a program that has its own scripts.
const BUILD_SCRIPT: &str = "build";
/// The most bytes that a build may leave in total.
const BUILT_BYTES_MAX: u64 = 64 << 20;

/// Compiles in cells, and caches the results.
///
/// A submission cannot poison the cache. Only this code creates entries, from what one of our own
/// cells returned: a regular file, read by the cell's runner, never through a link. The key is a
/// digest of everything that determines the artifact: the whole source, and the toolchain's digest,
/// which covers the version, the image, the commands and their flags. So an entry is found only for
/// the same program that created it, and compiling that program again would give the same artifact.
/// Entries are kept in this process's memory, where nothing else can write.
#[derive(Debug)]
pub struct Compiler {
    cells: Arc<Cells>,
    cache: Cache<Digest, Compilation>,
}

impl Compiler {
    /// A compiler with an empty cache.
    pub fn new(cells: Arc<Cells>) -> Self {
        let cache = Cache::builder()
            .max_capacity(CACHE_BYTES_MAX)
            .weigher(|_, compilation: &Compilation| {
                let artifact = compilation.artifact.as_ref().map_or(0, Artifact::bytes);
                u32::try_from(artifact + compilation.log.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
            })
            .build();
        Self { cells, cache }
    }

    /// Compiles a program, on this core if one is given. A compile error is no [`Fault`]; it is a
    /// [`Compilation`] without an artifact.
    ///
    /// # Errors
    /// If the sandbox failed.
    pub async fn compile(&self, source: &Source, core: Option<u32>) -> Result<Compilation, Fault> {
        let Source { language, layout, files, .. } = source;
        let toolchain = self.cells.sandbox().toolchain(language).await?;
        let entry_point = layout.entry_point.as_deref().unwrap_or_default();
        let head = [language.id.as_str(), &toolchain.digest, &layout.main, entry_point];
        let files = files.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes.as_ref()]);
        let key = Digest::of(&framed(head.into_iter().map(str::as_bytes).chain(files)));
        let compiled = self.remember(key, async || {
            let mut cell = self.cells.prepare(&CellSpec::compile(language)).await?;
            let compiled = compile_in(&mut cell, source, core).await;
            self.cells.retire(cell).await;
            compiled
        });
        let mut compilation = compiled.await?;
        if let (Some(calls), None) = (&source.calls, &compilation.artifact)
            && let Some(hint) = calls.hint(&compilation.log)
        {
            compilation.log.insert_str(0, &hint);
        }
        Ok(compilation)
    }

    /// Builds a program that has its own scripts, in a cell for programs in this language.
    ///
    /// # Errors
    /// If the sandbox failed.
    pub async fn build(
        &self,
        language: &Arc<Language>,
        files: &[ArtifactFile],
        core: Option<u32>,
    ) -> Result<Compilation, Fault> {
        let toolchain = self.cells.sandbox().toolchain(language).await?;
        let head = [BUILD_SCRIPT, &toolchain.digest].map(str::as_bytes);
        let parts = files.iter().flat_map(|file| {
            let executable: &[u8] = if file.executable { b"x" } else { b"" };
            [file.path.as_bytes(), file.bytes.as_ref(), executable]
        });
        let key = Digest::of(&framed(head.into_iter().chain(parts)));
        self.remember(key, async || {
            let mut cell = self.cells.prepare(&CellSpec::compile(language)).await?;
            let built = build_in(&mut cell, language, files, core).await;
            self.cells.retire(cell).await;
            built
        })
        .await
    }

    async fn remember(
        &self,
        key: Digest,
        make: impl AsyncFnOnce() -> Result<Compilation, SandboxError>,
    ) -> Result<Compilation, Fault> {
        if let Some(compilation) = self.cache.get(&key).await {
            return Ok(Compilation { fresh: false, ..compilation });
        }
        let compilation = make().await?;
        // Failures are not cached: a limit may have been exceeded because the machine was busy.
        if compilation.artifact.is_some() {
            self.cache.insert(key, compilation.clone()).await;
        }
        Ok(compilation)
    }
}

async fn compile_in(
    cell: &mut Cell,
    source: &Source,
    core: Option<u32>,
) -> Result<Compilation, SandboxError> {
    let Source { language, layout, .. } = source;
    let files = source.as_compiled();
    for (name, bytes) in &files {
        cell.put(&CellPath::work(name)?, bytes.clone(), false).await?;
    }
    let (said, ok) = run_steps(cell, language, layout, core).await?;
    if ok {
        return gather(cell, language, layout, &files, said).await;
    }
    // A file that was submitted without a name can get the name that the compiler expects.
    if let ([(_, bytes)], Some(name)) = (files.as_slice(), said.missed_name(language)) {
        cell.put(&CellPath::work(&name)?, bytes.clone(), false).await?;
        let layout = Layout { main: name.clone(), sources: vec![name], ..layout.clone() };
        let (said, ok) = run_steps(cell, language, &layout, core).await?;
        if ok {
            return gather(cell, language, &layout, &files, said).await;
        }
    }
    Ok(said.without_program())
}

/// Runs the compile steps. The second value is whether all of them succeeded.
async fn run_steps(
    cell: &mut Cell,
    language: &Language,
    layout: &Layout,
    core: Option<u32>,
) -> Result<(Said, bool), SandboxError> {
    let mut said = Said::default();
    for step in language.compile_steps(layout) {
        if !said.run(cell, language, step, core).await? {
            return Ok((said, false));
        }
    }
    Ok((said, true))
}

/// Takes the files that runs need out of the cell.
async fn gather(
    cell: &mut Cell,
    language: &Language,
    layout: &Layout,
    files: &[(String, Bytes)],
    said: Said,
) -> Result<Compilation, SandboxError> {
    let mut artifact: Vec<ArtifactFile> = match language.outputs(layout) {
        Outputs::Sources => {
            let file = |(name, bytes): &(String, Bytes)| ArtifactFile {
                path: name.clone(),
                bytes: bytes.clone(),
                executable: true,
            };
            files.iter().map(file).collect()
        }
        Outputs::File(name) => {
            let path = CellPath::work(&name)?;
            match cell.get(&path, language.compile_limits().file_bytes).await {
                Ok(bytes) => vec![ArtifactFile { path: name, bytes, executable: true }],
                // The compiler reported success, and left no regular file to run.
                Err(error) => match error.of_files_left() {
                    Some(detail) => {
                        return Ok(said.but(&format!("no program was created: {detail}")));
                    }
                    None => return Err(error),
                },
            }
        }
    };
    let entry_point = match (language.begins, artifact.as_slice()) {
        (Begins::MainClass, [jar]) => {
            match jvm::entry_point(&jar.bytes, layout.entry_point.as_deref(), &layout.main) {
                Ok(class) => Some(class),
                Err(reason) => return Ok(said.but(&reason)),
            }
        }
        _ => None,
    };
    for (name, text) in &language.support {
        artifact.retain(|file| file.path != *name);
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        artifact.push(ArtifactFile { path: name.clone(), bytes, executable: false });
    }
    Ok(said.with(artifact, entry_point))
}

async fn build_in(
    cell: &mut Cell,
    language: &Arc<Language>,
    files: &[ArtifactFile],
    core: Option<u32>,
) -> Result<Compilation, SandboxError> {
    for file in files {
        cell.put(&CellPath::work(&file.path)?, file.bytes.clone(), file.executable).await?;
    }
    let mut said = Said::default();
    if files.iter().any(|file| file.path == BUILD_SCRIPT) {
        let script = vec![format!("{}/{BUILD_SCRIPT}", Area::Work.directory())];
        if !said.run(cell, language, script, core).await? {
            return Ok(said.without_program());
        }
    }
    let mut built = Vec::new();
    let mut room = BUILT_BYTES_MAX;
    let listed = match cell.list(Area::Work).await {
        Ok(listed) => listed,
        Err(error) => match error.of_files_left() {
            Some(detail) => return Ok(said.but(&detail)),
            None => return Err(error),
        },
    };
    for file in listed {
        if file.bytes > room {
            return Ok(said.but(&format!("the build left more than {BUILT_BYTES_MAX} bytes")));
        }
        room -= file.bytes;
        let bytes = cell.get(&CellPath::work(&file.path)?, file.bytes).await?;
        built.push(ArtifactFile { path: file.path, bytes, executable: file.executable });
    }
    match built.iter().find(|file| file.path == RUN_SCRIPT) {
        Some(run) if run.executable => Ok(said.with(built, None)),
        Some(_) => Ok(said.but("the file `run` is not executable")),
        None => Ok(said.but("the file `run` is missing")),
    }
}

/// The messages and the CPU time of one compilation's steps.
#[derive(Default)]
struct Said {
    messages: Messages,
    cpu: Duration,
}

impl Said {
    /// Runs one step. Returns whether it succeeded.
    async fn run(
        &mut self,
        cell: &mut Cell,
        language: &Language,
        step: Vec<String>,
        core: Option<u32>,
    ) -> Result<bool, SandboxError> {
        let execution = Execution::new(step, language.compile_limits()).keeping().dropping_excess();
        let outcome = match cell.execute(&Execution { core, ..execution }).await {
            Ok(outcome) => outcome,
            Err(SandboxError::NotStarted { program, detail }) => {
                self.messages.add(format!("{program} could not be started: {detail}\n").as_bytes());
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        self.cpu += outcome.cpu;
        self.messages.add(&outcome.stderr);
        self.messages.add(&outcome.stdout);
        self.messages.add_reason(outcome.ended);
        Ok(outcome.ended.is_success())
    }

    fn but(mut self, what: &str) -> Compilation {
        self.messages.add(format!("{what}\n").as_bytes());
        self.without_program()
    }

    fn without_program(self) -> Compilation {
        compilation(self.messages, None, self.cpu)
    }

    fn with(self, files: Vec<ArtifactFile>, entry_point: Option<String>) -> Compilation {
        let artifact = Artifact { files: files.into(), entry_point };
        compilation(self.messages, Some(artifact), self.cpu)
    }

    /// The file name that the compiler expects for the only source, taken from its messages.
    fn missed_name(&self, language: &Language) -> Option<String> {
        let said = self.messages.as_text();
        let (_, after) = said.split_once(language.misnamed.as_ref()?)?;
        let name = after.split_whitespace().next()?;
        (!name.contains('/') && language.is_source(name)).then(|| name.to_owned())
    }
}

fn compilation(messages: Messages, artifact: Option<Artifact>, cpu: Duration) -> Compilation {
    let (log, truncated) = messages.into_log();
    Compilation { artifact, log, truncated, cpu, fresh: true }
}
