//! The one integration binary.

mod event_store;
mod read_model;
