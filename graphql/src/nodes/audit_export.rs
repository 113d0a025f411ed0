//! Exports of the log, as auditors see them.

use async_graphql::connection::{Connection, Edge};
use async_graphql::{Context, Enum, ID, Json, Object, Result};
use event_store::{Export, ExportState};
use jiff::Timestamp;
use read_model::{Direction, Keyset, Order, Scalar};
use serde_json::Value;
use uuid::Uuid;

use super::event::EventFilter;
use super::int;
use crate::connection::{Page, Paging, Total, window};
use crate::cursor::{ListCursor, list_name};
use crate::scalars::{DateTime, PositionScalar, Sha256};
use crate::{Api, ApiError, GlobalId, Viewer, access};

/// The order of the list: newest first.
const NEWEST_FIRST: Order = Order { field: Some("requestedAt"), direction: Direction::Descending };

/// The state of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AuditExportState {
    /// Waiting for a process that makes it.
    Queued,
    /// A process is making it.
    Running,
    /// The file can be downloaded.
    Done,
    /// It cannot be made; `reason` says why.
    Failed,
}

/// An export of the log or a part of it, as a file with proofs. It is made in the background; query
/// it again, for example once a second, until it has ended. For auditors.
#[derive(Debug, Clone)]
pub struct AuditExport(Export);

impl From<Export> for AuditExport {
    fn from(export: Export) -> Self {
        Self(export)
    }
}

impl AuditExport {
    /// The export with this id, if the viewer may see the log.
    ///
    /// # Errors
    /// If the store does not respond.
    pub async fn load(ctx: &Context<'_>, id: Uuid) -> Result<Option<Self>, ApiError> {
        if !access::may_see_log(Viewer::of(ctx)) {
            return Ok(None);
        }
        Ok(Api::of(ctx).exports.read(id, Timestamp::now()).await?.map(Self))
    }
}

#[Object]
impl AuditExport {
    /// The export's global id.
    pub async fn id(&self) -> ID {
        GlobalId::AuditExport(self.0.id).into()
    }

    /// The export's current state.
    async fn state(&self) -> AuditExportState {
        match self.0.state {
            ExportState::Queued => AuditExportState::Queued,
            ExportState::Running { .. } => AuditExportState::Running,
            ExportState::Done { .. } => AuditExportState::Done,
            ExportState::Failed { .. } => AuditExportState::Failed,
        }
    }

    /// The conditions that the events meet, as in the file's manifest; an empty object means all
    /// events.
    async fn filter(&self) -> Json<Value> {
        Json(serde_json::from_str(&self.0.filter).unwrap_or_default())
    }

    /// The position of the last event that was examined; in the end, of the last event that the
    /// file's newest head covers. Null while it waits, and if it failed.
    async fn position(&self) -> Option<PositionScalar> {
        match &self.0.state {
            ExportState::Running { position, .. } => Some(PositionScalar(*position)),
            ExportState::Done { content, .. } => Some(PositionScalar(content.head)),
            ExportState::Queued | ExportState::Failed { .. } => None,
        }
    }

    /// The number of events in the file; null until it is complete.
    async fn events(&self) -> Option<i32> {
        match &self.0.state {
            ExportState::Done { content, .. } => Some(int(content.events)),
            _ => None,
        }
    }

    /// The size of the file, in bytes; null until it is complete. It can exceed 2^31.
    async fn bytes(&self) -> Option<f64> {
        match &self.0.state {
            ExportState::Done { parts, .. } => {
                Some(parts.iter().map(|part| part.bytes as f64).sum())
            }
            _ => None,
        }
    }

    /// The digest of the file; null until it is complete.
    async fn sha256(&self) -> Option<Sha256> {
        match &self.0.state {
            ExportState::Done { content, .. } => Some(Sha256(content.digest)),
            _ => None,
        }
    }

    /// The path from which the file can be downloaded with the token of an auditor; null until it is
    /// complete.
    async fn url(&self) -> Option<String> {
        match &self.0.state {
            ExportState::Done { .. } => {
                Some(format!("/audit/exports/{}", GlobalId::AuditExport(self.0.id)))
            }
            _ => None,
        }
    }

    /// Why it failed; null unless it did.
    async fn reason(&self) -> Option<&str> {
        match &self.0.state {
            ExportState::Failed { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// The login of the account that asked for it.
    async fn requested_by(&self) -> &str {
        self.0.requested_by.as_str()
    }

    /// When it was asked for.
    async fn requested_at(&self) -> DateTime {
        DateTime(self.0.requested_at)
    }

    /// When it was completed or failed; null until then.
    async fn ended_at(&self) -> Option<DateTime> {
        self.0.ended_at().map(DateTime)
    }

    /// From when on it does not exist; null until it has ended.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at().map(DateTime)
    }
}

/// The filter of an export, as it is stored.
///
/// # Errors
/// If a condition is malformed.
pub fn export_filter(
    filter: EventFilter,
    from: Option<PositionScalar>,
    to: Option<PositionScalar>,
) -> Result<String, ApiError> {
    let filter = audit::Filter {
        from: from.map(|from| from.0),
        to: to.map(|to| to.0),
        ..filter.try_into()?
    };
    Ok(serde_json::to_string(&filter).expect("a filter is maps, strings and numbers"))
}

/// A page of the exports that exist, newest first; empty unless the viewer may see the log.
///
/// # Errors
/// If the paging is invalid, or the store does not respond.
pub async fn audit_exports(ctx: &Context<'_>, paging: &Paging) -> Result<Page<AuditExport>> {
    let api = Api::of(ctx);
    let list = list_name("AuditExport", NEWEST_FIRST);
    let exports = match access::may_see_log(Viewer::of(ctx)) {
        true => api.exports.list(Timestamp::now()).await.map_err(ApiError::from)?,
        false => vec![],
    };
    let after = match &paging.after {
        Some(cursor) => Some(place(&exports, &ListCursor::place_in(&list, cursor)?)?),
        None => None,
    };
    let rest = &exports[after.unwrap_or(0)..];
    let shown = window(paging, None, None, rest.len(), api.limits.page_size)?;
    let total = Total::Known(exports.len() as u64);
    let has_next = shown.end < rest.len();
    let mut page = Connection::with_additional_fields(after.is_some(), has_next, total);
    page.edges.extend(rest[shown].iter().map(|export| {
        let value = Scalar::Integer(export.requested_at.as_microsecond());
        let place = Keyset { value, key: export.id.to_string() };
        Edge::new(ListCursor::new(&list, place), AuditExport(export.clone()))
    }));
    Ok(page)
}

/// The number of exports up to and including the place. The export at the place may have expired.
fn place(exports: &[Export], place: &Keyset) -> Result<usize, ApiError> {
    let malformed = || ApiError::bad_input("the cursor is malformed");
    let Scalar::Integer(at) = place.value else { return Err(malformed()) };
    let id: Uuid = place.key.parse().map_err(|_| malformed())?;
    Ok(exports.partition_point(|it| (it.requested_at.as_microsecond(), it.id) >= (at, id)))
}
