//! Parses the parts of LaTeX commands.

/// The longest argument in brackets, in bytes. A bracket that is not closed within this length
/// belongs to an interval.
const OPTIONAL_BYTES_MAX: usize = 512;

/// Why an argument cannot be parsed.
pub(super) type Reason = String;

/// Takes the name of a command, after its backslash: letters, or a single other character.
pub(super) fn command<'a>(rest: &mut &'a str) -> &'a str {
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let bytes = match letters {
        0 => rest.chars().next().map_or(0, char::len_utf8),
        letters => letters,
    };
    take(rest, bytes)
}

/// Takes an argument: the content of the next braces, or the next character or command.
pub(super) fn argument<'a>(rest: &mut &'a str) -> Result<&'a str, Reason> {
    *rest = rest.trim_start();
    let missing = || "an argument is missing at the end".to_owned();
    match rest.chars().next().ok_or_else(missing)? {
        '{' => {
            let end = closing(rest, '{', '}').ok_or("a brace is not closed")?;
            let inside = &rest[1..end];
            *rest = &rest[end + 1..];
            Ok(inside)
        }
        '}' => Err("an argument is missing before `}`".to_owned()),
        '\\' => {
            let mut after = &rest[1..];
            let name = command(&mut after).len();
            Ok(take(rest, 1 + name))
        }
        c => Ok(take(rest, c.len_utf8())),
    }
}

/// Takes `[…]`, if that is next.
pub(super) fn optional<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let trimmed = rest.trim_start();
    if !trimmed.starts_with('[') {
        return None;
    }
    let window = &trimmed[..trimmed.floor_char_boundary(OPTIONAL_BYTES_MAX)];
    let end = closing(window, '[', ']')?;
    *rest = &trimmed[end + 1..];
    Some(&trimmed[1..end])
}

/// Takes a length with its unit, such as `-2.5 pt`, if that is next.
pub(super) fn length<'a>(rest: &mut &'a str) -> Option<&'a str> {
    const UNITS: [&str; 10] = ["pt", "em", "ex", "mu", "cm", "mm", "in", "pc", "px", "bp"];
    let trimmed = rest.trim_start();
    let number = trimmed.find(|c: char| !matches!(c, '0'..='9' | '.' | ',' | '-' | '+'))?;
    let unit = trimmed[number..].trim_start();
    let is_length = number > 0 && UNITS.iter().any(|known| unit.starts_with(known));
    let end = trimmed.len() - unit.len() + 2;
    is_length.then(|| {
        *rest = &trimmed[end..];
        &trimmed[..end]
    })
}

/// Takes `mark` and white space before it, if that is next.
pub(super) fn skip(rest: &mut &str, mark: &str) -> bool {
    match rest.trim_start().strip_prefix(mark) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

/// Takes this number of bytes.
pub(super) fn take<'a>(rest: &mut &'a str, bytes: usize) -> &'a str {
    let (taken, after) = rest.split_at(bytes);
    *rest = after;
    taken
}

/// The index of the mark that closes the text's first mark. Braces inside brackets must also match.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let (mut depth, mut braces) = (0_usize, 0_usize);
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == close && braces == 0 => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            c if c == open && braces == 0 => depth += 1,
            '{' => braces += 1,
            '}' => braces = braces.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_braces_characters_or_commands() {
        for (source, argument_of, after) in [
            ("{a{b}c}d", Ok("a{b}c"), "d"),
            (" ab", Ok("a"), "b"),
            ("\\alpha b", Ok("\\alpha"), " b"),
            ("\\{b", Ok("\\{"), "b"),
            ("{a\\}b}c", Ok("a\\}b"), "c"),
            ("яb", Ok("я"), "b"),
            ("{", Err("a brace is not closed"), "{"),
            ("}", Err("an argument is missing before `}`"), "}"),
            ("", Err("an argument is missing at the end"), ""),
        ] {
            let mut rest = source;
            let found = argument(&mut rest);
            assert_eq!(found.as_deref().map_err(String::as_str), argument_of, "{source}");
            assert_eq!(rest, after, "{source}");
        }
    }

    #[test]
    fn optional_arguments_and_lengths_are_taken_where_they_are() {
        for (source, found, after) in [
            ("[a]b", Some("a"), "b"),
            (" [{]}] b", Some("{]}"), " b"),
            ("[[a]]b", Some("[a]"), "b"),
            ("[a", None, "[a"),
            ("[a}]", None, "[a}]"),
            ("a", None, "a"),
        ] {
            let mut rest = source;
            assert_eq!((optional(&mut rest), rest), (found, after), "{source}");
        }
        for (source, found, after) in [
            ("2pt x", Some("2pt"), " x"),
            (" -1.5 em", Some("-1.5 em"), ""),
            ("2", None, "2"),
            ("pt", None, "pt"),
            ("2я", None, "2я"),
        ] {
            let mut rest = source;
            assert_eq!((length(&mut rest), rest), (found, after), "{source}");
        }
    }
}
