//! Warns of texts and formulas that cannot be shown as written.

use statement::{Fault, faulty_formulas};

use crate::diagnostic::{Place, Position, Report, quote};

/// Warns of faulty formulas in a Markdown file, with the lines they start on.
pub(crate) fn report_faults(path: &str, markdown: &str, report: &mut Report) {
    report_all(path.into(), true, markdown, report);
}

/// Warns of faulty formulas in Markdown that was converted from a file, so without lines.
pub(crate) fn report_faults_of_made(at: impl Into<Place>, markdown: &str, report: &mut Report) {
    report_all(at.into(), false, markdown, report);
}

fn report_all(at: Place, has_lines: bool, markdown: &str, report: &mut Report) {
    let formulas = match faulty_formulas(markdown) {
        Ok(formulas) => formulas,
        Err(reason) => {
            let message = format!("is shown as its source: {reason}");
            return report.warning(at, message, "a simpler text");
        }
    };
    for formula in formulas {
        let position = Position { line: formula.line, column: 1 };
        let at = if has_lines { at.clone().at(position) } else { at.clone() };
        for fault in formula.faults {
            let expected = match fault {
                Fault::UnknownCommand(_) => {
                    "a LaTeX math command, or a `\\newcommand` that defines it"
                }
                Fault::Unreadable(_) => "a formula in LaTeX math",
            };
            let message = format!("in the formula {}, {fault}", quote(formula.latex.trim()));
            report.warning(at.clone(), message, expected);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;

    #[test]
    fn a_text_that_takes_too_long_to_show_is_named() {
        let mut report = Report::default();
        report_faults("problem.md", &"> ".repeat(1_000), &mut report);
        report_faults_of_made("problem.tex", &"$a$ ".repeat(6_000), &mut report);
        let lines: Vec<_> = report.finish().unwrap().iter().map(Diagnostic::to_string).collect();
        assert_eq!(
            lines,
            [
                "warning: problem.md: is shown as its source: quotes, lists and HTML are nested more than 100 levels \
                 deep; expected a simpler text",
                "warning: problem.tex: is shown as its source: it has more than 5000 formulas; expected a simpler text",
            ]
        );
    }

    #[test]
    fn a_faulty_formula_is_named_with_its_command_and_line() {
        let mut report = Report::default();
        let markdown = "Let $a \\le b$.\n\nThen $a \\xor b$, and $x^$.\n";
        report_faults("problem.md", markdown, &mut report);
        report_faults_of_made("problem.tex", "$\\foo$", &mut report);
        let lines: Vec<_> = report.finish().unwrap().iter().map(Diagnostic::to_string).collect();
        assert_eq!(
            lines,
            [
                "warning: problem.md:3:1: in the formula \"a \\\\xor b\", the command \\xor is unknown \
                 and is shown by its name; expected a LaTeX math command, or a `\\newcommand` \
                 that defines it",
                "warning: problem.md:3:1: in the formula \"x^\", it is shown as its source: Expected \
                 argument but reached end of input; expected a formula in LaTeX math",
                "warning: problem.tex: in the formula \"\\\\foo\", the command \\foo is unknown and is \
                 shown by its name; expected a LaTeX math command, or a `\\newcommand` that defines it",
            ]
        );
    }
}
