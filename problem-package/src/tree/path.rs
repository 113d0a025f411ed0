//! Checks the paths of a package, and decides which entries count as absent.

use crate::limits::{LINK_TARGET_BYTES_MAX, NAME_BYTES_MAX};

/// Names that begin with a dot but are read: the time limit of older packages and Polygon's folder
/// of PDF files.
const READ_THOUGH_HIDDEN: [&str; 2] = [".timelimit", ".pdf"];

/// Files that operating systems and archivers add.
const NOISE: [&str; 7] = [
    "__MACOSX",
    ".DS_Store",
    ".AppleDouble",
    ".Spotlight-V100",
    ".Trashes",
    "Thumbs.db",
    "desktop.ini",
];
/// Prefix of the files in which macOS stores metadata of other files.
const MAC_METADATA: &str = "._";

/// Which entries a tree omits before anything is counted or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Omitted {
    /// Noise and all names that begin with a dot or a dash. Used for packages.
    Hidden,
    /// Noise only. Used for archives of test data, which may have any names.
    Noise,
}

impl Omitted {
    /// Whether an entry, or a folder above it, counts as absent.
    pub(crate) fn covers(self, path: &str) -> bool {
        path.split('/').any(|name| is_noise(name) || self == Self::Hidden && is_hidden(name))
    }
}

fn is_noise(name: &str) -> bool {
    NOISE.iter().any(|noise| name.eq_ignore_ascii_case(noise)) || name.starts_with(MAC_METADATA)
}

fn is_hidden(name: &str) -> bool {
    // Names that could leave their folder are reported as errors instead.
    let could_leave = matches!(name, "." | "..") || name.contains('\\');
    name.starts_with(['.', '-']) && !could_leave && !READ_THOUGH_HIDDEN.contains(&name)
}

/// An unsafe path.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub(super) enum PathError {
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("has an empty name")]
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
    #[error("is nested too deeply")]
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
            Self::Control => "a name without control characters".to_owned(),
            Self::NameTooLong => format!("at most {NAME_BYTES_MAX} bytes"),
            Self::TooDeep => "fewer folders".to_owned(),
            Self::TargetTooLong => format!("at most {LINK_TARGET_BYTES_MAX} bytes"),
        }
    }
}

/// The path of an entry, if it is safe.
pub(super) fn check(path: &[u8], depth_max: usize) -> Result<String, PathError> {
    let path = text(path)?;
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.starts_with('/') {
        return Err(PathError::Absolute);
    }
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
    Ok(path.to_owned())
}

/// The target of a link, if it is well-formed. Whether it stays in the package is checked when it
/// is followed.
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
        let kept = |path: &str| Ok(path.to_owned());
        let long = "x".repeat(NAME_BYTES_MAX);
        let too_long = format!("{long}y");
        let cases: [(&[u8], _); 22] = [
            (b"problem.yaml", kept("problem.yaml")),
            (b"data/secret/1.in", kept("data/secret/1.in")),
            (b"data/secret/", kept("data/secret")),
            (b".timelimit", kept(".timelimit")),
            (b"statements/.pdf/en/a.pdf", kept("statements/.pdf/en/a.pdf")),
            (b"main class.java", kept("main class.java")),
            (b"A + B (1).cpp", kept("A + B (1).cpp")),
            ("año.in".as_bytes(), kept("año.in")),
            ("данные/1.in".as_bytes(), kept("данные/1.in")),
            (long.as_bytes(), kept(&long)),
            (too_long.as_bytes(), Err(PathError::NameTooLong)),
            (b"", Err(PathError::Empty)),
            (b"a//b", Err(PathError::Empty)),
            (b"/etc/passwd", Err(PathError::Absolute)),
            (b"../a", Err(PathError::Parent)),
            (b"a/../../b", Err(PathError::Parent)),
            (b"a/./b", Err(PathError::Parent)),
            (b"./problem.yaml", Err(PathError::Parent)),
            (b"..\\..\\a", Err(PathError::Backslash)),
            (b"a\0b", Err(PathError::Control)),
            (b"a\nb", Err(PathError::Control)),
            (b"\xff\xfe", Err(PathError::NotUtf8)),
        ];
        for (path, expected) in cases {
            assert_eq!(check(path, 16), expected, "{:?}", String::from_utf8_lossy(path));
        }
        assert_eq!(check(b"a/b/c", 2), Err(PathError::TooDeep));
        assert_eq!(check_link(b"/etc/passwd"), Err(PathError::Absolute));
        assert_eq!(check_link(b"../1.in"), Ok("../1.in".to_owned()));
        assert_eq!(check_link(&[b'x'; LINK_TARGET_BYTES_MAX + 1]), Err(PathError::TargetTooLong));
    }

    #[test]
    fn noise_and_hidden_names_count_as_absent() {
        // The path, and whether a package and an archive of test data omit it.
        let cases = [
            ("problem.yaml", false, false),
            (".timelimit", false, false),
            ("statements/.pdf/en/a.pdf", false, false),
            ("../a", false, false),
            ("..\\..\\a", false, false),
            ("./a", false, false),
            ("data/a-1.in", false, false),
            ("thumbs", false, false),
            (".git/config", true, false),
            ("sub/.git/objects/aa", true, false),
            (".gitignore", true, false),
            ("data/secret/.1.in.swp", true, false),
            (".idea/workspace.xml", true, false),
            ("-rf", true, false),
            ("__MACOSX/p/1.in", true, true),
            ("data/._1.in", true, true),
            ("data/.DS_Store", true, true),
            ("images/Thumbs.db", true, true),
            ("images/thumbs.db", true, true),
            ("Desktop.ini", true, true),
        ];
        for (path, in_package, in_data) in cases {
            let omitted = [Omitted::Hidden, Omitted::Noise].map(|kind| kind.covers(path));
            assert_eq!(omitted, [in_package, in_data], "{path}");
        }
    }
}
