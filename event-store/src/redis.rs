//! The log and its queue in Redis, 7.0 or newer, or Valkey.
//!
//! | key | content |
//! |---|---|
//! | `<namespace>:meta` | hash: the log's id and schema; the last sealed and the last trimmed position |
//! | `<namespace>:log` | stream: every event that is not archived, at `<position>-0` (INV-5) |
//! | `<namespace>:segments` | hash: the archive's manifest, by the segments' first positions |
//! | `<namespace>:tail` | the last event's position and time |
//! | `<namespace>:streams:<bucket>` | hashes: a stream's positions, packed; their number is its version |
//! | `<namespace>:work:<lane>` | streams with one consumer group |
//! | `<namespace>:released` | stream: notifies other processes of released work |
//! | `<namespace>:run:<id>` | hash: a run's request, times, version and events; expires |
//! | `<namespace>:runs` | sorted set: every run by its expiry |
//! | `<namespace>:runs:open:<login>` | sorted set: the account's unfinished runs by their expiry |
//! | `<namespace>:runs:changed` | stream: notifies other processes of a run's new events |
//!
//! Every operation that must be atomic is a Redis Function in `functions.lua`.

mod address;
mod appender;
mod archive;
mod durability;
mod floor;
mod import;
mod keys;
mod library;
mod link;
mod log;
mod queue;
mod runs;
mod watcher;
mod witness;

pub(crate) use floor::{bare_appends, memory};
pub(crate) use log::RedisLog;
