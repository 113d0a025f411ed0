//! The port that queries use. It cannot write.

use std::collections::BTreeMap;
use std::error::Error;

use async_trait::async_trait;
use domain::Checkpoint;
use serde_json::Value;

use crate::{Collection, View};

/// Documents of one page, at most.
pub const WHOLE_PAGE: u32 = 1_000;

/// Gets documents and pages through them.
#[async_trait]
pub trait ViewReader: Send + Sync + std::fmt::Debug {
    /// The documents with these keys, in their order; `None` for one that is not there.
    async fn get(
        &self,
        collection: &Collection,
        keys: &[String],
    ) -> Result<Vec<Option<Value>>, ReadError>;

    /// One page: the documents that meet every condition, in the order asked for, strictly after or
    /// before a keyset. Documents that do not change meanwhile are met exactly once over all pages.
    async fn page(
        &self,
        collection: &Collection,
        request: &PageRequest,
    ) -> Result<Page<Value>, ReadError>;

    /// How many documents meet every condition.
    async fn count(
        &self,
        collection: &Collection,
        conditions: &[Condition],
    ) -> Result<u64, ReadError>;

    /// How far each projection has come, by the name it commits under.
    async fn checkpoints(&self) -> Result<BTreeMap<String, Checkpoint>, ReadError>;
}

/// A value that can be compared and ordered. Texts are ordered by their bytes; a missing or null
/// field comes before every value. Over all its documents a field that is compared or ordered by
/// holds whole numbers or texts, not both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Scalar {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
}

/// What a document must meet. Fields are top-level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The field has this value.
    Equals(&'static str, Scalar),
    /// The field has one of these values; none meets an empty list.
    AnyOf(&'static str, Vec<Scalar>),
    /// The field has none of these values.
    NoneOf(&'static str, Vec<Scalar>),
    /// The field, a list, has one of these elements; none meets an empty list.
    HasAny(&'static str, Vec<Scalar>),
    /// The field is this value or after it.
    AtLeast(&'static str, Scalar),
    /// The field is before this value.
    Below(&'static str, Scalar),
    /// The field's text contains this text, byte by byte.
    Contains(&'static str, String),
}

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Direction {
    /// The least first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// By a field, and by key, in the same direction, where that is equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// A top-level field; `None` orders by key alone.
    pub field: Option<&'static str>,
    /// Up or down.
    pub direction: Direction,
}

impl Order {
    /// By key.
    pub const KEY: Self = Self { field: None, direction: Direction::Ascending };
}

/// A place between documents in an order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Keyset {
    /// The value of the order's field there; `Null` where the order is by key.
    pub value: Scalar,
    /// The key there.
    pub key: String,
}

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// All must be met.
    pub conditions: Vec<Condition>,
    /// The order of the whole.
    pub order: Order,
    /// Only what comes after this place.
    pub after: Option<Keyset>,
    /// Only what comes before this place.
    pub before: Option<Keyset>,
    /// Take from the end instead of the beginning. The page itself is in `order` all the same.
    pub from_end: bool,
    /// At most this many, and at most [`WHOLE_PAGE`].
    pub limit: u32,
}

impl PageRequest {
    /// Everything, by key.
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

/// Some documents with their places.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// In the order asked for.
    pub items: Vec<(Keyset, T)>,
    /// There are more in the direction of reading.
    pub has_more: bool,
}

/// A read did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store does not answer, or not in time.
    #[error("the read model does not answer")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored document is not the view's.
    #[error("the document {key:?} of {collection} is damaged; rebuild the view")]
    Damaged {
        /// The stored name.
        collection: String,
        /// Which document.
        key: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// The port with types.
#[async_trait]
pub trait ViewReaderExt {
    /// The view with this key.
    async fn one<V: View>(&self, key: &str) -> Result<Option<V>, ReadError>;

    /// The views with these keys, in their order.
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
