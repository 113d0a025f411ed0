//! Programs that answer one message after the other. Each turn has its own limits and figures, and
//! what goes wrong in one turn is seen in no other.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use sandbox::{Answered, Ended, Execution, Limits, RefusalKind, SandboxError, Turn, TurnReply};

use crate::case::{AMPLE, Case, GRACE, KIB, MIB, line, steps};
use crate::fixture::{Fixture, Slot, command, expect_error};

/// Limits of a program with turns. Those of each turn are lower.
const PROGRAM: Limits = Limits {
    cpu: Duration::from_secs(60),
    stdout_bytes: KIB,
    stderr_bytes: KIB,
    memory_bytes: 64 * MIB,
    ..AMPLE
};

/// The longest answer in these cases, in bytes.
const ANSWER_BYTES_MAX: u64 = 2 * MIB;

pub(crate) fn cases() -> Vec<Case> {
    line(
        "programs with turns",
        [
            steps("each turn has its figures", |fixture| figures(fixture).boxed()),
            steps("each turn has its output", |fixture| outputs(fixture).boxed()),
            steps("each turn has its limits", |fixture| limits(fixture).boxed()),
            steps("large messages and answers", |fixture| large(fixture).boxed()),
            steps("a program that ends", |fixture| ends(fixture).boxed()),
            steps("a spoilt conversation", |fixture| spoils(fixture).boxed()),
            steps("what a turn leaves", |fixture| leaves(fixture).boxed()),
            steps("work goes on after an answer", |fixture| works_on(fixture).boxed()),
            steps("nobody's turn", |fixture| out_of_order(fixture).boxed()),
        ],
    )
}

/// A turn of the program that is running.
fn next(text: &str) -> Turn {
    let length = u32::try_from(text.len()).expect("it is short");
    let message = [&length.to_le_bytes()[..], text.as_bytes()].concat();
    Turn {
        start: None,
        message: Bytes::from(message),
        cpu: AMPLE.cpu,
        wall: AMPLE.wall,
        answer_bytes: ANSWER_BYTES_MAX,
        is_last: false,
    }
}

fn talking() -> Execution {
    Execution { talks: true, ..command(&["turns"], PROGRAM) }
}

/// The first turn of a new program.
fn first(text: &str) -> Turn {
    Turn { start: Some(talking()), ..next(text) }
}

async fn take(slot: &mut Slot<'_>, turn: &Turn) -> Answered {
    slot.cell.turn(turn).await.expect("it is taken")
}

/// Fails unless the turn had this answer.
#[track_caller]
fn expect_answer(answered: &Answered, text: &str) {
    assert_eq!(answered.reply, TurnReply::Answer(Bytes::copy_from_slice(text.as_bytes())));
}

/// Fails unless the turn ended so, without an answer.
#[track_caller]
fn expect_reply(answered: &Answered, reply: &TurnReply) {
    assert_eq!((&answered.reply, answered.goes_on), (reply, false), "{answered:#?}");
}

async fn figures(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    let pid = take(&mut slot, &first("pid")).await.reply;
    let burnt = take(&mut slot, &next("burn 200")).await;
    expect_answer(&burnt, "burnt");
    assert!(burnt.goes_on && (170..1_000).contains(&burnt.cpu.as_millis()), "{burnt:#?}");
    let waited = take(&mut slot, &next("wait 200")).await;
    assert!(waited.cpu < Duration::from_millis(100), "{waited:#?}");
    assert!(waited.wall >= Duration::from_millis(200) && waited.wall < GRACE, "{waited:#?}");
    let touched = take(&mut slot, &next("touch 24")).await;
    assert!((24 * MIB..64 * MIB).contains(&touched.memory_bytes), "{touched:#?}");
    assert!(waited.memory_bytes < 24 * MIB, "{waited:#?}");
    let last = take(&mut slot, &Turn { is_last: true, ..next("pid") }).await;
    assert_eq!((last.reply, last.goes_on), (pid, false));
    slot.expect_fresh().await;
    slot.close().await;
}

async fn outputs(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    for (text, printed) in [("print 5", "xxxxx"), ("print 2", "xx")] {
        let answered = take(&mut slot, &first(text)).await;
        expect_answer(&answered, "printed");
        assert_eq!(
            (&answered.stdout[..], &answered.stderr[..]),
            (printed.as_bytes(), &b"complaint"[..])
        );
        let quiet = take(&mut slot, &next("pid")).await;
        assert!(quiet.goes_on && quiet.stdout.is_empty() && quiet.stderr.is_empty(), "{quiet:#?}");
    }
    for _ in 0..2 {
        let full = take(&mut slot, &next("print 1024")).await;
        expect_answer(&full, "printed");
    }
    let too_much = take(&mut slot, &next("print 1025")).await;
    expect_reply(&too_much, &TurnReply::Ended(Ended::OutputLimit));
    assert_eq!(too_much.stdout.len(), 1_024);
    slot.close().await;
}

