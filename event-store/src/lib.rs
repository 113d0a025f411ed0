#![doc = include_str!("../README.md")]

mod ability;
mod aggregate;
mod archive;
mod blobs;
#[cfg(feature = "conformance")]
pub mod conformance;
mod credentials;
mod export_list;
mod exports;
mod floor;
mod lasting_fault;
mod log;
mod open_error;
mod queue;
mod resolver;
mod restore;
mod revision;
mod run_watches;
mod runs;
mod tree;
mod worker;

mod file;
mod mongo;
mod redis;
mod sqlite;

pub use ability::{Ability, UnknownAbility};
pub use aggregate::{ChangeError, Context, ExecuteError, Stream};
pub use archive::{
    Archive, ArchiveError, ArchiveStatus, HotUsage, MalformedSegment, SEGMENT_BYTES_MAX,
    SEGMENT_EVENTS_MAX, Segment, SegmentEntry, SegmentWriter, StoreFault,
};
pub use blobs::{BLOB_BYTES_MAX, BlobError, Blobs, KeptBlob};
pub use credentials::{
    Credentials, CredentialsError, Identities, Identity, Profile, Rotation, Scope, Ticket,
    TicketKind, Tickets, TokenHash, TokenKind, TokenRecord,
};
pub use export_list::{
    EXPORT_LEASE, EXPORT_TAKES_MAX, EXPORTS_KEPT_MAX, EXPORTS_OPEN_MAX, Export, ExportContent,
    ExportCreation, ExportPart, ExportState, LeaseLost, NewExport,
};
pub use exports::{ExportLease, ExportStore, Exports, ExportsError};
pub use floor::{Floor, floor, server_memory};
pub use lasting_fault::{LastingFault, alert, lasting_fault};
pub use log::{
    AppendBatch, AppendError, Appended, EVENT_BYTES_MAX, EVENTS_PER_BATCH_MAX, EventLog, LogInfo,
    ReadError, Wants, append_surely, read_stream_whole, verify_checkpoint,
};
pub use open_error::OpenError;
pub use queue::{
    Declined, Lane, LaneStats, QueueError, TURN_MEMORY, TakeRequest, Work, WorkItem, WorkQueue,
    WorkReceipt,
};
pub use resolver::{
    StoreUrls, Stores, open, open_blobs, open_credentials, open_exports, open_log, open_runs,
    open_tree,
};
pub use restore::Restoration;
pub use revision::read_revision;
pub use runs::{Creation, NewRun, RunBatch, Runs, RunsError, StoredRun};
pub use tree::{KeptHead, TILE_HASH_BYTES, TILE_WIDTH, TileId, TreeStore, TreeStoreError};
pub use worker::{AnnouncedWorker, Announcement, PRESENCE, WorkerFacts, WorkerId};
