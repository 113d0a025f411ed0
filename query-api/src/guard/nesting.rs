//! Bounds how deep brackets are nested, because the parser recurses into each.

use graphql::ApiError;

use super::exceeded::exceeded;

/// Maximum nesting of braces, brackets and parentheses.
pub(super) const NESTING_MAX: usize = 48;

/// Refuses a document whose brackets are nested too deep. Strings and comments do not count.
pub(super) fn check(document: &str) -> Result<(), ApiError> {
    let bytes = document.as_bytes();
    let (mut place, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(place) {
        place += 1;
        match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > NESTING_MAX {
                    let message = format!("brackets are nested deeper than {NESTING_MAX} levels");
                    return Err(exceeded(message));
                }
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => place += line_end(&bytes[place..]),
            b'"' => place += string_end(&bytes[place..]),
            _ => {}
        }
    }
    Ok(())
}

fn line_end(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(bytes.len())
}

/// The bytes after an opening quote up to the end of the string. A string that does not end on its
/// line is invalid, and then ends there, so that nothing behind it is hidden.
fn string_end(bytes: &[u8]) -> usize {
    if let Some(block) = bytes.strip_prefix(br#""""#) {
        let mut place = 0;
        while place < block.len() {
            if block[place..].starts_with(br#"\""""#) {
                place += 4;
            } else if block[place..].starts_with(br#"""""#) {
                return 2 + place + 3;
            } else {
                place += 1;
            }
        }
        return bytes.len();
    }
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'"' => return place + 1,
            b'\\' => place += 2,
            b'\n' | b'\r' => return place,
            _ => place += 1,
        }
    }
    bytes.len()
}