async fn limits(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    let short = Duration::from_millis(250);
    let ended = TurnReply::Ended;
    for _ in 0..2 {
        expect_answer(&take(&mut slot, &first("burn 150")).await, "burnt");
        expect_answer(&take(&mut slot, &Turn { cpu: short, ..next("burn 150") }).await, "burnt");
        let slow = take(&mut slot, &Turn { cpu: short, ..next("burn 9000") }).await;
        expect_reply(&slow, &ended(Ended::CpuLimit));
        assert!(slow.cpu >= short && slow.wall < GRACE, "{slow:#?}");
    }
    expect_answer(&take(&mut slot, &first("wait 1")).await, "waited");
    let idle = take(&mut slot, &Turn { wall: short, ..next("wait 9000") }).await;
    expect_reply(&idle, &ended(Ended::WallLimit));
    assert!(idle.wall >= short && idle.wall < GRACE, "{idle:#?}");
    let greedy = take(&mut slot, &first("touch 96")).await;
    expect_reply(&greedy, &ended(Ended::MemoryLimit));
    let late = take(&mut slot, &Turn { cpu: short, ..first("burn 300") }).await;
    expect_reply(&late, &ended(Ended::CpuLimit));
    slot.expect_fresh().await;
    slot.close().await;
}

async fn large(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    let text = "0123456789abcdef".repeat(100_000);
    expect_answer(&take(&mut slot, &first(&text)).await, &text);
    expect_answer(&take(&mut slot, &next(&text)).await, &text);
    let most = format!("long {ANSWER_BYTES_MAX}");
    let answered = take(&mut slot, &next(&most)).await;
    assert!(
        matches!(&answered.reply, TurnReply::Answer(bytes) if bytes.len() as u64 == ANSWER_BYTES_MAX)
    );
    let more = format!("long {}", ANSWER_BYTES_MAX + 1);
    expect_reply(&take(&mut slot, &next(&more)).await, &TurnReply::Ended(Ended::OutputLimit));
    slot.close().await;
}

async fn ends(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    for (text, ended) in [
        ("exit 0", Ended::Exited { code: 0 }),
        ("exit 7", Ended::Exited { code: 7 }),
        ("kill 11", Ended::Signaled { signal: 11 }),
        ("part", Ended::Exited { code: 0 }),
        ("close 0", Ended::Exited { code: 5 }),
    ] {
        expect_answer(&take(&mut slot, &first("here")).await, "here");
        expect_reply(&take(&mut slot, &next(text)).await, &TurnReply::Ended(ended));
        expect_reply(&take(&mut slot, &first(text)).await, &TurnReply::Ended(ended));
    }
    slot.expect_fresh().await;
    slot.close().await;
}

async fn spoils(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    for text in ["twice", "close 9000"] {
        expect_answer(&take(&mut slot, &first("here")).await, "here");
        let answered = take(&mut slot, &next(text)).await;
        expect_reply(&answered, &TurnReply::Spoiled);
        assert!(answered.wall < GRACE, "{answered:#?}");
    }
    slot.expect_fresh().await;
    slot.close().await;
}

/// A program that leaves something does not go on, so no turn sees what another left.
async fn leaves(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    for text in ["file", "child"] {
        let left = take(&mut slot, &first(text)).await;
        expect_answer(&left, "left");
        assert!(!left.goes_on, "{left:#?}");
        slot.expect_fresh().await;
    }
    slot.close().await;
}

/// It counts in the next turn.
async fn works_on(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    let started = take(&mut slot, &first("thread 200")).await;
    expect_answer(&started, "started");
    assert!(started.goes_on && started.cpu < Duration::from_millis(100), "{started:#?}");
    let next_turn = take(&mut slot, &next("wait 400")).await;
    assert!(next_turn.cpu >= Duration::from_millis(100), "{next_turn:#?}");
    slot.close().await;
}

async fn out_of_order(fixture: &Fixture) {
    let is_refused = |error: &SandboxError| {
        matches!(error, SandboxError::Refused { kind: RefusalKind::OutOfOrder, .. })
    };
    let mut slot = fixture.slot(&AMPLE).await;
    expect_error(slot.cell.turn(&next("here")).await, is_refused);
    expect_answer(&take(&mut slot, &first("here")).await, "here");
    // Any other request ends the program.
    slot.expect_fresh().await;
    expect_error(slot.cell.turn(&next("here")).await, is_refused);
    expect_error(slot.cell.execute(&talking()).await, is_refused);
    let silent = Turn { start: Some(command(&["turns"], PROGRAM)), ..next("here") };
    expect_error(slot.cell.turn(&silent).await, is_refused);
    // A new program takes the place of one that waits for its turn.
    let pid = take(&mut slot, &first("pid")).await.reply;
    let other = take(&mut slot, &first("pid")).await;
    assert!(other.goes_on && other.reply != pid, "{other:#?}");
    let missing = Execution { argv: vec!["/box/absent".to_owned()], ..talking() };
    let missing = Turn { start: Some(missing), ..next("here") };
    let is_missing = |error: &SandboxError| matches!(error, SandboxError::NotStarted { .. });
    expect_error(slot.cell.turn(&missing).await, is_missing);
    slot.expect_fresh().await;
    slot.close().await;
}
