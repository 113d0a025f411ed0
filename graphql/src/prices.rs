//! What costly fields count for in the cost of a query, in plain fields. A field without a price
//! counts for one.
//!
//! A field in a list counts once per possible item, its price included, and so does the `totalCount`
//! of a list. Most prices leave room for a page of 100 nodes with one or two such fields.

/// A count of the views that meet conditions.
pub const COUNT: usize = 20;
/// A choice among the problems that a filter selects.
pub const CHOICE: usize = 20;
/// A source, of up to 1 MiB.
pub const SOURCE: usize = 100;
/// The data and output of a test, whose blobs are read whole.
pub const TEST_DETAIL: usize = 50;
/// The input or the answer of a case of a run, up to 64 KiB.
pub const RUN_TEXT: usize = 5;
/// A run, which is read whole.
pub const RUN: usize = 20;
/// The results of all tests of a judgement, up to 2,000.
pub const TESTS: usize = 10;
/// A text of up to 256 KiB, such as a statement, or a list of such texts. Also rendering it.
pub const TEXT: usize = 20;
/// An event's payload, of up to 2 MiB.
pub const PAYLOAD: usize = 20;
/// A page of events, of a stream or of the log.
pub const EVENTS: usize = 20;
/// What an account did on up to 366 days, or in all languages.
pub const CALENDAR: usize = 20;
/// A Merkle proof or the first event of a stream.
pub const PROOF: usize = 5;
/// Probes of stores, or the state of all projections or lanes.
pub const HEALTH: usize = 50;
/// An object in the past, which is read from the log.
pub const PAST: usize = 20;
/// A comparison of up to 10,000 events with the signed tree.
pub const VERIFY: usize = 500;
/// A search for the submissions of a rejudge, up to 10,000.
pub const SELECTION: usize = 500;
/// A package that is unpacked and read.
pub const PACKAGE: usize = 500;
