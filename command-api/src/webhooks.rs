//! Webhooks: creating, replaying and removing them.

use std::collections::BTreeSet;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::webhook::{Webhook as Aggregate, WebhookCommand, WebhookCreated, WebhookRejection};
use domain::{Aggregate as _, Event, Login, Position, Recorded, StreamId, Version, WebhookId};
use event_store::{AppendError, ChangeError, ExecuteError, Scope, Stream};
use graphql::nodes::Webhook;
use graphql::{Api, ApiError, ConsistencyToken, GlobalId, PositionScalar, Viewer, access};
use read_model::views::WebhookView;
use read_model::{View, ViewReaderExt};
use uuid::Uuid;
use webhook::{SigningSecret, secret_name};

use crate::commands::{self, Commands};
use crate::payload::{self, Failure, Payload, UserError, UserErrorCode, not_appended, token};
use crate::submit::check_key;

/// Maximum number of webhooks. Each one reads the whole log.
const WEBHOOKS_MAX: u64 = 64;

/// Mutations of webhooks.
#[derive(Debug, Default)]
pub struct WebhookMutation;

/// The properties of a new webhook.
#[derive(InputObject)]
pub struct CreateWebhookInput {
    /// The URL to send events to, for example `https://example.org/assay`. It is written to the
    /// log, so it must not contain secrets.
    url: String,
    /// The event types to send, for example `JudgingFinished`.
    types: Vec<String>,
    /// Makes retries safe: a request with the same key and input returns the first webhook, without
    /// its secret. 1 to 200 characters.
    idempotency_key: Option<String>,
}

/// The webhook and its signing secret, or why it was not created.
#[derive(SimpleObject, Default)]
pub struct CreateWebhookPayload {
    /// The new webhook; null while the read model is behind. Then read it later, with `token`.
    webhook: Option<Webhook>,
    /// The webhook's id; set on success even if `webhook` is null.
    id: Option<ID>,
    /// The secret that signs the webhook's messages, as defined by Standard Webhooks. Shown only
    /// once, so it is null if `replayed`.
    secret: Option<String>,
    /// Whether the webhook existed already, found by its idempotency key.
    replayed: bool,
    /// Why nothing was done; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// The consistency token of the write; null if nothing was written.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for CreateWebhookPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

/// The changed webhook, or why nothing was done.
#[derive(SimpleObject, Default)]
pub struct WebhookPayload {
    /// The webhook's new state; null if it was removed, or while the read model is behind. Then
    /// read it later, with `token`.
    webhook: Option<Webhook>,
    /// The webhook's id; set on success even if `webhook` is null.
    id: Option<ID>,
    /// Why nothing was done; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// The consistency token of the write; null if nothing was written.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for WebhookPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl WebhookMutation {
    /// Creates a webhook, which sends all future events of the given types to a server. For
    /// administrators.
    async fn create_webhook(
        &self,
        ctx: &Context<'_>,
        input: CreateWebhookInput,
    ) -> Result<CreateWebhookPayload> {
        payload::answer(match create(Commands::of(ctx), ctx, input).await {
            Ok((id, secret, recorded)) => Ok(CreateWebhookPayload {
                webhook: read_back(ctx, id, &recorded).await,
                id: Some(GlobalId::Webhook(id).into()),
                replayed: secret.is_none(),
                secret,
                user_errors: vec![],
                token: token(&recorded),
            }),
            Err(failure) => Err(failure),
        })
    }

    /// Removes a webhook and erases its signing secret. For administrators.
    async fn remove_webhook(&self, ctx: &Context<'_>, id: ID) -> Result<WebhookPayload> {
        answer(ctx, remove(Commands::of(ctx), ctx, &id).await).await
    }

