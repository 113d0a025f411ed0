//! Telling other servers of events: creating, replaying and removing webhooks.

use std::collections::BTreeSet;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::webhook::{Webhook as Aggregate, WebhookCommand, WebhookCreated, WebhookRejection};
use domain::{Login, Recorded, StreamId, WebhookId};
use event_store::{AppendError, ExecuteError, Scope, Stream};
use query_api::nodes::Webhook;
use query_api::{Api, ConsistencyToken, GlobalId, PositionScalar, Viewer, access};
use read_model::views::WebhookView;
use read_model::{View, ViewReaderExt};
use uuid::Uuid;
use webhook::{SigningSecret, secret_name};

use crate::commands::{self, Commands};
use crate::payload::{Failure, UserError, UserErrorCode, not_appended, token};

/// Webhooks at once: each is told by reading all of the log.
const WEBHOOKS_MAX: u64 = 64;
/// How often a command is decided again after somebody was faster: deliveries are recorded all the time.
const TRIES_MAX: u32 = 5;

/// Mutations of webhooks.
#[derive(Debug, Default)]
pub struct WebhookMutation;

/// Whom to tell of what.
#[derive(InputObject)]
pub struct CreateWebhookInput {
    /// Where events are sent to, as in `https://example.org/assay`. It is written into the log: put no secrets
    /// into it.
    url: String,
    /// The types of events that are sent, as in `JudgingFinished`.
    types: Vec<String>,
}

/// The webhook and what signs its messages, or why it was not created.
#[derive(SimpleObject, Default)]
pub struct CreateWebhookPayload {
    /// As it is now; null while the read model is behind: read it later, with `token`.
    webhook: Option<Webhook>,
    /// Its id, in any case.
    id: Option<ID>,
    /// What signs its messages, as Standard Webhooks has it. It is shown this once.
    secret: Option<String>,
    /// Why nothing was done.
    user_errors: Vec<UserError>,
    /// Null when nothing was written.
    token: Option<ConsistencyToken>,
}

/// The webhook, or why it is not so.
#[derive(SimpleObject, Default)]
pub struct WebhookPayload {
    /// As it is now; null when it was removed, or while the read model is behind: read it later, with `token`.
    webhook: Option<Webhook>,
    /// Its id, in any case.
    id: Option<ID>,
    /// Why nothing was done.
    user_errors: Vec<UserError>,
    /// Null when nothing was written.
    token: Option<ConsistencyToken>,
}

#[Object]
impl WebhookMutation {
    /// Has a server told of every event of some types from now on. For administrators.
    async fn create_webhook(
        &self,
        ctx: &Context<'_>,
        input: CreateWebhookInput,
    ) -> Result<CreateWebhookPayload> {
        match create(Commands::of(ctx), ctx, input).await {
            Ok((id, secret, recorded)) => Ok(CreateWebhookPayload {
                webhook: read_back(Api::of(ctx), id, &recorded).await,
                id: Some(GlobalId::Webhook(id).into()),
                secret: Some(secret.to_text()),
                user_errors: vec![],
                token: token(&recorded),
            }),
            Err(Failure::User(user_errors)) => {
                Ok(CreateWebhookPayload { user_errors, ..CreateWebhookPayload::default() })
            }
            Err(Failure::Api(error)) => Err(error.into()),
        }
    }

    /// Ends a webhook, and erases what signs its messages. For administrators.
    async fn remove_webhook(&self, ctx: &Context<'_>, id: ID) -> Result<WebhookPayload> {
        answer(ctx, remove(Commands::of(ctx), ctx, &id).await).await
    }

    /// Delivers everything from a position on again, as far back as the log goes; enables a disabled webhook. For
    /// administrators.
    async fn replay_webhook(
        &self,
        ctx: &Context<'_>,
        id: ID,
        from: PositionScalar,
    ) -> Result<WebhookPayload> {
        let rewind = |by| WebhookCommand::Rewind { by, from: from.0 };
        answer(ctx, change(Commands::of(ctx), ctx, &id, rewind).await).await
    }

    /// Tries a dead letter once more. For administrators.
    async fn retry_delivery(
        &self,
        ctx: &Context<'_>,
        webhook: ID,
        position: PositionScalar,
    ) -> Result<WebhookPayload> {
        let retry = |by| WebhookCommand::Retry { by, position: position.0 };
        answer(ctx, change(Commands::of(ctx), ctx, &webhook, retry).await).await
    }
}

/// What became of a webhook: its id, and what was recorded.
type Outcome = Result<(WebhookId, Vec<Recorded>), Failure>;

async fn answer(ctx: &Context<'_>, outcome: Outcome) -> Result<WebhookPayload> {
    match outcome {
        Ok((id, recorded)) => Ok(WebhookPayload {
            webhook: read_back(Api::of(ctx), id, &recorded).await,
            id: Some(GlobalId::Webhook(id).into()),
            user_errors: vec![],
            token: token(&recorded),
        }),
        Err(Failure::User(user_errors)) => {
            Ok(WebhookPayload { user_errors, ..WebhookPayload::default() })
        }
        Err(Failure::Api(error)) => Err(error.into()),
    }
}

