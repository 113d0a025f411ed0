//! The read-only port for queries.

use std::collections::BTreeMap;
use std::error::Error;

use async_trait::async_trait;
use domain::Checkpoint;
use serde_json::Value;

use crate::{Collection, View};

/// Maximum number of documents in one page.
pub const WHOLE_PAGE: u32 = 1_000;

/// Gets documents and pages through them.
#[async_trait]
pub trait ViewReader: Send + Sync + std::fmt::Debug {
    /// The documents with these keys, in the same order; `None` for missing ones.
    async fn get(
        &self,
        collection: &Collection,
        keys: &[String],
    ) -> Result<Vec<Option<Value>>, ReadError>;

    /// One page of documents that satisfy all conditions, in the requested order, strictly after or
    /// before a keyset. A document that does not change between reads is on exactly one page.
    async fn page(
        &self,
        collection: &Collection,
        request: &PageRequest,
    ) -> Result<Page<Value>, ReadError>;

    /// The number of documents that satisfy all conditions.
    async fn count(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<u64, ReadError>;

    /// The checkpoint of each projection, by the name it commits under.
    async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, ReadError>;
}

/// A value that can be compared and ordered. Texts are ordered by their bytes. A missing or null
/// field comes before every value. A field that is compared or ordered by must hold either whole
/// numbers or texts in all documents, not both.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Scalar {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
}

/// A condition on a top-level field of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The field has this value.
    Equals(&'static str, Scalar),
    /// The field has one of these values. An empty list matches nothing.
    AnyOf(&'static str, Vec<Scalar>),
    /// The field has none of these values.
    NoneOf(&'static str, Vec<Scalar>),
    /// The field is a list with at least one of these elements. An empty list matches nothing. If
    /// the field has an index, it must not be a text in any document.
    HasAny(&'static str, Vec<Scalar>),
    /// The field is this value or greater.
    AtLeast(&'static str, Scalar),
    /// The field is less than this value.
    Below(&'static str, Scalar),
    /// The field has a value that is less than this one. An index on the field can find it, unlike
    /// [`Condition::Below`], which also matches documents without a value.
    LessThan(&'static str, Scalar),
    /// The field's text contains this text, compared byte by byte.
    Contains(&'static str, String),
}

/// The direction of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    Descending,
}

/// Orders by a field, then by key in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// A top-level field; `None` orders by key alone.
    pub field: Option<&'static str>,
    /// The direction of an order.
    pub direction: Direction,
}

impl Order {
    /// Ascending by key.
    pub const KEY: Self = Self { field: None, direction: Direction::Ascending };
}

/// A place in an order of documents.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Keyset {
    /// The value of the order's field; `Null` if the order is by key alone.
    pub value: Scalar,
    /// The document's key.
    pub key: String,
}

/// A request for one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Conditions that must all hold.
    pub conditions: Vec<Condition>,
    /// The order of all matching documents.
    pub order: Order,
    /// Only documents after this place.
    pub after: Option<Keyset>,
    /// Only documents before this place.
    pub before: Option<Keyset>,
    /// Take the page from the end instead of the beginning. The page itself is still in `order`.
    pub from_end: bool,
    /// Maximum number of documents, up to [`WHOLE_PAGE`].
    pub limit: u32,
}

impl PageRequest {
    /// All documents, ordered by key.
    pub fn all(limit: u32) -> Self {
        Self {
            conditions: vec![],
            order: Order::KEY,
            after: None,
            before: None,
            from_end: false,
            limit,
        }
    }
}

/// Documents with their places in the order.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The documents in the requested order.
    pub items: Vec<(Keyset, T)>,
    /// Whether there are more documents in the direction of reading.
    pub has_more: bool,
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store did not answer in time.
    #[error("the read model does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored document does not parse as the view.
    #[error("the document {key:?} of {collection} is damaged; rebuild the view")]
    Damaged {
        /// The collection's stored name.
        collection: String,
        /// The document's key.
        key: String,
        /// The parse error.
        #[source]
        source: serde_json::Error,
    },
}

pub(crate) fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> ReadError {
    ReadError::Unavailable(error.into())
}

/// Typed reads.
#[async_trait]
pub trait ViewReaderExt {
    /// The view with this key, if there is one.
    async fn one<V: View>(&self, key: &str) -> Result<Option<V>, ReadError>;

    /// The views with these keys, in the same order; `None` for missing ones.
    async fn many<V: View>(&self, keys: &[String]) -> Result<Vec<Option<V>>, ReadError>;

    /// One page of views.
    async fn views<V: View>(&self, request: &PageRequest) -> Result<Page<V>, ReadError>;
}

#[async_trait]
impl<R: ViewReader + ?Sized> ViewReaderExt for R {
    async fn one<V: View>(&self, key: &str) -> Result<Option<V>, ReadError> {
        let mut found = self.many(&[key.to_owned()]).await?;
        Ok(found.pop().flatten())
    }

    async fn many<V: View>(&self, keys: &[String]) -> Result<Vec<Option<V>>, ReadError> {
        let found = self.get(&V::COLLECTION, keys).await?;
        let keyed = keys.iter().zip(found);
        keyed.map(|(key, document)| document.map(|it| typed(key, it)).transpose()).collect()
    }

    async fn views<V: View>(&self, request: &PageRequest) -> Result<Page<V>, ReadError> {
        let page = self.page(&V::COLLECTION, request).await?;
        let items = page.items.into_iter().map(|(place, document)| {
            let view = typed(&place.key, document)?;
            Ok((place, view))
        });
        Ok(Page { items: items.collect::<Result<_, ReadError>>()?, has_more: page.has_more })
    }
}

fn typed<V: View>(key: &str, document: Value) -> Result<V, ReadError> {
    serde_json::from_value(document).map_err(|source| ReadError::Damaged {
        collection: V::COLLECTION.stored_name(),
        key: key.to_owned(),
        source,
    })
}
