//! Exact conversion between JSON and BSON: integers stay integers, fractions stay fractions.

use mongodb::bson::{Bson, Document, RawArrayBuf, RawBson, RawDocumentBuf};
use serde::de::Error as _;
use serde_json::{Error, Map, Number, Value};

/// The stored form of a document that every store can hold.
pub(super) fn stored(key: &str, document: &crate::Document) -> RawDocumentBuf {
    let mut stored = RawDocumentBuf::new();
    stored.append("_id", key);
    if let Value::Object(fields) = document.value() {
        append(&mut stored, &fields);
    }
    stored
}

fn append(document: &mut RawDocumentBuf, fields: &Map<String, Value>) {
    for (name, value) in fields {
        document.append(name, bson(value));
    }
}

fn bson(value: &Value) -> RawBson {
    match value {
        Value::Null => RawBson::Null,
        Value::Bool(flag) => RawBson::Boolean(*flag),
        Value::String(text) => RawBson::String(text.clone()),
        Value::Number(number) => number.as_i64().map_or_else(
            || RawBson::Double(number.as_f64().expect("JSON numbers are i64, u64 or f64")),
            RawBson::Int64,
        ),
        Value::Array(elements) => {
            let mut array = RawArrayBuf::new();
            elements.iter().for_each(|element| array.push(bson(element)));
            RawBson::Array(array)
        }
        Value::Object(fields) => {
            let mut document = RawDocumentBuf::new();
            append(&mut document, fields);
            RawBson::Document(document)
        }
    }
}

/// Converts a stored document back, with its key.
pub(super) fn loaded(mut document: Document) -> Result<(String, Value), (String, Error)> {
    let key = match document.remove("_id") {
        Some(Bson::String(key)) => key,
        other => {
            let key = other.map(|it| it.to_string()).unwrap_or_default();
            return Err((key, Error::custom("its _id is no text")));
        }
    };
    match object(document) {
        Ok(document) => Ok((key, document)),
        Err(error) => Err((key, error)),
    }
}

/// Converts a document and ignores its `_id`.
pub(super) fn object(document: Document) -> Result<Value, Error> {
    let fields = document.into_iter().map(|(name, it)| Ok((name, json(it)?)));
    Ok(Value::Object(fields.collect::<Result<_, Error>>()?))
}

fn json(value: Bson) -> Result<Value, Error> {
    Ok(match value {
        Bson::Null => Value::Null,
        Bson::Boolean(flag) => Value::Bool(flag),
        Bson::String(text) => Value::String(text),
        Bson::Int32(number) => Value::from(number),
        Bson::Int64(number) => Value::from(number),
        Bson::Double(number) => Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| Error::custom("it holds a number that JSON has not"))?,
        Bson::Array(elements) => {
            Value::Array(elements.into_iter().map(json).collect::<Result<_, _>>()?)
        }
        Bson::Document(fields) => object(fields)?,
        other => {
            let type_ = other.element_type();
            return Err(Error::custom(format!("it holds a {type_:?}, which no view has")));
        }
    })
}
