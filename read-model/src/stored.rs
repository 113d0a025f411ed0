//! What may be stored, and what to say of a stored document that is not right; once for all adapters.

use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Value};

use crate::ReadError;

/// Bytes of a document's JSON, at most.
const DOCUMENT_BYTES_MAX: usize = 8 << 20;

/// A document on its way to a store, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document(String);

/// Why a document cannot be stored: what one store cannot hold exactly, none takes.
#[derive(Debug, thiserror::Error)]
pub enum Unstorable {
    /// Stores hold objects.
    #[error("the document {0:?} is no JSON object")]
    NoObject(String),
    /// MongoDB's limit is 16 MiB, of a form that takes up more than JSON.
    #[error("the document {key:?} has {bytes} bytes, the most is {DOCUMENT_BYTES_MAX}")]
    TooLarge {
        /// Which.
        key: String,
        /// Of its JSON.
        bytes: usize,
    },
    /// Some part of it cannot be.
    #[error("the document {0:?} holds what not every store can")]
    Inexact(String, #[source] Error),
    /// The store itself will not have it.
    #[error("the store refuses a document")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Document {
    /// What a view, or any value, is stored as.
    pub fn of(view: &impl Serialize) -> Self {
        Self(serde_json::to_string(view).expect("a view is maps, strings and numbers"))
    }

    /// The JSON itself.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What it says.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).expect("it was written as JSON")
    }

    /// Whether every store can hold it exactly. Writers ask before they put it.
    ///
    /// # Errors
    /// When none takes it.
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

/// A stored document that is not what an Assay wrote.
pub(crate) fn damaged(collection: String, key: &str, source: Error) -> ReadError {
    ReadError::Damaged { collection, key: key.to_owned(), source }
}

/// Reads a value, keeps nothing of it, and fails at what a store cannot hold.
#[derive(Clone, Copy)]
struct Exact {
    /// It is the document itself, and not a part of it.
    whole: bool,
}

/// The same for the name of a field.
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
