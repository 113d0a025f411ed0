#![doc = include_str!("../README.md")]

mod export;
mod filter;
mod head;
mod key;
pub mod key_file;
mod memory;
pub mod merkle;
mod receipt;
mod signer;
mod tree;
mod unchanged;
mod verify;

pub use export::{ExportError, ExportReport, Manifest, export, verify_export};
pub use filter::Filter;
pub use head::{InvalidHead, NOTE_BYTES_MAX, SignedHead, TreeHead};
pub use key::{InvalidKey, KeyId, KeyName, SignerKey, VerifierKey};
pub use memory::{Memory, MemoryError};
pub use receipt::{Checked, InvalidReceipt, RECEIPT_BYTES_MAX, Receipt, ReceiptError};
pub use signer::{SignError, Signer, refuse_diverged};
pub use tree::{Growth, Tree, TreeAt};
pub use unchanged::Unchanged;
pub use verify::{Break, Report, VerifyError, verify};
