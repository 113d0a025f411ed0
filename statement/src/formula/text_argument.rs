//! Rewrites the arguments of `\text`, `\texttt` and similar commands, and the formulas in them.

use super::rewrite::Rewriter;
use super::scan;
use super::text::{self, Runs, Style};

/// Commands that set the style for the rest of the group.
const SWITCHES: [(&str, Style); 15] = [
    ("bf", Style::Bold),
    ("bfseries", Style::Bold),
    ("em", Style::Italic),
    ("it", Style::Italic),
    ("itshape", Style::Italic),
    ("normalfont", Style::Plain),
    ("rm", Style::Roman),
    ("rmfamily", Style::Roman),
    ("sc", Style::SmallCaps),
    ("scshape", Style::SmallCaps),
    ("sf", Style::Sans),
    ("sffamily", Style::Sans),
    ("sl", Style::Italic),
    ("tt", Style::Mono),
    ("ttfamily", Style::Mono),
];

/// Characters that are typed as several, except in monospaced text.
const LIGATURES: [(&str, &str); 4] = [("---", "—"), ("--", "–"), ("``", "“"), ("''", "”")];

impl Rewriter<'_> {
    /// Writes the text of an argument as one group.
    pub(super) fn text(
        &mut self,
        source: &str,
        style: Style,
        depth: usize,
        out: &mut String,
    ) -> Result<(), String> {
        out.push('{');
        group(self, source, style, depth, out)?;
        out.push('}');
        Ok(())
    }
}

fn group(
    rewriter: &mut Rewriter<'_>,
    source: &str,
    mut style: Style,
    depth: usize,
    out: &mut String,
) -> Result<(), String> {
    rewriter.enter(depth)?;
    let mut runs = Runs { run: String::new(), out };
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let ligature = LIGATURES.iter().find(|(written, _)| rest.starts_with(written));
        if let Some((written, meant)) = ligature.filter(|_| style != Style::Mono) {
            rest = &rest[written.len()..];
            runs.run.push_str(meant);
            continue;
        }
        let here = rest;
        rest = &rest[c.len_utf8()..];
        match c {
            '~' => runs.run.push('\u{a0}'),
            '$' => {
                let Some(end) = dollar(rest) else {
                    runs.push('$');
                    continue;
                };
                let inside = scan::take(&mut rest, end);
                rest = &rest[1..];
                runs.end(style);
                formula(rewriter, inside, depth, runs.out)?;
            }
            '{' => {
                let mut braces = here;
                let inside = scan::argument(&mut braces)?;
                rest = braces;
                runs.end(style);
                group(rewriter, inside, style, depth + 1, runs.out)?;
            }
            '\\' => {
                let name = scan::command(&mut rest);
                if let Some((_, switched)) = SWITCHES.iter().find(|(known, _)| *known == name) {
                    runs.end(style);
                    style = *switched;
                    rest = rest.trim_start();
                } else {
                    command(rewriter, name, &mut rest, style, depth, &mut runs)?;
                }
            }
            c => runs.push(c),
        }
    }
    runs.end(style);
    Ok(())
}

fn command(
    rewriter: &mut Rewriter<'_>,
    name: &str,
    rest: &mut &str,
    style: Style,
    depth: usize,
    runs: &mut Runs<'_>,
) -> Result<(), String> {
    if let Some(inner) = text::style(name) {
        let inside = scan::argument(rest)?;
        runs.end(style);
        // `\text` keeps the surrounding style.
        let inner = if inner == Style::Plain { style } else { inner };
        return group(rewriter, inside, inner, depth + 1, runs.out);
    }
    if let Some(symbol) = text::symbol(name) {
        for c in symbol.chars() {
            runs.push(c);
        }
        let after = rest.strip_prefix("{}").unwrap_or_else(|| rest.trim_start());
        *rest = after;
        return Ok(());
    }
    match name {
        "(" => {
            let end = rest.find("\\)").ok_or("`\\(` is not closed")?;
            let inside = scan::take(rest, end);
            *rest = &rest[2..];
            runs.end(style);
            formula(rewriter, inside, depth, runs.out)
        }
        " " | "\n" | "\\" | "newline" => {
            runs.push(' ');
            Ok(())
        }
        "," | ";" | ":" | ">" => {
            runs.run.push('\u{2009}');
            Ok(())
        }
        "!" | "/" | "-" | "@" | ")" | "" => Ok(()),
        name if name.chars().all(|c| c.is_ascii_punctuation()) => {
            name.chars().for_each(|c| runs.push(c));
            Ok(())
        }
        // Any other command is mathematics without dollar signs, with its arguments in braces.
        name => {
            let mut source = format!("\\{name} ");
            while rest.starts_with('{') {
                source.push_str(&format!("{{{}}}", scan::argument(rest)?));
            }
            runs.end(style);
            formula(rewriter, &source, depth, runs.out)
        }
    }
}

fn formula(
    rewriter: &mut Rewriter<'_>,
    source: &str,
    depth: usize,
    out: &mut String,
) -> Result<(), String> {
    out.push('{');
    rewriter.math(source, depth + 1, out)?;
    out.push('}');
    Ok(())
}

/// The index of the next dollar sign that is not escaped.
fn dollar(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == '$' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}
