//! What is done to a submitted source before it is compiled with its driver. Its lines keep their
//! numbers.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;

/// A regular expression. `^` and `$` match at the ends of lines.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pattern = regex::RegexBuilder::new(&text).multi_line(true).build();
        pattern.map(Self).map_err(serde::de::Error::custom)
    }
}

/// How a language's sources are changed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changes {
    /// Comments and literals. All other patterns see blanks there.
    pub(crate) ignored: Option<Pattern>,
    /// What the templates know about the source, by name: whether the pattern is found.
    #[serde(default)]
    pub(crate) flags: BTreeMap<String, Pattern>,
    /// What must not be in a source.
    #[serde(default)]
    pub(crate) refused: Vec<Refusal>,
    /// What is put in the place of something else.
    #[serde(default)]
    pub(crate) replaced: Vec<Replacement>,
    /// What is put before the source, on its first line.
    #[serde(default)]
    pub(crate) before: Vec<Addition>,
}

/// Something that is refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    /// What is refused.
    found: Pattern,
    /// What the author reads.
    because: String,
}

/// Something that is replaced.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replacement {
    /// What is replaced.
    found: Pattern,
    /// By what; `$1` stands for the first group. It has no line break.
    by: String,
}

/// Something that is put before the source.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Addition {
    /// What is put there. It has no line break.
    text: String,
    /// Only if this is found.
    found: Option<Pattern>,
    /// Only if this is not found. It also sees comments and literals.
    absent: Option<Pattern>,
}

/// Why a source is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Changes {
    /// The source as it is compiled.
    pub(crate) fn apply(&self, source: &str) -> Result<String, Refused> {
        let mut bare = self.bare(source);
        for refusal in &self.refused {
            if let Some(found) = refusal.found.0.find(&bare) {
                let line = 1 + bare[..found.start()].matches('\n').count();
                return Err(Refused { line, reason: refusal.because.clone() });
            }
        }
        let mut source = source.to_owned();
        for replacement in &self.replaced {
            source = replacement.apply(&source, &bare);
            bare = self.bare(&source);
        }
        let additions = self.before.iter().filter(|addition| {
            addition.found.as_ref().is_none_or(|pattern| pattern.0.is_match(&bare))
                && addition.absent.as_ref().is_none_or(|pattern| !pattern.0.is_match(&source))
        });
        let before: String = additions.map(|addition| addition.text.as_str()).collect();
        Ok(before + &source)
    }

    /// The names of the flags that the source has.
    pub(crate) fn flags(&self, source: &str) -> BTreeMap<&str, bool> {
        let bare = self.bare(source);
        let flags = self.flags.iter();
        flags.map(|(name, pattern)| (name.as_str(), pattern.0.is_match(&bare))).collect()
    }

    /// The source with blanks in the place of what is ignored, of the same length.
    fn bare(&self, source: &str) -> String {
        let Some(ignored) = &self.ignored else { return source.to_owned() };
        let blank = |found: &regex::Captures<'_>| -> String {
            found[0].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
        };
        ignored.0.replace_all(source, blank).into_owned()
    }
}

impl Replacement {
    /// Replaces in the source what is found in its bare form.
    fn apply(&self, source: &str, bare: &str) -> String {
        let mut changed = String::new();
        let mut at = 0;
        for found in self.found.0.captures_iter(bare) {
            let whole = found.get(0).expect("there is a whole match");
            changed.push_str(&source[at..whole.start()]);
            found.expand(&self.by, &mut changed);
            // A match of several lines leaves as many.
            changed.extend(std::iter::repeat_n('\n', whole.as_str().matches('\n').count()));
            at = whole.end();
        }
        changed + &source[at..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes() -> Changes {
        toml::from_str(
            r#"
            ignored = '(?s)/\*.*?\*/|//[^\n]*|"[^"\n]*"'
            flags = { own = 'struct\s+Node' }
            refused = [{ found = '^[ \t]*package\s', because = "no package here" }]
            replaced = [{ found = '^[ \t]*import[ \t]+(\w+)', by = 'use $1' }]
            before = [
                { text = "begin; " },
                { text = "use sort; ", found = '\bsort\.', absent = '"sort"' },
            ]
            "#,
        )
        .unwrap()
    }

    #[test]
    fn lines_keep_their_numbers() {
        let source = "// import nothing\nimport math\nx = sort.all()\n";
        let expected = "begin; use sort; // import nothing\nuse math\nx = sort.all()\n";
        assert_eq!(changes().apply(source).unwrap(), expected);
        assert_eq!(changes().apply("\n\nimport a").unwrap(), "begin; \n\nuse a\n".trim_end());
    }

    #[test]
    fn comments_and_literals_are_not_seen() {
        let flags = |source: &str| changes().flags(source)["own"];
        assert!(flags("struct Node {}"));
        assert!(!flags("/* struct\nNode */ // struct Node"));
        assert_eq!(changes().apply("s = \"sort.x\"").unwrap(), "begin; s = \"sort.x\"");
        assert!(changes().apply("// package x").is_ok());
    }

    #[test]
    fn what_is_refused_is_named_with_its_line() {
        let refused = changes().apply("a\n/* b\n*/\n package c").unwrap_err();
        assert_eq!(refused, Refused { line: 4, reason: "no package here".to_owned() });
    }
}