    /// Delivers the event at `from` and all later ones again, and enables a disabled webhook. For
    /// administrators.
    async fn replay_webhook(
        &self,
        ctx: &Context<'_>,
        id: ID,
        from: PositionScalar,
    ) -> Result<WebhookPayload> {
        let recorded = async {
            check_admin(ctx)?;
            let through = recorded_progress(Api::of(ctx), &id).await?;
            let rewind = |by| WebhookCommand::Rewind { by, from: from.0, through };
            change(Commands::of(ctx), ctx, &id, rewind).await
        };
        answer(ctx, recorded.await).await
    }

    /// Schedules another attempt to deliver a dead letter. For administrators.
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

/// The webhook's id and the recorded events.
type Outcome = Result<(WebhookId, Vec<Recorded>), Failure>;

async fn answer(ctx: &Context<'_>, outcome: Outcome) -> Result<WebhookPayload> {
    payload::answer(match outcome {
        Ok((id, recorded)) => Ok(WebhookPayload {
            webhook: read_back(ctx, id, &recorded).await,
            id: Some(GlobalId::Webhook(id).into()),
            user_errors: vec![],
            token: token(&recorded),
        }),
        Err(failure) => Err(failure),
    })
}

/// The webhook's progress, which is not in the log between two marks.
async fn recorded_progress(api: &Api, id: &ID) -> Result<Position, ApiError> {
    let key = GlobalId::webhook(id)?.to_string();
    let webhook = api.reader.one::<WebhookView>(&key).await?;
    match webhook {
        Some(webhook) => Webhook::from(webhook).progress(api).await,
        None => Ok(Position::START),
    }
}

async fn read_back(ctx: &Context<'_>, id: WebhookId, recorded: &[Recorded]) -> Option<Webhook> {
    let keys = [id.to_string()];
    let found = payload::read_back::<WebhookView, Webhook>(Api::of(ctx), &keys, recorded).await;
    found.into_iter().next()
}

/// Fails unless the viewer may manage webhooks.
fn check_admin<'a>(ctx: &Context<'a>) -> Result<&'a Viewer, Failure> {
    let viewer = Viewer::required(ctx)?;
    if access::may_manage_webhooks(Some(viewer)) && viewer.allows(Scope::Full) {
        return Ok(viewer);
    }
    Err(UserError::new(UserErrorCode::Forbidden, "only administrators can manage webhooks").into())
}

/// Fails if the maximum number of webhooks is reached. The count comes from the views, which may
/// lag a little: it only bounds the cost of deliveries, and no decision depends on it (INV-2).
async fn check_number(api: &Api) -> Result<(), Failure> {
    if api.reader.count(&WebhookView::COLLECTION, &[]).await? < WEBHOOKS_MAX {
        return Ok(());
    }
    let message =
        format!("there are already {WEBHOOKS_MAX} webhooks, the maximum; remove one first");
    Err(UserError::new(UserErrorCode::TooMany, message).into())
}

/// The webhook's id, its secret unless the webhook existed already, and the recorded events.
type Created = (WebhookId, Option<String>, Vec<Recorded>);

