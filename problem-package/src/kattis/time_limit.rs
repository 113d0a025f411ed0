//! Reads the time limit from other files than `problem.yaml`.
//!
//! `limits.time_limit` overrides `.timelimit`, which overrides `timelimit` in
//! `domjudge-problem.ini`.

use domain::problem::TimeLimitOrigin;

use super::manifest::{Manifest, milliseconds};
use crate::diagnostic::{Report, quote};
use crate::text::{BOM, text};
use crate::tree::FileTree;

/// A file with only the time limit, in seconds.
const PLAIN_FILE: &str = ".timelimit";
/// Settings of DOMjudge.
pub(super) const SETTINGS_FILE: &str = "domjudge-problem.ini";

const EXPECTED: &str = "seconds above 0";

/// Sets the time limit in the manifest, and returns its origin.
pub(super) fn read(
    tree: &FileTree,
    manifest: &mut Manifest,
    report: &mut Report,
) -> TimeLimitOrigin {
    let plain = tree.get(PLAIN_FILE).map(|bytes| {
        (PLAIN_FILE, String::from_utf8_lossy(bytes).trim_start_matches(BOM).trim().to_owned())
    });
    let set = || setting(tree, "timelimit", report).map(|value| (SETTINGS_FILE, value));
    if manifest.timing.given_ms.is_none()
        && !manifest.places.contains_key("limits.timeMs")
        && let Some((file, value)) = plain.or_else(set)
    {
        match value.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && seconds > 0.0 => {
                manifest.limits.time_ms = milliseconds(seconds);
                manifest.timing.given_ms = Some(manifest.limits.time_ms);
                manifest.places.insert("limits.timeMs", (file, None));
            }
            _ => report.error(file, format!("the time limit is {}", quote(&value)), EXPECTED),
        }
    }
    manifest.timing.origin()
}

/// The value of a key in the settings: `key = value`, with optional quotes.
pub(super) fn setting(tree: &FileTree, key: &str, report: &mut Report) -> Option<String> {
    let text = text(SETTINGS_FILE, tree.get(SETTINGS_FILE)?, report)?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        if name.trim() != key {
            return None;
        }
        let value = value.trim();
        // A comment may follow the value, but not inside quotes.
        let quoted = ['\'', '"'].into_iter().find(|quote| value.starts_with(*quote));
        let value = match quoted {
            Some(quote) => value[1..].split(quote).next().unwrap_or_default(),
            None => value.split(';').next().unwrap_or_default().trim(),
        };
        Some(value.to_owned())
    })
}
