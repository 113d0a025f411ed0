//! The documents that a server knows before a client sends them, and by what clients name them.
//!
//! A request names a document by `documentId` (the appendix on persisted documents of
//! graphql-over-http), or by `extensions.persistedQuery` (automatic persisted queries, as Apollo's
//! clients do). Documents that clients send are not stored.

mod files;

use std::any::TypeId;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_graphql::parser::types::{BaseType, DocumentOperations, OperationDefinition};
use async_graphql::{Executor, Request, Value, Variables};
use graphql::{ApiError, Code, OnlyCheck};
use serde_json::json;

pub use self::files::DocumentsError;
use self::files::sha256;
use crate::any_schema::AnySchema;
use crate::guard::Guard;

/// What an id begins with that is a hash of the document's text.
const SHA256: &str = "sha256:";
/// The only version of automatic persisted queries.
const VERSION: i64 = 1;

/// The documents that a server knows.
#[derive(Debug, Default)]
pub struct Documents {
    /// The texts by the ids in their files, and by their hashes.
    by_id: HashMap<String, Arc<str>>,
    /// Whether other documents are refused.
    only_trusted: bool,
}

/// The id in a request, if it names its document by one.
#[derive(Debug, Clone)]
pub(crate) struct DocumentId(pub(crate) String);

impl Documents {
    /// Reads a manifest, or a folder of documents and manifests: [`files`] has the formats.
    ///
    /// # Errors
    /// If a file cannot be read or is malformed.
    pub fn read(path: &Path, only_trusted: bool) -> Result<Self, DocumentsError> {
        let mut documents = Self { by_id: HashMap::new(), only_trusted };
        for (id, text) in files::read(path)? {
            let (hash, text) = (sha256(&text), Arc::<str>::from(text));
            if let Some(said) = id.strip_prefix(SHA256).filter(|said| *said != hash) {
                return Err(DocumentsError::WrongHash { id: said.to_owned(), hash });
            }
            documents.by_id.insert(id, Arc::clone(&text));
            documents.by_id.insert(hash, text);
        }
        Ok(documents)
    }

    /// The text with this id.
    fn named(&self, id: &str) -> Option<&Arc<str>> {
        self.by_id.get(id).or_else(|| self.by_id.get(id.strip_prefix(SHA256)?))
    }

    /// Puts the text into a request that names its document.
    ///
    /// # Errors
    /// If the document is not known, or is not the one that was sent with its name.
    pub(crate) fn resolve(&self, request: &mut Request) -> Result<(), ApiError> {
        let id = request.data.get(&TypeId::of::<DocumentId>());
        let id = id.and_then(|id| id.downcast_ref::<DocumentId>());
        let has_text = !request.query.is_empty();
        if let Some(DocumentId(id)) = id {
            if has_text {
                return Err(ApiError::bad_input("send `query` or `documentId`, not both"));
            }
            request.query = self.named(id).ok_or_else(|| self.unknown())?.to_string();
            return Ok(());
        }
        if let Some(hash) = persisted_hash(request)? {
            if !has_text {
                request.query = self.named(&hash).ok_or_else(|| self.unknown())?.to_string();
                return Ok(());
            }
            if sha256(&request.query) != hash {
                let message = "extensions.persistedQuery has the hash of another document";
                return Err(ApiError::bad_input(message));
            }
        }
        if self.only_trusted && !self.by_id.contains_key(&sha256(&request.query)) {
            let message = "this server executes only the documents that its operator has stored";
            return Err(ApiError::new(Code::UntrustedDocument, message));
        }
        Ok(())
    }

    /// The error for a document that is not known. Clients look for these messages.
    fn unknown(&self) -> ApiError {
        match self.by_id.is_empty() {
            false => ApiError::new(Code::PersistedQueryNotFound, "PersistedQueryNotFound"),
            true => ApiError::new(Code::PersistedQueryNotSupported, "PersistedQueryNotSupported"),
        }
    }

    /// Checks that every operation of every document could be executed.
    ///
    /// # Errors
    /// The first document that could not, with the reason.
    pub(crate) async fn check(
        &self,
        schema: &AnySchema,
        guard: &Guard,
    ) -> Result<(), DocumentsError> {
        for (id, text) in &self.by_id {
            let invalid = |reason: String| DocumentsError::Invalid { id: id.clone(), reason };
            let document = guard.parse(&Request::new(text.as_ref()));
            let document = document.map_err(|refused| invalid(first_error(&refused)))?;
            let operations: Vec<_> = match &document.operations {
                DocumentOperations::Single(operation) => vec![(None, operation)],
                DocumentOperations::Multiple(operations) => {
                    operations.iter().map(|(name, it)| (Some(name.to_string()), it)).collect()
                }
            };
            for (name, operation) in operations {
                let check = OnlyCheck::default();
                let variables = examples(&operation.node);
                let mut request =
                    Request::new(text.as_ref()).variables(variables).data(check.clone());
                request.operation_name = name;
                request.set_parsed_query(document.clone());
                let response = schema.execute(request).await;
                if !check.has_passed() {
                    return Err(invalid(first_error(&response)));
                }
            }
        }
        Ok(())
    }
}

fn first_error(response: &async_graphql::Response) -> String {
    let Some(error) = response.errors.first() else { return "it cannot be executed".to_owned() };
    match error.locations.first() {
        Some(at) => format!("line {}: {}", at.line, error.message),
        None => error.message.clone(),
    }
}

/// Values for variables that must have one, because the costs of some fields follow from them.
fn examples(operation: &OperationDefinition) -> Variables {
    let examples = operation.variable_definitions.iter().filter_map(|definition| {
        let definition = &definition.node;
        let example = match &definition.var_type.node.base {
            _ if definition.var_type.node.nullable || definition.default_value.is_some() => {
                return None;
            }
            BaseType::List(_) => json!([]),
            BaseType::Named(name) => match name.as_str() {
                "Int" | "Float" => json!(1),
                "Boolean" => json!(true),
                "ID" | "String" => json!("a"),
                _ => return None,
            },
        };
        Some((definition.name.node.to_string(), example))
    });
    Variables::from_json(serde_json::Value::Object(examples.collect()))
}

/// The hash in `extensions.persistedQuery`, if the request has one.
fn persisted_hash(request: &Request) -> Result<Option<String>, ApiError> {
    let Some(persisted) = request.extensions.get(PERSISTED_QUERY) else { return Ok(None) };
    let malformed = || {
        let message = "extensions.persistedQuery must be { version: 1, sha256Hash: \"…\" }";
        ApiError::bad_input(message)
    };
    let Value::Object(persisted) = persisted else { return Err(malformed()) };
    match (persisted.get("version"), persisted.get("sha256Hash")) {
        (Some(Value::Number(version)), Some(Value::String(hash)))
            if version.as_i64() == Some(VERSION) =>
        {
            Ok(Some(hash.clone()))
        }
        _ => Err(malformed()),
    }
}

/// The extension of automatic persisted queries.
pub(crate) const PERSISTED_QUERY: &str = "persistedQuery";

#[cfg(test)]
mod tests;
