//! Traps at the paths where the judge fetches a program's output or stores a file. Only regular
//! files leave a cell, and nothing is written through a link.

use bytes::Bytes;
use futures::FutureExt;
use sandbox::{Area, CellPath, Ended, RefusalKind, SandboxError};

use crate::case::{AMPLE, Case, MIB, SHORT, line, steps};
use crate::fixture::{Fixture, expect_end, expect_error};

pub(crate) fn cases() -> Vec<Case> {
    [
        line(
            "box output replaced by symlink to /etc/passwd, /dev/urandom, FIFO, device, socket, directory, hard link",
            [
                steps("symlink to /etc/passwd", |fixture| {
                    fetch(fixture, &["link", "/etc/passwd", "/work/main"], RefusalKind::NotRegular)
                        .boxed()
                }),
                steps("symlink to /dev/urandom", |fixture| {
                    fetch(fixture, &["link", "/dev/urandom", "/work/main"], RefusalKind::NotRegular)
                        .boxed()
                }),
                steps("symlink to the runner's memory", |fixture| {
                    fetch(
                        fixture,
                        &["link", "/proc/self/mem", "/work/main"],
                        RefusalKind::NotRegular,
                    )
                    .boxed()
                }),
                steps("symlink to nowhere", |fixture| {
                    fetch(fixture, &["link", "/nowhere", "/work/main"], RefusalKind::NotRegular)
                        .boxed()
                }),
                steps("FIFO", |fixture| {
                    fetch(fixture, &["fifo", "/work/main"], RefusalKind::NotRegular).boxed()
                }),
                steps("device", |fixture| {
                    fetch(fixture, &["device", "/work/main"], RefusalKind::NotFound).boxed()
                }),
                steps("socket", |fixture| {
                    fetch(fixture, &["socket", "/work/main"], RefusalKind::NotRegular).boxed()
                }),
                steps("directory", |fixture| {
                    fetch(fixture, &["directory", "/work/main"], RefusalKind::NotRegular).boxed()
                }),
                steps("hard link to the program", |fixture| {
                    fetch(
                        fixture,
                        &["hard-link", "/box/probe", "/work/main"],
                        RefusalKind::NotFound,
                    )
                    .boxed()
                }),
                steps("hard link to /etc/passwd", |fixture| {
                    fetch(
                        fixture,
                        &["hard-link", "/etc/passwd", "/work/main"],
                        RefusalKind::NotFound,
                    )
                    .boxed()
                }),
                // A hole of 60 MiB counts as 60 MiB.
                steps("larger than asked for", |fixture| {
                    fetch(fixture, &["sparse", "60", "/work/main"], RefusalKind::TooLarge).boxed()
                }),
                steps("what it is meant to be", |fixture| regular(fixture).boxed()),
            ],
        ),
        line(
            "symlink run.sh, compile_output, metadata ; chown/rm race",
            [
                steps("put over a symlink", |fixture| {
                    put_over(fixture, &["link", "/work/precious", "/work/main"]).boxed()
                }),
                steps("put over a symlink to a device", |fixture| {
                    put_over(fixture, &["link", "/dev/null", "/work/main"]).boxed()
                }),
                steps("put over a hard link", |fixture| {
                    put_over(fixture, &["hard-link", "/work/precious", "/work/main"]).boxed()
                }),
                steps("put over a FIFO", |fixture| {
                    put_over(fixture, &["fifo", "/work/main"]).boxed()
                }),
                steps("put over a directory", |fixture| put_over_directory(fixture).boxed()),
                steps("chown", |fixture| chown(fixture).boxed()),
            ],
        ),
        line(
            ".. or NUL, newline, -rf, 300-char filename, main class name injection",
            [steps("names", |fixture| names(fixture).boxed())],
        ),
        line(
            "folders",
            [
                steps("made for a file", |fixture| folders(fixture).boxed()),
                steps("a link in their place", |fixture| linked_folder(fixture).boxed()),
                steps("kept from the program", |fixture| program_folders(fixture).boxed()),
            ],
        ),
        line(
            "what a program leaves, listed and cleared",
            [
                steps("a list of files", |fixture| listing(fixture).boxed()),
                steps("more files than are listed", |fixture| long_listing(fixture).boxed()),
                steps("cleared", |fixture| cleared(fixture).boxed()),
            ],
        ),
    ]
    .concat()
}

fn artifact() -> CellPath {
    CellPath::work("main").expect("plain")
}

