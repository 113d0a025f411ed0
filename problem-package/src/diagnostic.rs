//! Errors and warnings about a package, with their places.

use std::fmt;

use crate::limits::DIAGNOSTICS_MAX;

/// Whether a package with this diagnostic can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A warning: the package can be used.
    Warning,
    /// An error: the package cannot be used.
    Error,
}

/// A position in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line number, from 1.
    pub line: u32,
    /// Character in the line, from 1.
    pub column: u32,
}

/// An error or warning about a package.
///
/// It is displayed as `error: problem.yaml:3:9: message; expected x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it is an error or a warning.
    pub severity: Severity,
    /// A path in the package; empty if the diagnostic is about the whole package.
    pub path: String,
    /// The position in the file, if known.
    pub position: Option<Position>,
    /// What is wrong.
    pub message: String,
    /// What was expected instead; may be empty.
    pub expected: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.severity {
            Severity::Warning => "warning: ",
            Severity::Error => "error: ",
        })?;
        if !self.path.is_empty() {
            f.write_str(&self.path)?;
            if let Some(Position { line, column }) = self.position {
                write!(f, ":{line}:{column}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)?;
        if !self.expected.is_empty() {
            write!(f, "; expected {}", self.expected)?;
        }
        Ok(())
    }
}

/// Collects diagnostics, at most [`DIAGNOSTICS_MAX`] of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    diagnostics: Vec<Diagnostic>,
    has_errors: bool,
    left_out: usize,
}

impl Report {
    pub(crate) fn error(
        &mut self,
        at: impl Into<Place>,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.push(Severity::Error, at.into(), message.into(), expected.into());
    }

    pub(crate) fn warning(
        &mut self,
        at: impl Into<Place>,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.push(Severity::Warning, at.into(), message.into(), expected.into());
    }

    pub(crate) fn extend(&mut self, diagnostics: &[Diagnostic]) {
        for Diagnostic { severity, path, position, message, expected } in
            diagnostics.iter().cloned()
        {
            self.push(severity, Place { path, position }, message, expected);
        }
    }

    /// Adds diagnostics about something that judging does not need, with errors turned into
    /// warnings.
    pub(crate) fn add_as_warnings(&mut self, found: Self) {
        for Diagnostic { path, position, message, expected, .. } in found.diagnostics {
            self.push(Severity::Warning, Place { path, position }, message, expected);
        }
        self.left_out += found.left_out;
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// Whether further diagnostics are only counted.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() >= DIAGNOSTICS_MAX
    }

    /// Removes a folder prefix from the paths.
    pub(crate) fn strip_prefix(&mut self, prefix: &str) {
        for diagnostic in &mut self.diagnostics {
            if let Some(path) = diagnostic.path.strip_prefix(prefix) {
                diagnostic.path = path.to_owned();
            }
        }
    }

    /// The warnings if there is no error, otherwise all diagnostics.
    pub(crate) fn finish(mut self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        if self.left_out > 0 {
            self.diagnostics.push(Diagnostic {
                severity: Severity::Warning,
                path: String::new(),
                position: None,
                message: format!("{} more diagnostics are left out", self.left_out),
                expected: String::new(),
            });
        }
        if self.has_errors { Err(self.diagnostics) } else { Ok(self.diagnostics) }
    }

    fn push(&mut self, severity: Severity, at: Place, message: String, expected: String) {
        self.has_errors |= severity == Severity::Error;
        if self.diagnostics.len() == DIAGNOSTICS_MAX {
            self.left_out += 1;
            return;
        }
        let Place { path, position } = at;
        self.diagnostics.push(Diagnostic { severity, path, position, message, expected });
    }
}

/// The file that a diagnostic is about, and the position in it if known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    path: String,
    position: Option<Position>,
}

impl Place {
    /// The same file, at this place in it.
    pub(crate) fn at(self, position: Position) -> Self {
        Self { position: Some(position), ..self }
    }
}

impl From<&str> for Place {
    fn from(path: &str) -> Self {
        Self { path: path.to_owned(), position: None }
    }
}

impl From<&String> for Place {
    fn from(path: &String) -> Self {
        path.as_str().into()
    }
}

impl From<(&str, Position)> for Place {
    fn from((path, position): (&str, Position)) -> Self {
        Self { path: path.to_owned(), position: Some(position) }
    }
}

impl From<(&str, Option<Position>)> for Place {
    fn from((path, position): (&str, Option<Position>)) -> Self {
        Self { path: path.to_owned(), position }
    }
}

/// Maximum number of characters that a diagnostic quotes from a package.
const QUOTED_CHARS_MAX: usize = 60;

/// Quotes text from the package: escaped, and shortened if it is long.
pub(crate) fn quote(text: &str) -> String {
    let short: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if short.len() < text.len() { format!("{:?}", short + "…") } else { format!("{short:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_reads_as_a_line() {
        let mut report = Report::default();
        report.error(("problem.yaml", Position { line: 3, column: 9 }), "no", "yes");
        report.warning("", "odd", "");
        let lines: Vec<_> =
            report.finish().unwrap_err().iter().map(Diagnostic::to_string).collect();
        assert_eq!(lines, ["error: problem.yaml:3:9: no; expected yes", "warning: odd"]);
    }

    #[test]
    fn a_report_is_bounded_and_says_so() {
        let mut report = Report::default();
        for _ in 0..DIAGNOSTICS_MAX + 7 {
            report.warning("a", "b", "c");
        }
        report.error("late", "an error beyond the limit still counts", "");
        let diagnostics = report.finish().unwrap_err();
        assert_eq!(diagnostics.len(), DIAGNOSTICS_MAX + 1);
        assert_eq!(diagnostics.last().unwrap().message, "8 more diagnostics are left out");
    }

    #[test]
    fn quoted_text_is_short_and_has_no_control_characters() {
        assert_eq!(quote("a\n\u{1b}[31m"), r#""a\n\u{1b}[31m""#);
        assert!(quote(&"é".repeat(1000)).chars().count() < 70);
    }
}
