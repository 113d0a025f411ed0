//! The archive: reads stay the same even after interruptions, and damage is reported.

use std::path::PathBuf;

use domain::{Checkpoint, Digest, EventId, Position, Recorded, Version};
use futures::future::join_all;
use uuid::Uuid;

use super::case::{Case, LogUrls, cases};
use super::samples::{Store, batch, stream};
use crate::archive::TRIM_EVENTS_MAX;
use crate::{
    AppendBatch, AppendError, EVENTS_PER_BATCH_MAX, ReadError, SegmentEntry, SegmentWriter,
    StoreFault, read_stream_whole, verify_checkpoint,
};

pub(super) fn cases() -> Vec<Case<LogUrls>> {
    cases![
        reads_are_the_same_wherever_the_mark_is,
        other_handles_notice_nothing,
        appends_go_on_behind_an_archive_of_everything,
        archived_events_can_be_retried,
        a_batch_that_the_mark_cuts_can_be_retried,
        other_events_conflict_with_archived_ones,
        checkpoints_below_the_mark_hold_or_do_not,
        a_segment_that_is_written_changes_nothing,
        a_segment_that_is_entered_changes_nothing,
        a_trim_that_was_cut_off_is_finished,
        only_the_next_segment_is_entered,
        nothing_is_trimmed_that_is_not_in_the_manifest,
        nothing_is_trimmed_that_cannot_be_read_back,
        a_segment_that_is_lost_or_damaged_before_its_trim_is_made_again,
        nothing_is_trimmed_for_a_segment_of_another_range,
        two_archivers_and_writers_work_at_once,
        readers_meet_no_gap_while_events_are_trimmed,
        a_segment_that_is_missing_is_named,
        a_segment_that_was_changed_is_named,
        small_segments_are_merged,
        a_merged_segment_is_read_back_before_it_counts,
        a_handle_that_knows_merged_segments_finds_the_new_one,
        space_is_given_back,
    ]
}

/// 18 interleaved events of three accounts.
async fn mixed(store: &Store) -> Vec<Recorded> {
    for version in [0, 2, 4] {
        for name in ["ada", "bob", "eve"] {
            store.append(&batch(name, version, 2)).await;
        }
    }
    all(store).await
}

async fn all(store: &Store) -> Vec<Recorded> {
    store.log.read_all(Position::START, u32::MAX).await.unwrap()
}

async fn archive(store: &Store, through: u64) -> Position {
    store.archive().archive(Position(through), |_| ()).await.unwrap()
}

/// Asserts that every way of reading returns these events.
async fn assert_reads(store: &Store, events: &[Recorded]) {
    assert_eq!(all(store).await, events);
    for limit in [1, 2, 5] {
        for after in 0..events.len() {
            let page = store.log.read_all(Position(after as u64), limit).await.unwrap();
            assert_eq!(page, events[after..(after + limit as usize).min(events.len())]);
        }
    }
    for name in ["ada", "bob", "eve", "nobody"] {
        let of = |event: &&Recorded| event.stream == stream(name);
        let own: Vec<Recorded> = events.iter().filter(of).cloned().collect();
        assert_eq!(read_stream_whole(&*store.log, &stream(name)).await.unwrap(), own);
        for (from, limit) in [(1, 2), (2, 3), (3, 1), (6, 9), (7, 1)] {
            let page = store.log.read_stream(&stream(name), Version(from), limit).await.unwrap();
            let rest = own.iter().skip(from as usize - 1).take(limit as usize);
            assert!(page.iter().eq(rest), "{name} from {from}, {limit}");
        }
    }
}

async fn reads_are_the_same_wherever_the_mark_is(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = mixed(&store).await;
    for through in 1..=events.len() as u64 {
        assert_eq!(archive(&store, through).await, Position(through));
        assert_eq!(store.log.info().await.unwrap().archived_through, Position(through));
        assert_reads(&store, &events).await;
    }
    let status = store.archive().status().await.unwrap();
    assert_eq!((status.segments.len(), status.hot.events), (events.len(), 0));
    assert_reads(&store.reopen().await, &events).await;
}

