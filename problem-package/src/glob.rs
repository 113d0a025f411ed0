//! Patterns for names of submissions, tests and groups.

use globset::{GlobBuilder, GlobMatcher};

use crate::limits::GLOB_CHARS_MAX;

/// A pattern in which `*` matches any characters except `/`, and `{a,b}` matches either. All other
/// characters match themselves. A pattern that matches a folder also matches everything in it.
///
/// Alternatives may be empty (`{,0,1}`), and braces may be nested. Spaces around alternatives and a
/// trailing `/` are ignored. Unpaired braces match themselves.
#[derive(Debug, Clone)]
pub struct Glob(GlobMatcher);

impl Glob {
    /// Parses a pattern. Returns `None` if it is too long or cannot be compiled.
    pub fn new(pattern: &str) -> Option<Self> {
        if pattern.chars().count() > GLOB_CHARS_MAX {
            return None;
        }
        let translated = translated(pattern.strip_suffix('/').unwrap_or(pattern));
        let mut builder = GlobBuilder::new(&translated);
        builder.literal_separator(true).backslash_escape(false).empty_alternates(true);
        builder.build().ok().map(|glob| Self(glob.compile_matcher()))
    }

    /// Whether the pattern matches the path or a folder above it.
    pub fn matches(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        ends.into_iter().any(|end| self.matches_just(&path[..end]))
    }

    /// Whether the pattern matches the path itself.
    pub fn matches_just(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

/// Translates a pattern for `globset`: characters that are special only there are put in brackets.
fn translated(pattern: &str) -> String {
    let paired = paired_braces(pattern);
    let mut result = String::with_capacity(pattern.len());
    let mut depth = 0_usize;
    let mut spaces = String::new();
    for (at, c) in pattern.char_indices() {
        let is_brace = matches!(c, '{' | '}') && paired.contains(&at);
        let separates = is_brace || c == ',' && depth > 0;
        // Drop spaces at the end of an alternative.
        if separates && (c != '{') {
            spaces.clear();
        }
        if c == ' ' && depth > 0 {
            if !result.ends_with(['{', ',']) || !spaces.is_empty() {
                spaces.push(c);
            }
            continue;
        }
        result.push_str(&spaces);
        spaces.clear();
        match c {
            '{' if is_brace => depth += 1,
            '}' if is_brace => depth -= 1,
            // `**` would also match `/`.
            '*' if result.ends_with('*') => continue,
            '?' | '[' | ']' | '{' | '}' => {
                result.extend(['[', c, ']']);
                continue;
            }
            // A comma separates alternatives between braces and is a plain character elsewhere.
            _ => {}
        }
        result.push(c);
    }
    result + &spaces
}

/// The offsets of all paired braces.
fn paired_braces(pattern: &str) -> Vec<usize> {
    let (mut open, mut paired) = (Vec::new(), Vec::new());
    for (at, c) in pattern.char_indices() {
        match c {
            '{' => open.push(at),
            '}' => paired.extend(open.pop().map(|start| [start, at]).into_iter().flatten()),
            _ => {}
        }
    }
    paired
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_as_the_format_says() {
        let cases = [
            ("accepted", "accepted/a.py", true),
            ("accepted/", "accepted/a.py", true),
            ("accepted/*", "accepted/a.py", true),
            ("accepted/*", "accepted", false),
            ("accept", "accepted/a.py", false),
            ("*", "accepted/a.py", true),
            ("*.py", "accepted/a.py", false),
            ("*/*.py", "accepted/a.py", true),
            ("*/*.py", "accepted/a/b.py", false),
            ("*/a.{py,cpp}", "accepted/a.cpp", true),
            ("*/a.{py,cpp}", "accepted/a.c", false),
            ("{wrong,accepted}/{a,b}*", "wrong/bad", true),
            ("{ wrong , accepted }/a", "accepted/a", true),
            ("{a b,c}", "a b", true),
            ("secret/*-easy", "secret/01-easy", true),
            ("secret/*-easy", "secret/01-easy/1", true),
            ("secret/*-easy", "secret/01-hard", false),
            ("secret/a*b*c", "secret/axxbyyc", true),
            ("secret/a*b*c", "secret/axxc", false),
            ("a*a", "a", false),
            ("{a{b,c},d}", "ac", true),
            ("{a{b,c},d}", "d", true),
            // Alternatives may be empty.
            ("secret/*{,0,1}{0,2}", "secret/10", true),
            ("secret/*{,0,1}{0,2}", "secret/2", true),
            ("secret/*{,0,1}{0,2}", "secret/group/2", false),
            ("secret/*{,0,1}{0,2}", "secret/3", false),
            ("a{}b", "ab", true),
            ("a{,}b", "ab", true),
            ("{a,}", "a", true),
            ("{a*,b}/c", "abc/c", true),
            // Other characters match themselves.
            ("a?", "ab", false),
            ("a?", "a?", true),
            ("[ab]", "a", false),
            ("[ab]", "[ab]", true),
            ("[!a]", "b", false),
            ("**/c", "a/b/c", false),
            ("**", "a/b", true),
            ("a**c", "abc", true),
            ("a,b", "a,b", true),
            ("a\\b", "a\\b", true),
            ("a+b", "a+b", true),
            ("a.b", "axb", false),
            ("(a|b)", "a", false),
            ("A", "a", false),
            ("*.py", ".py", true),
            ("año*", "añoño", true),
            // Unpaired braces match themselves.
            ("{a", "{a", true),
            ("a}", "a}", true),
            ("}{", "}{", true),
            ("{a,{b,c}", "{a,c", true),
        ];
        for (pattern, path, matched) in cases {
            assert_eq!(Glob::new(pattern).unwrap().matches(path), matched, "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_are_bounded() {
        assert!(Glob::new(&"x".repeat(GLOB_CHARS_MAX + 1)).is_none());
        // Expanding all alternatives would take 2^40 patterns.
        let many = Glob::new(&"{a,b}".repeat(40)).unwrap();
        assert!(many.matches_just(&"ab".repeat(20)) && !many.matches_just(&"ac".repeat(20)));
        let slow = Glob::new(&"*a".repeat(60)).unwrap();
        assert!(!slow.matches_just(&"a".repeat(59)) && slow.matches_just(&"a".repeat(200)));
    }

    proptest! {
        #[test]
        fn every_short_pattern_is_one(pattern in "[ab{},*?!/ \\[\\]\\\\-]{0,30}", path in "[ab{}/ ]{0,10}") {
            prop_assert!(Glob::new(&pattern).is_some(), "{}", pattern);
            let _ = Glob::new(&pattern).unwrap().matches(&path);
        }
    }
}
