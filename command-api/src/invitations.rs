//! Invitations: secrets that register one account each.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use event_store::{Ticket, TicketKind};
use graphql::{ConsistencyToken, DateTime, Secret, Viewer};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::commands::Commands;
use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer};
use crate::settings::Registration;
use crate::tokens::generate;
use crate::{account_input, permission};

/// Maximum number of invitations that can be used.
const INVITATIONS_MAX: u32 = 500;
/// Lifetime of an invitation, in days.
const INVITATION_DAYS: std::ops::RangeInclusive<i32> = 1..=365;
/// Lifetime of an invitation if none is given, in days.
const INVITATION_DAYS_DEFAULT: i32 = 7;

/// Mutations of invitations.
#[derive(Debug, Default)]
pub struct InvitationMutation;

/// Queries of invitations.
#[derive(Debug, Default)]
pub struct InvitationQuery;

/// What the stored ticket of an invitation says.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    note: Option<String>,
    created_by: String,
}

/// The properties of a new invitation.
#[derive(InputObject)]
pub struct InvitationInput {
    /// The lifetime, from 1 to 365 days.
    #[graphql(default_with = "INVITATION_DAYS_DEFAULT")]
    expires_in_days: i32,
    /// A note for administrators, for example who is invited.
    note: Option<String>,
}

/// An invitation that can be used, without its secret.
#[derive(Debug, Clone, SimpleObject)]
pub struct Invitation {
    /// The invitation's id, which `revokeInvitation` takes.
    id: ID,
    /// The note that its creator gave it.
    note: Option<String>,
    /// The login of its creator.
    created_by: String,
    /// When the invitation was created.
    created_at: DateTime,
    /// When the invitation expires.
    expires_at: DateTime,
}

impl From<Ticket> for Invitation {
    fn from(ticket: Ticket) -> Self {
        let content = serde_json::from_str(&ticket.data);
        let content: Content =
            content.unwrap_or_else(|_| Content { note: None, created_by: String::new() });
        Self {
            id: ticket.id.to_string().into(),
            note: content.note,
            created_by: content.created_by,
            created_at: DateTime(ticket.created_at),
            expires_at: DateTime(ticket.expires_at),
        }
    }
}

/// An invitation, or why it was refused.
#[derive(SimpleObject, Default)]
pub struct InvitationPayload {
    /// The secret for `register`; shown only once.
    secret: Option<String>,
    /// The invitation, without its secret. Null if it was refused, or revoked.
    invitation: Option<Invitation>,
    /// Why the request was refused; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// Always null: invitations are not in the log.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for InvitationPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl InvitationMutation {
    /// Creates an invitation, which registers one account. For administrators.
    async fn create_invitation(
        &self,
        ctx: &Context<'_>,
        input: InvitationInput,
    ) -> Result<InvitationPayload> {
        let created = create(Commands::of(ctx), Viewer::required(ctx)?, input).await;
        answer(created.map(|(secret, ticket)| InvitationPayload {
            secret: Some(secret.0),
            invitation: Some(ticket.into()),
            ..InvitationPayload::default()
        }))
    }

    /// Revokes an invitation that was not used. For administrators.
    async fn revoke_invitation(&self, ctx: &Context<'_>, id: ID) -> Result<InvitationPayload> {
        answer(revoke(Commands::of(ctx), Viewer::required(ctx)?, &id).await)
    }
}

#[Object]
impl InvitationQuery {
    /// The invitations that can be used, oldest first; empty unless the viewer is an administrator.
    #[graphql(complexity = "(INVITATIONS_MAX as usize).saturating_mul(child_complexity)")]
    async fn invitations(&self, ctx: &Context<'_>) -> Result<Vec<Invitation>> {
        if Viewer::of(ctx).is_none_or(|viewer| permission::administrator(viewer).is_err()) {
            return Ok(vec![]);
        }
        let (kind, now) = (TicketKind::Invitation, Timestamp::now());
        let found = Commands::of(ctx).credentials.tickets(kind, now, INVITATIONS_MAX).await;
        let found = found.map_err(graphql::ApiError::from)?;
        Ok(found.into_iter().map(Invitation::from).collect())
    }
}

