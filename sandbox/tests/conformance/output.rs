//! Programs that print too much, too little, or forged messages.

use std::sync::LazyLock;

use bytes::Bytes;
use futures::FutureExt;
use sandbox::{Ended, Limits};

use crate::case::Check::{ComplaintsCut, Echoes, Kept, Prints, Soon, WallReached};
use crate::case::{AMPLE, Case, End, IDLE, MIB, line, probe, steps};
use crate::fixture::{Fixture, command, expect, expect_end};

static HUNDRED_MB: LazyLock<Bytes> = LazyLock::new(|| vec![b'x'; 100_000_000].into());

const ONE_MIB: Limits = Limits { stdout_bytes: MIB, ..AMPLE };

/// A limit that is neither a power of two nor a multiple of the page size.
const AT_300_000: Limits = Limits { stdout_bytes: 300_000, ..AMPLE };

pub(crate) fn cases() -> Vec<Case> {
    [
        line(
            "endless stdout / stderr",
            [
                probe("stdout", &["print-for-ever"])
                    .limits(ONE_MIB)
                    .ends(&[End::Output])
                    .checks(&[Kept(1 << 20), Soon]),
                // Pages given to the pipe instead of copied into it.
                probe("stdout, spliced", &["splice-for-ever"])
                    .limits(ONE_MIB)
                    .ends(&[End::Output])
                    .checks(&[Kept(1 << 20), Soon]),
                // Dropped output costs the program time and the judge nothing.
                probe("stderr", &["complain-for-ever"]).ends(&[End::Cpu, End::Wall]).checks(&[ComplaintsCut]),
            ],
        ),
        line(
            "right answer then 10 MB of spaces",
            [probe("spaces", &["answer-then-spaces", "10"])
                .limits(ONE_MIB)
                .ends(&[End::Output])
                .checks(&[Kept(1 << 20)])],
        ),
        line(
            "exactly at, one byte over the cap",
            [
                probe("at", &["print", "300000"]).limits(AT_300_000).checks(&[Kept(300_000)]),
                probe("over", &["print", "300001"])
                    .limits(AT_300_000)
                    .ends(&[End::Output])
                    .checks(&[Kept(300_000)]),
                probe("stderr over", &["complain", "200000"])
                    .limits(Limits { stderr_bytes: 1000, ..AMPLE })
                    .checks(&[ComplaintsCut]),
                steps("over, and dropped", |fixture| dropped(fixture).boxed()),
                probe("in packets", &["print-packets", "100"]).checks(&[Kept(409_600)]),
            ],
        ),
        line(
            "NUL, invalid UTF-8, 10 MB single line, CR LF, BOM, no final newline, ANSI/HTML/GraphQL-looking text",
            [
                // The judge sees exactly the bytes that were written.
                echo("NUL", &b"4\x002\x00\n"[..]),
                echo("invalid UTF-8", &b"\xff\xfe\xc0\x80\xed\xa0\x80\xf5 42\n"[..]),
                echo("10 MB on one line", vec![b'x'; 10_000_000]),
                echo("CR LF", &b"42\r\n\r\n"[..]),
                echo("BOM", &b"\xef\xbb\xbf42\n"[..]),
                echo("no final newline", &b"42"[..]),
                echo(
                    "ANSI, HTML, GraphQL",
                    &b"\x1b[2J\x1b]0;title\x07<script>alert(1)</script>{__schema{types{name}}}\x9b31m\n"[..],
                ),
            ],
        ),
        line(
            "prints \"timelimit exceeded\" or a forged meta/verdict line on stderr/stdout/fd 3+",
            [
                probe("stderr and other descriptors", &["forge-reports"])
                    .checks(&[Prints("41\n")]),
                probe("stdout", &["forge-on-stdout"])
                    .checks(&[Prints("timelimit exceeded\nverdict: ACCEPTED\n")]),
                // Bytes that look like the runner's messages are ordinary output.
                echo("frames of the runner's protocol", frames()),
            ],
        ),
        line(
            "closes stdout/stderr and exits 0; exits before reading stdin; never reads stdin of 100 MB",
            [
                probe("closes everything", &["close-all"]).checks(&[Prints(""), Soon]),
                probe("answers without reading", &["answer"])
                    .stdin("never read")
                    .checks(&[Prints("42\n"), Soon]),
                probe("100 MB and an answer", &["answer"])
                    .stdin(HUNDRED_MB.clone())
                    .checks(&[Prints("42\n"), Soon]),
                probe("100 MB and nothing", &["do-nothing"])
                    .stdin(HUNDRED_MB.clone())
                    .limits(IDLE)
                    .ends(&[End::Wall])
                    .checks(&[WallReached]),
                echo("5 MB, all of it", (0..5_u32 << 20).map(|at| (at % 251) as u8).collect::<Vec<_>>()),
                probe("writes to its output under another name", &["reopen-output"])
                    .checks(&[Prints("42\n")]),
            ],
        ),
        line(
            "writes after its parent exited (child holds the pipe)",
            // What the child writes before it is killed counts as output, but the run does not wait
            // for the child.
            [probe("child writes for ever", &["late-child"]).checks(&[Soon])],
        ),
        line(
            "syslog flood, tty ioctl TIOCSTI",
            [
                probe("syslog", &["syslog-flood", "1000"]).ends(&[End::REFUSED]).checks(&[Prints("")]),
                probe("TIOCSTI", &["terminal"]).ends(&[End::REFUSED]).checks(&[Prints("")]),
                probe("the kernel's log", &["filtered", "syslog"]).ends(&[End::REFUSED]),
            ],
        ),
    ]
    .concat()
}

/// Prints what it reads.
fn echo(name: &'static str, bytes: impl Into<Bytes>) -> Case {
    probe(name, &["cat"]).limits(AMPLE).stdin(bytes.into()).checks(&[Echoes])
}

fn frames() -> Vec<u8> {
    let mut wire = Vec::new();
    runner::frame::encode_hello(runner::frame::PROTOCOL_VERSION, &mut wire);
    let refused = runner::message::Reply::Done;
    runner::frame::encode_message(&refused, &mut wire).expect("it is small");
    wire.extend_from_slice(&runner::frame::data_header(1 << 10));
    wire
}

/// A run that may print more than is kept.
async fn dropped(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    let prints = command(&["print", "5000000"], AT_300_000).dropping_excess();
    let outcome = slot.execute(&prints).await;
    expect_end(&outcome, Ended::Exited { code: 0 });
    expect(&outcome, |it| it.stdout.len() == 300_000);
    slot.close().await;
}
