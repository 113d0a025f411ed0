//! Commands that a statement defines: `\newcommand`, `\def`, `\let`, `\DeclareMathOperator`.

use std::collections::HashMap;

use super::scan;

/// The most commands that one text can define.
const DEFINITIONS_MAX: usize = 256;

/// The commands that a text has defined so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions(HashMap<String, Definition>);

/// A defined command. `#1` to `#9` in `body` stand for its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) arguments: usize,
    /// The first argument's value if none is given in brackets.
    pub(super) default: Option<String>,
    pub(super) body: String,
}

impl Definitions {
    pub(super) fn get(&self, name: &str) -> Option<&Definition> {
        self.0.get(name)
    }

    /// Parses a definition after the command `defining`. Returns false if that command does not
    /// define anything.
    pub(super) fn take(&mut self, defining: &str, rest: &mut &str) -> Result<bool, String> {
        let (name, definition) = match defining {
            "newcommand" | "renewcommand" | "providecommand" => {
                scan::skip(rest, "*");
                let name = name(rest)?;
                let arguments = scan::optional(rest).map_or(Ok(0), |count| count.trim().parse());
                let arguments = arguments.map_err(|_| "the argument count is not a number")?;
                let default = scan::optional(rest).map(str::to_owned);
                let body = scan::argument(rest)?.to_owned();
                (name, Definition { arguments, default, body })
            }
            "def" | "gdef" | "edef" | "xdef" => {
                let name = name(rest)?;
                let mut arguments = 0;
                while scan::skip(rest, &format!("#{}", arguments + 1)) {
                    arguments += 1;
                }
                if !rest.trim_start().starts_with('{') {
                    return Err(format!("the definition of \\{name} has no body in braces"));
                }
                let body = scan::argument(rest)?.to_owned();
                (name, Definition { arguments, default: None, body })
            }
            "let" => {
                let name = name(rest)?;
                scan::skip(rest, "=");
                let body = scan::argument(rest)?.to_owned();
                // `\let` copies the current definition, so later changes do not affect the copy.
                let meant = body.strip_prefix('\\').and_then(|of| self.get(of)).cloned();
                let named = Definition { arguments: 0, default: None, body };
                (name, meant.unwrap_or(named))
            }
            "DeclareMathOperator" => {
                let star = if scan::skip(rest, "*") { "*" } else { "" };
                let name = name(rest)?;
                let body = format!("\\operatorname{star}{{{}}}", scan::argument(rest)?);
                (name, Definition { arguments: 0, default: None, body })
            }
            _ => return Ok(false),
        };
        if self.0.len() == DEFINITIONS_MAX && !self.0.contains_key(&name) {
            return Err(format!("more than {DEFINITIONS_MAX} commands are defined"));
        }
        self.0.insert(name, definition);
        Ok(true)
    }
}

/// Parses `\name` or `{\name}`.
fn name(rest: &mut &str) -> Result<String, String> {
    let argument = scan::argument(rest)?.trim();
    let name = argument.strip_prefix('\\').filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| "a definition does not name a command".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_those_of_latex_and_tex() {
        for (source, name, expected) in [
            ("newcommand{\\x}{y}z", "x", Ok((0, None, "y"))),
            ("newcommand\\x[2]{#1#2}z", "x", Ok((2, None, "#1#2"))),
            ("renewcommand*{\\x}[1][d]{#1}z", "x", Ok((1, Some("d"), "#1"))),
            ("def\\x#1#2{#2}z", "x", Ok((2, None, "#2"))),
            ("let\\x=\\alpha z", "x", Ok((0, None, "\\alpha"))),
            ("DeclareMathOperator{\\x}{lcm}z", "x", Ok((0, None, "\\operatorname{lcm}"))),
            ("DeclareMathOperator*\\x{a}z", "x", Ok((0, None, "\\operatorname*{a}"))),
            ("def\\x y", "x", Err("the definition of \\x has no body in braces")),
            ("newcommand{x}{y}", "x", Err("a definition does not name a command")),
            ("newcommand{\\x}[y]{z}", "x", Err("the argument count is not a number")),
        ] {
            let mut definitions = Definitions::default();
            let mut rest = source;
            let defining = scan::command(&mut rest);
            let taken = definitions.take(defining, &mut rest);
            let found = definitions.get(name);
            match expected {
                Ok((arguments, default, body)) => {
                    let default = default.map(str::to_owned);
                    let expected = Definition { arguments, default, body: body.to_owned() };
                    assert_eq!(found, Some(&expected), "{source}");
                    assert_eq!((taken, rest.trim()), (Ok(true), "z"), "{source}");
                }
                Err(reason) => assert_eq!(taken, Err(reason.to_owned()), "{source}"),
            }
        }
    }
}
