#![doc = include_str!("../README.md")]

mod export;
mod filter;
mod head;
mod key;
pub mod key_file;
pub mod merkle;
mod receipt;
mod signer;
mod tree;
mod verify;

pub use export::{ExportError, ExportReport, Manifest, export, verify_export};
pub use filter::Filter;
pub use head::{InvalidHead, SignedHead, TreeHead};
pub use key::{InvalidKey, KeyId, KeyName, SignerKey, VerifierKey};
pub use receipt::{Checked, InvalidReceipt, Receipt, ReceiptError};
pub use signer::{SignError, Signer, refuse_diverged};
pub use tree::{Growth, Tree};
pub use verify::{Break, Report, VerifyError, verify};
