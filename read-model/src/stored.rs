//! What may be stored, and what to say of a stored document that is not right; once for all adapters.

use serde_json::{Error, Value};

use crate::ReadError;

/// A stored document that is not what an Assay wrote.
pub(crate) fn damaged(collection: String, key: &str, source: Error) -> ReadError {
    ReadError::Damaged { collection, key: key.to_owned(), source }
}

/// Why a document cannot be stored: what one store cannot hold exactly, none takes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unstorable {
    #[error("the document {0:?} is no JSON object")]
    NoObject(String),
    #[error("the document {0:?} has a whole number beyond 64 bits with a sign")]
    TooGreat(String),
    #[error("the document {0:?} has a field called _id, or one with a zero byte in its name")]
    TakenField(String),
}

/// Checks a document before it is put.
pub(crate) fn storable(key: &str, document: &Value) -> Result<(), Unstorable> {
    let fields = document.as_object().ok_or_else(|| Unstorable::NoObject(key.to_owned()))?;
    if fields.contains_key("_id") {
        return Err(Unstorable::TakenField(key.to_owned()));
    }
    exact(key, document)
}

fn exact(key: &str, value: &Value) -> Result<(), Unstorable> {
    match value {
        Value::Number(number) if number.is_u64() && !number.is_i64() => {
            Err(Unstorable::TooGreat(key.to_owned()))
        }
        Value::Array(elements) => elements.iter().try_for_each(|it| exact(key, it)),
        Value::Object(fields) if fields.keys().any(|name| name.contains('\0')) => {
            Err(Unstorable::TakenField(key.to_owned()))
        }
        Value::Object(fields) => fields.values().try_for_each(|it| exact(key, it)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
