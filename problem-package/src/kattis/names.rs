//! Checks the format's rule for names, which applies only to the parts of the format.

use super::layout;
use crate::diagnostic::Report;
use crate::tree::FileTree;

const PORTABLE: &str = "a name of letters, digits, `_`, `.` and `-`";

/// Warns of names that the format does not allow. The files are read anyway, as the format's own
/// tools do: leaving out a test or submission would change the package.
pub(super) fn check(tree: &FileTree, report: &mut Report) {
    for (path, _) in tree.files() {
        let top = path.split('/').next().unwrap_or_default();
        if layout::is_part(top) && !path.split('/').all(is_portable) {
            report.warning(path, "has a name that other judges may refuse", PORTABLE);
        }
    }
}

fn is_portable(name: &str) -> bool {
    // Hidden files that are read have fixed names.
    name.starts_with('.')
        || name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}
