//! Converts a formula from LaTeX to MathML.

mod definitions;
mod nesting;
mod rewrite;
mod scan;
mod special;
mod templates;
mod text;
mod text_argument;

use std::fmt;
use std::panic::catch_unwind;
use std::sync::LazyLock;

use math_core::{LatexToMathML, MathCoreConfig, MathDisplay};

use definitions::Definitions;
use rewrite::{FORMULA_BYTES_MAX, Rewriter};

/// The deepest nesting of groups, arguments, fractions, roots and scripts. The parser needs about
/// 1.5 KiB of stack for each level.
const NESTING_MAX: usize = 64;
/// How many bytes all formulas of one text may grow by rewriting, for example with the commands
/// that it defines.
const GROWTH_BYTES_MAX: usize = 64 * 1024;
/// The most spaces in a row. At each of them, the parser looks ahead past all the others.
const GAP_MAX: usize = 200;
/// How many unknown commands are reported for one formula.
const UNKNOWN_NAMED_MAX: usize = 8;

/// The renderer's output before and after the name of an unknown command.
const UNKNOWN: (&str, &str) = ("<merror class=\"math-core-unknown-cmd\"><mtext>", "</mtext>");

/// The renderer's lines of combining characters, which few fonts show well, and their replacements.
const LINES: [(&str, &str); 2] = [
    ("\u{332}</mo></mover>", "\u{203e}</mo></mover>"),
    ("\u{332}</mo></munder>", "_</mo></munder>"),
];

/// A placeholder for a border, for which the renderer has no command.
const BORDER_COLOUR: &str = "B0C5ED";
const BORDER_STYLE: &str = "border: 0.06em solid currentcolor;padding: 0.2em;";

static RENDERER: LazyLock<LatexToMathML> = LazyLock::new(|| {
    LatexToMathML::new(MathCoreConfig {
        ignore_unknown_commands: true,
        // Only Firefox strikes formulas out. Other browsers show them unchanged, which is better
        // than an error.
        allow_unreliable_rendering: true,
        ..MathCoreConfig::default()
    })
    .expect("no macros are given that could be wrong")
});

/// Where a formula is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// In a line of text.
    Inline,
    /// On its own.
    Block,
}

/// A rendered formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// A `<math>` element, or the source in `<code>`.
    pub html: String,
    /// Why it is not shown as its author meant it; empty if it is.
    pub faults: Vec<Fault>,
}

/// Why a formula is not shown as its author meant it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A command is unknown; its name, with the backslash. The rest of the formula is rendered.
    UnknownCommand(String),
    /// The formula is shown as its source, for this reason.
    Unreadable(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand(name) => {
                write!(f, "the command {name} is unknown and is shown by its name")
            }
            Self::Unreadable(reason) => write!(f, "it is shown as its source: {reason}"),
        }
    }
}

/// Renders the formulas of one text, in order: a formula can use what earlier ones define.
#[derive(Debug, Default)]
pub struct Formulas {
    definitions: Definitions,
    growth_bytes: usize,
}

impl Formulas {
    /// Renders the next formula of the text. `latex` is without the dollar signs.
    pub fn render(&mut self, latex: &str, display: Display) -> Rendered {
        match self.mathml(latex, display) {
            Ok(html) => Rendered { faults: unknown_commands(&html), html },
            Err(reason) => Rendered {
                html: format!("<code>{}</code>", escaped(latex)),
                faults: vec![Fault::Unreadable(reason)],
            },
        }
    }

    fn mathml(&mut self, latex: &str, display: Display) -> Result<String, String> {
        if latex.len() > FORMULA_BYTES_MAX {
            return Err(format!(
                "it has {} bytes, but only {FORMULA_BYTES_MAX} are allowed",
                latex.len()
            ));
        }
        let known = Rewriter::new(&mut self.definitions).rewrite(latex)?;
        self.growth_bytes += known.len().saturating_sub(latex.len());
        if self.growth_bytes > GROWTH_BYTES_MAX {
            return Err(format!(
                "the commands in the formulas so far expand to more than {GROWTH_BYTES_MAX} bytes"
            ));
        }
        if nesting::depth(&known) > NESTING_MAX {
            return Err(format!("it is nested more than {NESTING_MAX} levels deep"));
        }
        if nesting::longest_gap(&known) > GAP_MAX {
            return Err(format!("it has more than {GAP_MAX} spaces in a row"));
        }
        let display = match display {
            Display::Inline => MathDisplay::Inline,
            Display::Block => MathDisplay::Block,
        };
        // The renderer panics on some misplaced marks, such as `\sqrt&` in a table. It keeps no
        // state between formulas.
        let converted = catch_unwind(|| RENDERER.convert_with_local_state(&known, display));
        let converted = converted.map_err(|_| "the renderer fails on it".to_owned())?;
        let converted =
            converted.map_err(|error| error.to_string().trim_end_matches('.').to_owned())?;
        Ok(put_back(converted.mathml))
    }
}

/// Replaces the placeholders.
fn put_back(mut mathml: String) -> String {
    for (made, meant) in LINES {
        if mathml.contains(made) {
            mathml = mathml.replace(made, meant);
        }
    }
    let border = format!("style=\"color:#{BORDER_COLOUR};\"");
    if mathml.contains(&border) {
        mathml = mathml.replace(&border, &format!("style=\"{BORDER_STYLE}\""));
    }
    text::put_back(&mathml)
}

fn unknown_commands(mathml: &str) -> Vec<Fault> {
    let (begin, end) = UNKNOWN;
    let mut faults: Vec<Fault> = Vec::new();
    for after in mathml.split(begin).skip(1) {
        let name = after.split(end).next().unwrap_or_default();
        let fault = Fault::UnknownCommand(name.to_owned());
        if faults.len() < UNKNOWN_NAMED_MAX && !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    faults
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
