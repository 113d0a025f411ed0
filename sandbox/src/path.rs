use std::fmt;

use crate::SandboxError;

/// Where a file stands in a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Area {
    /// `/box`: the program can read and execute what is here, and change nothing. It outlives every run.
    Program,
    /// `/work`: the program's working directory. It is emptied after each run that is not told to keep it.
    Work,
}

impl Area {
    /// The directory's absolute path inside the cell.
    #[must_use]
    pub fn directory(self) -> &'static str {
        match self {
            Self::Program => runner::layout::PROGRAM,
            Self::Work => runner::layout::WORK,
        }
    }
}

/// The place of one file in a cell: an area and a path below it, made of plain names, so that it can lead nowhere else.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
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

    /// A file in the given area. A path is at most eight plain names with a slash between each two: none is empty, starts
    /// with a dot or a dash, or holds control characters.
    pub fn new(area: Area, path: &str) -> Result<Self, SandboxError> {
        match runner::layout::check_path(path) {
            Ok(()) => Ok(Self { area, path: path.to_owned() }),
            Err(reason) => Err(SandboxError::BadPath { path: path.to_owned(), reason }),
        }
    }

    /// The area.
    #[must_use]
    pub fn area(&self) -> Area {
        self.area
    }

    /// The path below the area.
    #[must_use]
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

/// A regular file that stands in an area.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ListedFile {
    /// Its path below the area: a [`CellPath`] can be made of it.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Whether it can be executed.
    pub executable: bool,
}
