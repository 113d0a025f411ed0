//! Which paths a package may have.

use crate::limits::{LINK_TARGET_BYTES_MAX, NAME_BYTES_MAX};

/// What the format allows in a name.
pub(super) const PORTABLE: &str = "a name of letters, digits, `_`, `.` and `-`";

/// Names that are hidden, but read: the time limit of older packages, and Polygon's folder of PDF files.
const READ_THOUGH_HIDDEN: [&str; 2] = [".timelimit", ".pdf"];

/// Where a Mac's archiver puts what it knows about each file.
const MAC_METADATA_FOLDER: &str = "__MACOSX";

/// A path that could do harm.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub(super) enum PathError {
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("has no name")]
    Empty,
    #[error("is an absolute path")]
    Absolute,
    #[error("leads out of its folder")]
    Parent,
    #[error("has a backslash")]
    Backslash,
    #[error("has a control character")]
    Control,
    #[error("has a name that is too long")]
    NameTooLong,
    #[error("is in too many folders")]
    TooDeep,
    #[error("is too long")]
    TargetTooLong,
}

impl PathError {
    pub(super) fn expected(self) -> String {
        match self {
            Self::NotUtf8 => "a path in UTF-8".to_owned(),
            Self::Empty => "a name between slashes".to_owned(),
            Self::Absolute | Self::Parent => "a path within the package".to_owned(),
            Self::Backslash => "`/` between names".to_owned(),
            Self::Control => PORTABLE.to_owned(),
            Self::NameTooLong => format!("at most {NAME_BYTES_MAX} bytes"),
            Self::TooDeep => "fewer folders".to_owned(),
            Self::TargetTooLong => format!("at most {LINK_TARGET_BYTES_MAX} bytes"),
        }
    }
}

/// What a harmless path means to the reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// A file of the package.
    Kept(String),
    /// Not part of the package: the format has a judge behave as if it were not there.
    Hidden,
    /// The same, but its writer may think otherwise.
    Foreign(String),
}

pub(super) fn check(path: &[u8], depth_max: usize) -> Result<Checked, PathError> {
    let path = text(path)?;
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.starts_with('/') {
        return Err(PathError::Absolute);
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    let names: Vec<&str> = path.split('/').collect();
    if names.len() > depth_max {
        return Err(PathError::TooDeep);
    }
    for name in &names {
        match *name {
            "" => return Err(PathError::Empty),
            "." | ".." => return Err(PathError::Parent),
            name if name.len() > NAME_BYTES_MAX => return Err(PathError::NameTooLong),
            _ => {}
        }
    }
    let is_hidden = |name: &&str| {
        name.starts_with(['.', '-']) && !READ_THOUGH_HIDDEN.contains(name)
            || *name == MAC_METADATA_FOLDER
    };
    if names.iter().any(is_hidden) {
        return Ok(Checked::Hidden);
    }
    let is_portable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '.' | '-');
    if !path.chars().all(is_portable) {
        return Ok(Checked::Foreign(path.to_owned()));
    }
    Ok(Checked::Kept(path.to_owned()))
}

/// The target of a link; where it leads is found out when it is followed.
pub(super) fn check_link(target: &[u8]) -> Result<String, PathError> {
    let target = text(target)?;
    if target.is_empty() {
        return Err(PathError::Empty);
    }
    if target.starts_with('/') {
        return Err(PathError::Absolute);
    }
    if target.len() > LINK_TARGET_BYTES_MAX {
        return Err(PathError::TargetTooLong);
    }
    Ok(target.to_owned())
}

fn text(path: &[u8]) -> Result<&str, PathError> {
    let path = str::from_utf8(path).map_err(|_| PathError::NotUtf8)?;
    if path.contains(char::is_control) {
        return Err(PathError::Control);
    }
    if path.contains('\\') {
        return Err(PathError::Backslash);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_within_the_package_are_kept() {
        let kept = |path: &str| Ok(Checked::Kept(path.to_owned()));
        let foreign = |path: &str| Ok(Checked::Foreign(path.to_owned()));
        let long = "x".repeat(NAME_BYTES_MAX);
        let too_long = format!("{long}y");
        let cases: [(&[u8], _); 23] = [
            (b"problem.yaml", kept("problem.yaml")),
            (b"./problem.yaml", kept("problem.yaml")),
            (b"data/secret/1.in", kept("data/secret/1.in")),
            (b"data/secret/", kept("data/secret")),
            (b".timelimit", kept(".timelimit")),
            (b"statements/.pdf/en/a.pdf", kept("statements/.pdf/en/a.pdf")),
            (long.as_bytes(), kept(&long)),
            (too_long.as_bytes(), Err(PathError::NameTooLong)),
            (b"", Err(PathError::Empty)),
            (b"a//b", Err(PathError::Empty)),
            (b"/etc/passwd", Err(PathError::Absolute)),
            (b"../a", Err(PathError::Parent)),
            (b"a/../../b", Err(PathError::Parent)),
            (b"a/./b", Err(PathError::Parent)),
            (b"..\\..\\a", Err(PathError::Backslash)),
            (b"a\0b", Err(PathError::Control)),
            (b"a\nb", Err(PathError::Control)),
            (b"\xff\xfe", Err(PathError::NotUtf8)),
            (b".git/config", Ok(Checked::Hidden)),
            (b"-rf", Ok(Checked::Hidden)),
            (b"__MACOSX/p/._1.in", Ok(Checked::Hidden)),
            (b"main class.java", foreign("main class.java")),
            ("año.in".as_bytes(), foreign("año.in")),
        ];
        for (path, expected) in cases {
            assert_eq!(check(path, 16), expected, "{:?}", String::from_utf8_lossy(path));
        }
        assert_eq!(check(b"a/b/c", 2), Err(PathError::TooDeep));
        assert_eq!(check_link(b"/etc/passwd"), Err(PathError::Absolute));
        assert_eq!(check_link(b"../1.in"), Ok("../1.in".to_owned()));
        assert_eq!(check_link(&[b'x'; LINK_TARGET_BYTES_MAX + 1]), Err(PathError::TargetTooLong));
    }
}
