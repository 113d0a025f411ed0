//! Every object with a global id.

use async_graphql::{ID, Interface};

use super::{Problem, Rejudge, Submission, User, Webhook};

/// An object with a global id.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "The global id; opaque."))]
pub enum Node {
    /// A problem.
    Problem(Box<Problem>),
    /// A submission.
    Submission(Box<Submission>),
    /// An account.
    User(User),
    /// A rejudge.
    Rejudge(Rejudge),
    /// A webhook.
    Webhook(Webhook),
}
