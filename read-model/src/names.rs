//! Checks names before they become part of a store's query language, even if they are trusted.

use std::fmt;

use crate::{Collection, Generation};

/// Maximum length of a namespace, in characters.
const NAMESPACE_CHARS_MAX: usize = 32;
/// SQLite reserves table names with this prefix.
const RESERVED: &str = "sqlite";

/// A name that is not safe in every store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a valid name of a field or collection")]
pub(crate) struct InvalidName(String);

/// Prefix of all table or collection names of one set of views.
///
/// It contains no underscore, and an underscore follows it, so that no prefix is the start of
/// another: erasing `live` does not affect `live2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespace(String);

impl Namespace {
    /// The names that [`Namespace::parse`] accepts.
    pub(crate) const RULE: &'static str =
        "use up to 32 lower-case letters, digits and hyphens, a letter first";

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(|first: char| first.is_ascii_lowercase())?;
        let fits = text.len() <= NAMESPACE_CHARS_MAX && text != RESERVED;
        let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        (fits && rest.chars().all(plain)).then(|| Self(text.to_owned()))
    }

    /// The prefix of every stored name.
    pub(crate) fn prefix(&self) -> String {
        format!("{}_", self.0)
    }

    /// The stored name of a collection's documents.
    pub(crate) fn documents(
        &self,
        collection: &Collection,
        generation: Generation,
    ) -> Result<String, InvalidName> {
        plain(collection.name)?;
        self.stored(&collection.stored_name(), generation)
    }

    /// The same, for a name that already includes the schema.
    pub(crate) fn stored(
        &self,
        collection: &str,
        generation: Generation,
    ) -> Result<String, InvalidName> {
        Ok(format!("{self}_{}", generation.of_name(plain(collection)?)))
    }

    /// The stored name of the checkpoints. It cannot be a collection's, because those end in a
    /// schema.
    pub(crate) fn checkpoints(&self) -> String {
        format!("{self}_checkpoints")
    }

    /// The stored name of the list of generations. It cannot be a collection's either.
    pub(crate) fn generations(&self) -> String {
        format!("{self}_generations")
    }

    /// The stored name of the list of writers, in stores that need it.
    pub(crate) fn writers(&self) -> String {
        format!("{self}_writers")
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the name if it needs no quoting in any store.
pub(crate) fn plain(name: &str) -> Result<&str, InvalidName> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    if starts_well && name.chars().all(is_plain) {
        Ok(name)
    } else {
        Err(InvalidName(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_plain_and_never_the_beginning_of_another() {
        for good in ["live", "rebuild-2", "v2"] {
            assert!(Namespace::parse(good).is_some(), "{good}");
        }
        for bad in ["", "2", "-a", "Live", "live_2", "a.b", "a\"b", "a$", "sqlite", "é"] {
            assert!(Namespace::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn only_plain_fields_reach_a_store() {
        assert!(plain("difficulty_rank").is_ok());
        for bad in ["", "$where", "a.b", "_id", "x') OR 1 --", "Title", "naïve"] {
            assert!(plain(bad).is_err(), "{bad}");
        }
    }
}