async fn fetch(fixture: &Fixture, trick: &[&str], kind: RefusalKind) {
    let mut slot = fixture.slot(&SHORT).await;
    slot.run_keeping(trick, SHORT).await;
    expect_error(
        slot.cell.get(&artifact(), MIB).await,
        |error| matches!(error, SandboxError::File { kind: found, .. } if *found == kind),
    );
    expect_end(&slot.run(&["exit", "0"], SHORT).await, Ended::Exited { code: 0 });
    expect_error(slot.cell.get(&artifact(), MIB).await, |error| {
        matches!(error, SandboxError::File { kind: RefusalKind::NotFound, .. })
    });
    slot.expect_fresh().await;
    slot.close().await;
}

async fn regular(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    slot.run_keeping(&["write", "/work/main"], SHORT).await;
    expect_error(slot.cell.get(&artifact(), 999).await, |error| {
        matches!(error, SandboxError::File { kind: RefusalKind::TooLarge, .. })
    });
    assert_eq!(slot.cell.get(&artifact(), 1000).await.expect("a regular file").len(), 1000);
    slot.run(&["exit", "0"], SHORT).await;
    slot.expect_fresh().await;
    slot.close().await;
}

/// The trap is replaced, and its target is unchanged.
async fn put_over(fixture: &Fixture, trick: &[&str]) {
    let mut slot = fixture.slot(&SHORT).await;
    let precious = CellPath::work("precious").expect("plain");
    slot.run_keeping(&["write", "/work/precious"], SHORT).await;
    expect_end(&slot.run_keeping(trick, SHORT).await, Ended::Exited { code: 0 });
    slot.cell.put(&artifact(), Bytes::from_static(b"new"), false).await.expect("it fits");
    assert_eq!(slot.cell.get(&artifact(), 100).await.expect("it is there"), "new");
    assert_eq!(slot.cell.get(&precious, 1000).await.expect("it is there").len(), 1000);
    slot.run(&["exit", "0"], SHORT).await;
    slot.expect_fresh().await;
    slot.close().await;
}

/// A directory is not replaced. That is an error, and the cell remains usable.
async fn put_over_directory(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    slot.run_keeping(&["directory", "/work/main"], SHORT).await;
    let put = slot.cell.put(&artifact(), Bytes::from_static(b"new"), false).await;
    expect_error(put, |error| matches!(error, SandboxError::File { .. }));
    slot.run(&["exit", "0"], SHORT).await;
    slot.cell.put(&artifact(), Bytes::from_static(b"new"), false).await.expect("it fits");
    slot.run(&["exit", "0"], SHORT).await;
    slot.expect_fresh().await;
    slot.close().await;
}

/// A program cannot change a file's owner.
async fn chown(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    slot.cell.put(&artifact(), Bytes::from_static(b"theirs"), false).await.expect("it fits");
    for path in ["/work/main", "/box/probe", "/etc/passwd", "/usr/bin/env"] {
        let tried = slot.run_keeping(&["change-owner", path], SHORT).await;
        expect_end(&tried, Ended::Exited { code: 1 });
    }
    slot.run(&["exit", "0"], SHORT).await;
    slot.expect_fresh().await;
    slot.close().await;
}

async fn names(fixture: &Fixture) {
    let long = "x".repeat(300);
    for name in [
        "",
        ".",
        "..",
        "../x",
        "a/../b",
        "/etc/passwd",
        "a//b",
        "a/",
        "-rf",
        "a/-rf",
        ".hidden",
        "a\0b",
        "a\nb",
        &long,
    ] {
        expect_error(CellPath::work(name), |error| matches!(error, SandboxError::BadPath { .. }));
    }
    let mut slot = fixture.slot(&SHORT).await;
    let path = CellPath::work("naïve main;$(x).txt").expect("odd, but plain");
    slot.cell.put(&path, Bytes::from_static(b"content"), false).await.expect("it fits");
    assert_eq!(slot.cell.get(&path, 100).await.expect("it is there"), "content");
    slot.run(&["exit", "0"], SHORT).await;
    slot.expect_fresh().await;
    slot.close().await;
}

fn refused<T: std::fmt::Debug>(result: Result<T, SandboxError>, kind: RefusalKind) {
    expect_error(
        result,
        |error| matches!(error, SandboxError::File { kind: found, .. } if *found == kind),
    );
}

