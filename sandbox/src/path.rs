use std::fmt;

use crate::SandboxError;

/// The longest file name a cell takes, in bytes.
pub const NAME_BYTES_MAX: usize = 128;

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

/// The place of one file in a cell: an area and a plain name, so that no path can lead anywhere else.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub struct CellPath {
    area: Area,
    name: String,
}

impl CellPath {
    /// A file in the program's read-only area.
    pub fn program(name: &str) -> Result<Self, SandboxError> {
        Self::new(Area::Program, name)
    }

    /// A file in the working directory.
    pub fn work(name: &str) -> Result<Self, SandboxError> {
        Self::new(Area::Work, name)
    }

    /// A file in the given area. Names are plain: no slash, no leading dot or dash, no control characters.
    pub fn new(area: Area, name: &str) -> Result<Self, SandboxError> {
        let bad = |reason| Err(SandboxError::BadPath { path: name.to_owned(), reason });
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return bad("its length is out of range");
        }
        if name.starts_with(['.', '-']) {
            return bad("it starts with a dot or a dash");
        }
        if name.chars().any(|c| c == '/' || c.is_control()) {
            return bad("it holds a slash or a control character");
        }
        Ok(Self { area, name: name.to_owned() })
    }

    /// The area.
    #[must_use]
    pub fn area(&self) -> Area {
        self.area
    }

    /// The plain name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for CellPath {
    /// The absolute path inside the cell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.area.directory(), self.name)
    }
}
