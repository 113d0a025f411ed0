//! Measures how deep and how far ahead the renderer's parser would go, because it has no limits of
//! its own.

use super::scan;

/// An open group, with the number of commands that wait for it as their argument.
enum Open {
    Group(usize),
    /// `[`, which may begin an argument or an interval that is never closed by `]`.
    Bracket(usize),
    /// A command such as `\bf`, whose argument is the rest of its group or cell.
    Switch,
}

/// Commands whose argument is the rest of their group or cell.
const SWITCHES: [&str; 13] = [
    "bf",
    "bold",
    "cal",
    "color",
    "displaystyle",
    "frak",
    "it",
    "rm",
    "scriptscriptstyle",
    "scriptstyle",
    "sf",
    "textstyle",
    "tt",
];

/// Commands without a class: to find the class of what follows, the parser looks ahead past all of
/// them.
const CLASSLESS: [&str; 27] = [
    " ",
    "!",
    ",",
    ":",
    ";",
    ">",
    "displaylimits",
    "enspace",
    "limits",
    "medspace",
    "negmedspace",
    "negthickspace",
    "negthinspace",
    "nobreakspace",
    "nolimits",
    "nonumber",
    "not",
    "notag",
    "qquad",
    "quad",
    "rm",
    "slashed",
    "space",
    "thickspace",
    "thinspace",
    "tt",
    "vertoverlay",
];

/// The longest row of spaces and other commands without a class.
pub(super) fn longest_gap(latex: &str) -> usize {
    let (mut gap, mut longest) = (0, 0);
    let mut rest = latex;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '~' | '\u{a0}' => gap += 1,
            '\\' if CLASSLESS.contains(&scan::command(&mut rest)) => gap += 1,
            c if c.is_ascii_whitespace() => {}
            _ => gap = 0,
        }
        longest = longest.max(gap);
    }
    longest
}

/// The number of levels at the deepest place of a formula. The parser may reach twice as many,
/// because a command only counts for its first argument.
pub(super) fn depth(latex: &str) -> usize {
    let mut open: Vec<Open> = Vec::new();
    let (mut level, mut deepest) = (0, 0);
    // The number of commands and scripts in a row. Each may be the argument of the previous one.
    let mut waiting = 0;
    let mut rest = latex;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '\\' => {
                let bytes = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
                let name = &rest[..bytes];
                rest = &rest[bytes..];
                match name {
                    "" => {
                        let row = rest.starts_with('\\');
                        rest = &rest[rest.chars().next().map_or(0, char::len_utf8)..];
                        waiting = 0;
                        if row {
                            end_cell(&mut open, &mut level);
                        }
                    }
                    "left" | "begin" => begin(&mut open, &mut level, &mut waiting, Open::Group),
                    "right" | "end" => end(&mut open, &mut level, &mut waiting),
                    name if SWITCHES.contains(&name) => {
                        level += 1;
                        open.push(Open::Switch);
                    }
                    _ => waiting += 1,
                }
            }
            '{' => begin(&mut open, &mut level, &mut waiting, Open::Group),
            '}' => end(&mut open, &mut level, &mut waiting),
            '[' if waiting > 0 => begin(&mut open, &mut level, &mut waiting, Open::Bracket),
            ']' if matches!(open.last(), Some(Open::Bracket(_))) => {
                // The command still waits for its argument in braces.
                if let Some(Open::Bracket(before)) = open.pop() {
                    level -= before + 1;
                    waiting = before;
                }
            }
            '&' => {
                waiting = 0;
                end_cell(&mut open, &mut level);
            }
            '^' | '_' => waiting += 1,
            c if c.is_whitespace() => {}
            _ => waiting = 0,
        }
        deepest = deepest.max(level + waiting);
    }
    deepest
}

fn begin(
    open: &mut Vec<Open>,
    level: &mut usize,
    waiting: &mut usize,
    kind: impl Fn(usize) -> Open,
) {
    *level += *waiting + 1;
    open.push(kind(*waiting));
    *waiting = 0;
}

/// Closes a group, and the brackets in it that are still open.
fn end(open: &mut Vec<Open>, level: &mut usize, waiting: &mut usize) {
    *waiting = 0;
    while let Some(last) = open.pop() {
        *level -= levels(&last);
        if matches!(last, Open::Group(_)) {
            return;
        }
    }
}

fn end_cell(open: &mut Vec<Open>, level: &mut usize) {
    while let Some(Open::Switch) = open.last() {
        open.pop();
        *level -= 1;
    }
}

fn levels(open: &Open) -> usize {
    match open {
        Open::Group(before) | Open::Bracket(before) => before + 1,
        Open::Switch => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_is_that_of_arguments_in_arguments() {
        for (latex, expected) in [
            ("", 0),
            ("x+y", 0),
            ("{x}{y}", 1),
            ("{{x}}", 2),
            ("\\sqrt x", 1),
            ("\\sqrt\\sqrt\\sqrt x", 3),
            ("\\sqrt{\\sqrt{x}}", 4),
            ("\\frac{1}{\\frac{2}{x}}", 3),
            ("x^{y^{z}}", 4),
            ("\\alpha x\\beta y", 1),
            ("\\left(\\left(x\\right)\\right)", 2),
            ("\\in [0, 1) \\in [0, 1)", 3),
            ("{\\in [0, 1)} x", 3),
            ("\\bf x\\bf x\\bf x", 3),
            ("{\\bf x}{\\bf x}{\\bf x}", 2),
            ("\\bf x & \\bf x \\\\ \\bf x", 1),
            ("\\{\\{\\{", 0),
            ("}}}", 0),
            ("\\", 0),
        ] {
            assert!((expected..=expected + 2).contains(&depth(latex)), "{latex}: {}", depth(latex));
        }
        assert_eq!(depth(&"\\sqrt[".repeat(100)), 200);
    }

    #[test]
    fn a_gap_is_what_the_parser_looks_past() {
        for (latex, expected) in [
            ("", 0),
            ("a b  c", 0),
            ("a~~b~", 2),
            ("a~ ~\n~\\, \\quad\\;b", 6),
            ("\\not\\not=\\not=", 2),
            ("\\\\,\\\\,", 0),
        ] {
            assert_eq!(longest_gap(latex), expected, "{latex}");
        }
    }
}