async fn create(
    commands: &Commands,
    ctx: &Context<'_>,
    input: CreateWebhookInput,
) -> Result<Created, Failure> {
    let viewer = check_admin(ctx)?;
    let id = match &input.idempotency_key {
        Some(key) => {
            check_key(key)?;
            WebhookId::from_idempotency_key(&viewer.login, key)
        }
        None => Uuid::now_v7().into(),
    };
    let log = commands.log.as_ref();
    let created = WebhookCreated {
        webhook: id,
        by: viewer.login.clone(),
        url: input.url,
        kinds: input.types.into_iter().collect::<BTreeSet<_>>(),
        after: log.info().await?.head,
    };
    if input.idempotency_key.is_some() && exists_as(commands, &created).await? {
        return Ok((id, None, vec![]));
    }
    check_number(Api::of(ctx)).await?;
    if let Err(error) = commands.destinations.check_name(&created.url).await {
        let message = error.to_string();
        return Err(UserError::at(UserErrorCode::Invalid, "input.url", message).into());
    }
    // Decide before the secret is stored, so that a refused webhook has none.
    let create = WebhookCommand::Create(created.clone());
    Aggregate::default().decide(create.clone()).map_err(rejected)?;
    let secret = stored_secret(commands, id).await?;
    let mut stream = Stream::<Aggregate>::new(StreamId::Webhook(id));
    let context = commands::context(ctx, viewer);
    match stream.execute(log, vec![create], &context, None, None).await {
        Ok(recorded) => Ok((id, Some(secret), recorded)),
        Err(ExecuteError::Append(AppendError::Conflict { .. })) => {
            // A request with the same key was faster.
            exists_as(commands, &created).await?;
            Ok((id, None, vec![]))
        }
        Err(error) => {
            // If the outcome is unknown, the append may have succeeded, and the webhook needs its
            // secret. So does one that another request with the same key is creating; a secret
            // that stays without a webhook is removed after a while (`assay sweep`).
            let is_unknown = matches!(error, ExecuteError::Append(AppendError::Unknown(_)));
            if !is_unknown && input.idempotency_key.is_none() {
                commands.credentials.remove_secret(&secret_name(id)).await?;
            }
            Err(refused(error))
        }
    }
}

/// Whether the webhook was created before with the same input.
async fn exists_as(commands: &Commands, created: &WebhookCreated) -> Result<bool, Failure> {
    let stream = StreamId::Webhook(created.webhook);
    let first = commands.log.read_stream(&stream, Version(1), 1).await?;
    match first.first().map(|recorded| &recorded.event) {
        None => Ok(false),
        Some(Event::WebhookCreated(first)) if same_input(first, created) => Ok(true),
        Some(_) => {
            let message = "the idempotency key was used before with a different input";
            let code = UserErrorCode::IdempotencyKeyReused;
            Err(UserError::at(code, "input.idempotencyKey", message).into())
        }
    }
}

/// Ignores the position after which the webhook begins, which differs between two tries.
fn same_input(first: &WebhookCreated, again: &WebhookCreated) -> bool {
    first.url == again.url && first.kinds == again.kinds
}

/// The secret of a new webhook, stored before the webhook so that every webhook has one. Requests
/// with the same idempotency key share it.
async fn stored_secret(commands: &Commands, id: WebhookId) -> Result<String, Failure> {
    let (new, name) = (SigningSecret::generate().to_text(), secret_name(id));
    if commands.credentials.add_secret(&name, &new).await? {
        return Ok(new);
    }
    let removed = || {
        let message = "the webhook's secret was removed meanwhile; try again";
        UserError::new(UserErrorCode::Conflict, message)
    };
    Ok(commands.credentials.secret(&name).await?.ok_or_else(removed)?)
}

async fn remove(commands: &Commands, ctx: &Context<'_>, id: &ID) -> Outcome {
    // Record the event first: from then on nothing is sent, even if the rest fails.
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
    let (stream, context) = (StreamId::Webhook(id), commands::context(ctx, viewer));
    // A delivery may be recorded at the same time.
    let command = || command(viewer.login.clone());
    let changed = Stream::<Aggregate>::change(commands.log.as_ref(), stream, &context, command);
    match changed.await {
        Ok((_, recorded)) => Ok((id, recorded)),
        Err(ChangeError::Read(error)) => Err(error.into()),
        Err(ChangeError::Execute(error)) => Err(refused(error)),
    }
}

fn refused(error: ExecuteError<WebhookRejection>) -> Failure {
    match error {
        ExecuteError::Append(AppendError::Conflict { .. }) => {
            let message = "the webhook was changed by another request; try again";
            UserError::new(UserErrorCode::Conflict, message).into()
        }
        ExecuteError::Append(error) => Failure::Api(not_appended(&error)),
        ExecuteError::Rejected(rejection) => rejected(rejection).into(),
    }
}

fn rejected(rejection: WebhookRejection) -> UserError {
    use {UserErrorCode as Code, WebhookRejection as No};
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
}
