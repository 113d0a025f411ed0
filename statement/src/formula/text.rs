//! Text in formulas: the arguments of `\text`, `\texttt` and similar commands.
//!
//! In texts, the renderer only accepts letters, digits and spaces. Other ASCII characters are
//! replaced by private-use characters, which it passes through unchanged, and restored in its
//! output.

use super::rewrite::Rewriter;
use super::scan;

/// The first of the private-use characters that stand for ASCII characters.
const PRIVATE: u32 = 0xe000;

/// The style of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Roman,
    Bold,
    Italic,
    Sans,
    Mono,
    SmallCaps,
}

impl Style {
    fn command(self) -> &'static str {
        match self {
            Self::Plain => "\\text",
            Self::Roman => "\\textrm",
            Self::Bold => "\\textbf",
            Self::Italic => "\\textit",
            Self::Sans => "\\textsf",
            Self::Mono => "\\texttt",
            Self::SmallCaps => "\\textsc",
        }
    }
}

/// Commands whose argument is text.
const COMMANDS: [(&str, Style); 19] = [
    ("emph", Style::Italic),
    ("hbox", Style::Plain),
    ("makebox", Style::Plain),
    ("mathtext", Style::Plain),
    ("mbox", Style::Plain),
    ("path", Style::Mono),
    ("text", Style::Plain),
    ("textbf", Style::Bold),
    ("textit", Style::Italic),
    ("textmd", Style::Plain),
    ("textnormal", Style::Plain),
    ("textrm", Style::Roman),
    ("textsc", Style::SmallCaps),
    ("textsf", Style::Sans),
    ("textsl", Style::Italic),
    ("texttt", Style::Mono),
    ("textup", Style::Plain),
    ("url", Style::Mono),
    ("vbox", Style::Plain),
];

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

/// Commands that stand for characters in text.
const SYMBOLS: [(&str, &str); 53] = [
    ("AA", "Å"),
    ("AE", "Æ"),
    ("LaTeX", "LaTeX"),
    ("O", "Ø"),
    ("P", "¶"),
    ("S", "§"),
    ("TeX", "TeX"),
    ("aa", "å"),
    ("ae", "æ"),
    ("cent", "¢"),
    ("copyright", "©"),
    ("degree", "°"),
    ("degreecelsius", "°C"),
    ("dots", "…"),
    ("enspace", " "),
    ("euro", "€"),
    ("guillemotleft", "«"),
    ("guillemotright", "»"),
    ("l", "ł"),
    ("ldots", "…"),
    ("o", "ø"),
    ("oe", "œ"),
    ("pounds", "£"),
    ("qquad", "\u{2003}\u{2003}"),
    ("quad", "\u{2003}"),
    ("slash", "/"),
    ("ss", "ß"),
    ("textasciicircum", "^"),
    ("textasciigrave", "`"),
    ("textasciitilde", "~"),
    ("textasteriskcentered", "*"),
    ("textbackslash", "\\"),
    ("textbar", "|"),
    ("textbraceleft", "{"),
    ("textbraceright", "}"),
    ("textbullet", "•"),
    ("textcirc", "°"),
    ("textdegree", "°"),
    ("textdollar", "$"),
    ("textellipsis", "…"),
    ("textemdash", "—"),
    ("textendash", "–"),
    ("texteuro", "€"),
    ("textgreater", ">"),
    ("textless", "<"),
    ("textperiodcentered", "·"),
    ("textquotedbl", "\""),
    ("textquotedblleft", "“"),
    ("textquotedblright", "”"),
    ("textquoteleft", "‘"),
    ("textquoteright", "’"),
    ("textquotesingle", "'"),
    ("textunderscore", "_"),
];

/// Characters that are typed as several, except in monospaced text.
const LIGATURES: [(&str, &str); 4] = [("---", "—"), ("--", "–"), ("``", "“"), ("''", "”")];

/// The style of a command's argument, if the argument is text.
pub(super) fn style(command: &str) -> Option<Style> {
    COMMANDS.iter().find(|(name, _)| *name == command).map(|(_, style)| *style)
}

/// The characters of a command in text, or in a formula if formulas have no such command.
pub(super) fn symbol(command: &str) -> Option<&'static str> {
    SYMBOLS.iter().find(|(name, _)| *name == command).map(|(_, symbol)| *symbol)
}

/// Writes a text without commands.
pub(super) fn literal(text: &str, style: Style, out: &mut String) {
    let mut runs = Runs { run: String::new(), out };
    for c in text.chars() {
        runs.push(c);
    }
    runs.end(style);
}

/// Writes the text of an argument as one group.
pub(super) fn argument(
    rewriter: &mut Rewriter<'_>,
    source: &str,
    style: Style,
    depth: usize,
    out: &mut String,
) -> Result<(), String> {
    out.push('{');
    group(rewriter, source, style, depth, out)?;
    out.push('}');
    Ok(())
}

/// Collects text of one style.
struct Runs<'a> {
    run: String,
    out: &'a mut String,
}

impl Runs<'_> {
    fn push(&mut self, c: char) {
        match c {
            // Several spaces become one.
            ' ' | '\n' | '\t' if self.run.ends_with(' ') => {}
            '\n' | '\t' => self.run.push(' '),
            c if c.is_ascii_punctuation() => {
                self.run.extend(char::from_u32(PRIVATE + u32::from(c)));
            }
            c if c.is_control() => {}
            c => self.run.push(c),
        }
    }

    fn end(&mut self, style: Style) {
        if !self.run.is_empty() {
            self.out.push_str(style.command());
            self.out.push('{');
            self.out.push_str(&self.run);
            self.out.push('}');
            self.run.clear();
        }
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
    if let Some(inner) = self::style(name) {
        let text = scan::argument(rest)?;
        runs.end(style);
        // `\text` keeps the surrounding style.
        let inner = if inner == Style::Plain { style } else { inner };
        return group(rewriter, text, inner, depth + 1, runs.out);
    }
    if let Some(symbol) = symbol(name) {
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

/// Replaces the private-use characters in MathML by the characters they stand for.
pub(super) fn put_back(mathml: &str) -> String {
    let mut result = String::with_capacity(mathml.len());
    for c in mathml.chars() {
        let meant = u32::from(c).checked_sub(PRIVATE).and_then(|code| u8::try_from(code).ok());
        match meant.map(char::from).filter(char::is_ascii_punctuation) {
            Some('<') => result.push_str("&lt;"),
            Some('>') => result.push_str("&gt;"),
            Some('&') => result.push_str("&amp;"),
            Some(meant) => result.push(meant),
            None => result.push(c),
        }
    }
    result
}
