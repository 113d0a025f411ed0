//! The embedded adapters: the log, its queue and the runs in one file, the credentials in another, the tree
//! in a third.

use jiff::Timestamp;

mod append;
mod archive;
mod credentials;
mod database;
mod exports;
mod failure;
mod floor;
mod identities;
mod import;
mod log;
mod queue;
mod run_tables;
mod runs;
mod take;
mod tickets;
mod tree;
mod witness;
mod workers;
mod writer;

pub(crate) use credentials::SqliteCredentials;
pub(crate) use failure::shows_damage;
pub(crate) use floor::sync;
pub(crate) use log::SqliteLog;
pub(crate) use tree::SqliteTree;

/// The machine's clock, in microseconds since 1970.
fn now_us() -> i64 {
    Timestamp::now().as_microsecond()
}

fn timestamp(stored_us: i64) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(stored_us)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
