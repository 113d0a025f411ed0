//! The files of documents.
//!
//! A manifest is JSON: an object of texts by id, as `graphql-codegen` and Relay write it, or Apollo's
//! `apollo-persisted-query-manifest`. In a folder, each `*.graphql` file is one document, known by the
//! hash of the file, and each `*.json` file is a manifest. Its folders are not read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Maximum size of a file, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Maximum number of documents.
const DOCUMENTS_MAX: usize = 10_000;

/// Why the documents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsError {
    /// A file or folder cannot be read.
    #[error("{} cannot be read", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file is too large.
    #[error("{} has more than {FILE_BYTES_MAX} bytes", .0.display())]
    TooLarge(PathBuf),
    /// There are too many documents.
    #[error("there are more than {DOCUMENTS_MAX} documents")]
    TooMany,
    /// A file is not a manifest.
    #[error("{} is not an object of documents by id, and not Apollo's manifest", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// An id is not the hash that it claims to be.
    #[error("the document sha256:{id} has the hash {hash}")]
    WrongHash {
        /// The hash in the id.
        id: String,
        /// The hash of the text.
        hash: String,
    },
    /// A document could not be executed.
    #[error("the document {id} is refused: {reason}")]
    Invalid {
        /// The document's id or hash.
        id: String,
        /// Why it is refused.
        reason: String,
    },
}

/// A manifest.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Manifest {
    Apollo { operations: Vec<Operation> },
    ById(BTreeMap<String, String>),
}

#[derive(Debug, Deserialize)]
struct Operation {
    id: String,
    body: String,
}

/// Ids and texts of the documents in a file or folder.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, DocumentsError> {
    let cannot_be_read = |source| DocumentsError::Io { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(cannot_be_read)?.is_dir() {
        return bounded(manifest(path)?);
    }
    let mut documents = Vec::new();
    for entry in fs::read_dir(path).map_err(cannot_be_read)? {
        let path = entry.map_err(cannot_be_read)?.path();
        match path.extension().and_then(|it| it.to_str()) {
            Some("graphql") => {
                let text = text(&path)?;
                documents.push((sha256(&text), text));
            }
            Some("json") => documents.extend(manifest(&path)?),
            _ => {}
        }
        documents = bounded(documents)?;
    }
    Ok(documents)
}

fn bounded(documents: Vec<(String, String)>) -> Result<Vec<(String, String)>, DocumentsError> {
    if documents.len() > DOCUMENTS_MAX { Err(DocumentsError::TooMany) } else { Ok(documents) }
}

fn manifest(path: &Path) -> Result<Vec<(String, String)>, DocumentsError> {
    let manifest = serde_json::from_str(&text(path)?)
        .map_err(|source| DocumentsError::Malformed { path: path.to_owned(), source })?;
    Ok(match manifest {
        Manifest::Apollo { operations } => {
            operations.into_iter().map(|operation| (operation.id, operation.body)).collect()
        }
        Manifest::ById(texts) => texts.into_iter().collect(),
    })
}

fn text(path: &Path) -> Result<String, DocumentsError> {
    let cannot_be_read = |source| DocumentsError::Io { path: path.to_owned(), source };
    if fs::metadata(path).map_err(cannot_be_read)?.len() > FILE_BYTES_MAX {
        return Err(DocumentsError::TooLarge(path.to_owned()));
    }
    fs::read_to_string(path).map_err(cannot_be_read)
}

/// The hash of a text, in lower-case hex.
pub(super) fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
