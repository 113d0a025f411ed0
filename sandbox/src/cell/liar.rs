//! A runner that sends arbitrary bytes, as if a program had broken out and taken the runner over.
//! The host must not trust it: it must never panic, nor read more than it asked for.
//!
//! Property tests and the fuzzer in `sandbox/fuzz` use it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use runner::frame::{self, CHUNK_BYTES_MAX, MESSAGE_BYTES_MAX, PROTOCOL_VERSION};
use runner::message::{
    self, Answered, Facts, Listing, RefusalKind, Reply, Report, SealPlan, TurnEnd,
};
use tokio::io::{AsyncRead, ReadBuf};

use super::Cell;
use super::stream::READ_BYTES;
use super::unsealed::Unsealed;
use crate::spec::Ceiling;
use crate::{Area, CellPath, Execution, LISTED_FILES_MAX, Limits, Turn, TurnReply};

/// How much the host asks for, in bytes, of each: standard output, standard error, the file and the
/// answer.
pub const WANTED_BYTES_MAX: u64 = 4096;

/// The most that the host may read from the stream, in bytes, for any content. Each wanted byte may
/// come in its own frame. Each of the seven replies, and the unread rest after the last one, may
/// have the maximum length.
pub const TAKEN_BYTES_MAX: usize = (6 * WANTED_BYTES_MAX + Listing::BYTES_MAX) as usize * 6
    + 8 * (MESSAGE_BYTES_MAX + 5)
    + CHUNK_BYTES_MAX
    + READ_BYTES;

/// One thing to send: a kind, two numbers and some bytes. Any input of this shape is valid, which
/// suits the fuzzer.
pub type Word = (u8, u64, u64, Vec<u8>);

/// Encodes the words for the wire.
pub fn speak(words: &[Word]) -> Vec<u8> {
    let mut wire = Vec::new();
    for (kind, size, other, bytes) in words {
        say(*kind, *size, *other, bytes, &mut wire);
    }
    wire
}

fn say(kind: u8, size: u64, other: u64, bytes: &[u8], wire: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let reply = match kind % 13 {
        0 => return wire.extend_from_slice(bytes),
        1 => return frame::encode_hello(PROTOCOL_VERSION, wire),
        2 => return frame::encode_hello(other as u32, wire),
        // Small chunks (3) and large ones (4).
        3 | 4 => {
            let repeat = if kind % 13 == 3 { 1 } else { 1 + size as usize % 1024 };
            let bytes: Vec<u8> = bytes.iter().copied().cycle().take(bytes.len() * repeat).collect();
            return frame::write_data(wire, &bytes).expect("a vector takes everything");
        }
        5 => Reply::Done,
        6 => Reply::Facts(Facts { cores: other as u32, ..Facts::default() }),
        7 => Reply::Ran(report(size, other)),
        8 => Reply::File { bytes: size },
        9 => Reply::Files { bytes: size },
        10 => Reply::Answered(answered(TurnEnd::Answer(size), other)),
        11 => Reply::Answered(answered(TurnEnd::Spoiled, other)),
        _ => Reply::Refused { kind: RefusalKind::NotFound, detail: text },
    };
    // A text that is too long for a message is not sent.
    let _ = frame::encode_message(&reply, wire);
}

fn report(stdout_bytes: u64, stderr_bytes: u64) -> Report {
    Report {
        ended: message::Ended::Exited(0),
        cpu: Duration::from_millis(stdout_bytes),
        wall: Duration::from_millis(stderr_bytes),
        peer_ended: true,
        busy: Duration::MAX,
        memory_bytes: u64::MAX,
        memory_from_cgroup: true,
        stdout_bytes,
        stderr_bytes,
        stderr_truncated: true,
    }
}

fn answered(end: TurnEnd, stdout_bytes: u64) -> Answered {
    Answered {
        end,
        goes_on: stdout_bytes.is_multiple_of(2),
        cpu: Duration::MAX,
        wall: Duration::ZERO,
        memory_bytes: u64::MAX,
        memory_from_cgroup: true,
        stdout_bytes,
        stderr_bytes: 0,
        stderr_truncated: true,
    }
}

/// How far the host got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faced {
    /// How many exchanges succeeded, of six: opening, storing, running, fetching, listing, taking a
    /// turn.
    pub succeeded: u32,
    /// How much the host read from the stream, in bytes.
    pub taken_bytes: usize,
}

/// Opens a cell whose runner sends exactly `said`, then stores a file, runs a command, fetches a
/// file, lists all files and lets a program take a turn.
///
/// # Panics
/// When the host reads or returns more than it asked for.
pub async fn face(said: Vec<u8>) -> Faced {
    let taken = Arc::new(AtomicUsize::new(0));
    let succeeded = converse(Said { said, taken: Arc::clone(&taken) }).await;
    let faced = Faced { succeeded, taken_bytes: taken.load(Ordering::Relaxed) };
    assert!(faced.taken_bytes <= TAKEN_BYTES_MAX, "the host read too much: {faced:?}");
    faced
}

