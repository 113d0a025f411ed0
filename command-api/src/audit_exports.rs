//! Exports of the log.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use domain::RunId;
use event_store::{Export, ExportCreation, NewExport};
use graphql::nodes::{AuditExport, EventFilter, export_filter};
use graphql::{Api, ConsistencyToken, PositionScalar, Viewer, access};
use jiff::Timestamp;
use uuid::Uuid;

use crate::payload::{Failure, Payload, UserError, UserErrorCode, answer};
use crate::submit::check_key;

/// Mutations of exports.
#[derive(Debug, Default)]
pub struct AuditExportMutation;

/// Selects the events to export. Without any condition, the whole log is exported.
#[derive(InputObject)]
pub struct ExportAuditInput {
    /// Conditions that the events meet.
    filter: Option<EventFilter>,
    /// Events at this position or later.
    from: Option<PositionScalar>,
    /// Events at this position or earlier.
    to: Option<PositionScalar>,
    /// Makes retries safe: a request with the same key and input returns the first export until that
    /// has expired. 1 to 200 characters.
    idempotency_key: Option<String>,
}

/// The export, or why it was refused.
#[derive(SimpleObject, Default)]
pub struct ExportAuditPayload {
    /// The export.
    export: Option<AuditExport>,
    /// Whether the export existed already, found by its idempotency key.
    replayed: bool,
    /// Why the export was refused; empty on success.
    pub(crate) user_errors: Vec<UserError>,
    /// Always null: exports are not in the log.
    pub(crate) token: Option<ConsistencyToken>,
}

impl Payload for ExportAuditPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { user_errors, ..Self::default() }
    }
}

#[Object]
impl AuditExportMutation {
    /// Exports the log or a part of it to a file with proofs, which `assay audit verify` checks on
    /// any machine. The file is made in the background: query the export until it is done, then
    /// download it from its `url`. For auditors.
    async fn export_audit(
        &self,
        ctx: &Context<'_>,
        input: ExportAuditInput,
    ) -> Result<ExportAuditPayload> {
        let created = create(ctx, input).await;
        answer(created.map(|(export, replayed)| ExportAuditPayload {
            export: Some(export.into()),
            replayed,
            ..ExportAuditPayload::default()
        }))
    }
}

/// The export, and whether it existed already.
async fn create(ctx: &Context<'_>, input: ExportAuditInput) -> Result<(Export, bool), Failure> {
    let viewer = Viewer::required(ctx)?;
    if !access::may_see_log(Some(viewer)) {
        let message = "only auditors can export the log";
        return Err(UserError::new(UserErrorCode::Forbidden, message).into());
    }
    let id = match &input.idempotency_key {
        Some(key) => {
            check_key(key)?;
            RunId::from_idempotency_key(&viewer.login, key).uuid()
        }
        None => Uuid::now_v7(),
    };
    let new = NewExport {
        id,
        requested_by: viewer.login.clone(),
        requested_at: Timestamp::now(),
        filter: export_filter(input.filter.unwrap_or_default(), input.from, input.to)?,
        keep_hours: Api::of(ctx).limits.export_keep_hours,
    };
    match Api::of(ctx).exports.create(&new).await? {
        ExportCreation::Created(export) => {
            tracing::info!(by = %viewer.login, export = %id, "an export of the log was asked for");
            Ok((export, false))
        }
        ExportCreation::Existed(export)
            if export.filter == new.filter && export.requested_by == new.requested_by =>
        {
            Ok((export, true))
        }
        ExportCreation::Existed(_) => {
            let code = UserErrorCode::IdempotencyKeyReused;
            let message = "the idempotency key was used before with a different input";
            Err(UserError::at(code, "input.idempotencyKey", message).into())
        }
        ExportCreation::TooMany => {
            let message = "too many exports exist; wait until one has ended or expired";
            Err(UserError::new(UserErrorCode::TooMany, message).into())
        }
    }
}
