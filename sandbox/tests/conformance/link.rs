//! Programs of two cells that talk to each other, as for interactive problems. Each sees its peer
//! like another process on the same machine, and has its own limits.

use std::time::Duration;

use futures::FutureExt;
use sandbox::{Ended, Execution, Limits, Outcome, RefusalKind, SandboxError, link};

use crate::case::{AMPLE, Case, GRACE, IDLE, MIB, Mode, SHORT, line, steps};
use crate::fixture::{Fixture, Slot, command, expect, expect_end, expect_error};

const DONE: Ended = Ended::Exited { code: 0 };

/// Limits of a case in which no program writes to a file.
const WITHOUT_FILES: Limits = Limits { file_bytes: 0, ..AMPLE };

pub(crate) fn cases() -> Vec<Case> {
    line(
        "linked programs",
        [
            steps("1,000 questions", |fixture| questions(fixture).boxed()),
            steps("one ends early", |fixture| ends_early(fixture).boxed()),
            steps("the leader closes its input", |fixture| closes_input(fixture).boxed()),
            steps("the leader closes its output", |fixture| closes_output(fixture).boxed()),
            steps("nobody reads what the leader says", |fixture| leader_unread(fixture).boxed()),
            steps("nobody reads what the follower says", |fixture| {
                follower_unread(fixture).boxed()
            }),
            steps("one ends because the other did", |fixture| consequences(fixture).boxed()),
            steps("both wait", |fixture| both_wait(fixture).boxed()),
            steps("who waits for whom", |fixture| who_waits(fixture).boxed()),
            steps("1 MB before an answer", |fixture| burst(fixture).boxed()),
            steps("one runs out of memory", |fixture| out_of_memory(fixture).boxed()),
            steps("one does not start", |fixture| not_started(fixture).boxed()),
            steps("one after the other", |fixture| again(fixture).boxed()),
            steps("output by its name", |fixture| by_name(fixture).boxed()),
            steps("without a link", |fixture| without(fixture).boxed()),
            steps("cells that are not beside each other", |fixture| strangers(fixture).boxed()),
            steps("the place where they meet", |fixture| meeting_place(fixture).boxed()),
        ],
    )
}

fn linked(words: &[&str], limits: Limits) -> Execution {
    command(words, limits).linked()
}

