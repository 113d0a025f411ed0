#![doc = include_str!("../README.md")]

mod formula;
mod html;
mod weight;

use pulldown_cmark::{Event, Options, Parser};

pub use formula::{Display, Fault, Formulas, Rendered};
pub use html::{as_source, to_html};
pub use weight::{TooHeavy, too_heavy};

/// The Markdown extensions of statements.
pub const MARKDOWN: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_MATH);

/// A formula of a statement that is not shown as its author meant it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultyFormula {
    /// The formula's source, without the dollar signs.
    pub latex: String,
    /// The line on which the formula starts, counted from 1.
    pub line: u32,
    /// The faults, at least one.
    pub faults: Vec<Fault>,
}

/// The formulas of a Markdown text that are not shown as their author meant them, in order.
///
/// # Errors
/// When the text is too heavy to be rendered.
pub fn faulty_formulas(markdown: &str) -> Result<Vec<FaultyFormula>, TooHeavy> {
    if let Some(reason) = too_heavy(markdown) {
        return Err(reason);
    }
    let mut formulas = Formulas::default();
    let mut faulty = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for (event, range) in Parser::new_ext(markdown, MARKDOWN).into_offset_iter() {
        let (latex, display) = match event {
            Event::InlineMath(latex) => (latex, Display::Inline),
            Event::DisplayMath(latex) => (latex, Display::Block),
            _ => continue,
        };
        let faults = formulas.render(&latex, display).faults;
        // Footnotes are parsed in place, so offsets only grow.
        let between = markdown.get(counted..range.start).unwrap_or_default();
        line += between.bytes().filter(|byte| *byte == b'\n').count() as u32;
        counted = counted.max(range.start);
        if !faults.is_empty() {
            faulty.push(FaultyFormula { latex: latex.into_string(), line, faults });
        }
    }
    Ok(faulty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faulty_formulas_are_found_with_their_lines() {
        let markdown = "Fine: $a_1$.\n\nBad: $\\foo$ `$\\bar$`\n\n$$\nx^\n$$\n\n\
                        $\\newcommand{\\abs}[1]{|#1|}$ | $\\abs{x}$\n";
        let found = faulty_formulas(markdown).unwrap();
        let found: Vec<_> = found.iter().map(|it| (it.line, it.latex.trim())).collect();
        assert_eq!(found, [(3, "\\foo"), (5, "x^")]);
    }
}