async fn other_handles_notice_nothing(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = mixed(&store).await;
    let other = store.another_handle().await;
    assert_reads(&other, &events).await;
    for through in [5, 11, 18] {
        archive(&store, through).await;
        assert_reads(&other, &events).await;
    }
}

async fn appends_go_on_behind_an_archive_of_everything(urls: LogUrls) {
    let store = Store::open(urls).await;
    let mut events = mixed(&store).await;
    archive(&store, u64::MAX).await;
    let info = store.log.info().await.unwrap();
    assert_eq!((info.head, info.archived_through), (Position(18), Position(18)));
    let store = store.reopen().await;
    assert_eq!(*store.log.head().borrow(), Position(18));
    let new = batch("ada", 6, 2);
    let appended = store.append(&new).await;
    assert_eq!((appended.first, appended.version), (Position(19), Version(8)));
    assert!(appended.recorded_at >= events[17].recorded_at);
    events.extend(appended.recorded(&new));
    assert_reads(&store, &events).await;
    let late = store.log.append(&batch("bob", 5, 1)).await;
    assert!(matches!(late, Err(AppendError::Conflict { actual: Version(6), .. })), "{late:?}");
}

/// Versions fence writers (INV-7).
async fn archived_events_can_be_retried(urls: LogUrls) {
    let store = Store::open(urls).await;
    let (first, second) = (batch("ada", 0, 3), batch("ada", 3, 2));
    let written = [store.append(&first).await, store.append(&second).await];
    archive(&store, u64::MAX).await;
    let store = store.reopen().await;
    for (batch, written) in [first, second].iter().zip(written) {
        let again = store.append(batch).await;
        assert!(again.repeated);
        assert_eq!((again.first, again.last), (written.first, written.last));
        assert_eq!((again.version, again.recorded_at), (Version(5), written.recorded_at));
    }
    assert_eq!(store.log.info().await.unwrap().head, Position(5));
}

async fn a_batch_that_the_mark_cuts_can_be_retried(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch("ada", 0, 4);
    store.append(&new).await;
    for through in 1..=4 {
        archive(&store, through).await;
        let again = store.append(&new).await;
        assert!(again.repeated);
        assert_eq!((again.first, again.last), (Position(1), Position(4)));
    }
}

async fn other_events_conflict_with_archived_ones(urls: LogUrls) {
    let store = Store::open(urls).await;
    let new = batch("ada", 0, 3);
    store.append(&new).await;
    archive(&store, 2).await;
    let mut half = new.clone();
    half.events[1].id = EventId(Uuid::new_v4());
    let longer = AppendBatch {
        events: [&new.events[..], &batch("ada", 3, 1).events].concat(),
        ..new.clone()
    };
    let moved = AppendBatch { expected: Version(1), ..new.clone() };
    for other in [batch("ada", 0, 3), half, longer, moved] {
        let outcome = store.log.append(&other).await;
        assert!(
            matches!(outcome, Err(AppendError::Conflict { actual: Version(3), .. })),
            "{outcome:?}"
        );
    }
    assert_eq!(store.log.info().await.unwrap().head, Position(3));
}

/// A reader that resumes verifies the log (INV-8).
async fn checkpoints_below_the_mark_hold_or_do_not(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = mixed(&store).await;
    let log = store.log.info().await.unwrap().log_id;
    archive(&store, 9).await;
    let store = store.reopen().await;
    for event in &events[7..12] {
        verify_checkpoint(&*store.log, &Checkpoint::at(log, event)).await.unwrap();
        let another = Checkpoint { event: EventId(Uuid::new_v4()), ..Checkpoint::at(log, event) };
        let outcome = verify_checkpoint(&*store.log, &another).await;
        assert!(matches!(outcome, Err(ReadError::Diverged(_))), "{outcome:?}");
    }
}

async fn a_segment_that_is_written_changes_nothing(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = mixed(&store).await;
    let entry = store.archive().write_segment(Position(10)).await.unwrap().unwrap();
    assert_eq!((entry.first, entry.last, entry.events), (Position(1), Position(10), 10));
    let store = store.reopen().await;
    assert_eq!(store.archive().trim(Position(10)).await.unwrap(), Position::START);
    assert_reads(&store, &events).await;
    // The next run finishes the work with the same blob.
    archive(&store, 10).await;
    let segments = store.archive().status().await.unwrap().segments;
    assert_eq!(segments, [SegmentEntry { sealed_at: segments[0].sealed_at, ..entry }]);
    assert_reads(&store, &events).await;
}

