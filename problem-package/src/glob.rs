//! Patterns for names of submissions, tests and groups.

use globset::{GlobBuilder, GlobMatcher};

use crate::limits::GLOB_CHARS_MAX;

/// A pattern in which `*` stands for any characters but `/`, and `{a,b}` for either. Nothing else stands for something
/// else. A pattern matches what is in the folders that it matches, too.
///
/// Braces may be empty (`{,0,1}`) and in braces. Spaces around their parts and a `/` at the end do not count. Braces
/// without their other half stand for themselves.
#[derive(Debug, Clone)]
pub struct Glob(GlobMatcher);

impl Glob {
    /// `None` where it is too long.
    pub fn new(pattern: &str) -> Option<Self> {
        if pattern.chars().count() > GLOB_CHARS_MAX {
            return None;
        }
        let translated = translated(pattern.strip_suffix('/').unwrap_or(pattern));
        let mut builder = GlobBuilder::new(&translated);
        builder.literal_separator(true).backslash_escape(false).empty_alternates(true);
        builder.build().ok().map(|glob| Self(glob.compile_matcher()))
    }

    /// Whether it matches the path or a folder that it is in.
    pub fn matches(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        ends.into_iter().any(|end| self.matches_just(&path[..end]))
    }

    /// Whether it matches the path itself.
    pub fn matches_just(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

/// The pattern with what means something to the library and nothing to the format in brackets.
fn translated(pattern: &str) -> String {
    let paired = paired_braces(pattern);
    let mut result = String::with_capacity(pattern.len());
    let mut depth = 0_usize;
    let mut spaces = String::new();
    for (at, c) in pattern.char_indices() {
        let is_brace = matches!(c, '{' | '}') && paired.contains(&at);
        let separates = is_brace || c == ',' && depth > 0;
        // Spaces that end a part of braces.
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
            // Two would stand for folders as well.
            '*' if result.ends_with('*') => continue,
            '?' | '[' | ']' | '{' | '}' => {
                result.extend(['[', c, ']']);
                continue;
            }
            // Between braces a comma separates, and elsewhere it is one.
            _ => {}
        }
        result.push(c);
    }
    result + &spaces
}

/// Where the braces stand that have their other half.
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
            // Parts may be empty.
            ("secret/*{,0,1}{0,2}", "secret/10", true),
            ("secret/*{,0,1}{0,2}", "secret/2", true),
            ("secret/*{,0,1}{0,2}", "secret/group/2", false),
            ("secret/*{,0,1}{0,2}", "secret/3", false),
            ("a{}b", "ab", true),
            ("a{,}b", "ab", true),
            ("{a,}", "a", true),
            ("{a*,b}/c", "abc/c", true),
            // Nothing else has a meaning.
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
            // Half a pair of braces is itself.
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
        // As many patterns as there are atoms would not be enough for it.
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