/// Links both cells and runs the follower's behaviour in the first and the leader's in the second.
async fn talk(pair: &mut [Slot<'_>; 2], follows: Execution, leads: Execution) -> [Outcome; 2] {
    let [a, b] = pair;
    link(&mut a.cell, &mut b.cell).await.expect("linked");
    let (follower, leader) = futures::join!(a.execute(&follows), b.execute(&leads));
    for outcome in [&follower, &leader] {
        expect(outcome, |outcome| outcome.stdout.is_empty());
    }
    assert!(!leader.peer_ended, "only a follower's outcome sets it");
    [follower, leader]
}

/// Checks that nothing is left of the link, and closes the cells.
async fn close(pair: [Slot<'_>; 2]) {
    for mut slot in pair {
        slot.expect_fresh().await;
        slot.close().await;
    }
}

async fn questions(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    let asks = linked(&["ask", "1000"], WITHOUT_FILES);
    for outcome in talk(&mut pair, asks, linked(&["reply"], WITHOUT_FILES)).await {
        expect_end(&outcome, DONE);
    }
    close(pair).await;
}

/// The other program reads end-of-file, and ends second.
async fn ends_early(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    let reads = || linked(&["read-all", "20"], AMPLE);
    let [first, second] = talk(&mut pair, linked(&["answer"], AMPLE), reads()).await;
    expect(&first, |first| first.ended == DONE && !first.peer_ended);
    expect(&second, |second| second.ended == DONE && second.stderr == "3\n");
    let [second, first] = talk(&mut pair, reads(), linked(&["exit", "7"], AMPLE)).await;
    expect_end(&first, Ended::Exited { code: 7 });
    expect(&second, |it| it.ended == DONE && it.stderr == "0\n" && it.peer_ended);
    close(pair).await;
}

/// The follower can write until the leader has ended.
async fn closes_input(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    let closes = linked(&["close-input", "300"], AMPLE);
    let [writes, closes] = talk(&mut pair, linked(&["print-for-ever"], AMPLE), closes).await;
    expect_end(&closes, DONE);
    expect(&writes, |it| it.ended == Ended::Signaled { signal: libc::SIGPIPE } && it.peer_ended);
    close(pair).await;
}

/// The follower reads end-of-file while the leader continues, and ends first.
async fn closes_output(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    let closes = linked(&["close-output", "300"], AMPLE);
    let [reads, closes] = talk(&mut pair, linked(&["read-all"], AMPLE), closes).await;
    expect_end(&closes, DONE);
    expect(&reads, |it| it.ended == DONE && it.wall < Duration::from_millis(250));
    expect(&reads, |it| !it.peer_ended);
    close(pair).await;
}

/// Prints more than a pipe holds to a follower that ends immediately.
async fn leader_unread(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    for _ in 0..20 {
        let writes = linked(&["print", "1000000"], AMPLE);
        let [ends, writes] = talk(&mut pair, linked(&["exit", "0"], AMPLE), writes).await;
        expect_end(&ends, DONE);
        expect_end(&writes, DONE);
    }
    close(pair).await;
}

/// Prints more than a pipe holds to a leader that ends immediately.
async fn follower_unread(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    for _ in 0..20 {
        let accepts = linked(&["exit", "42"], AMPLE).accepting(&[0, 42]);
        let [writes, _] = talk(&mut pair, linked(&["print", "1000000"], AMPLE), accepts).await;
        expect_end(&writes, DONE);
        let rejects = linked(&["exit", "43"], AMPLE).accepting(&[0, 42]);
        let [writes, _] = talk(&mut pair, linked(&["print", "1000000"], AMPLE), rejects).await;
        let pipe = Ended::Signaled { signal: libc::SIGPIPE };
        expect(&writes, |it| it.ended == pipe && it.peer_ended);
    }
    close(pair).await;
}

/// The program that ended first is known, even if the other ended right after it.
async fn consequences(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    for _ in 0..100 {
        let reads = || linked(&["read-all"], AMPLE);
        let [follower, _] = talk(&mut pair, reads(), linked(&["exit", "43"], AMPLE)).await;
        expect(&follower, |it| it.ended == DONE && it.peer_ended);
        let [follower, _] = talk(&mut pair, linked(&["exit", "1"], AMPLE), reads()).await;
        expect(&follower, |it| it.ended == Ended::Exited { code: 1 } && !it.peer_ended);
    }
    close(pair).await;
}

async fn both_wait(fixture: &Fixture) {
    let mut pair = fixture.pair(&SHORT).await;
    let waits = || linked(&["read-all-and-stay"], IDLE);
    for outcome in talk(&mut pair, waits(), waits()).await {
        expect_end(&outcome, Ended::WallLimit);
        expect(&outcome, |it| it.wall >= IDLE.wall && it.wall < IDLE.wall + GRACE);
    }
    close(pair).await;
}

/// The outcomes show which of the two computed, for a leader until the follower's end.
async fn who_waits(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    let waits = || linked(&["read-all"], IDLE);
    let computes = |limits| linked(&["burn"], limits);
    let [follower, leader] = talk(&mut pair, waits(), computes(AMPLE)).await;
    expect(&follower, |it| it.ended == Ended::WallLimit && it.busy < it.wall / 2);
    expect(&leader, |it| it.busy >= follower.wall / 2 && it.busy < it.wall);
    let [follower, leader] = talk(&mut pair, computes(IDLE), waits()).await;
    expect(&follower, |it| it.busy >= it.wall / 2);
    expect(&leader, |it| it.busy < it.wall / 2);
    close(pair).await;
}

async fn burst(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    // The limit on captured output does not apply to a link.
    let limits = Limits { stdout_bytes: 10, ..AMPLE };
    let bytes = "1048576";
    let bursts = linked(&["burst", bytes], limits);
    for outcome in talk(&mut pair, bursts, linked(&["swallow", bytes], limits)).await {
        expect_end(&outcome, DONE);
    }
    close(pair).await;
}

/// Each program has its own limits.
async fn out_of_memory(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    let small = Limits { memory_bytes: 32 * MIB, ..AMPLE };
    let hogs = linked(&["touch", "400"], small);
    let [hogs, reads] = talk(&mut pair, hogs, linked(&["read-all"], AMPLE)).await;
    expect_end(&hogs, Ended::MemoryLimit);
    expect_end(&reads, DONE);
    close(pair).await;
}

/// If one program does not start, the other reads end-of-file.
async fn not_started(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    let [a, b] = &mut pair;
    link(&mut a.cell, &mut b.cell).await.expect("linked");
    let nothing = Execution::new(vec!["/box/nothing".to_owned()], AMPLE).linked();
    expect_error(a.cell.execute(&nothing).await, |error| {
        matches!(error, SandboxError::NotStarted { .. })
    });
    expect_end(&b.execute(&linked(&["read-all"], AMPLE)).await, DONE);
    close(pair).await;
}

/// A link lasts for one test. The next test has a new link, without unread data.
async fn again(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    for _ in 0..20 {
        let writes = linked(&["print", "1000"], AMPLE);
        let [writes, ends] = talk(&mut pair, writes, linked(&["exit", "0"], AMPLE)).await;
        // Depends on whether the leader ends before or after the output.
        let pipe = Ended::Signaled { signal: libc::SIGPIPE };
        expect(&writes, |it| it.ended == DONE || it.ended == pipe);
        expect_end(&ends, DONE);
        let asks = linked(&["ask", "10"], AMPLE);
        for outcome in talk(&mut pair, asks, linked(&["reply"], AMPLE)).await {
            expect_end(&outcome, DONE);
        }
    }
    close(pair).await;
}

async fn by_name(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    let [writes, reads] =
        talk(&mut pair, linked(&["reopen-output"], AMPLE), linked(&["read-all"], AMPLE)).await;
    expect_end(&writes, DONE);
    expect(&reads, |reads| reads.stderr == "3\n");
    close(pair).await;
}

async fn without(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    let [a, b] = &mut pair;
    let out_of_order = |error: &SandboxError| {
        matches!(error, SandboxError::Refused { kind: RefusalKind::OutOfOrder, .. })
    };
    let lonely = linked(&["exit", "0"], AMPLE);
    expect_error(a.cell.execute(&lonely).await, out_of_order);
    // An execution with its own input.
    link(&mut a.cell, &mut b.cell).await.expect("linked");
    let with_input = lonely.clone().with_stdin("input".into());
    expect_error(a.cell.execute(&with_input).await, out_of_order);
    // A link only lasts for the next execution, even if that is not linked.
    link(&mut a.cell, &mut b.cell).await.expect("linked");
    expect_end(&a.run(&["exit", "0"], AMPLE).await, DONE);
    expect_error(a.cell.execute(&lonely).await, out_of_order);
    expect_end(&b.execute(&linked(&["read-all"], AMPLE)).await, DONE);
    close(pair).await;
}

/// Containers can only be linked if they were made beside each other.
async fn strangers(fixture: &Fixture) {
    let (mut a, mut b) = (fixture.slot(&AMPLE).await, fixture.slot(&AMPLE).await);
    let linked = link(&mut a.cell, &mut b.cell).await;
    if fixture.mode == Mode::Docker {
        expect_error(linked, |error| {
            matches!(error, SandboxError::Refused { kind: RefusalKind::OutOfOrder, .. })
        });
    } else {
        linked.expect("cells of one machine");
    }
    close([a, b]).await;
}

/// Programs cannot access the folder that their runners share.
async fn meeting_place(fixture: &Fixture) {
    let mut pair = fixture.pair(&AMPLE).await;
    let tries = linked(
        &["write-anywhere", "/assay/links", "/assay/links/x", "/assay/assay-runner", "/assay/new"],
        AMPLE,
    );
    let reads = linked(&["read-anything", "/assay/links"], AMPLE);
    for outcome in talk(&mut pair, tries, reads).await {
        expect_end(&outcome, Ended::Exited { code: 1 });
    }
    close(pair).await;
}
