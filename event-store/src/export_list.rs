//! The list of exports: what each operation does to it, without I/O.

use std::collections::HashSet;

use domain::{Digest, Login, Position};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Maximum number of exports that have not ended.
pub const EXPORTS_OPEN_MAX: usize = 4;
/// Maximum number of exports that exist, with those that have ended and have not expired.
pub const EXPORTS_KEPT_MAX: usize = 20;
/// How long a process owns an export without renewing its lease. Clocks of machines may differ by
/// less.
pub const EXPORT_LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How often an export is begun before it is given up.
pub const EXPORT_TAKES_MAX: u32 = 10;

/// An export that an auditor asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// Identifies the export.
    pub id: Uuid,
    /// The account that asked for it.
    pub requested_by: Login,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// What to export, as JSON. The store does not interpret it.
    pub filter: String,
    /// How long it is kept after it has ended, in hours.
    pub keep_hours: u32,
    /// How often a process has begun to make it.
    pub takes: u32,
    /// What has become of it.
    pub state: ExportState,
}

/// The state of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportState {
    /// It waits for a process.
    Queued,
    /// A process makes it.
    Running {
        /// The lease of that process, which fences all others.
        lease: Uuid,
        /// From when on another process may begin again.
        until: Timestamp,
        /// The last position of the log that was read.
        position: Position,
        /// The parts that are stored already.
        parts: Vec<ExportPart>,
    },
    /// The file is complete.
    Done {
        /// When it was completed.
        ended_at: Timestamp,
        /// What the file holds.
        content: ExportContent,
        /// The file's parts, in order.
        parts: Vec<ExportPart>,
    },
    /// It cannot be made.
    Failed {
        /// When it was given up.
        ended_at: Timestamp,
        /// Why, for people.
        reason: String,
    },
}

/// A part of the file, which is a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportPart {
    /// The blob's digest.
    pub digest: Digest,
    /// The part's length, in bytes.
    pub bytes: u64,
}

/// What a complete file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportContent {
    /// The number of events in the file.
    pub events: u64,
    /// The position of the last event that the file's newest head covers.
    pub head: Position,
    /// The digest of the whole file.
    pub digest: Digest,
}

/// An export to create.
#[derive(Debug, Clone)]
pub struct NewExport {
    /// Identifies the export.
    pub id: Uuid,
    /// The account that asks for it.
    pub requested_by: Login,
    /// When it is asked for.
    pub requested_at: Timestamp,
    /// What to export, as JSON.
    pub filter: String,
    /// How long it is kept after it has ended, in hours.
    pub keep_hours: u32,
}

/// The outcome of creating an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportCreation {
    /// The export was created.
    Created(Export),
    /// An export with this id exists already.
    Existed(Export),
    /// Too many exports exist, or have not ended.
    TooMany,
}

/// The lease expired and another process has the export, or the export does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease of the export was lost")]
pub struct LeaseLost;

impl Export {
    /// When it ended; `None` until then.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match &self.state {
            ExportState::Queued | ExportState::Running { .. } => None,
            ExportState::Done { ended_at, .. } | ExportState::Failed { ended_at, .. } => {
                Some(*ended_at)
            }
        }
    }

    /// From when on it does not exist; `None` until it has ended.
    pub fn expires_at(&self) -> Option<Timestamp> {
        Some(self.ended_at()? + SignedDuration::from_hours(i64::from(self.keep_hours)))
    }

    /// The parts that are stored.
    pub fn parts(&self) -> &[ExportPart] {
        match &self.state {
            ExportState::Running { parts, .. } | ExportState::Done { parts, .. } => parts,
            ExportState::Queued | ExportState::Failed { .. } => &[],
        }
    }

    fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|at| at <= now)
    }
}

/// All exports, as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ExportList(Vec<Export>);

impl ExportList {
    pub(crate) fn create(&mut self, new: &NewExport) -> ExportCreation {
        let now = new.requested_at;
        if let Some(found) = self.live(now).find(|it| it.id == new.id) {
            return ExportCreation::Existed(found.clone());
        }
        let open = self.0.iter().filter(|it| it.ended_at().is_none()).count();
        if open >= EXPORTS_OPEN_MAX || self.live(now).count() >= EXPORTS_KEPT_MAX {
            return ExportCreation::TooMany;
        }
        self.0.retain(|it| it.id != new.id);
        let export = Export {
            id: new.id,
            requested_by: new.requested_by.clone(),
            requested_at: now,
            filter: new.filter.clone(),
            keep_hours: new.keep_hours,
            takes: 0,
            state: ExportState::Queued,
        };
        self.0.push(export.clone());
        ExportCreation::Created(export)
    }