async fn a_segment_that_is_entered_changes_nothing(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = mixed(&store).await;
    let entry = store.archive().write_segment(Position(10)).await.unwrap().unwrap();
    assert!(store.archive().enter(&entry).await.unwrap());
    let store = store.reopen().await;
    let status = store.archive().status().await.unwrap();
    assert_eq!((status.log.archived_through, status.hot.events), (Position::START, 18));
    assert_reads(&store, &events).await;
    assert_eq!(archive(&store, 10).await, Position(10));
    assert_eq!(store.archive().status().await.unwrap().segments.len(), 1);
    assert_reads(&store, &events).await;
}

async fn a_trim_that_was_cut_off_is_finished(urls: LogUrls) {
    let store = Store::open(urls).await;
    let batches = TRIM_EVENTS_MAX / EVENTS_PER_BATCH_MAX as u64 + 2;
    for number in 0..batches {
        let new = batch(&format!("user-{number}"), 0, EVENTS_PER_BATCH_MAX);
        store.log.append(&new).await.unwrap();
    }
    let events = all(&store).await;
    let entry = store.archive().write_segment(Position(u64::MAX)).await.unwrap().unwrap();
    assert!(store.archive().enter(&entry).await.unwrap());
    // Only the first of several steps.
    let mark = store.archive().hot.trim(entry.last).await.unwrap();
    assert_eq!(mark, Position(TRIM_EVENTS_MAX));
    let store = store.reopen().await;
    assert_eq!(all(&store).await, events);
    assert_eq!(archive(&store, u64::MAX).await, entry.last);
    assert_eq!(all(&store).await, events);
    for number in [0, batches - 1] {
        let own = read_stream_whole(&*store.log, &stream(&format!("user-{number}"))).await.unwrap();
        assert_eq!(own.len(), EVENTS_PER_BATCH_MAX);
    }
}

async fn only_the_next_segment_is_entered(urls: LogUrls) {
    let store = Store::open(urls).await;
    mixed(&store).await;
    let entry = store.archive().write_segment(Position(10)).await.unwrap().unwrap();
    let ahead = SegmentEntry { first: Position(3), ..entry.clone() };
    assert!(!store.archive().enter(&ahead).await.unwrap());
    assert!(store.archive().enter(&entry).await.unwrap());
    assert!(!store.archive().enter(&entry).await.unwrap());
    assert_eq!(store.archive().status().await.unwrap().segments.len(), 1);
}

async fn nothing_is_trimmed_that_is_not_in_the_manifest(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = mixed(&store).await;
    assert_eq!(store.archive().trim(Position(10)).await.unwrap(), Position::START);
    archive(&store, 4).await;
    // The store itself refuses to trim them.
    let outcome = store.archive().hot.trim(Position(5)).await;
    assert!(matches!(outcome, Err(StoreFault::Refused(_))), "{outcome:?}");
    assert_reads(&store, &events).await;
}

/// The file of a blob; the blobs of these cases are in a directory.
fn file_of(store: &Store, digest: &Digest) -> PathBuf {
    let (directory, name) = (store.urls.blobs.strip_prefix("file:").unwrap(), digest.to_string());
    PathBuf::from(directory).join(&name[..2]).join(format!("{name}.zst"))
}

async fn nothing_is_trimmed_that_cannot_be_read_back(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = mixed(&store).await;
    let entry = store.archive().write_segment(Position(10)).await.unwrap().unwrap();
    let nowhere = SegmentEntry { digest: Digest::of(b"never kept"), ..entry };
    assert!(store.archive().enter(&nowhere).await.unwrap());
    store.archive().trim(Position(10)).await.unwrap_err();
    store.archive().archive(Position(10), |_| ()).await.unwrap_err();
    assert_eq!(store.log.info().await.unwrap().archived_through, Position::START);
    assert_reads(&store, &events).await;
}

