#![doc = include_str!("../README.md")]

mod handler;
mod layout;
mod left;
mod note;

pub use left::{LeftNote, left_behind};
pub use note::{Entry, Note};