/// The program can use a file's folders as if it had made them.
async fn folders(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    let deep = CellPath::work("a/b/c/d/e/f/g/file").expect("plain");
    slot.cell.put(&deep, Bytes::from_static(b"deep"), false).await.expect("it fits");
    slot.cell.put(&deep, Bytes::from_static(b"again"), false).await.expect("it fits");
    assert_eq!(slot.cell.get(&deep, 100).await.expect("it is there"), "again");
    let beside = slot.run_keeping(&["write", "/work/a/b/c/new"], SHORT).await;
    expect_end(&beside, Ended::Exited { code: 0 });
    let beside = CellPath::work("a/b/c/new").expect("plain");
    assert_eq!(slot.cell.get(&beside, 1000).await.expect("it is there").len(), 1000);
    for (path, kind) in [
        ("a/b", RefusalKind::NotRegular),
        ("a/x/y", RefusalKind::NotFound),
        ("a/b/c/new/x", RefusalKind::NotRegular),
    ] {
        refused(slot.cell.get(&CellPath::work(path).expect("plain"), 1000).await, kind);
    }
    slot.run(&["exit", "0"], SHORT).await;
    slot.expect_fresh().await;
    slot.close().await;
}

/// Nothing is written or read through a link, at any place in the path.
async fn linked_folder(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    for leads_to in ["/tmp", "/box", "/", "folder", "nowhere"] {
        slot.run_keeping(&["write", "/tmp/file"], SHORT).await;
        slot.run_keeping(&["link", leads_to, "/work/linked"], SHORT).await;
        for path in ["linked/file", "linked/new/file", "linked/probe"] {
            let path = CellPath::work(path).expect("plain");
            let put = slot.cell.put(&path, Bytes::from_static(b"new"), false).await;
            refused(put, RefusalKind::NotRegular);
            refused(slot.cell.get(&path, MIB).await, RefusalKind::NotRegular);
        }
        // Neither the link nor its target is listed.
        assert_eq!(slot.cell.list(Area::Work).await.expect("a list"), []);
        slot.run(&["exit", "0"], SHORT).await;
    }
    slot.expect_fresh().await;
    slot.close().await;
}

async fn program_folders(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    let module = CellPath::program("package/module").expect("plain");
    slot.cell.put(&module, Bytes::from_static(b"code"), false).await.expect("it fits");
    let paths = ["write-anywhere", "/box/package/module", "/box/package/new", "/box/new"];
    expect_end(&slot.run(&paths, SHORT).await, Ended::Exited { code: 1 });
    assert_eq!(slot.cell.get(&module, 100).await.expect("it is there"), "code");
    slot.expect_fresh().await;
    slot.close().await;
}

async fn listing(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    let tool = CellPath::work("tools/build").expect("plain");
    slot.cell.put(&tool, Bytes::from_static(b"12345"), true).await.expect("it fits");
    slot.run_keeping(&["write", "/work/written"], SHORT).await;
    slot.run_keeping(&["write", "/work/.hidden"], SHORT).await;
    slot.run_keeping(&["link", "written", "/work/link"], SHORT).await;
    slot.run_keeping(&["fifo", "/work/tools/fifo"], SHORT).await;
    slot.run_keeping(&["socket", "/work/socket"], SHORT).await;
    slot.run_keeping(&["directory", "/work/empty"], SHORT).await;
    let listed = slot.cell.list(Area::Work).await.expect("a list");
    let files: Vec<_> =
        listed.iter().map(|file| (file.path.as_str(), file.bytes, file.executable)).collect();
    assert_eq!(files, [("tools/build", 5, true), ("written", 1000, false)]);
    let program = slot.cell.list(Area::Program).await.expect("a list");
    assert!(matches!(&program[..], [probe] if probe.path == "probe" && probe.executable));
    slot.run(&["exit", "0"], SHORT).await;
    assert_eq!(slot.cell.list(Area::Work).await.expect("a list"), []);
    slot.expect_fresh().await;
    slot.close().await;
}

async fn long_listing(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    slot.run_keeping(&["many-files", "1100", "/work"], AMPLE).await;
    expect_error(slot.cell.list(Area::Work).await, |error| {
        matches!(error, SandboxError::Refused { kind: RefusalKind::TooLarge, .. })
    });
    slot.cell.clear().await.expect("cleared");
    assert_eq!(slot.cell.list(Area::Work).await.expect("a list"), []);
    slot.expect_fresh().await;
    slot.close().await;
}

/// Kept files are gone for the next run.
async fn cleared(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    for path in ["/work/main", "/tmp/file", "/dev/shm/file"] {
        slot.run_keeping(&["write", path], SHORT).await;
    }
    assert_eq!(slot.cell.get(&artifact(), 1000).await.expect("it is there").len(), 1000);
    slot.cell.clear().await.expect("cleared");
    slot.expect_fresh().await;
    slot.close().await;
}
