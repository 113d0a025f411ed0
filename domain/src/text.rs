//! Characters that are allowed in texts that users write and others read.

/// Whether a character is allowed in a single line. Control characters are not, nor characters that
/// change the text direction, because they can make one text look like another.
pub fn is_shown(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Like [`is_shown`], for a text of several lines: newlines and tabs are allowed too.
pub fn is_shown_in_lines(c: char) -> bool {
    matches!(c, '\n' | '\t') || is_shown(c)
}

/// A program's output as readers see it. A carriage return before a newline is left out. Other
/// characters that are not shown become visible: control characters their pictures (`␀`, `␛`),
/// others `\u{fffd}`.
pub fn visible(output: &str) -> String {
    let visible = |c: char| match c {
        c if is_shown_in_lines(c) => c,
        '\u{7f}' => '␡',
        c => match u32::from(c) {
            code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
            _ => '\u{fffd}',
        },
    };
    output.replace("\r\n", "\n").chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shown_becomes_visible() {
        let output = "a\tb\r\nc\rd\0\u{1b}[1m\u{7f}\u{85}\u{202e}é\n";
        assert_eq!(visible(output), "a\tb\nc␍d␀␛[1m␡\u{fffd}\u{fffd}é\n");
    }

    #[test]
    fn what_is_shown() {
        for c in ['a', 'ж', 'א', 'ع', ' ', '\u{200d}', '\u{200f}', '😀'] {
            assert!(is_shown(c) && is_shown_in_lines(c), "{c:?}");
        }
        for c in ['\0', '\u{1b}', '\r', '\u{85}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}'] {
            assert!(!is_shown(c) && !is_shown_in_lines(c), "{c:?}");
        }
        assert!(is_shown_in_lines('\n') && !is_shown('\n'));
    }
}
