//! The archive's operations in Redis: the manifest, the mark and trimming.

use std::collections::HashMap;

use domain::Position;
use jiff::Timestamp;
use redis::cmd;

use super::library::Function;
use super::link::CallError;
use super::log::{RedisLog, read_error};
use crate::ReadError;
use crate::archive::{HotUsage, SegmentEntry, StoreFault, TRIM_EVENTS_MAX};

impl RedisLog {
    pub(super) async fn hot_usage(&self) -> Result<HotUsage, CallError> {
        let events: u64 = self.general.query_again(cmd("XLEN").arg(&self.keys.log)).await?;
        let mut usage = cmd("MEMORY");
        usage.arg("USAGE").arg(&self.keys.log);
        // The reply is nil if the key does not exist.
        let bytes: Option<u64> = self.general.query_again(&usage).await?;
        Ok(HotUsage { events, bytes: bytes.unwrap_or_default() })
    }

    pub(super) async fn manifest(&self) -> Result<Vec<SegmentEntry>, ReadError> {
        let all = cmd("HGETALL").arg(&self.keys.segments).to_owned();
        let stored: HashMap<u64, String> =
            self.general.query_again(&all).await.map_err(read_error)?;
        let mut entries = Vec::with_capacity(stored.len());
        for (first, text) in stored {
            let entry = read_entry(Position(first), &text);
            entries.push(entry.ok_or_else(|| {
                ReadError::Damaged(format!("the manifest has no valid segment at {first}"))
            })?);
        }
        entries.sort_by_key(|entry| entry.first);
        Ok(entries)
    }

    /// Safe to repeat: a second call finds a changed manifest and does nothing.
    pub(super) async fn enter(
        &self,
        entry: &SegmentEntry,
        replaced: &[SegmentEntry],
    ) -> Result<bool, StoreFault> {
        let mut enter = Function::EnterSegment.call(&[&self.keys.meta, &self.keys.segments]);
        enter.arg(entry.first.0).arg(entry.last.0).arg(written_entry(entry));
        for old in replaced {
            enter.arg(old.first.0).arg(written_entry(old));
        }
        self.general.query(&enter).await.map_err(fault)
    }

    pub(super) async fn trim_through(&self, to: Position) -> Result<Position, StoreFault> {
        let ends = Function::Ends.call(&[&self.keys.tail, &self.keys.meta]);
        let (_, mark): (u64, u64) = self.general.query_again(&ends).await.map_err(fault)?;
        let mut trim = Function::Trim.call(&[&self.keys.meta, &self.keys.log]);
        trim.arg(to.0.min(mark + TRIM_EVENTS_MAX));
        self.general.query_again(&trim).await.map(Position).map_err(fault)
    }

    /// Trimming already freed the memory. This rewrites the append-only file.
    pub(super) async fn rewrite_file(&self) -> Result<(), StoreFault> {
        match self.general.query::<()>(&cmd("BGREWRITEAOF")).await {
            // A rewrite is already running.
            Err(CallError::Refused(error)) if error.to_string().contains("already in progress") => {
                Ok(())
            }
            outcome => outcome.map_err(fault),
        }
    }
}

pub(super) fn fault(error: CallError) -> StoreFault {
    match error {
        CallError::Refused(error) if error.code() == Some("REFUSED") => {
            StoreFault::Refused(error.detail().unwrap_or_default().to_owned())
        }
        error => StoreFault::Unavailable(error.into_source()),
    }
}

/// The stored form of an entry, whose key is its first position.
fn written_entry(entry: &SegmentEntry) -> String {
    let SegmentEntry { last, digest, events, bytes, sealed_at, .. } = entry;
    format!("{last} {digest} {events} {bytes} {}", sealed_at.as_microsecond())
}

fn read_entry(first: Position, text: &str) -> Option<SegmentEntry> {
    let mut fields = text.split(' ');
    Some(SegmentEntry {
        first,
        last: Position(fields.next()?.parse().ok()?),
        digest: fields.next()?.parse().ok()?,
        events: fields.next()?.parse().ok()?,
        bytes: fields.next()?.parse().ok()?,
        sealed_at: Timestamp::from_microsecond(fields.next()?.parse().ok()?).ok()?,
    })
}
