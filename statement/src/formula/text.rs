//! Text in formulas: its styles and characters.
//!
//! In texts, the renderer only accepts letters, digits and spaces. Other ASCII characters are
//! replaced by private-use characters, which it passes through unchanged, and restored in its
//! output.

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

/// Collects text of one style.
pub(super) struct Runs<'a> {
    pub(super) run: String,
    pub(super) out: &'a mut String,
}

impl Runs<'_> {
    pub(super) fn push(&mut self, c: char) {
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

    pub(super) fn end(&mut self, style: Style) {
        if !self.run.is_empty() {
            self.out.push_str(style.command());
            self.out.push('{');
            self.out.push_str(&self.run);
            self.out.push('}');
            self.run.clear();
        }
    }
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
