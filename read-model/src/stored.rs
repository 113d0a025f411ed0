//! Rules for what may be stored and errors for damaged documents, shared by all adapters.

use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Value};

use crate::ReadError;

/// Maximum size of a document's JSON, in bytes.
const DOCUMENT_BYTES_MAX: usize = 8 << 20;

/// A document to be stored, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document(String);

/// Why a document cannot be stored. No store accepts what one of them cannot hold exactly.
#[derive(Debug, thiserror::Error)]
pub enum Unstorable {
    /// The document is not a JSON object.
    #[error("the document {0:?} is not a JSON object")]
    NoObject(String),
    /// The document is too large. MongoDB's limit is 16 MiB of BSON, which takes more space than
    /// JSON.
    #[error("the document {key:?} has {bytes} bytes, the limit is {DOCUMENT_BYTES_MAX}")]
    TooLarge {
        /// The document's key.
        key: String,
        /// Size of its JSON, in bytes.
        bytes: usize,
    },
    /// The document has a part that some store cannot hold.
    #[error("the document {0:?} holds a value that some stores cannot")]
    Inexact(String, #[source] Error),
    /// The store itself refused the document.
    #[error("the store refuses a document")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Document {
    /// Serializes a view, or any other value.
    pub fn of(view: &impl Serialize) -> Self {
        Self(serde_json::to_string(view).expect("a view is maps, strings and numbers"))
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The parsed JSON.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).expect("it was written as JSON")
    }

    /// Checks that every store can hold the document exactly. Writers call this before storing it.
    ///
    /// # Errors
    /// When some store cannot.
    pub fn check(&self, key: &str) -> Result<(), Unstorable> {
        if !self.0.starts_with('{') {
            return Err(Unstorable::NoObject(key.to_owned()));
        }
        if self.0.len() > DOCUMENT_BYTES_MAX {
            return Err(Unstorable::TooLarge { key: key.to_owned(), bytes: self.0.len() });
        }
        Exact { whole: true }
            .deserialize(&mut serde_json::Deserializer::from_str(&self.0))
            .map_err(|source| Unstorable::Inexact(key.to_owned(), source))
    }
}

/// The error for a stored document that does not parse.
pub(crate) fn damaged(collection: String, key: &str, source: Error) -> ReadError {
    ReadError::Damaged { collection, key: key.to_owned(), source }
}

/// Deserializes a value, discards it, and fails if a store cannot hold it.
#[derive(Clone, Copy)]
struct Exact {
    /// Whether the value is the whole document.
    whole: bool,
}

/// Like [`Exact`], for the name of a field.
struct Name {
    of_whole: bool,
}

impl<'de> DeserializeSeed<'de> for Exact {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Exact {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        let exact = i64::try_from(number).map(drop);
        exact.map_err(|_| E::custom("a whole number is beyond 64 bits with a sign"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Self { whole: false })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while fields.next_key_seed(Name { of_whole: self.whole })?.is_some() {
            fields.next_value_seed(Self { whole: false })?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<(), E> {
        match name {
            "_id" if self.of_whole => Err(E::custom("a field called _id is the store's own")),
            name if name.contains('\0') => Err(E::custom("a field's name has a zero byte in it")),
            _ => Ok(()),
        }
    }
}