async fn converse(said: Said) -> u32 {
    let opened = Cell::open(
        Box::new(said),
        Box::new(tokio::io::sink()),
        Box::new(Unsealed { runner_stderr: "" }),
        Ceiling { memory_bytes: 1 << 20, processes: 1 },
        Some(SealPlan::default()),
    );
    let Ok(mut cell) = opened.await else { return 0 };
    let path = CellPath::work("file").expect("a plain name");
    let limits = Limits {
        stdout_bytes: WANTED_BYTES_MAX,
        stderr_bytes: WANTED_BYTES_MAX,
        ..Limits::default()
    };
    let mut succeeded = 1;
    if cell.put(&path, Bytes::from_static(b"content"), false).await.is_ok() {
        succeeded += 1;
    }
    if let Ok(outcome) = cell.execute(&Execution::new(vec!["./program".to_owned()], limits)).await {
        assert!(outcome.stdout.len() as u64 <= WANTED_BYTES_MAX);
        assert!(outcome.stderr.len() as u64 <= WANTED_BYTES_MAX);
        succeeded += 1;
    }
    if let Ok(file) = cell.get(&path, WANTED_BYTES_MAX).await {
        assert!(file.len() as u64 <= WANTED_BYTES_MAX);
        succeeded += 1;
    }
    if let Ok(files) = cell.list(Area::Work).await {
        assert!(files.len() <= LISTED_FILES_MAX);
        assert!(files.iter().all(|file| CellPath::work(&file.path).is_ok()));
        succeeded += 1;
    }
    let turn = Turn {
        start: Some(Execution::new(vec!["./program".to_owned()], limits)),
        message: Bytes::from_static(b"message"),
        cpu: limits.cpu,
        wall: limits.wall,
        answer_bytes: WANTED_BYTES_MAX,
        is_last: true,
    };
    if let Ok(answered) = cell.turn(&turn).await {
        assert!(answered.stdout.len() as u64 <= WANTED_BYTES_MAX && !answered.goes_on);
        if let TurnReply::Answer(answer) = answered.reply {
            assert!(answer.len() as u64 <= WANTED_BYTES_MAX);
        }
        succeeded += 1;
    }
    cell.close().await.expect("there is nothing to tear down");
    succeeded
}

/// The stream from the lying runner. It ends after `said`.
struct Said {
    said: Vec<u8>,
    taken: Arc<AtomicUsize>,
}

impl AsyncRead for Said {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let at = self.taken.load(Ordering::Relaxed);
        let count = buffer.remaining().min(self.said.len() - at);
        buffer.put_slice(&self.said[at..at + count]);
        self.taken.store(at + count, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What an honest runner sends before its first task: its handshake, that it is sealed, its
    /// facts.
    fn opening() -> Vec<Word> {
        [1, 5, 6].map(|kind| (kind, 0, 0, Vec::new())).into()
    }

    fn faced(said: Vec<u8>) -> Faced {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime of one thread").block_on(face(said))
    }

    #[test]
    fn an_honest_runner_is_understood() {
        let mut words = opening();
        words.push((5, 0, 0, Vec::new()));
        words.push((7, 3, 2, Vec::new()));
        words.push((3, 0, 0, b"out".into()));
        words.push((3, 0, 0, b"er".into()));
        words.push((8, 4, 0, Vec::new()));
        words.push((3, 0, 0, b"file".into()));
        words.push((9, 7, 0, Vec::new()));
        words.push((3, 0, 0, b"\x01\x03a/b\x05\x01".into()));
        words.push((10, 2, 1, Vec::new()));
        words.push((3, 0, 0, b"ye".into()));
        words.push((3, 0, 0, b"s".into()));
        words.push((5, 0, 0, Vec::new()));
        let said = speak(&words);
        let all = said.len();
        assert_eq!(faced(said), Faced { succeeded: 6, taken_bytes: all });
    }

    /// The runner announces sizes, but the host's limit decides.
    #[test]
    fn a_runner_that_announces_more_than_was_asked_for_is_not_listened_to() {
        let endless = vec![b'x'; CHUNK_BYTES_MAX];
        for announcement in [(7, u64::MAX, 0), (7, 0, u64::MAX), (7, WANTED_BYTES_MAX + 1, 0)] {
            let (kind, size, other) = announcement;
            let mut words = opening();
            words.push((5, 0, 0, Vec::new()));
            words.push((kind, size, other, Vec::new()));
            words.extend((0..64).map(|_| (3, 0, 0, endless.clone())));
            assert_eq!(faced(speak(&words)).succeeded, 2, "{announcement:?}");
        }
        let mut words = opening();
        words.push((5, 0, 0, Vec::new()));
        words.push((7, 0, 0, Vec::new()));
        words.push((8, WANTED_BYTES_MAX + 1, 0, Vec::new()));
        words.extend((0..64).map(|_| (3, 0, 0, endless.clone())));
        assert_eq!(faced(speak(&words)).succeeded, 3);
    }

    /// Empty data makes no progress, and a runner could send it for ever.
    #[test]
    fn empty_data_is_no_data() {
        let mut words = opening();
        words.push((5, 0, 0, Vec::new()));
        words.push((7, 3, 0, Vec::new()));
        let mut said = speak(&words);
        said.extend(std::iter::repeat_n(frame::data_header(0), 1_000_000).flatten());
        assert_eq!(faced(said).succeeded, 2);
    }

    /// Sizes that match the data, sizes that may, and any others.
    fn size() -> impl Strategy<Value = u64> {
        prop_oneof![0..4_u64, 0..2 * WANTED_BYTES_MAX, any::<u64>()]
    }

    fn words() -> impl Strategy<Value = Vec<Word>> {
        let bytes = prop::collection::vec(any::<u8>(), 0..64);
        let word = (any::<u8>(), size(), size(), bytes);
        prop::collection::vec(word, 0..12)
    }

    proptest! {
        /// `face` never panics for any bytes that a runner sends, before or after the cell is open.
        #[test]
        fn nothing_a_runner_says_does_harm(words in words(), opens in any::<bool>()) {
            let mut all = if opens { opening() } else { Vec::new() };
            all.extend(words);
            faced(speak(&all));
        }
    }
}
