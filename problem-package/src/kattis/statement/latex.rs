//! Translates the format's own commands in LaTeX statements.
//!
//! They become commands that any LaTeX converter knows.

use super::super::constants::Constants;

/// Starts a comment with the problem's name in plain text.
const PLAIN_NAME: &str = "%% plainproblemname:";

/// Headings that are environments in the format.
const SECTIONS: [&str; 3] = ["Input", "Output", "Interaction"];

/// Environments for page layout, which are removed.
const FLOATS: [&str; 4] = ["center", "figure", "figure*", "wrapfigure"];

/// Environments with verbatim text.
const VERBATIM: [&str; 2] = ["verbatim", "lstlisting"];

/// A statement in common LaTeX.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plain {
    /// The title from `\problemname`, with LaTeX commands removed.
    pub(super) title: Option<String>,
    pub(super) body: String,
    /// The images in the statement.
    pub(super) images: Vec<String>,
}

pub(super) fn plain(source: &str, constants: &Constants) -> Plain {
    let mut scanner = Scanner { source, at: 0, plain: Plain::default(), constants };
    scanner.run();
    let said = source.lines().find_map(|line| Some(line.trim().strip_prefix(PLAIN_NAME)?.trim()));
    let mut plain = scanner.plain;
    plain.title = said.map(str::to_owned).or(plain.title).filter(|title| !title.is_empty());
    plain
}

struct Scanner<'a> {
    source: &'a str,
    at: usize,
    plain: Plain,
    constants: &'a Constants,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn run(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            match c {
                '%' => self.copy_until('\n'),
                '\\' => self.command(),
                c => {
                    self.plain.body.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    fn copy(&mut self, bytes: usize) {
        self.plain.body.push_str(&self.source[self.at..self.at + bytes]);
        self.at += bytes;
    }

    fn copy_until(&mut self, end: char) {
        let rest = self.rest();
        self.copy(rest.find(end).unwrap_or(rest.len()));
    }

    fn command(&mut self) {
        let rest = &self.rest()[1..];
        let name_bytes = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let name = &rest[..name_bytes];
        let after = self.at + 1 + name_bytes;
        if name.is_empty() {
            // An escaped character, not a command.
            let escaped = rest.chars().next().map_or(0, char::len_utf8);
            self.copy(1 + escaped);
            return;
        }
        let taken = match name {
            "problemname" => self.problem_name(after),
            "illustration" => self.illustration(after),
            "includegraphics" => self.image(after),
            "nextsample" | "remainingsamples" | "centering" => Some(after),
            "constant" => self.constant(after),
            "caption" => self.arguments::<1>(after).map(|([caption], end)| {
                self.plain.body.push_str(&format!("\n\n\\emph{{{caption}}}\n\n"));
                end
            }),
            "begin" | "end" => self.environment(name, after),
            _ => None,
        };
        match taken {
            Some(end) => self.at = end,
            None => self.copy(1 + name_bytes),
        }
    }

    fn problem_name(&mut self, after: usize) -> Option<usize> {
        let ([name], end) = self.arguments::<1>(after)?;
        self.plain.title = Some(without_latex(name));
        Some(end)
    }

    /// The command `\illustration{width}{file}{caption}`.
    fn illustration(&mut self, after: usize) -> Option<usize> {
        let ([_, file, caption], end) = self.arguments::<3>(after)?;
        self.show(file);
        if !caption.trim().is_empty() {
            self.plain.body.push_str(&format!("\\emph{{{caption}}}\n\n"));
        }
        Some(end)
    }

    /// `\includegraphics[options]{file}`. The options are about page layout and are dropped.
    fn image(&mut self, after: usize) -> Option<usize> {
        let after = self.skip_options(after);
        let ([file], end) = self.arguments::<1>(after)?;
        self.show(file);
        Some(end)
    }

    fn show(&mut self, file: &str) {
        let file = file.trim();
        self.plain.images.push(file.to_owned());
        self.plain.body.push_str(&format!("\n\n\\includegraphics{{{file}}}\n\n"));
    }

    fn constant(&mut self, after: usize) -> Option<usize> {
        let ([name], end) = self.arguments::<1>(after)?;
        self.plain.body.push_str(self.constants.get(name.trim())?);
        Some(end)
    }

    fn environment(&mut self, command: &str, after: usize) -> Option<usize> {
        let ([name], end) = self.arguments::<1>(after)?;
        if VERBATIM.contains(&name) && command == "begin" {
            let close = format!("\\end{{{name}}}");
            let length = self.source[end..]
                .find(&close)
                .map_or(self.source.len() - end, |it| it + close.len());
            self.plain.body.push_str(&self.source[self.at..end + length]);
            return Some(end + length);
        }
        if SECTIONS.contains(&name) {
            if command == "begin" {
                self.plain.body.push_str(&format!("\\section*{{{name}}}\n"));
            }
            return Some(end);
        }
        if !FLOATS.contains(&name) {
            return None;
        }
        if command == "end" {
            return Some(end);
        }
        // Skip options such as `[ht]`, and the position and width of a `wrapfigure`.
        let mut end = self.skip_options(end);
        while name == "wrapfigure" && self.source[end..].trim_start().starts_with('{') {
            let (_, after) = self.arguments::<1>(end)?;
            end = self.skip_options(after);
        }
        Some(end)
    }

    fn skip_options(&self, at: usize) -> usize {
        let rest = &self.source[at..];
        match rest.strip_prefix('[').and_then(|options| options.find(']')) {
            Some(end) => at + end + 2,
            None => at,
        }
    }

    /// The contents of the next `N` pairs of braces, and the offset after them.
    fn arguments<const N: usize>(&self, mut at: usize) -> Option<([&'a str; N], usize)> {
        let mut arguments = [""; N];
        for argument in &mut arguments {
            let rest = &self.source[at..];
            let open = at + (rest.len() - rest.trim_start().len());
            let close = closing(&self.source[open..])?;
            *argument = &self.source[open + 1..open + close];
            at = open + close + 1;
        }
        Some((arguments, at))
    }
}

/// The offset of the brace that closes the one at the start of the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        if depth == 0 {
            return None;
        }
    }
    None
}