async fn create(
    commands: &Commands,
    viewer: &Viewer,
    input: InvitationInput,
) -> Result<(Secret, Ticket), Failure> {
    permission::administrator(viewer)?;
    let mut errors = Vec::new();
    if !INVITATION_DAYS.contains(&input.expires_in_days) {
        let (least, most) = (INVITATION_DAYS.start(), INVITATION_DAYS.end());
        let message = format!("an invitation's lifetime must be {least} to {most} days");
        errors.push(UserError::at(UserErrorCode::Invalid, "input.expiresInDays", message));
    }
    if let Some(note) = &input.note {
        errors.extend(account_input::name(note, "input.note").err());
    }
    if !errors.is_empty() {
        return Err(Failure::User(errors));
    }
    let created_at = Timestamp::now();
    let kind = TicketKind::Invitation;
    let open = commands.credentials.count_tickets(kind, created_at).await?;
    if open >= INVITATIONS_MAX.into() {
        let message =
            format!("there can be at most {INVITATIONS_MAX} invitations; revoke some first");
        return Err(UserError::new(UserErrorCode::TooMany, message).into());
    }
    let secret = generate();
    let content = Content { note: input.note, created_by: viewer.login.to_string() };
    let ticket = Ticket {
        hash: secret.hash(),
        id: Uuid::now_v7(),
        kind,
        subject: None,
        data: serde_json::to_string(&content).expect("the content is text"),
        created_at,
        expires_at: created_at + SignedDuration::from_hours(24 * i64::from(input.expires_in_days)),
    };
    commands.credentials.put_ticket(&ticket).await?;
    Ok((secret, ticket))
}

async fn revoke(
    commands: &Commands,
    viewer: &Viewer,
    id: &ID,
) -> Result<InvitationPayload, Failure> {
    permission::administrator(viewer)?;
    let removed = match id.parse() {
        Ok(id) => commands.credentials.remove_ticket(TicketKind::Invitation, id).await?,
        Err(_) => false,
    };
    if removed {
        return Ok(InvitationPayload::default());
    }
    Err(UserError::at(UserErrorCode::NotFound, "id", "there is no such invitation").into())
}

/// Checks whether an account may be registered, and takes the invitation if one is needed. Of
/// several registrations with one invitation, only one gets it.
pub(crate) async fn admit(
    commands: &Commands,
    invitation: Option<String>,
    path: &str,
) -> Result<Option<Ticket>, Failure> {
    let refused = |code, message| -> Failure { UserError::at(code, path, message).into() };
    let kind = TicketKind::Invitation;
    match (commands.accounts.registration, invitation) {
        (Registration::Open, _) => Ok(None),
        (Registration::Closed, _) => {
            let message = "registration is closed; ask an administrator for an account";
            Err(UserError::new(UserErrorCode::Forbidden, message).into())
        }
        (Registration::Invitation, None) => {
            Err(refused(UserErrorCode::Forbidden, "registration needs an invitation"))
        }
        (Registration::Invitation, Some(secret)) => {
            let hash = Secret(secret).hash();
            let taken = commands.credentials.take_ticket(kind, &hash, Timestamp::now()).await?;
            let message = "the invitation is invalid, expired, revoked or already used";
            taken.map(Some).ok_or_else(|| refused(UserErrorCode::Expired, message))
        }
    }
}

/// Puts back the invitation of a registration that did not happen.
pub(crate) async fn give_back(commands: &Commands, ticket: Option<Ticket>) -> Result<(), Failure> {
    if let Some(ticket) = ticket {
        commands.credentials.put_ticket(&ticket).await?;
    }
    Ok(())
}