/// The webhook once the read model has it. What was written is written, whether it has or not.
async fn read_back(api: &Api, id: WebhookId, recorded: &[Recorded]) -> Option<Webhook> {
    if let Some(last) = recorded.last() {
        api.freshness.wait_for(last.position).await.ok()?;
    }
    let found = api.reader.one::<WebhookView>(&id.to_string()).await.ok()?;
    found.map(Webhook::from)
}

/// Refuses whoever may not have to do with webhooks.
fn check_admin<'a>(ctx: &Context<'a>) -> Result<&'a Viewer, Failure> {
    let viewer = Viewer::required(ctx)?;
    if access::may_manage_webhooks(Some(viewer)) && viewer.allows(Scope::Full) {
        return Ok(viewer);
    }
    Err(UserError::new(UserErrorCode::Forbidden, "only administrators manage webhooks").into())
}

/// Refuses another webhook where there are enough. The views say how many there are, though they may be a
/// little behind: it bounds what deliveries cost, and nothing depends on it (INV-2).
async fn check_number(api: &Api) -> Result<(), Failure> {
    if api.reader.count(&WebhookView::COLLECTION, &[]).await? < WEBHOOKS_MAX {
        return Ok(());
    }
    let message = format!("there are {WEBHOOKS_MAX} webhooks, which is as many as there may be");
    Err(UserError::new(UserErrorCode::TooMany, message).into())
}

async fn create(
    commands: &Commands,
    ctx: &Context<'_>,
    input: CreateWebhookInput,
) -> Result<(WebhookId, SigningSecret, Vec<Recorded>), Failure> {
    let viewer = check_admin(ctx)?;
    check_number(Api::of(ctx)).await?;
    if let Err(error) = commands.destinations.check_name(&input.url).await {
        let message = error.to_string();
        return Err(UserError::at(UserErrorCode::Invalid, "input.url", message).into());
    }
    let (id, log) = (WebhookId::from(Uuid::now_v7()), commands.log.as_ref());
    let created = WebhookCreated {
        webhook: id,
        by: viewer.login.clone(),
        url: input.url,
        kinds: input.types.into_iter().collect::<BTreeSet<_>>(),
        after: log.info().await?.head,
    };
    // The secret first, so that a webhook never is without one.
    let (secret, name) = (SigningSecret::generate(), secret_name(id));
    commands.credentials.put_secret(&name, &secret.to_text()).await?;
    let mut stream = Stream::<Aggregate>::new(StreamId::Webhook(id));
    let (create, context) = (WebhookCommand::Create(created), commands::context(ctx, viewer));
    match stream.execute(log, vec![create], &context, None, None).await {
        Ok(recorded) => Ok((id, secret, recorded)),
        Err(error) => {
            // An unknown outcome may have been a success, which needs its secret.
            if !matches!(error, ExecuteError::Append(AppendError::Unknown(_))) {
                commands.credentials.remove_secret(&name).await?;
            }
            Err(refused(error))
        }
    }
}

async fn remove(commands: &Commands, ctx: &Context<'_>, id: &ID) -> Outcome {
    // The event first: from then on nothing is sent, whatever becomes of the rest.
    let (id, recorded) = change(commands, ctx, id, |by| WebhookCommand::Remove { by }).await?;
    commands.credentials.remove_secret(&secret_name(id)).await?;
    Ok((id, recorded))
}

async fn change(
    commands: &Commands,
    ctx: &Context<'_>,
    id: &ID,
    command: impl Fn(Login) -> WebhookCommand,
) -> Outcome {
    let viewer = check_admin(ctx)?;
    let id = GlobalId::webhook(id)?;
    let (log, context) = (commands.log.as_ref(), commands::context(ctx, viewer));
    for _ in 0..TRIES_MAX {
        let mut stream = Stream::<Aggregate>::load(log, StreamId::Webhook(id)).await?;
        let command = command(viewer.login.clone());
        match stream.execute(log, vec![command], &context, None, None).await {
            Ok(recorded) => return Ok((id, recorded)),
            // What was delivered may have been recorded just now.
            Err(ExecuteError::Append(AppendError::Conflict { .. })) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    let message = "somebody else was faster; try again";
    Err(UserError::new(UserErrorCode::Conflict, message).into())
}

fn refused(error: ExecuteError<WebhookRejection>) -> Failure {
    use {UserErrorCode as Code, WebhookRejection as No};
    let rejection = match error {
        ExecuteError::Append(error) => return Failure::Api(not_appended(&error)),
        ExecuteError::Rejected(rejection) => rejection,
    };
    let message = rejection.to_string();
    match rejection {
        No::NotFound | No::Removed => UserError::new(Code::NotFound, message),
        No::AlreadyCreated => UserError::new(Code::Conflict, message),
        No::UrlTooLong => UserError::at(Code::Invalid, "input.url", message),
        No::NoKinds | No::UnknownKind(_) => UserError::at(Code::Invalid, "input.types", message),
        No::Ahead { .. } => UserError::at(Code::Invalid, "from", message),
        No::NotDead(_) => UserError::at(Code::NotFound, "position", message),
        No::Disabled => UserError::new(Code::AlreadyFinal, message),
    }
    .into()
}
