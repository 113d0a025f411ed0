//! Patterns for names of submissions, tests and groups.
//!
//! `*` stands for any characters but `/`, and `{a,b}` for either. A pattern matches what is in the
//! folders that it matches, too.

/// Patterns that the braces of one may make.
const ALTERNATIVES_MAX: usize = 32;

/// A pattern, its braces expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(Vec<String>);

impl Glob {
    /// `None` where the braces do not match, or make too many patterns.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        let mut done = Vec::new();
        let mut open = vec![pattern.to_owned()];
        while let Some(pattern) = open.pop() {
            if done.len() + open.len() > ALTERNATIVES_MAX {
                return None;
            }
            match expand(&pattern)? {
                Some(alternatives) => open.extend(alternatives),
                None => done.push(pattern),
            }
        }
        Some(Self(done))
    }

    /// Whether it matches the path or a folder that it is in.
    pub(super) fn matches(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
        ends.into_iter().any(|end| self.matches_just(&path[..end]))
    }

    /// Whether it matches the path itself.
    pub(super) fn matches_just(&self, path: &str) -> bool {
        self.0.iter().any(|pattern| {
            let (mut names, mut patterns) = (path.split('/'), pattern.split('/'));
            loop {
                match (names.next(), patterns.next()) {
                    (None, None) => return true,
                    (Some(name), Some(pattern)) if is_match(pattern, name) => {}
                    _ => return false,
                }
            }
        })
    }
}

/// The patterns with the first innermost braces replaced by each of their parts; none where there
/// are no braces; `None` where they do not match.
fn expand(pattern: &str) -> Option<Option<Vec<String>>> {
    let Some(close) = pattern.find('}') else {
        return (!pattern.contains('{')).then_some(None);
    };
    let open = pattern[..close].rfind('{')?;
    let (before, after) = (&pattern[..open], &pattern[close + 1..]);
    let parts = pattern[open + 1..close].split(',');
    Some(Some(parts.map(|part| format!("{before}{part}{after}")).collect()))
}

fn is_match(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_the_format_says() {
        let cases = [
            ("accepted", "accepted/a.py", true),
            ("accepted/*", "accepted/a.py", true),
            ("accepted/*", "accepted", false),
            ("*", "accepted/a.py", true),
            ("*.py", "accepted/a.py", false),
            ("*/a.{py,cpp}", "accepted/a.cpp", true),
            ("*/a.{py,cpp}", "accepted/a.c", false),
            ("{wrong,accepted}/{a,b}*", "wrong/bad", true),
            ("secret/*-easy", "secret/01-easy", true),
            ("secret/*-easy", "secret/01-easy/1", true),
            ("secret/*-easy", "secret/01-hard", false),
            ("secret/a*b*c", "secret/axxbyyc", true),
            ("secret/a*b*c", "secret/axxc", false),
            ("a*a", "a", false),
            ("{a{b,c},d}", "ac", true),
        ];
        for (pattern, path, matched) in cases {
            assert_eq!(Glob::new(pattern).unwrap().matches(path), matched, "{pattern} {path}");
        }
        assert_eq!(Glob::new("{a"), None);
        assert_eq!(Glob::new("a}"), None);
        assert_eq!(Glob::new(&"{a,b}".repeat(40)), None);
    }
}
