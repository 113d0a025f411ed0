//! The log and its queue in Redis, 7.0 or newer, or Valkey.
//!
//! | key | what |
//! |---|---|
//! | `<namespace>:meta` | hash: the log's id and its schema; how far it is sealed, and trimmed |
//! | `<namespace>:log` | stream: every event that is not archived, at `<position>-0` (INV-5) |
//! | `<namespace>:segments` | hash: the archive's manifest, by the segments' first positions |
//! | `<namespace>:tail` | the last event's position and time |
//! | `<namespace>:streams:<bucket>` | hashes: a stream's positions, packed; their number is its version |
//! | `<namespace>:work:<lane>` | streams with one consumer group |
//! | `<namespace>:released` | stream: tells other processes that work was given back |
//!
//! Everything that must be one step is a Redis Function in `functions.lua`.

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
mod watcher;
mod witness;

pub(crate) use floor::{bare_appends, memory};
pub(crate) use log::RedisLog;
