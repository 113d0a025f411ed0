//! Finds texts that are too heavy to render: the time of HTML parsers grows with the square of the
//! nesting depth, and with the square of the number of characters written as entities.

use std::collections::HashMap;
use std::fmt;

use pulldown_cmark::{Event, Parser, Tag};

use crate::MARKDOWN;

/// The deepest nesting of quotes, lists and HTML elements.
const NESTING_MAX: usize = 100;
/// The most characters that HTML writes as entities, such as `&` and `<`, outside formulas.
const NAMED_MAX: usize = 10_000;
/// The same limit inside formulas, which may have to be shown as their source.
const NAMED_IN_FORMULAS_MAX: usize = 20_000;
/// The most formulas of a text.
const FORMULAS_MAX: usize = 5_000;
/// The most words in an HTML tag. Most words are attributes.
const ATTRIBUTES_MAX: usize = 500;
/// The most footnotes and references to them, together.
const FOOTNOTES_MAX: usize = 2_000;

/// Elements whose end tag is optional.
const CLOSED_BY_NEXT: [&str; 10] =
    ["dd", "dt", "li", "option", "p", "tbody", "td", "th", "thead", "tr"];
/// Elements without content.
const EMPTY: [&str; 8] = ["area", "br", "col", "hr", "img", "input", "source", "wbr"];

/// Why a text is too heavy to render.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooHeavy {
    /// Quotes, lists and HTML are nested too deeply.
    Nesting,
    /// The text has too many characters that HTML writes as entities.
    Named,
    /// The text has too many formulas.
    Formulas,
    /// A tag has too many attributes.
    Attributes,
    /// The text has too many footnotes.
    Footnotes,
}

impl fmt::Display for TooHeavy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nesting => {
                write!(f, "quotes, lists and HTML are nested more than {NESTING_MAX} levels deep")
            }
            Self::Named => write!(
                f,
                "it has more than {NAMED_MAX} of the characters & < >, or {NAMED_IN_FORMULAS_MAX} in formulas"
            ),
            Self::Formulas => write!(f, "it has more than {FORMULAS_MAX} formulas"),
            Self::Attributes => write!(f, "a tag has more than {ATTRIBUTES_MAX} words"),
            Self::Footnotes => {
                write!(f, "it has more than {FOOTNOTES_MAX} footnotes and references to them")
            }
        }
    }
}

/// Why a Markdown text is too heavy to render as HTML, if it is. Takes time linear in the text's
/// length.
pub fn too_heavy(markdown: &str) -> Option<TooHeavy> {
    // On each line, the parser checks everything that is open.
    if markdown.lines().any(|line| opened(line) > NESTING_MAX) {
        return Some(TooHeavy::Nesting);
    }
    let (mut nesting, mut elements) = (0_usize, Elements::default());
    let (mut named, mut named_in_formulas, mut formulas, mut footnotes) = (0, 0, 0, 0);
    for event in Parser::new_ext(markdown, MARKDOWN) {
        match &event {
            Event::Start(tag) => {
                nesting += 1;
                footnotes += usize::from(matches!(tag, Tag::FootnoteDefinition(_)));
            }
            Event::End(_) => nesting = nesting.saturating_sub(1),
            Event::FootnoteReference(_) => footnotes += 1,
            Event::Html(html) | Event::InlineHtml(html) => {
                if let Some(reason) = elements.read(html, nesting) {
                    return Some(reason);
                }
                named += html.bytes().filter(|byte| *byte == b'&').count();
            }
            Event::Text(text) | Event::Code(text) => {
                named += named_characters(text);
            }
            Event::InlineMath(latex) | Event::DisplayMath(latex) => {
                formulas += 1;
                named_in_formulas += named_characters(latex);
            }
            _ => {}
        }
        let found = [
            (nesting + elements.depth > NESTING_MAX, TooHeavy::Nesting),
            (named > NAMED_MAX, TooHeavy::Named),
            (named_in_formulas > NAMED_IN_FORMULAS_MAX, TooHeavy::Named),
            (formulas > FORMULAS_MAX, TooHeavy::Formulas),
            (footnotes > FOOTNOTES_MAX, TooHeavy::Footnotes),
        ];
        if let Some((_, reason)) = found.into_iter().find(|(exceeds, _)| *exceeds) {
            return Some(reason);
        }
    }
    None
}

/// The number of characters in a text that HTML writes as entities.
fn named_characters(text: &str) -> usize {
    text.bytes().filter(|byte| matches!(byte, b'&' | b'<' | b'>')).count()
}

/// The number of quotes and list items that a line may begin; none if the line is a thematic break.
fn opened(line: &str) -> usize {
    let line = line.trim();
    let mut rest = line;
    let mut opened = 0;
    while let Some(after) = without_marker(rest) {
        rest = after.trim_start();
        opened += 1;
    }
    let is_rule = |mark: char| line.chars().all(|c| c == mark || c.is_whitespace());
    if is_rule('-') || is_rule('*') { 0 } else { opened }
}

