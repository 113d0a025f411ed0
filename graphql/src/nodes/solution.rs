//! Accepted sources of others.

use async_graphql::{Context, Object, Result};
use read_model::views::{AccountView, SubmissionView};

use super::submission::behind;
use super::{LanguageNode, User, int};
use crate::loaders::Key;
use crate::scalars::DateTime;
use crate::{Api, prices};

/// An accepted submission, as accounts see it that have solved the problem too.
#[derive(Debug, Clone)]
pub struct Solution(SubmissionView);

impl From<SubmissionView> for Solution {
    fn from(view: SubmissionView) -> Self {
        Self(view)
    }
}

#[Object]
impl Solution {
    /// The number of the submission.
    async fn number(&self) -> i32 {
        int(self.0.number)
    }

    /// The author of the submission.
    async fn author(&self, ctx: &Context<'_>) -> Result<User> {
        let account = Api::loader(ctx).load_one(Key::<AccountView>::new(&self.0.author)).await?;
        Ok(account.ok_or_else(|| behind(self.0.author.as_str()))?.into())
    }

    /// The language of the source.
    async fn language(&self, ctx: &Context<'_>) -> LanguageNode {
        LanguageNode::of(Api::of(ctx), &self.0.language)
    }

    /// The accepted source.
    #[graphql(complexity = "prices::SOURCE")]
    async fn source(&self, ctx: &Context<'_>) -> Result<String> {
        let source = Api::loader(ctx).load_one(self.0.source).await?;
        Ok(String::from_utf8_lossy(&source.unwrap_or_default()).into_owned())
    }

    /// When the submission was received.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}
