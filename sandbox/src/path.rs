use std::fmt;

use crate::SandboxError;

/// The part of a cell that a file is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Area {
    /// `/box`: the program can read and execute the files here, but not change them. They outlive
    /// every run.
    Program,
    /// `/work`: the program's working directory. It is emptied after each run unless the execution
    /// keeps its files.
    Work,
}

impl Area {
    /// The directory's absolute path inside the cell.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Program => runner::layout::PROGRAM,
            Self::Work => runner::layout::WORK,
        }
    }
}

/// The path of one file in a cell: an area and a path below it. The path consists of plain names,
/// so it cannot leave the area.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CellPath {
    area: Area,
    path: String,
}

impl CellPath {
    /// A file in the program's read-only area.
    pub fn program(path: &str) -> Result<Self, SandboxError> {
        Self::new(Area::Program, path)
    }

    /// A file in the working directory.
    pub fn work(path: &str) -> Result<Self, SandboxError> {
        Self::new(Area::Work, path)
    }

    /// A file in the given area. A path is at most eight plain names separated by slashes. A name
    /// is not empty, does not start with a dot or a dash, and contains no control characters.
    pub fn new(area: Area, path: &str) -> Result<Self, SandboxError> {
        match runner::layout::check_path(path) {
            Ok(()) => Ok(Self { area, path: path.to_owned() }),
            Err(reason) => Err(SandboxError::BadPath { path: path.to_owned(), reason }),
        }
    }

    /// The area.
    pub fn area(&self) -> Area {
        self.area
    }

    /// The path below the area.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for CellPath {
    /// The absolute path inside the cell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.area.directory(), self.path)
    }
}

/// A regular file in an area.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedFile {
    /// Its path below the area, valid for a [`CellPath`].
    pub path: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Whether it is executable.
    pub executable: bool,
}
