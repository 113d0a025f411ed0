//! Who sees a problem, and when its solution is shown.

use serde::{Deserialize, Serialize};

/// Who may see a problem, besides the people who work on it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Visibility {
    /// Nobody else.
    Draft,
    /// Everyone who knows the slug; no list contains it.
    Hidden,
    /// Everyone, also in lists.
    #[default]
    Public,
}

/// When a text that reveals a problem's solution is shown to others than the people who work on it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TextRule {
    /// It is always shown.
    #[default]
    Always,
    /// Shown to accounts that have solved the problem.
    AfterSolving,
    /// It is never shown.
    Never,
}
