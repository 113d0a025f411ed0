//! The versions of the format, and how strictly each is read.

use crate::diagnostic::{Report, quote};
use crate::fields::{meant, unknown_key};
use crate::package::Format;
use crate::yaml::{Key, Schema};

/// The version given by `problem_format_version`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Version {
    /// The format before it had versions.
    #[default]
    Legacy,
    /// The subset of it that ICPC contests use.
    LegacyIcpc,
    /// A draft of the newer format, read like it but less strictly.
    Draft,
    /// The version 2025-09.
    Newer,
}

impl Version {
    pub(super) const NAMES: [&str; 6] =
        ["legacy", "legacy-icpc", "2023-07-draft", "2023-07", "draft", "2025-09"];

    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "legacy" => Self::Legacy,
            "legacy-icpc" => Self::LegacyIcpc,
            "2023-07" | "2023-07-draft" | "draft" => Self::Draft,
            "2025-09" => Self::Newer,
            _ => return None,
        })
    }

    /// Whether it is 2025-09 or a draft of it.
    pub(super) fn is_newer(self) -> bool {
        matches!(self, Self::Draft | Self::Newer)
    }

    /// The YAML version of the format's tools.
    pub(super) fn schema(self) -> Schema {
        if self.is_newer() { Schema::Yaml12 } else { Schema::Yaml11 }
    }

    /// Whether unknown keys and forms are errors.
    pub(super) fn is_strict(self) -> bool {
        self == Self::Newer
    }

    pub(super) fn format(self) -> Format {
        match self {
            Self::Legacy => Format::Legacy,
            Self::LegacyIcpc => Format::LegacyIcpc,
            Self::Draft | Self::Newer => Format::Kattis2025,
        }
    }

    /// Reports a key that this version does not have.
    pub(super) fn unknown_key(self, path: &str, key: &Key, name: &str, report: &mut Report) {
        if self.is_strict() {
            let message = format!("unknown key {}", quote(name));
            let meant = meant(name);
            let or = if meant.is_empty() { "" } else { ", " };
            let expected = format!("a key of the format 2025-09{or}{meant}");
            report.error((path, key.position), message, expected);
        } else {
            unknown_key(path, key, name, report);
        }
    }
}