/// Converts a name to plain text. The contents of braces are kept.
fn without_latex(name: &str) -> String {
    let mut plain = String::new();
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.peek() {
                Some(c) if c.is_ascii_alphabetic() => {
                    let mut command = String::new();
                    while let Some(c) = chars.next_if(char::is_ascii_alphabetic) {
                        command.push(c);
                    }
                    match command.as_str() {
                        "ldots" | "dots" | "textellipsis" => plain.push('…'),
                        "times" => plain.push('×'),
                        "ss" => plain.push('ß'),
                        _ => {}
                    }
                    chars.next_if(|c| *c == ' ' && !command.starts_with("text"));
                }
                Some('&' | '%' | '#' | '_' | '$' | '{' | '}') => plain.extend(chars.next()),
                // Accents are dropped.
                Some('"' | '\'' | '`' | '^' | '~') => drop(chars.next()),
                _ => plain.push(' '),
            },
            '{' | '}' | '$' => {}
            '~' => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(source: &str) -> Plain {
        plain(source, &Constants::default())
    }

    #[test]
    fn the_commands_of_the_format_become_common_ones() {
        let cases = [
            ("\\begin{Input}\nx\n\\end{Input}", "\\section*{Input}\n\nx\n"),
            (
                "\\illustration{0.3}{a.png}{A \\emph{b}}x",
                "\n\n\\includegraphics{a.png}\n\n\\emph{A \\emph{b}}\n\nx",
            ),
            ("\\illustration{0.3}{a}", "\\illustration{0.3}{a}"),
            ("\\includegraphics[width=3cm]{b}", "\n\n\\includegraphics{b}\n\n"),
            ("\\begin{wrapfigure}{r}{3cm}x\\end{wrapfigure}", "x"),
            ("\\begin{itemize}\\item a\\end{itemize}", "\\begin{itemize}\\item a\\end{itemize}"),
            ("a\\nextsample{} \\remainingsamples b", "a{}  b"),
            ("% \\illustration{1}{a}{b}\nx", "% \\illustration{1}{a}{b}\nx"),
            ("5\\% \\problemname{x}", "5\\% "),
            (
                "\\begin{verbatim}\n% \\nextsample\n\\end{verbatim}",
                "\\begin{verbatim}\n% \\nextsample\n\\end{verbatim}",
            ),
            ("\\", "\\"),
        ];
        for (source, body) in cases {
            assert_eq!(of(source).body, body);
        }
        let images = of("\\illustration{1}{a.png}{}\\includegraphics{b}").images;
        assert_eq!(images, ["a.png", "b"]);
    }

    #[test]
    fn the_name_is_plain() {
        let title = |source| of(source).title;
        assert_eq!(title("\\problemname{A \\& B}\nx").as_deref(), Some("A & B"));
        assert_eq!(title("\\problemname{The \\emph{Sum} $x^2$}").as_deref(), Some("The Sum x^2"));
        let both = "\\problemname{$x$}\n%% plainproblemname: The X \nx";
        assert_eq!(title(both).as_deref(), Some("The X"));
        assert_eq!(title("\\problemname{}x"), None);
        assert_eq!(title("x"), None);
    }

    proptest! {
        #[test]
        fn arbitrary_latex_does_not_panic(source in "(\\\\[a-z]{0,3}|\\\\begin\\{(figure|verbatim|Input)\\}|\\\\illustration|\\\\caption|[{}\\[\\]%é\\n a-z]){0,30}") {
            of(&source);
        }
    }
}
