//! A program that can be run, in a cell of its own.

use std::sync::Arc;

use bytes::Bytes;
use sandbox::{Cell, CellPath, Language, Layout, SandboxError};

/// A file of a program that can be run.
#[derive(Debug, Clone)]
pub struct ArtifactFile {
    /// Relative to the program area.
    pub path: String,
    /// What is in it.
    pub bytes: Bytes,
    /// Whether it can be executed.
    pub executable: bool,
}

/// What compiling makes.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// What runs need.
    pub files: Arc<[ArtifactFile]>,
    /// Where the program begins, where that shows once it is compiled.
    pub entry_point: Option<String>,
}

impl Artifact {
    /// All of its bytes.
    pub fn bytes(&self) -> usize {
        self.files.iter().map(|file| file.bytes.len() + file.path.len()).sum()
    }
}

/// How a program is started.
#[derive(Debug, Clone)]
pub enum Start {
    /// As programs in its language are.
    Language(Layout),
    /// By its own script.
    Script,
}

/// The script that starts a program which brings one.
pub(super) const RUN_SCRIPT: &str = "run";

/// A program that can be run.
#[derive(Debug, Clone)]
pub struct Executable {
    /// What it is written in; for a script, the language in whose cells it runs.
    pub language: Arc<Language>,
    /// How it is started.
    pub start: Start,
    /// Its files.
    pub artifact: Artifact,
}

impl Executable {
    /// The command that runs it under a memory limit, with these arguments.
    pub fn argv(&self, memory_bytes: u64, args: &[String]) -> Vec<String> {
        let mut argv = match &self.start {
            Start::Language(layout) => match self.artifact.entry_point.clone() {
                None => self.language.run_argv(memory_bytes, layout),
                entry_point => {
                    let layout = Layout { entry_point, ..layout.clone() };
                    self.language.run_argv(memory_bytes, &layout)
                }
            },
            Start::Script => vec![format!("{}/{RUN_SCRIPT}", sandbox::Area::Program.directory())],
        };
        argv.extend(args.iter().cloned());
        argv
    }

    /// Puts it into a cell.
    pub(super) async fn install(&self, cell: &mut Cell) -> Result<(), SandboxError> {
        for file in self.artifact.files.iter() {
            let path = CellPath::program(&file.path)?;
            cell.put(&path, file.bytes.clone(), file.executable).await?;
        }
        Ok(())
    }
}

/// Puts files into a cell's work area.
pub(super) async fn put_files(
    cell: &mut Cell,
    files: &[(String, Bytes)],
) -> Result<(), SandboxError> {
    for (path, bytes) in files {
        cell.put(&CellPath::work(path)?, bytes.clone(), false).await?;
    }
    Ok(())
}