    /// The oldest export that no process makes, now with this lease.
    pub(crate) fn take(&mut self, lease: Uuid, now: Timestamp) -> Option<Export> {
        let is_free = |export: &Export| match &export.state {
            ExportState::Queued => true,
            ExportState::Running { until, .. } => *until <= now,
            ExportState::Done { .. } | ExportState::Failed { .. } => false,
        };
        for export in self.0.iter_mut().filter(|it| is_free(it)) {
            if export.takes >= EXPORT_TAKES_MAX {
                let reason = format!("{EXPORT_TAKES_MAX} attempts ended without a result");
                export.state = ExportState::Failed { ended_at: now, reason };
                continue;
            }
            export.takes += 1;
            export.state = ExportState::Running {
                lease,
                until: now + EXPORT_LEASE,
                position: Position::START,
                parts: vec![],
            };
            return Some(export.clone());
        }
        None
    }

    /// Extends the lease, and records how far the process has come.
    pub(crate) fn renew(
        &mut self,
        (id, lease): (Uuid, Uuid),
        reached: Position,
        now: Timestamp,
    ) -> Result<(), LeaseLost> {
        let export = self.held(id, lease)?;
        if let ExportState::Running { until, position, .. } = &mut export.state {
            *until = now + EXPORT_LEASE;
            *position = reached;
        }
        Ok(())
    }

    /// Records a part that was stored. Recording the last part again is no error.
    pub(crate) fn add_part(
        &mut self,
        (id, lease): (Uuid, Uuid),
        number: usize,
        part: ExportPart,
    ) -> Result<(), LeaseLost> {
        let export = self.held(id, lease)?;
        if let ExportState::Running { parts, .. } = &mut export.state {
            parts.truncate(number);
            parts.push(part);
        }
        Ok(())
    }

    pub(crate) fn finish(
        &mut self,
        (id, lease): (Uuid, Uuid),
        content: ExportContent,
        now: Timestamp,
    ) -> Result<(), LeaseLost> {
        let export = self.held(id, lease)?;
        let parts = export.parts().to_vec();
        export.state = ExportState::Done { ended_at: now, content, parts };
        Ok(())
    }

    pub(crate) fn fail(
        &mut self,
        (id, lease): (Uuid, Uuid),
        reason: String,
        now: Timestamp,
    ) -> Result<(), LeaseLost> {
        self.held(id, lease)?.state = ExportState::Failed { ended_at: now, reason };
        Ok(())
    }

    /// Puts an export back that was not finished through no fault of its own.
    pub(crate) fn give_back(&mut self, (id, lease): (Uuid, Uuid)) -> Result<(), LeaseLost> {
        let export = self.held(id, lease)?;
        export.takes -= 1;
        export.state = ExportState::Queued;
        Ok(())
    }

    /// Removes what has expired. Returns the parts that belong to no other export, each with the
    /// time when its export ended.
    pub(crate) fn remove_expired(&mut self, now: Timestamp) -> Vec<(Digest, Timestamp)> {
        let (expired, kept) =
            std::mem::take(&mut self.0).into_iter().partition(|it: &Export| it.has_expired(now));
        self.0 = kept;
        let named = self.named();
        let expired: Vec<Export> = expired;
        let parts = expired.iter().filter_map(|it| Some((it.parts(), it.ended_at()?)));
        let parts = parts.flat_map(|(parts, at)| parts.iter().map(move |part| (part.digest, at)));
        parts.filter(|(digest, _)| !named.contains(digest)).collect()
    }

    /// The parts of all exports.
    pub(crate) fn named(&self) -> HashSet<Digest> {
        self.0.iter().flat_map(Export::parts).map(|part| part.digest).collect()
    }

    /// The exports that have not expired, newest first.
    pub(crate) fn newest_first(&self, now: Timestamp) -> Vec<Export> {
        let mut exports: Vec<Export> = self.live(now).cloned().collect();
        exports.sort_by_key(|it| std::cmp::Reverse((it.requested_at, it.id)));
        exports
    }

    fn live(&self, now: Timestamp) -> impl Iterator<Item = &Export> {
        self.0.iter().filter(move |it| !it.has_expired(now))
    }

