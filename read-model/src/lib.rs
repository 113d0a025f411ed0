#![doc = include_str!("../README.md")]

#[cfg(feature = "conformance")]
pub mod conformance;
mod generation;
mod names;
mod open_error;
mod paging;
mod ports;
mod reader;
mod resolver;
mod stored;
mod then;
mod view;
pub mod views;
mod words;
mod writer;

mod mongo;
mod sqlite;

pub use generation::{Generation, GenerationStore, Generations, Retired};
/// Rules that all adapters share.
pub mod generation_rules {
    pub use crate::generation::{Known, flip, has_caught_up, live_of, visible};
}
pub use open_error::OpenError;
pub use ports::Views;
pub use reader::{
    Condition, Direction, Keyset, Order, Page, PageRequest, ReadError, Scalar, ViewReader,
    ViewReaderExt, WHOLE_PAGE,
};
pub use resolver::open;
pub use stored::{Document, Unstorable};
pub use then::{Then, positions_around};
pub use view::{Collection, Micros, View};
pub use words::words;
pub use writer::{Change, CommitError, ViewWriter};