async fn a_segment_that_is_lost_or_damaged_before_its_trim_is_made_again(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = mixed(&store).await;
    for (through, is_lost) in [(10, true), (15, false)] {
        let entry = store.archive().write_segment(Position(through)).await.unwrap().unwrap();
        assert!(store.archive().enter(&entry).await.unwrap());
        let file = file_of(&store, &entry.digest);
        match is_lost {
            true => std::fs::remove_file(&file).unwrap(),
            false => std::fs::write(&file, "no zstd").unwrap(),
        }
        assert_eq!(archive(&store, through).await, Position(through));
        assert_reads(&store.another_handle().await, &events).await;
        // Trimmed events exist only here.
        std::fs::copy(&file, file.with_extension("kept")).unwrap();
        std::fs::remove_file(&file).unwrap();
        let lost = store.another_handle().await.log.read_all(Position(through - 1), 1).await;
        assert!(matches!(lost, Err(ReadError::Damaged(_))), "{lost:?}");
        std::fs::rename(file.with_extension("kept"), &file).unwrap();
    }
}

async fn nothing_is_trimmed_for_a_segment_of_another_range(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = mixed(&store).await;
    let entry = store.archive().write_segment(Position(10)).await.unwrap().unwrap();
    let wrong = SegmentEntry { last: Position(12), events: 12, ..entry };
    assert!(store.archive().enter(&wrong).await.unwrap());
    let error = store.archive().trim(Position(12)).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("segment 1 to 12") && cause.contains("it holds 1 to 10"), "{cause}");
    assert_reads(&store, &events).await;
}

async fn two_archivers_and_writers_work_at_once(urls: LogUrls) {
    const WRITERS: u64 = 4;
    const EACH: u64 = 12;
    let (one, two) = (Store::open(urls.clone()).await, Store::open(urls).await);
    let writers = (0..WRITERS).map(|writer| {
        let store = if writer % 2 == 0 { &one } else { &two };
        async move {
            for version in 0..EACH {
                store.append(&batch(&format!("writer-{writer}"), version, 1)).await;
                archive(store, u64::MAX).await;
            }
        }
    });
    join_all(writers).await;
    let events = all(&one).await;
    assert!(events.iter().map(|event| event.position.0).eq(1..=WRITERS * EACH));
    assert_eq!(all(&two).await, events);
    let segments = one.archive().status().await.unwrap().segments;
    assert!(segments.windows(2).all(|pair| pair[0].last.next() == pair[1].first), "{segments:?}");
    assert_eq!(segments.last().unwrap().last, Position(WRITERS * EACH));
}

async fn readers_meet_no_gap_while_events_are_trimmed(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = mixed(&store).await;
    let reader = store.another_handle().await;
    let reading = async {
        loop {
            assert_eq!(all(&reader).await, events);
            assert_eq!(reader.log.read_all(Position(9), 3).await.unwrap(), events[9..12]);
            let own = read_stream_whole(&*reader.log, &stream("bob")).await.unwrap();
            assert_eq!(own.len(), 6);
            if reader.log.info().await.unwrap().archived_through == Position(18) {
                break;
            }
        }
    };
    let archiving = async {
        for through in 1..=18 {
            archive(&store, through).await;
        }
    };
    tokio::join!(reading, archiving);
}

/// The error that a reader of damaged data gets.
async fn read_error(store: &Store) -> String {
    let error = store.log.read_all(Position(4), 10).await.unwrap_err();
    let ReadError::Damaged(message) = &error else { panic!("{error:?}") };
    let stream = store.log.read_stream(&stream("bob"), Version(1), 10).await;
    assert!(matches!(stream, Err(ReadError::Damaged(_))), "{stream:?}");
    // Hot events can still be read.
    assert_eq!(store.log.read_all(Position(10), 10).await.unwrap().len(), 8);
    message.clone()
}

