//! The format's rule for names, which holds for its own parts and not for what else lies in the folder.

use super::layout;
use crate::diagnostic::Report;
use crate::tree::FileTree;

const PORTABLE: &str = "a name of letters, digits, `_`, `.` and `-`";

/// Warns of names that the format does not allow. The files are read nevertheless, as the format's own tools read them:
/// a test or a submission that is left out would change what the package says.
pub(super) fn check(tree: &FileTree, report: &mut Report) {
    for (path, _) in tree.files() {
        let top = path.split('/').next().unwrap_or_default();
        if layout::is_part(top) && !path.split('/').all(is_portable) {
            report.warning(path, "has a name that other judges may refuse", PORTABLE);
        }
    }
}

fn is_portable(name: &str) -> bool {
    // What is hidden and kept is read by its whole name.
    name.starts_with('.')
        || name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}
