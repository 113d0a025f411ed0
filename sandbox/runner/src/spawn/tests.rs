//! Tests the order of the steps from fork to exec, and the reasons for that order. Also tests
//! starting a real process in a cgroup.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::pipe2;
use runner::message::CgroupPlan;

use super::*;
use crate::cores::Cores;
use crate::kernel::recorder::Recorder;
use crate::seccomp::Filter;
use crate::signals::Signals;

fn cell(own_uid: bool, filter: Option<Filter>) -> Cell {
    Cell {
        meter: Meter::controlling(&CgroupPlan::None).expect("nothing is opened"),
        signals: Signals::take().expect("a thread may block its signals"),
        filter,
        program_uid: 60_801,
        own_uid,
        cores: Cores::of_this_machine(),
        last_core: Some(0),
        standby: None,
        link: None,
    }
}

fn command() -> Command {
    Command {
        argv: vec!["/box/program".to_owned(), "-x".to_owned()],
        env: vec![("LANG".to_owned(), "C".to_owned())],
        stdin_bytes: 0,
        linked: false,
        talks: false,
        accepting: Vec::new(),
        cpu: Duration::from_secs(1),
        wall: Duration::from_secs(3),
        memory_bytes: 1 << 20,
        processes: 5,
        open_files: 16,
        stdout_bytes: 10,
        drop_excess: false,
        stderr_bytes: 10,
        file_bytes: 4096,
        stack_bytes: None,
        keep_files: false,
        core: Some(1),
    }
}

fn started(kernel: &mut Recorder, cell: &Cell, born: Born) -> Failed {
    if let Err(stopped) = get_ready(kernel, cell, born) {
        return stopped;
    }
    let null = || OwnedFd::from(File::open("/dev/null").expect("every machine has it"));
    let Err(stopped) = become_program(kernel, cell, &command(), [null(), null(), null()], None);
    stopped
}

fn recorded(cell: &Cell, born: Born) -> Recorder {
    let mut kernel = Recorder::default();
    let (step, error) = started(&mut kernel, cell, born);
    assert_eq!((step, error.to_string().as_str()), ("execute the program", "executed"));
    kernel
}

const LIMITS: [&str; 8] = [
    "limit RLIMIT_CPU 3 4",
    "limit RLIMIT_FSIZE 4096 4096",
    "limit RLIMIT_NOFILE 16 16",
    "limit RLIMIT_STACK -1 -1",
    "limit RLIMIT_MEMLOCK 0 0",
    "limit RLIMIT_MSGQUEUE 0 0",
    "limit RLIMIT_RTPRIO 0 0",
    "limit RLIMIT_NICE 0 0",
];

const BEGINNING: [&str; 3] =
    ["pin Some(0)", "start session", "write /proc/self/oom_score_adj \"1000\""];

const FILES: [&str; 5] = [
    "take standard files",
    "forget inherited files",
    "pin Some(1)",
    "enter /work",
    "set umask 0022",
];

const USER: [&str; 3] = ["leave groups", "become group 60801", "become user 60801"];

const EXECUTION: &str = "execute \"/box/program\" [\"/box/program\", \"-x\"] \
    [\"PATH=/usr/local/bin:/usr/bin:/bin\", \"HOME=/work\", \"TMPDIR=/tmp\", \
     \"OPENBLAS_NUM_THREADS=1\", \"LANG=C\"]";

#[test]
fn the_order_with_a_user_of_its_own() {
    let kernel = recorded(&cell(true, Filter::of_program(true)), Born::Outside);
    let expected = [
        &BEGINNING[..],
        &["join cgroup"],
        &FILES,
        &LIMITS,
        // Only the program has this user, so no other processes count.
        &["limit RLIMIT_NPROC 5 5"],
        &USER,
        &["drop capabilities", "set no_new_privs", "reset signals", "install filter: program"],
        &[EXECUTION],
    ];
    assert_eq!(kernel.calls, expected.concat());
}

/// The kernel starts the program in its cgroup, the program shares the runner's user, and there is
/// no filter.
#[test]
fn the_order_with_the_least() {
    let kernel = recorded(&cell(false, None), Born::InCgroup);
    let expected = [
        &BEGINNING[..],
        &FILES,
        &LIMITS,
        // The runner and its parent outside also count.
        &["limit RLIMIT_NPROC 7 7"],
        &["drop capabilities", "set no_new_privs", "reset signals"],
        &[EXECUTION],
    ];
    assert_eq!(kernel.calls, expected.concat());
}

/// Every way to start a program.
fn ways() -> Vec<Recorder> {
    let strict = Filter::of_program(false);
    let mut ways = Vec::new();
    for born in [Born::Outside, Born::InCgroup] {
        for (own_uid, filter) in [(true, strict), (true, None), (false, strict), (false, None)] {
            ways.push(recorded(&cell(own_uid, filter), born));
        }
    }
    ways
}

/// Raising a hard limit needs a privilege, and a user's limits apply as soon as the process becomes
/// that user.
#[test]
fn limits_come_before_the_user() {
    for kernel in ways() {
        let last = *kernel.places("limit ").last().expect("there are limits");
        assert!(kernel.places("become user").iter().all(|&user| last < user));
        assert!(last < kernel.place("drop capabilities"));
    }
}

