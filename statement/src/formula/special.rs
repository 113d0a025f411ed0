//! Replaces commands that need more than a table.

use super::rewrite::Rewriter;
use super::templates::{self, Environment};
use super::text::{self, Style};
use super::{BORDER_COLOUR, scan};

/// Operators for which the renderer supports `\limits`.
const WITH_LIMITS: [&str; 29] = [
    "bigcap",
    "bigcup",
    "bigodot",
    "bigoplus",
    "bigotimes",
    "bigsqcup",
    "biguplus",
    "bigvee",
    "bigwedge",
    "coprod",
    "det",
    "gcd",
    "iiint",
    "iint",
    "inf",
    "int",
    "lim",
    "liminf",
    "limsup",
    "max",
    "min",
    "oiint",
    "oint",
    "prod",
    "sum",
    "sup",
    "argmax",
    "argmin",
    "Pr",
];

/// Commands that take a delimiter.
const DELIMITED: [&str; 15] = [
    "left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "Bigl", "biggl", "Biggl",
    "bigr", "Bigr", "biggr", "Biggr",
];

/// Symbols in text that also have their own command in mathematics.
const BOTH: [&str; 8] = ["P", "S", "copyright", "degree", "enspace", "pounds", "qquad", "quad"];

impl Rewriter<'_> {
    /// Rewrites a command that is in no table.
    pub(super) fn special(
        &mut self,
        name: &str,
        rest: &mut &str,
        depth: usize,
        out: &mut String,
    ) -> Result<(), String> {
        match name {
            // A backslash at the end is dropped.
            "" => {}
            "\\" => {
                scan::skip(rest, "*");
                let mut after = *rest;
                if scan::optional(&mut after)
                    .is_some_and(|mut space| scan::length(&mut space).is_some())
                {
                    *rest = after;
                }
                out.push_str("\\\\ ");
            }
            "\n" | "\t" => out.push_str("\\ "),
            "-" | "/" | "@" | "(" | ")" => {}
            "begin" => self.begin(rest, out)?,
            "end" => {
                let name = scan::argument(rest)?.trim();
                match templates::environment(name) {
                    Some(Environment::Group) => out.push('}'),
                    Some(Environment::Array(_)) => out.push_str("\\end{array}"),
                    Some(
                        Environment::Columns(name)
                        | Environment::Named(name)
                        | Environment::Counted(name),
                    ) => out.push_str(&format!("\\end{{{name}}}")),
                    None => out.push_str(&format!("\\end{{{name}}}")),
                }
            }
            "operatorname" => {
                let star = scan::skip(rest, "*");
                let argument = scan::argument(rest)?.trim();
                self.operator(star, argument, rest, depth, out)?;
            }
            "mathop" => {
                let argument = scan::argument(rest)?.trim();
                if argument.starts_with('\\') && !argument.starts_with("\\rm") {
                    out.push_str("\\mathop{");
                    self.math(argument, depth + 1, out)?;
                    out.push('}');
                } else {
                    self.operator(false, argument, rest, depth, out)?;
                }
            }
            "limits" | "nolimits" => {
                let before = out.trim_end();
                let letters = before.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let is_command = letters.ends_with('\\');
                if is_command && WITH_LIMITS.contains(&&before[letters.len()..]) {
                    out.push_str(&format!("\\{name} "));
                }
            }
            "hspace" => {
                scan::skip(rest, "*");
                out.push_str("\\hspace");
            }
            "boxed" => {
                let argument = scan::argument(rest)?;
                out.push_str(&format!("{{\\color[HTML]{{{BORDER_COLOUR}}}{{"));
                self.math(argument, depth + 1, out)?;
                out.push_str("}}");
            }
            "fbox" | "framebox" | "fcolorbox" | "colorbox" => {
                let colours = match name {
                    "fcolorbox" => 2,
                    "colorbox" => 1,
                    _ => 0,
                };
                while scan::optional(rest).is_some() {}
                for _ in 0..colours {
                    scan::argument(rest)?;
                }
                let argument = scan::argument(rest)?;
                if name == "colorbox" {
                    return self.text(argument, Style::Plain, depth + 1, out);
                }
                out.push_str(&format!("{{\\color[HTML]{{{BORDER_COLOUR}}}"));
                self.text(argument, Style::Plain, depth + 1, out)?;
                out.push('}');
            }
            "color" | "textcolor" => self.colour(name, rest, depth, out)?,
            "tag" => {
                let bare = scan::skip(rest, "*");
                let argument = scan::argument(rest)?;
                out.push_str("\\qquad ");
                let shown = if bare { argument.to_owned() } else { format!("({argument})") };
                self.text(&shown, Style::Plain, depth + 1, out)?;
            }
            "ref" | "eqref" => {
                let label = scan::argument(rest)?;
                let shown = if name == "ref" { label.to_owned() } else { format!("({label})") };
                text::literal(&shown, Style::Plain, out);
            }
            "textsuperscript" | "textsubscript" => {
                out.push(if name == "textsuperscript" { '^' } else { '_' });
                let argument = scan::argument(rest)?;
                self.text(argument, Style::Plain, depth + 1, out)?;
            }
            "raisebox" => {
                scan::argument(rest)?;
                while scan::optional(rest).is_some() {}
                let argument = scan::argument(rest)?;
                self.text(argument, Style::Plain, depth + 1, out)?;
            }
            "raise" | "lower" | "vskip" => drop(scan::length(rest)),
            "verb" => {
                scan::skip(rest, "*");
                let mark = rest.chars().next().ok_or("`\\verb` has no text")?;
                *rest = &rest[mark.len_utf8()..];
                let end = rest.find(mark).ok_or("`\\verb` is not closed")?;
                text::literal(scan::take(rest, end), Style::Mono, out);
                *rest = &rest[mark.len_utf8()..];
            }
            "unicode" => {
                scan::optional(rest);
                let code = scan::argument(rest)?.trim();
                let hex = code.trim_start_matches("0x").trim_start_matches(['x', 'U', '+']);
                let number = match hex.len() == code.len() {
                    true => code.parse().ok(),
                    false => u32::from_str_radix(hex, 16).ok(),
                };
                let character = number.and_then(char::from_u32);
                let character = character.ok_or("`\\unicode` has no valid character code")?;
                text::literal(&character.to_string(), Style::Plain, out);
            }
            name if DELIMITED.contains(&name) => {
                out.push_str(&format!("\\{name}"));
                for (written, meant) in [("<", "\\langle "), (">", "\\rangle ")] {
                    if scan::skip(rest, written) {
                        out.push_str(meant);
                        return Ok(());
                    }
                }
                if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    out.push(' ');
                }
            }
            name => Self::unchanged(name, rest, out),
        }
        Ok(())
    }

    /// A command that the renderer may know.
    fn unchanged(name: &str, rest: &str, out: &mut String) {
        let symbol = text::symbol(name).filter(|_| !BOTH.contains(&name));
        if let Some(symbol) = symbol {
            text::literal(symbol, Style::Plain, out);
            return;
        }
        out.push('\\');
        out.push_str(name);
        // If the next command is removed, letters after it must not join this name.
        if rest.starts_with('\\') && name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            out.push(' ');
        }
    }

    fn begin(&mut self, rest: &mut &str, out: &mut String) -> Result<(), String> {
        let name = scan::argument(rest)?.trim();
        let Some(environment) = templates::environment(name) else {
            out.push_str(&format!("\\begin{{{name}}}"));
            return Ok(());
        };
        match environment {
            Environment::Group => out.push('{'),
            Environment::Array(columns) => {
                out.push_str(&format!("\\begin{{array}}{{{columns}}}"));
            }
            Environment::Named(known) => {
                if position(rest) {
                    scan::optional(rest);
                }
                out.push_str(&format!("\\begin{{{known}}}"));
            }
            Environment::Counted(known) => {
                if position(rest) {
                    scan::optional(rest);
                }
                scan::argument(rest)?;
                out.push_str(&format!("\\begin{{{known}}}"));
            }
            Environment::Columns(known) => {
                scan::optional(rest);
                let columns = templates::columns(scan::argument(rest)?)?;
                out.push_str(&format!("\\begin{{{known}}}{{{columns}}}"));
            }
        }
        Ok(())
    }

    /// Writes `\operatorname`, with limits if a star or a following command asks for them.
    fn operator(
        &mut self,
        star: bool,
        name: &str,
        rest: &mut &str,
        depth: usize,
        out: &mut String,
    ) -> Result<(), String> {
        let name = name.strip_prefix("\\rm").map_or(name, str::trim_start);
        let limits = scan::skip(rest, "\\limits");
        let star = if star || limits { "*" } else { "" };
        out.push_str(&format!("\\operatorname{star}{{"));
        self.math(name, depth + 1, out)?;
        out.push('}');
        Ok(())
    }

    fn colour(
        &mut self,
        name: &str,
        rest: &mut &str,
        depth: usize,
        out: &mut String,
    ) -> Result<(), String> {
        let model = scan::optional(rest);
        let colour = templates::colour(model, scan::argument(rest)?);
        let colour = colour.map(|colour| format!("\\color{colour}")).unwrap_or_default();
        // Many authors write `\color{red}{x}` for a single group, as MathJax used to allow.
        if name == "color" && !rest.starts_with('{') {
            out.push_str(&colour);
            return Ok(());
        }
        let argument = scan::argument(rest)?;
        out.push_str(&format!("{{{colour}{{"));
        self.math(argument, depth + 1, out)?;
        out.push_str("}}");
        Ok(())
    }
}

/// Whether `[t]`, `[b]`, `[c]`, `[l]` or `[r]` is next, as opposed to an interval.
fn position(rest: &str) -> bool {
    let mut inside = rest.trim_start().bytes();
    inside.next() == Some(b'[')
        && inside.next().is_some_and(|c| b"tbclr".contains(&c))
        && inside.next() == Some(b']')
}
