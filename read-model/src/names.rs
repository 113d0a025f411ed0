//! Names that become part of a store's own language: checked, however trusted they are.

use std::fmt;

use crate::{Collection, Generation};

/// Characters of a namespace, at most.
const NAMESPACE_CHARS_MAX: usize = 32;
/// SQLite keeps tables with this prefix to itself.
const RESERVED: &str = "sqlite";

/// A name that no store may be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a field or collection")]
pub(crate) struct InvalidName(String);

/// What the name of every table or collection of one set of views begins with.
///
/// It holds no underscore, and an underscore follows it, so that none is the beginning of another:
/// erasing `live` leaves `live2` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespace(String);

impl Namespace {
    /// What [`Namespace::parse`] takes.
    pub(crate) const RULE: &'static str =
        "use up to 32 lower-case letters, digits and hyphens, a letter first";

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(|first: char| first.is_ascii_lowercase())?;
        let fits = text.len() <= NAMESPACE_CHARS_MAX && text != RESERVED;
        let plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
        (fits && rest.chars().all(plain)).then(|| Self(text.to_owned()))
    }

    /// The beginning of every stored name.
    pub(crate) fn prefix(&self) -> String {
        format!("{}_", self.0)
    }

    /// Where a collection's documents are.
    pub(crate) fn documents(
        &self,
        collection: &Collection,
        generation: Generation,
    ) -> Result<String, InvalidName> {
        plain(collection.name)?;
        self.stored(&collection.stored_name(), generation)
    }

    /// The same, for a collection of which only the name with its schema is known.
    pub(crate) fn stored(
        &self,
        collection: &str,
        generation: Generation,
    ) -> Result<String, InvalidName> {
        Ok(format!("{self}_{}", generation.of_name(plain(collection)?)))
    }

    /// Where the checkpoints are. A collection's name ends in its schema, so it is never this.
    pub(crate) fn checkpoints(&self) -> String {
        format!("{self}_checkpoints")
    }

    /// Where it stands which generations there are; never the name of a collection, either.
    pub(crate) fn generations(&self) -> String {
        format!("{self}_generations")
    }

    /// Where it says who writes, in a store that has to know.
    pub(crate) fn writers(&self) -> String {
        format!("{self}_writers")
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name itself, if it needs no quoting anywhere.
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
