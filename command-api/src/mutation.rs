//! The root of mutations.

use async_graphql::MergedObject;

use crate::audit_exports::AuditExportMutation;
use crate::cancel::CancelMutation;
use crate::identities::IdentityMutation;
use crate::import::ImportMutation;
use crate::invitations::InvitationMutation;
use crate::judges::JudgeMutation;
use crate::password_reset::PasswordResetMutation;
use crate::problem_access::ProblemAccessMutation;
use crate::problems::ProblemMutation;
use crate::profile::ProfileMutation;
use crate::rejudge::RejudgeMutation;
use crate::roles::RoleMutation;
use crate::run::RunMutation;
use crate::sessions::SessionMutation;
use crate::submit::SubmitMutation;
use crate::webhooks::WebhookMutation;

/// The root of mutations.
#[derive(Debug, Default, MergedObject)]
pub struct Mutation(
    SubmitMutation,
    CancelMutation,
    RunMutation,
    SessionMutation,
    PasswordResetMutation,
    IdentityMutation,
    ProfileMutation,
    RoleMutation,
    InvitationMutation,
    ProblemMutation,
    ProblemAccessMutation,
    ImportMutation,
    JudgeMutation,
    RejudgeMutation,
    AuditExportMutation,
    WebhookMutation,
);
