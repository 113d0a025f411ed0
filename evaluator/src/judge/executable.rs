//! A program that can be run in its own cell.

use std::sync::Arc;

use bytes::Bytes;
use sandbox::{Cell, CellPath, Language, Layout, SandboxError};

/// A file of a program that can be run.
#[derive(Debug, Clone)]
pub struct ArtifactFile {
    /// Path relative to the program area.
    pub path: String,
    /// The file's content.
    pub bytes: Bytes,
    /// Whether the file is executable.
    pub executable: bool,
}

/// The output of compiling.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The files that runs need.
    pub files: Arc<[ArtifactFile]>,
    /// The class in which the program begins, for languages where this is found after compiling.
    pub entry_point: Option<String>,
}

impl Artifact {
    /// The size of all files and their paths, in bytes.
    pub fn bytes(&self) -> usize {
        self.files.iter().map(|file| file.bytes.len() + file.path.len()).sum()
    }
}

/// How a program is started.
#[derive(Debug, Clone)]
pub enum Start {
    /// With the run command of its language.
    Language(Layout),
    /// With its own `run` script.
    Script,
}

/// The run script of a program that has its own scripts.
pub(super) const RUN_SCRIPT: &str = "run";

/// A program that can be run.
#[derive(Debug, Clone)]
pub struct Executable {
    /// The program's language; for a script, the language whose cells run it.
    pub language: Arc<Language>,
    /// How it is started.
    pub start: Start,
    /// Its files.
    pub artifact: Artifact,
}

impl Executable {
    /// The command that runs the program with this memory limit, in bytes, and these arguments.
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

    /// Writes the files to a cell's program area.
    pub(super) async fn install(&self, cell: &mut Cell) -> Result<(), SandboxError> {
        for file in self.artifact.files.iter() {
            let path = CellPath::program(&file.path)?;
            cell.put(&path, file.bytes.clone(), file.executable).await?;
        }
        Ok(())
    }
}

/// Writes files to a cell's work area.
pub(super) async fn put_files(
    cell: &mut Cell,
    files: &[(String, Bytes)],
) -> Result<(), SandboxError> {
    for (path, bytes) in files {
        cell.put(&CellPath::work(path)?, bytes.clone(), false).await?;
    }
    Ok(())
}
