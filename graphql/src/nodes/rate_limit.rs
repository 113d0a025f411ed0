//! What the client may still spend.

use async_graphql::{Context, SimpleObject};
use jiff::Timestamp;

use super::int;
use crate::{ApiError, Bill, Code, DateTime};

/// What the client may spend on requests. An account has one budget for all its clients; those that
/// are not signed in share the budget of their network. It fills up again steadily.
#[derive(Debug, Clone, SimpleObject)]
pub struct RateLimit {
    /// Maximum cost of all requests per minute.
    limit: i32,
    /// The cost of this request.
    cost: i32,
    /// What is left after this request.
    remaining: i32,
    /// When the whole limit is available again, if nothing is spent meanwhile.
    reset_at: DateTime,
}

impl RateLimit {
    /// What the client of this request may spend.
    ///
    /// # Errors
    /// If the request was not charged.
    pub fn of(ctx: &Context<'_>) -> Result<Self, ApiError> {
        let uncharged = || ApiError::new(Code::Internal, "the request was not charged");
        let paid = Bill::of(ctx).paid().ok_or_else(uncharged)?;
        Ok(Self {
            limit: int(paid.left.limit.get()),
            cost: int(paid.cost),
            remaining: int(paid.left.remaining),
            reset_at: DateTime(Timestamp::now() + paid.left.full_after()),
        })
    }
}
