//! Programs that read other files, leave things behind, and build traps out of files. The traps for
//! the judge that fetches a program's output are in `traps.rs`.

use std::time::Duration;

use futures::FutureExt;
use sandbox::{Limits, Outcome};

use crate::case::Check::{Counts, Echoes, Never, Prints, Soon};
use crate::case::{AMPLE, Case, End, MIB, Mode, SHORT, line, probe, steps};
use crate::fixture::{Fixture, expect, expect_end};
use crate::traps;

const SYS: &str =
    "the engine mounts /sys, read-only: devices and settings of the host can be listed";
const MOUNTS: &str = "the engine's directories stand in the container's list of mounts";
const PROCESS_1: &str = "the engine's /proc shows that there is a runner, and its mounts";
const COUNTERS: &str =
    "the engine's /proc shows counters of the whole machine, and its command line";
const SHARED_INODES: &str = "cells share the toolchain's files, so a lock that one program takes on such a file can be seen by another";

/// The folder in which this was built: the judge's own sources.
const SOURCES: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) fn cases() -> Vec<Case> {
    [secrets(), litter(), traps::cases(), escapes()].concat()
}

/// Programs that read or write what they should not.
fn secrets() -> Vec<Case> {
    [
        line(
            "read *.ans, ../../testcase, judge source tree",
            [
                // INV-12: the judge's files are not in the cell, whatever user owns them.
                probe("*.ans", &["find-ending", ".ans"]).limits(AMPLE).checks(&[Prints("")]),
                nothing(
                    "the judge's files",
                    &["read-anything", SOURCES, "/root", "/home", "/var/lib/docker", "/srv", "../../testcase", "../box/.."],
                )
                .ends(&[End::SUCCESS, End::REFUSED])
                .checks(&[Never(SOURCES), Never("/root"), Never("/home"), Never("/srv"), Never("docker")]),
            ],
        ),
        line(
            "read /etc/shadow, /proc/1/environ, /proc/*/mem, /proc/self/mountinfo, /sys, docker.sock",
            [
                nothing("/etc/shadow", &["read-anything", "/etc/shadow", "/etc/gshadow", "/etc/sudoers"]),
                nothing("others' memory and environment", &["read-processes"]),
                nothing(
                    "the kernel's",
                    &["read-anything", "/proc/kcore", "/proc/kmsg", "/proc/keys", "/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda"],
                ),
                nothing("process 1", &["read-anything", "/proc/1/cmdline", "/proc/1/mountinfo", "/proc/1/fd", "/proc/1/maps"])
                    .weaker(
                        Mode::Docker,
                        &[End::SUCCESS],
                        &[Prints("/proc/1/cmdline\n/proc/1/mountinfo\n")],
                        PROCESS_1,
                    ),
                nothing("/sys", &["read-anything", "/sys", "/sys/fs/cgroup", "/sys/kernel/security"])
                    .weaker(Mode::Docker, &[End::SUCCESS], &[Never("security")], SYS),
                nothing("pages by their numbers", &["read-anything", "/proc/kpageflags", "/proc/kpagecount", "/proc/kpagecgroup", "/proc/slabinfo", "/proc/kcore", "/proc/kmsg", "/proc/timer_list"]),
                nothing("the whole machine's counters", &["read-anything", "/proc/cmdline", "/proc/vmstat", "/proc/diskstats", "/proc/interrupts", "/proc/softirqs", "/proc/zoneinfo", "/proc/buddyinfo", "/proc/partitions", "/proc/devices", "/proc/pressure"])
                    .weaker(Mode::Docker, &[End::SUCCESS], &[], COUNTERS),
                nothing("docker.sock", &["read-anything", "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/dbus/system_bus_socket"]),
                probe("/proc/self/mountinfo", &["print-file", "/proc/self/mountinfo"])
                    .checks(&[Never(SOURCES), Never("docker"), Never("/cgroup")])
                    .weaker(Mode::Docker, &[End::SUCCESS], &[Never(SOURCES)], MOUNTS),
                steps("the service's environment", |fixture| environment(fixture).boxed()),
            ],
        ),
        line(
            "write elsewhere",
            [
                nothing(
                    "below the root",
                    &["write-anywhere", "/new", "/usr/new", "/usr/bin/env", "/etc/new", "/etc/passwd", "/bin/new", "/lib/new", "/dev/new", "/home/new", "/root/new", "/var/new", "/var/tmp/new", "/run/new", "/mnt/new", "/opt/new"],
                ),
                nothing("the devices' modes, owners and times", &["change-devices"]),
                nothing("the program itself", &["write-anywhere", "/box/new", "/box/probe", "/assay/new", "/assay/assay-runner"]),
                nothing(
                    "the kernel's settings",
                    &["write-anywhere", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger", "/proc/1/oom_score_adj", "/proc/1/comm", "/sys/kernel/uevent_helper", "/sys/power/state"],
                ),
            ],
        ),
        line(
            "rewrite or delete+recreate input so the checker sees another input",
            [
                probe("its own input", &["spoil-stdin"])
                    .stdin("as it was")
                    .ends(&[End::REFUSED])
                    .checks(&[Prints("")]),
                // The attempt before has no effect on the next run.
                probe("the next run's input", &["cat"]).stdin("as it was").checks(&[Echoes]),
            ],
        ),
    ]
    .concat()
}

/// Programs that leave files behind or fill the disk.
fn litter() -> Vec<Case> {
    [
        line(
            "file left between tests / between submissions",
            [
                steps("between tests", |fixture| files_between_tests(fixture).boxed()),
                steps("between submissions", |fixture| files_between_submissions(fixture).boxed()),
                steps("another run sees nothing", |fixture| memory_of_a_cell(fixture).boxed()),
            ],
        ),
        line(
            "2 GB sparse write, fallocate, fill disk, 10^6 inodes, deep directory tree, 255-byte names",
            [
                probe("within the file limit", &["write-mib", "3", "/tmp/file"]).limits(FILES_OF_4_MIB),
                probe("over the file limit", &["write-mib", "5", "/tmp/file"])
                    .limits(FILES_OF_4_MIB)
                    .ends(&[End::File]),
                probe("2 GB, all hole", &["sparse", "2000", "/work/file"]).ends(&[End::File]),
                probe("2 GB, extended", &["extend", "2000", "/work/file"]).ends(&[End::File]),
                probe("2 GB, allocated", &["allocate", "2000", "/work/file"]).ends(&[End::File]),
                // The area fills up before the file limit is reached, and is empty for the next
                // run.
                steps("fuller than the area", |fixture| full_area(fixture).boxed()),
                probe("fills every area", &["fill-disk", "1000"])
                    .limits(AMPLE)
                    .checks(&[Counts(100, 192)]),
                probe("1,000,000 files", &["many-files", "1000000", "/work"])
                    .limits(AMPLE)
                    .checks(&[Counts(1000, 20_000)]),
                probe("1,000,000 files in shared memory", &["many-files", "1000000", "/dev/shm"])
                    .limits(AMPLE)
                    .checks(&[Counts(1000, 20_000)]),
                probe("tree of 3,000 levels", &["deep-tree", "3000", "/tmp"])
                    .limits(AMPLE)
                    .checks(&[Counts(3000, 3000)]),
                probe("odd names of 255 bytes", &["odd-names", "300"]),
                probe("directories shut to their owner", &["shut-directories", "100"])
                    .ends(&[End::SUCCESS, End::REFUSED]),
                probe("attributes", &["many-attributes", "100000"])
                    .limits(AMPLE)
                    .checks(&[Counts(0, 0)]),
                probe("files nobody can remove", &["immutable-files"])
                    .ends(&[End::REFUSED])
                    .checks(&[Prints("")]),
            ],
        ),
        line(
            "fd exhaustion, open in loop",
            [probe("20 files", &["open-many"])
                .limits(Limits { open_files: 20, ..SHORT })
                .checks(&[Prints("17\n"), Soon])],
        ),
    ]
    .concat()
}

/// Ways out of the cell, and ways to another cell.
fn escapes() -> Vec<Case> {
    [
        line(
            "chroot escape via /proc/1/root, open fds, ..",
            [
                nothing(
                    "paths",
                    &["read-anything", "/proc/1/root/etc", "/proc/1/cwd/etc", "/../../../../etc/shadow", "/proc/self/root/../../root", "/proc/self/cwd/../../../root"],
                ),
                probe("open descriptors", &["descriptors"]).checks(&[Prints("0 1 2 ")]),
                nothing("chroot", &["filtered", "chroot", "open_by_handle_at"]),
            ],
        ),
        line(
            "mount, umount, pivot_root, unshare(USER), setns, mknod, FUSE",
            [
                nothing("mount", &["filtered", "mount", "move_mount", "mount_setattr", "open_tree"]),
                nothing("umount", &["filtered", "umount2"]),
                nothing("pivot_root", &["filtered", "pivot_root"]),
                nothing("unshare", &["filtered", "unshare", "clone-mount", "clone-network"]),
                nothing("setns", &["filtered", "setns"]),
                nothing("mknod", &["device", "/work/device"]),
                nothing("FUSE", &["read-anything", "/dev/fuse", "/dev/loop-control", "/dev/net/tun"]),
                nothing("a file system of its own", &["filtered", "fsopen", "fsmount"]),
            ],
        ),
        line(
            "flock/lease/dnotify on shared inodes, keyctl, AF_VSOCK, abstract unix sockets between two sandboxes",
            [
                shared_inodes(steps("flock", |fixture| locks(fixture, "flock").boxed())),
                shared_inodes(steps("POSIX locks", |fixture| locks(fixture, "posix").boxed())),
                shared_inodes(steps("locks of open files", |fixture| {
                    locks(fixture, "ofd").boxed()
                })),
                steps("inotify", |fixture| {
                    channel(
                        fixture,
                        &["use-toolchain", "400", "/usr/bin/env"],
                        &["watch-toolchain", "300", "/usr/bin"],
                    )
                    .boxed()
                }),
                nothing("leases and dnotify", &["leases"]),
                nothing("pages of a shared file", &["page-cache", "/usr/bin/env"]),
                nothing("keyctl", &["filtered", "keyctl", "add_key", "request_key"]),
                nothing("AF_VSOCK", &["filtered", "socket-vsock"]),
                steps("abstract unix sockets", |fixture| {
                    channel(
                        fixture,
                        &["listen-abstract", "400", "meeting-place"],
                        &["reach-abstract", "300", "meeting-place"],
                    )
                    .boxed()
                }),
                steps("loopback", |fixture| {
                    channel(fixture, &["listen-tcp", "400", "4711"], &["reach-tcp", "300", "4711"])
                        .boxed()
                }),
            ],
        ),
    ]
    .concat()
}

/// If the toolchain is bound from the host, all cells share its files, and a lock on a file is
/// visible in all of them.
fn shared_inodes(case: Case) -> Case {
    [Mode::Native, Mode::UserNamespace, Mode::WithoutRoot]
        .into_iter()
        .fold(case, |case, mode| case.weaker(mode, &[], &[], SHARED_INODES))
}

const FILES_OF_4_MIB: Limits = Limits { file_bytes: 4 * MIB, ..AMPLE };

/// An attempt that the cell must refuse.
fn nothing(name: &'static str, words: &'static [&'static str]) -> Case {
    probe(name, words).ends(&[End::REFUSED]).checks(&[Prints("")])
}

/// Locks on files that both cells see. Only if they are the same files, the other cell may see the
/// locks.
async fn locks(fixture: &Fixture, kind: &str) {
    let heard = channel_between(
        fixture,
        &["hold-lock", "400", kind, "/usr/bin/env"],
        &["see-lock", "300", kind, "/usr/bin/env"],
    )
    .await;
    let shared = fixture.mode != Mode::Docker;
    expect(&heard, |outcome| outcome.ended.is_success() && (shared || outcome.stdout.is_empty()));
}

/// The second cell sees nothing of what the first does with shared files or sends over a possible
/// channel.
async fn channel(fixture: &Fixture, says: &[&str], hears: &[&str]) {
    let heard = channel_between(fixture, says, hears).await;
    expect(&heard, |outcome| outcome.stdout.is_empty());
}

async fn channel_between(fixture: &Fixture, says: &[&str], hears: &[&str]) -> Outcome {
    let limits = Limits { wall: Duration::from_secs(4), ..AMPLE };
    let (mut one, mut other) = futures::join!(fixture.slot(&limits), fixture.slot(&limits));
    let (_, heard) = futures::join!(one.run(says, limits), other.run(hears, limits));
    for mut slot in [one, other] {
        slot.expect_fresh().await;
        slot.close().await;
    }
    heard
}

async fn environment(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    let outcome = slot.run(&["environment"], SHORT).await;
    slot.close().await;
    let mut variables: Vec<_> =
        std::str::from_utf8(&outcome.stdout).expect("text").lines().collect();
    variables.sort_unstable();
    assert_eq!(
        variables,
        [
            "HOME=/work",
            "LANG=C.UTF-8",
            "OPENBLAS_NUM_THREADS=1",
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "TMPDIR=/tmp"
        ]
    );
}

async fn files_between_tests(fixture: &Fixture) {
    let mut slot = fixture.slot(&SHORT).await;
    for path in ["/work/left", "/tmp/left", "/dev/shm/left"] {
        expect_end(&slot.run_keeping(&["write", path], SHORT).await, EXITED);
        // Kept on request, as between the steps of a compilation, and removed otherwise.
        expect_end(&slot.run(&["exists", path], SHORT).await, EXITED);
        let now = slot.run(&["exists", path], SHORT).await;
        expect(&now, |outcome| outcome.ended == sandbox::Ended::Exited { code: 1 });
    }
    slot.expect_fresh().await;
    slot.close().await;
}

/// A run cannot leave a message by files and their names, links, closed directories, the areas' own
/// modes, times, owners, attributes and access lists, processes, sockets or locks.
async fn memory_of_a_cell(fixture: &Fixture) {
    let mut slot = fixture.slot(&AMPLE).await;
    for number in ["1000000", "1000001", "1000002"] {
        expect_end(&slot.run(&["remember", number, "/usr/bin/env"], AMPLE).await, EXITED);
        let recalled = slot.run(&["recall", number, "/usr/bin/env"], AMPLE).await;
        expect(&recalled, |recalled| recalled.ended == EXITED && recalled.stdout.is_empty());
    }
    slot.expect_fresh().await;
    slot.close().await;
}

/// Two submissions' cells, alive at the same time and one after the other.
async fn files_between_submissions(fixture: &Fixture) {
    let mut first = fixture.slot(&SHORT).await;
    let mut second = fixture.slot(&SHORT).await;
    for path in ["/work/left", "/tmp/left", "/dev/shm/left"] {
        expect_end(&first.run_keeping(&["write", path], SHORT).await, EXITED);
    }
    second.expect_fresh().await;
    first.close().await;
    second.expect_fresh().await;
    second.close().await;
    let mut third = fixture.slot(&SHORT).await;
    third.expect_fresh().await;
    third.close().await;
}

async fn full_area(fixture: &Fixture) {
    let cell = Limits { file_bytes: 8 * MIB, ..AMPLE };
    let mut slot = fixture.slot(&cell).await;
    let large = slot.run(&["write-mib", "32", "/work/file"], AMPLE).await;
    expect(&large, |outcome| outcome.ended == sandbox::Ended::Exited { code: 1 });
    expect_end(&slot.run(&["write-mib", "4", "/work/file"], AMPLE).await, EXITED);
    slot.expect_fresh().await;
    slot.close().await;
}

const EXITED: sandbox::Ended = sandbox::Ended::Exited { code: 0 };
