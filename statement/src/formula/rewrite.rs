//! Replaces what the renderer does not support.
//!
//! This is not a full parser: it handles commands and their arguments, and leaves everything else
//! unchanged.

use super::definitions::{Definition, Definitions};
use super::text::{self, Style};
use super::{scan, templates};

/// The longest formula, in bytes.
pub(super) const FORMULA_BYTES_MAX: usize = 16 * 1024;
/// The deepest nesting of replaced commands in each other's arguments.
const DEPTH_MAX: usize = 32;
/// The most commands of one formula that are replaced or whose arguments are rewritten.
const EXPANSIONS_MAX: usize = 4_000;
/// The most bytes that the replaced commands of one formula expand to.
const EXPANDED_BYTES_MAX: usize = 4 * FORMULA_BYTES_MAX;

/// The structure at a formula's top level, outside all groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Top {
    Row,
    /// There is a `\\`.
    Rows,
    /// There is an `&`.
    Table,
}

pub(super) struct Rewriter<'a> {
    definitions: &'a mut Definitions,
    expansions: usize,
    expanded_bytes: usize,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(definitions: &'a mut Definitions) -> Self {
        Self { definitions, expansions: 0, expanded_bytes: 0 }
    }

    pub(super) fn rewrite(mut self, latex: &str) -> Result<String, String> {
        let mut out = String::with_capacity(latex.len() * 2);
        let top = self.walk(latex, 0, &mut out)?;
        let environment = match top {
            Top::Row => return Ok(out),
            Top::Rows => "gathered",
            Top::Table => "aligned",
        };
        Ok(format!("\\begin{{{environment}}}{out}\\end{{{environment}}}"))
    }

    /// Counts a command that is replaced or whose argument is rewritten.
    pub(super) fn enter(&mut self, depth: usize) -> Result<(), String> {
        self.expansions += 1;
        if depth > DEPTH_MAX {
            return Err(format!("its commands are more than {DEPTH_MAX} levels deep"));
        }
        if self.expansions > EXPANSIONS_MAX {
            return Err(format!("it has more than {EXPANSIONS_MAX} commands to replace"));
        }
        Ok(())
    }

    /// Writes a part of the formula.
    pub(super) fn math(
        &mut self,
        source: &str,
        depth: usize,
        out: &mut String,
    ) -> Result<(), String> {
        self.enter(depth)?;
        self.walk(source, depth, out).map(drop)
    }

    fn walk(&mut self, source: &str, depth: usize, out: &mut String) -> Result<Top, String> {
        let mut top = Top::Row;
        let mut level = 0_isize;
        let mut rest = source;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '%' => match rest.find('\n') {
                    Some(end) => rest = &rest[end + 1..],
                    // A `%` without a line after it is meant to be shown and not as a comment.
                    None => out.push_str("\\%"),
                },
                '#' => out.push_str("\\#"),
                '"' => text::literal("\"", Style::Plain, out),
                '\u{a0}' => out.push('~'),
                '\\' => {
                    let name = scan::command(&mut rest);
                    match name {
                        "left" | "begin" => level += 1,
                        "right" | "end" => level -= 1,
                        "\\" | "cr" if level == 0 => top = top.max(Top::Rows),
                        _ => {}
                    }
                    self.command(name, &mut rest, depth, out)?;
                }
                c => {
                    match c {
                        '{' => level += 1,
                        '}' => level -= 1,
                        '&' if level == 0 => top = Top::Table,
                        _ => {}
                    }
                    out.push(c);
                }
            }
        }
        Ok(top)
    }

    fn command(
        &mut self,
        name: &str,
        rest: &mut &str,
        depth: usize,
        out: &mut String,
    ) -> Result<(), String> {
        if let Some(definition) = self.definitions.get(name) {
            let definition = definition.clone();
            return self.expand(&definition, rest, depth, out);
        }
        if self.definitions.take(name, rest)? {
            return Ok(());
        }
        if let Some(style) = text::style(name) {
            scan::optional(rest);
            let argument = scan::argument(rest)?;
            return self.text(argument, style, depth + 1, out);
        }
        if let Some((arguments, body)) = templates::command(name) {
            if arguments > 0 {
                scan::optional(rest);
            }
            let template = Definition { arguments, default: None, body: body.to_owned() };
            return self.expand(&template, rest, depth, out);
        }
        if let Some(arguments) = templates::silent(name) {
            scan::skip(rest, "*");
            if arguments > 0 {
                scan::optional(rest);
            }
            for _ in 0..arguments {
                scan::argument(rest)?;
            }
            out.push(' ');
            return Ok(());
        }
        if let Some(environment) = templates::environment_as_command(name) {
            let body = format!("\\begin{{{environment}}}#1\\end{{{environment}}}");
            let template = Definition { arguments: 1, default: None, body };
            return self.expand(&template, rest, depth, out);
        }
        self.special(name, rest, depth, out)
    }

    /// Fills a command's arguments into its body, and rewrites the result.
    fn expand(
        &mut self,
        definition: &Definition,
        rest: &mut &str,
        depth: usize,
        out: &mut String,
    ) -> Result<(), String> {
        let mut arguments = Vec::with_capacity(definition.arguments);
        if let Some(default) = &definition.default {
            arguments.push(scan::optional(rest).unwrap_or(default));
        }
        while arguments.len() < definition.arguments {
            arguments.push(scan::argument(rest)?);
        }
        let mut body = String::new();
        let mut pieces = definition.body.split('#');
        body.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digit = piece.chars().next().and_then(|c| c.to_digit(10));
            let argument = digit.and_then(|digit| arguments.get((digit as usize).checked_sub(1)?));
            match argument {
                Some(argument) => {
                    body.push_str(argument);
                    body.push_str(&piece[1..]);
                }
                None => {
                    body.push('#');
                    body.push_str(piece);
                }
            }
            self.check(body.len())?;
        }
        self.expanded_bytes += body.len();
        self.check(0)?;
        self.math(&body, depth + 1, out)?;
        // Keep a command at the end of the body apart from letters that follow.
        if rest.starts_with(|c: char| c.is_ascii_alphabetic()) && ends_in_command(out) {
            out.push(' ');
        }
        Ok(())
    }

    fn check(&self, more: usize) -> Result<(), String> {
        if self.expanded_bytes + more > EXPANDED_BYTES_MAX {
            return Err(format!("its commands expand to more than {EXPANDED_BYTES_MAX} bytes"));
        }
        Ok(())
    }
}

fn ends_in_command(latex: &str) -> bool {
    latex.trim_end_matches(|c: char| c.is_ascii_alphabetic()).ends_with('\\')
}
