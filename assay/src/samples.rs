//! The sample problems, packed by the build script.

/// Each sample's slug and archive.
pub(crate) const SAMPLES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/samples.rs"));
