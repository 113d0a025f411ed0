//! How a language writes names.

use std::collections::BTreeSet;

use heck::ToSnakeCase;
use serde::Deserialize;

/// A language's way to write names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Names {
    /// Functions and methods.
    pub(crate) function: Case,
    /// Parameters and fields.
    pub(crate) parameter: Case,
    /// Words that cannot be names. `_` is added to them.
    pub(crate) keywords: BTreeSet<String>,
}

/// How the words of a name are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Case {
    /// The first word is written small: `twoSum`.
    Camel,
    /// Every word begins with a capital letter: `TwoSum`.
    Pascal,
    /// Words are written small, with underscores between them: `two_sum`.
    Snake,
}

impl Names {
    /// A name of the declaration as this language writes it.
    pub(crate) fn write(&self, case: Case, name: &str) -> String {
        let written = case.write(name);
        match self.keywords.contains(&written) {
            true => format!("{written}_"),
            false => written,
        }
    }
}

impl Case {
    fn write(self, name: &str) -> String {
        match self {
            Self::Snake => name.to_snake_case(),
            Self::Camel => joined(name),
            Self::Pascal => {
                let mut name = joined(name);
                if let Some(first) = name.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                name
            }
        }
    }
}

/// The name without underscores between its words. Capital letters stay as they are declared.
fn joined(name: &str) -> String {
    let mut words = name.split('_').filter(|word| !word.is_empty());
    let mut joined = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        joined.push_str(&first.to_ascii_uppercase());
        joined.push_str(rest);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_each_language_does() {
        for (declared, camel, pascal, snake) in [
            ("twoSum", "twoSum", "TwoSum", "two_sum"),
            ("two_sum", "twoSum", "TwoSum", "two_sum"),
            ("countNodesII", "countNodesII", "CountNodesII", "count_nodes_ii"),
            ("is_match_2", "isMatch2", "IsMatch2", "is_match_2"),
            ("n", "n", "N", "n"),
        ] {
            assert_eq!(Case::Camel.write(declared), camel);
            assert_eq!(Case::Pascal.write(declared), pascal);
            assert_eq!(Case::Snake.write(declared), snake);
        }
    }

    #[test]
    fn a_keyword_is_no_name() {
        let keywords = ["in".to_owned(), "from_".to_owned()].into();
        let names = Names { function: Case::Camel, parameter: Case::Snake, keywords };
        assert_eq!(names.write(Case::Snake, "in"), "in_");
        assert_eq!(names.write(Case::Snake, "In"), "in_");
        assert_eq!(names.write(Case::Snake, "inner"), "inner");
    }
}