async fn a_segment_that_is_missing_is_named(urls: LogUrls) {
    let store = Store::open(urls).await;
    mixed(&store).await;
    archive(&store, 10).await;
    let digest = store.archive().status().await.unwrap().segments[0].digest;
    std::fs::remove_file(file_of(&store, &digest)).unwrap();
    let message = read_error(&store.reopen().await).await;
    for part in ["position 5", "segment 1 to 10", &digest.to_string(), "there is no blob"] {
        assert!(message.contains(part), "{message}");
    }
}

async fn a_segment_that_was_changed_is_named(urls: LogUrls) {
    let store = Store::open(urls).await;
    mixed(&store).await;
    archive(&store, 10).await;
    let digest = store.archive().status().await.unwrap().segments[0].digest;
    let other = store.blobs.put("another blob".into()).await.unwrap();
    std::fs::copy(file_of(&store, &other), file_of(&store, &digest)).unwrap();
    let store = store.reopen().await;
    let message = read_error(&store).await;
    for part in ["position 5", "segment 1 to 10", &digest.to_string(), "is damaged"] {
        assert!(message.contains(part), "{message}");
    }
    // It is unknown whether this is a retry.
    let outcome = store.log.append(&batch("ada", 0, 1)).await;
    assert!(matches!(outcome, Err(AppendError::Unknown(_))), "{outcome:?}");
}

/// Archives in several segments.
async fn in_pieces(store: &Store) -> Vec<Recorded> {
    let events = mixed(store).await;
    for through in [3, 4, 9, 15] {
        archive(store, through).await;
    }
    events
}

async fn small_segments_are_merged(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = in_pieces(&store).await;
    assert_eq!(store.archive().compact(|_| ()).await.unwrap(), (4, 1));
    let segments = store.archive().status().await.unwrap().segments;
    assert_eq!((segments[0].first, segments[0].last), (Position(1), Position(15)));
    assert_reads(&store, &events).await;
    assert_eq!(store.archive().compact(|_| ()).await.unwrap(), (1, 1));
    archive(&store, u64::MAX).await;
    assert_eq!(store.archive().compact(|_| ()).await.unwrap(), (2, 1));
    assert_reads(&store.reopen().await, &events).await;
}

async fn a_merged_segment_is_read_back_before_it_counts(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = in_pieces(&store).await;
    // An earlier run was interrupted after writing the blob, and the disk has lost it since.
    let pieces = store.archive().status().await.unwrap().segments;
    let mut merged = SegmentWriter::new(Position(1));
    events[..15].iter().for_each(|event| merged.push_recorded(event));
    let (_, bytes) = merged.finish(pieces[0].sealed_at).unwrap();
    let digest = store.blobs.put(bytes).await.unwrap();
    std::fs::write(file_of(&store, &digest), "no zstd").unwrap();
    assert_eq!(store.archive().compact(|_| ()).await.unwrap(), (4, 1));
    assert_eq!(store.archive().status().await.unwrap().segments[0].digest, digest);
    assert_reads(&store.reopen().await, &events).await;
}

async fn a_handle_that_knows_merged_segments_finds_the_new_one(urls: LogUrls) {
    let store = Store::open(urls).await;
    let events = in_pieces(&store).await;
    let other = store.another_handle().await;
    // It reads the manifest, but loads only one of the segments.
    assert_eq!(other.log.read_all(Position::START, 1).await.unwrap(), events[..1]);
    let old = store.archive().status().await.unwrap().segments;
    store.archive().compact(|_| ()).await.unwrap();
    for segment in &old {
        std::fs::remove_file(file_of(&store, &segment.digest)).unwrap();
    }
    assert_reads(&other, &events).await;
}

async fn space_is_given_back(urls: LogUrls) {
    let store = Store::open(urls).await;
    for number in 0..20 {
        store.log.append(&batch(&format!("user-{number}"), 0, 64)).await.unwrap();
    }
    let events = all(&store).await;
    let before = store.archive().status().await.unwrap().hot;
    assert_eq!(before.events, 20 * 64);
    archive(&store, u64::MAX).await;
    store.archive().give_back_space().await.unwrap();
    let after = store.archive().status().await.unwrap().hot;
    assert!(after.events == 0 && after.bytes < before.bytes / 2, "{before:?}, {after:?}");
    assert_eq!(all(&store).await, events);
}