/// After becoming the user, the process could no longer change its groups.
#[test]
fn groups_come_before_the_user() {
    let kernel = recorded(&cell(true, None), Born::Outside);
    assert!(kernel.place("leave groups") < kernel.place("become group"));
    assert!(kernel.place("become group") < kernel.place("become user"));
}

/// The filter refuses calls that earlier steps need. With `no_new_privs`, a process without
/// capabilities can install it.
#[test]
fn capabilities_go_before_no_new_privs_before_the_filter_before_the_program() {
    for kernel in ways() {
        let capabilities = kernel.place("drop capabilities");
        let no_new_privs = kernel.place("set no_new_privs");
        let execution = kernel.place("execute");
        assert!(capabilities < no_new_privs && no_new_privs < execution);
        for filter in kernel.places("install filter") {
            assert!(no_new_privs < filter && filter + 1 == execution);
        }
    }
}

/// All memory and processor time after this step counts as the program's.
#[test]
fn the_cgroup_is_joined_before_any_of_the_programs_files_is_touched() {
    let kernel = recorded(&cell(true, None), Born::Outside);
    assert!(kernel.place("join cgroup") < kernel.place("take standard files"));
}

/// A program starts with all of its restrictions or not at all.
#[test]
fn a_step_that_fails_is_the_last() {
    for own_uid in [true, false] {
        let cell = cell(own_uid, Filter::of_program(true));
        let whole = recorded(&cell, Born::Outside).calls;
        for (place, call) in whole.iter().enumerate() {
            let mut kernel = Recorder::failing_at(place);
            let (_, error) = started(&mut kernel, &cell, Born::Outside);
            // Being killed first when memory runs out is only a preference. Setting the umask
            // cannot fail.
            if call.contains("oom_score_adj") || call.starts_with("set umask") {
                assert_eq!(kernel.calls, whole);
            } else {
                assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{call}");
                assert_eq!(kernel.calls, whole[..=place], "after `{call}` failed");
            }
        }
    }
}

/// The mount point of this machine's version 2 cgroups.
fn cgroup2() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("every process has it");
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (place, kind) = (words.next()?, words.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(place))
    })
}

/// A cgroup that is removed when the test ends, even if it panics.
struct Cgroup(PathBuf);

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Starts a process like a run does. Returns where it was started and its cgroups.
fn born_where(meter: &Meter) -> (Born, String) {
    let (hold, release) = pipe2(OFlag::O_CLOEXEC).expect("a pipe can be made");
    let (forked, born) = start(meter).expect("a process can be made");
    match forked {
        ForkResult::Child => {
            // Other tests' threads do not exist in the child, but their locks may be held. So only
            // make bare system calls.
            let _ = nix::unistd::read(&hold, &mut [0]);
            sys::end_fork(0)
        }
        ForkResult::Parent { child } => {
            let cgroups = fs::read_to_string(format!("/proc/{child}/cgroup"));
            nix::unistd::write(&release, &[0]).expect("the child holds the other end");
            assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
            (born, cgroups.expect("the child is alive"))
        }
    }
}

/// Tests the real call on a machine with version 2 cgroups and root, and the fallback elsewhere.
#[test]
fn programs_are_born_in_their_cgroup() {
    let root = cgroup2().filter(|root| {
        nix::unistd::geteuid().is_root() && fs::metadata(root).is_ok_and(|it| it.uid() == 0)
    });
    let Some(root) = root else {
        let meter = Meter::controlling(&CgroupPlan::None).expect("nothing is opened");
        assert!(meter.cgroup().is_none());
        assert_eq!(born_where(&meter).0, Born::Outside);
        return;
    };
    let name = format!("assay-spawn-{}", std::process::id());
    let cgroup = Cgroup(root.join(&name));
    fs::create_dir(&cgroup.0).expect("root may make a cgroup where cgroup2 is mounted");
    let directory = cgroup.0.to_string_lossy().into_owned();
    let meter = Meter::controlling(&CgroupPlan::V2 { directory }).expect("it was just made");
    let (born, cgroups) = born_where(&meter);
    assert_eq!(born, Born::InCgroup);
    let own = cgroups.lines().find(|line| line.starts_with("0::")).expect("there is version 2");
    assert!(own.ends_with(&format!("/{name}")), "{own}");
}

/// The kernel refuses to start a process in an ordinary directory.
#[test]
fn a_refused_cgroup_is_joined_instead() {
    let directory = std::env::temp_dir().join(format!("assay-no-cgroup-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a temporary directory");
    fs::write(directory.join("cgroup.procs"), "").expect("written");
    let plan = CgroupPlan::V2 { directory: directory.to_string_lossy().into_owned() };
    let meter = Meter::controlling(&plan).expect("enough is there");
    assert!(meter.cgroup().is_some());
    assert_eq!(born_where(&meter).0, Born::Outside);
    fs::remove_dir_all(&directory).expect("removed");
}