    /// The export, if it has this lease. A lease that has expired holds until another process takes
    /// the export.
    fn held(&mut self, id: Uuid, lease: Uuid) -> Result<&mut Export, LeaseLost> {
        let is_held = |it: &&mut Export| match &it.state {
            ExportState::Running { lease: held, .. } => it.id == id && *held == lease,
            _ => false,
        };
        self.0.iter_mut().find(is_held).ok_or(LeaseLost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn new_export(second: i64) -> NewExport {
        NewExport {
            id: Uuid::new_v4(),
            requested_by: "ada".parse().unwrap(),
            requested_at: at(second),
            filter: "{}".to_owned(),
            keep_hours: 1,
        }
    }

    fn content() -> ExportContent {
        ExportContent { events: 3, head: Position(3), digest: Digest::of(b"whole") }
    }

    fn part(bytes: &[u8]) -> ExportPart {
        ExportPart { digest: Digest::of(bytes), bytes: bytes.len() as u64 }
    }

    fn taken(list: &mut ExportList, second: i64) -> (Uuid, Uuid) {
        let lease = Uuid::new_v4();
        (list.take(lease, at(second)).unwrap().id, lease)
    }

    #[test]
    fn only_a_few_exports_are_open_and_kept() {
        let mut list = ExportList::default();
        for second in 0..EXPORTS_KEPT_MAX as i64 {
            let created = list.create(&new_export(second));
            assert!(matches!(created, ExportCreation::Created(_)), "{second}");
            if list.0.len() > EXPORTS_OPEN_MAX - 1 {
                let held = taken(&mut list, second);
                list.fail(held, "no".to_owned(), at(second)).unwrap();
            }
        }
        assert_eq!(list.create(&new_export(100)), ExportCreation::TooMany);
        let after = 3_600 + 100;
        assert!(matches!(list.create(&new_export(after)), ExportCreation::Created(_)));
        assert_eq!(list.create(&new_export(after)), ExportCreation::TooMany);
    }

    #[test]
    fn a_lost_lease_fences_the_first_process() {
        let mut list = ExportList::default();
        list.create(&new_export(0));
        let first = taken(&mut list, 0);
        list.renew(first, Position(2), at(30)).unwrap();
        list.add_part(first, 0, part(b"a")).unwrap();
        assert_eq!(list.take(Uuid::new_v4(), at(89)), None);
        let second = taken(&mut list, 90);
        assert_eq!(list.renew(first, Position(3), at(90)), Err(LeaseLost));
        assert_eq!(list.add_part(first, 1, part(b"b")), Err(LeaseLost));
        assert_eq!(list.finish(first, content(), at(90)), Err(LeaseLost));
        assert_eq!(list.fail(first, "no".to_owned(), at(90)), Err(LeaseLost));
        assert!(list.0[0].parts().is_empty(), "the second process begins from the start");
        list.finish(second, content(), at(91)).unwrap();
        assert_eq!(list.take(Uuid::new_v4(), at(1_000)), None);
    }

    #[test]
    fn a_part_that_is_recorded_twice_counts_once() {
        let mut list = ExportList::default();
        list.create(&new_export(0));
        let held = taken(&mut list, 0);
        for (number, bytes) in [(0, b"a"), (0, b"a"), (1, b"b"), (1, b"b")] {
            list.add_part(held, number, part(bytes)).unwrap();
        }
        assert_eq!(list.0[0].parts(), [part(b"a"), part(b"b")]);
    }

    #[test]
    fn an_export_that_ends_its_processes_is_given_up() {
        let mut list = ExportList::default();
        list.create(&new_export(0));
        for take in 0..i64::from(EXPORT_TAKES_MAX) {
            let held = taken(&mut list, take * 100);
            list.give_back(held).unwrap();
            taken(&mut list, take * 100);
        }
        assert_eq!(list.take(Uuid::new_v4(), at(10_000)), None);
        assert!(matches!(list.0[0].state, ExportState::Failed { .. }), "{list:?}");
    }

    #[test]
    fn expired_exports_leave_the_parts_of_others() {
        let mut list = ExportList::default();
        for (second, last) in [(0, b"b"), (1_000, b"c")] {
            list.create(&new_export(second));
            let held = taken(&mut list, second);
            list.add_part(held, 0, part(b"a")).unwrap();
            list.add_part(held, 1, part(last)).unwrap();
            list.finish(held, content(), at(second + 1)).unwrap();
        }
        assert!(list.remove_expired(at(3_600)).is_empty());
        let removed = list.remove_expired(at(3_601));
        assert_eq!(removed, [(part(b"b").digest, at(1))]);
        assert_eq!(list.named(), [part(b"a").digest, part(b"c").digest].into());
        assert_eq!(list.newest_first(at(3_601)).len(), 1);
        assert!(list.newest_first(at(9_000)).is_empty());
    }
}