/// The line after its first `>`, `-`, `+`, `*`, `1.` or `1)`, if it begins with one.
fn without_marker(line: &str) -> Option<&str> {
    if let Some(rest) = line.strip_prefix('>') {
        return Some(rest);
    }
    let bullet = line.strip_prefix(['-', '+', '*']);
    let number = || line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = || number().strip_prefix(['.', ')']).filter(|_| number().len() < line.len());
    let rest = bullet.or_else(numbered)?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some(rest)
}

/// The open HTML elements. This is only an upper bound: an element that a browser closes by itself
/// still counts.
#[derive(Default)]
struct Elements {
    depth: usize,
    /// How often each element is open, by name. An end tag without an open element has no effect.
    open: HashMap<String, usize>,
}

impl Elements {
    /// Counts the tags in a piece of HTML. Returns the reason if it is too heavy.
    fn read(&mut self, html: &str, around: usize) -> Option<TooHeavy> {
        for tag in html.split('<').skip(1) {
            if tag.split_ascii_whitespace().nth(ATTRIBUTES_MAX).is_some() {
                return Some(TooHeavy::Attributes);
            }
            let (closes, tag) = match tag.strip_prefix('/') {
                Some(tag) => (true, tag),
                None => (false, tag),
            };
            let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
            let name = name.to_ascii_lowercase();
            // Inside MathML and SVG, browsers close no elements by themselves.
            let is_foreign = ["math", "svg"].iter().any(|it| self.open.get(*it) > Some(&0));
            let closes_itself =
                CLOSED_BY_NEXT.contains(&name.as_str()) || EMPTY.contains(&name.as_str());
            let counts = name.starts_with(|first: char| first.is_ascii_alphabetic())
                && (is_foreign || !closes_itself);
            if !counts {
                continue;
            }
            if !closes {
                self.depth += 1;
                *self.open.entry(name).or_default() += 1;
            } else if let Some(open) = self.open.get_mut(&name).filter(|open| **open > 0) {
                *open -= 1;
                self.depth -= 1;
            }
            if around + self.depth > NESTING_MAX {
                return Some(TooHeavy::Nesting);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heavy_texts_are_recognised() {
        let deep = |open: &str| open.repeat(2_000);
        for text in [
            deep(">"),
            deep("> "),
            deep("- > "),
            deep("1. "),
            deep("1) "),
            deep("+ "),
            format!("{}a", deep("- ")),
            format!("{}<?{}", deep("  - "), "\n".repeat(2_000)),
            format!("{}\ta", deep("-\t* ")),
            deep("<div>"),
            deep("a <b>"),
            deep("<Div\nclass=a>"),
            deep("<i><b>"),
            format!("> {}", deep("<font>")),
            deep("<div></x>"),
            deep("a <b></i>"),
            deep("<rt>"),
            deep("a <rp></rp><b></rp>"),
            format!("<math>{}", deep("<tr>")),
            format!("a <svg>{}", deep("</b><td>")),
        ] {
            assert_eq!(too_heavy(&text), Some(TooHeavy::Nesting), "{:?}", &text[..20]);
        }
        for text in ["&", "&amp;", "a < b ", "`<` ", "<p>&lt;</p>\n"] {
            assert_eq!(too_heavy(&text.repeat(10_001)), Some(TooHeavy::Named), "{text:?}");
        }
        assert_eq!(too_heavy(&"$a$ ".repeat(5_001)), Some(TooHeavy::Formulas));
        assert_eq!(too_heavy(&format!("<a {}>", "b ".repeat(501))), Some(TooHeavy::Attributes));
        let matrix = format!("$${}$$", "&".repeat(20_001));
        assert_eq!(too_heavy(&matrix), Some(TooHeavy::Named));
        let notes = format!("{}\n\n[^a]: b\n", "[^a] ".repeat(2_001));
        assert_eq!(too_heavy(&notes), Some(TooHeavy::Footnotes));
    }

    #[test]
    fn ordinary_texts_are_not_too_heavy() {
        for text in [
            String::new(),
            "> a\n\n".repeat(5_000),
            "- a\n    - b\n        - c\n".repeat(1_000),
            "- ".repeat(2_000),
            format!("```\n{}\n```\n", "* ".repeat(500)),
            format!("{}a\n", " ".repeat(900)),
            "1234567890 ".repeat(500),
            "<div><b>a</b></div>\n\n".repeat(2_000),
            "<p>a\n".repeat(2_000),
            "<ul><li>a<li>b</ul>\n".repeat(1_000),
            "<ruby>a<rp>(</rp><rt>b</rt></ruby>\n".repeat(1_000),
            "<b>a</b></b></i>\n".repeat(1_000),
            "[a](https://example.org/b) [^a]\n\n[^a]: c\n\n".repeat(500),
            "a<br>b <img src=\"x\">\n".repeat(2_000),
            "| a | b |\n|---|---|\n| $x$ | $x < y$ |\n\n".repeat(500),
            "```cpp\nif (a < b && c > d) return a & b;\n```\n\n".repeat(1_000),
        ] {
            assert_eq!(too_heavy(&text), None, "{:?}", text.get(..40));
        }
    }
}
