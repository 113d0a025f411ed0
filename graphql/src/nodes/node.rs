//! Every object with a global id.

use async_graphql::{ID, Interface};

use super::{
    AccessToken, AuditExport, Event, Judge, Judgement, LanguageNode, Problem, Rejudge, Run,
    Session, Submission, User, Webhook,
};

/// An object with a global id, which `node` takes. Objects without an id have no identity of their
/// own.
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
    /// An evaluator.
    Judge(Box<Judge>),
    /// A run.
    Run(Run),
    /// A judgement.
    Judgement(Box<Judgement>),
    /// An event.
    Event(Box<Event>),
    /// A session.
    Session(Session),
    /// An access token.
    AccessToken(AccessToken),
    /// An export of the log.
    AuditExport(Box<AuditExport>),
    /// A language.
    Language(LanguageNode),
}
