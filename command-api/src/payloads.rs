//! The interface of all payloads.

use async_graphql::Interface;
use graphql::ConsistencyToken;

use crate::audit_exports::ExportAuditPayload;
use crate::cancel::CancelSubmissionPayload;
use crate::identities::IdentityPayload;
use crate::invitations::InvitationPayload;
use crate::judges::JudgePayload;
use crate::password_reset::PasswordResetPayload;
use crate::payload::UserError;
use crate::problem_access::ProblemAccessPayload;
use crate::problems::ProblemPayload;
use crate::profile::AccountPayload;
use crate::rejudge::RejudgePayload;
use crate::run::RunPayload;
use crate::sessions::{AccessTokenPayload, LogoutPayload, SessionPayload};
use crate::submit::SubmitPayload;
use crate::webhooks::{CreateWebhookPayload, WebhookPayload};

/// What every mutation returns. Nothing was written if there are `userErrors`.
#[derive(Interface)]
#[graphql(
    name = "Payload",
    field(
        name = "user_errors",
        ty = "&Vec<UserError>",
        desc = "Why nothing was done; empty on success."
    ),
    field(
        name = "token",
        ty = "&Option<ConsistencyToken>",
        desc = "The consistency token of the write; null if nothing was written to the log."
    )
)]
pub enum AnyPayload {
    /// Of submitting.
    Submit(Box<SubmitPayload>),
    /// Of cancelling a submission.
    CancelSubmission(Box<CancelSubmissionPayload>),
    /// Of running a program.
    Run(Box<RunPayload>),
    /// Of signing in.
    Session(Box<SessionPayload>),
    /// Of ending sessions and tokens.
    Logout(LogoutPayload),
    /// Of creating an access token.
    AccessToken(Box<AccessTokenPayload>),
    /// Of setting a new password.
    PasswordReset(PasswordResetPayload),
    /// Of linking an identity.
    Identity(Box<IdentityPayload>),
    /// Of changing an account.
    Account(Box<AccountPayload>),
    /// Of creating or revoking an invitation.
    Invitation(Box<InvitationPayload>),
    /// Of creating or revising problems.
    Problem(Box<ProblemPayload>),
    /// Of changing who sees a problem and who works on it.
    ProblemAccess(Box<ProblemAccessPayload>),
    /// Of creating or changing a rejudge.
    Rejudge(Box<RejudgePayload>),
    /// Of exporting the log.
    ExportAudit(Box<ExportAuditPayload>),
    /// Of draining an evaluator.
    Judge(Box<JudgePayload>),
    /// Of creating a webhook.
    CreateWebhook(Box<CreateWebhookPayload>),
    /// Of changing a webhook.
    Webhook(Box<WebhookPayload>),
}
