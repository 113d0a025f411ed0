//! Tests the order of the seal's steps, and the reasons for that order.

use std::fs::File;
use std::os::fd::AsFd;

use runner::message::{CgroupPlan, Users};

use super::*;
use crate::kernel::recorder::Recorder;

const USERS: [Users; 3] = [Users::Host, Users::Mapped, Users::One];

fn plan(users: Users) -> SealPlan {
    let bind = |path: &str| Bind { source: path.to_owned(), target: path.to_owned() };
    SealPlan {
        users,
        program_uid: 60_800,
        binds: vec![bind("/usr"), bind("/etc/ld.so.cache")],
        links: vec![("/bin".to_owned(), "usr/bin".to_owned())],
        cgroup: CgroupPlan::V2 { directory: "/sys/fs/cgroup/assay/cell-1".to_owned() },
        disk_bytes_max: 4096,
        program_bytes_max: 8192,
    }
}

fn sealed(kernel: &mut Recorder, plan: &SealPlan) -> Result<Sealed, SealError> {
    let host = File::open("/dev/null").expect("every machine has it");
    seal(kernel, plan, host.as_fd())
}

fn recorded(users: Users) -> Recorder {
    let mut kernel = Recorder::default();
    sealed(&mut kernel, &plan(users)).expect("nothing fails");
    kernel
}

const TMPFS: &str = "NOSUID|NODEV";

/// Steps 5 to 9. With and without root, they differ only in how other users' processes are hidden.
fn building(hidden: &str) -> Vec<String> {
    let mut calls: Vec<String> = [
        "set umask 0022",
        "mount - / - REC|PRIVATE -",
        "make /proc",
        "mount tmpfs /proc tmpfs NOSUID|NODEV size=1048576,nr_inodes=1000,mode=0755",
        "make /proc",
        "make /proc/usr",
        "mount /usr /proc/usr - BIND|REC -",
        "restrict /proc/usr rdonly|nosuid|nodev",
        "make /proc/etc",
        "write /proc/etc/ld.so.cache \"\"",
        "mount /etc/ld.so.cache /proc/etc/ld.so.cache - BIND|REC -",
        "restrict /proc/etc/ld.so.cache rdonly|nosuid|nodev",
        "make /proc",
        "link /proc/bin usr/bin",
        "make /proc/etc",
        "write /proc/etc/passwd \"program:x:60800:60800::/work:/bin/sh\\n\"",
        "write /proc/etc/group \"program:x:60800:\\n\"",
        "make /proc/dev",
    ]
    .map(str::to_owned)
    .into();
    for device in DEVICES {
        calls.extend([
            "make /proc/dev".to_owned(),
            format!("write /proc/dev/{device} \"\""),
            format!("mount /dev/{device} /proc/dev/{device} - BIND|REC -"),
            format!("restrict /proc/dev/{device} rdonly|nosuid|noexec"),
        ]);
    }
    let writable = "size=4096,nr_inodes=20000,mode=1777";
    calls.extend(
        [
            "link /proc/dev/fd /proc/self/fd",
            "link /proc/dev/stdin /proc/self/fd/0",
            "link /proc/dev/stdout /proc/self/fd/1",
            "link /proc/dev/stderr /proc/self/fd/2",
            "make /proc/proc",
            &format!("mount proc /proc/proc proc RDONLY|NOSUID|NODEV|NOEXEC {hidden}"),
        ]
        .map(str::to_owned),
    );
    // The recorder treats a path with an extension as a file.
    calls.extend(MASKED.split_whitespace().map(|name| match name.contains('.') {
        true => format!("mount /proc/dev/null /proc/proc/{name} - BIND -"),
        false => {
            format!("mount tmpfs /proc/proc/{name} tmpfs RDONLY|NOSUID|NODEV|NOEXEC nr_inodes=1")
        }
    }));
    calls.extend(
        [
            "make /proc/box",
            &format!(
                "mount tmpfs /proc/box tmpfs {TMPFS}|NOATIME size=8192,nr_inodes=1000,mode=0755"
            ),
            "make /proc/work",
            &format!("mount tmpfs /proc/work tmpfs {TMPFS}|NOATIME {writable}"),
            "make /proc/tmp",
            &format!("mount tmpfs /proc/tmp tmpfs {TMPFS}|NOEXEC|NOATIME {writable}"),
            "make /proc/dev/shm",
            &format!("mount tmpfs /proc/dev/shm tmpfs {TMPFS}|NOEXEC|NOATIME {writable}"),
            "enter /proc",
            "pivot root . .",
            "detach .",
            "enter /",
            "set mode / 0755",
            "mount - / - RDONLY|NOSUID|NODEV|REMOUNT|BIND -",
            "start session",
            "set host name cell",
        ]
        .map(str::to_owned),
    );
    calls
}

const MASKING: &str = "mount /proc/dev/null /proc/proc/";

const OPENING: &str = "open cgroup V2 { directory: \"/sys/fs/cgroup/assay/cell-1\" }";

#[test]
fn the_order_as_root() {
    let mut expected: Vec<String> = [
        OPENING,
        "limit core dumps",
        "leave groups",
        "enter a cgroup namespace",
        "unshare NEWNS|NEWUTS|NEWIPC|NEWPID|NEWNET",
        "fork",
        "die with parent",
    ]
    .map(str::to_owned)
    .into();
    expected.extend(building("hidepid=2"));
    expected.extend(
        [
            "keep capabilities [Chown, DacOverride, Fowner, Kill, Setgid, Setuid]",
            "set no_new_privs",
            "install filter: cell",
        ]
        .map(str::to_owned),
    );
    assert_eq!(recorded(Users::Host).calls, expected);
    // With root in a user namespace, the rest is the same.
    let place = expected.iter().position(|call| call == "leave groups").expect("it is there");
    expected.insert(place + 1, "map root and 60800".to_owned());
    assert_eq!(recorded(Users::Mapped).calls, expected);
}

#[test]
fn the_order_without_root() {
    let mut expected: Vec<String> = [
        OPENING,
        "limit core dumps",
        "leave groups",
        "unshare NEWUSER",
        "write /proc/self/setgroups \"deny\"",
        "write /proc/self/uid_map \"60800 1000 1\"",
        "write /proc/self/gid_map \"60800 100 1\"",
        "enter a cgroup namespace",
        "unshare NEWNS|NEWUTS|NEWIPC|NEWPID|NEWNET",
        "fork",
        "die with parent",
    ]
    .map(str::to_owned)
    .into();
    expected.extend(building("hidepid=4"));
    expected.extend(
        [
            "keep capabilities [DacOverride, Fowner, Kill, SysPtrace, SysAdmin]",
            "set no_new_privs",
            "install filter: cell",
        ]
        .map(str::to_owned),
    );
    assert_eq!(recorded(Users::One).calls, expected);
}

/// While mounts still propagate, a new one would appear on the host.
#[test]
fn mounts_are_private_before_anything_is_mounted() {
    for kernel in USERS.map(recorded) {
        let private = kernel.place("mount - / - REC|PRIVATE");
        assert!(kernel.places("mount").iter().all(|&mount| mount >= private));
        assert!(kernel.place("unshare NEWNS") < private, "or the host's own would be private");
    }
}

/// Between a bind and its restriction the cell could write to the host, but no program runs before
/// the pivot.
#[test]
fn what_is_bound_is_restricted_before_the_pivot() {
    for kernel in USERS.map(recorded) {
        let pivot = kernel.place("pivot root");
        // Masks are binds of a device that is already restricted.
        let places = kernel.places("mount /").into_iter();
        for place in places.filter(|place| !kernel.calls[*place].starts_with(MASKING)) {
            let target = kernel.calls[place].split(' ').nth(2).expect("a mount has a target");
            let restricted = kernel.place(&format!("restrict {target} "));
            assert_eq!(restricted, place + 1, "{target}");
            assert!(restricted < pivot);
            let toolchain = !target.starts_with("/proc/dev/");
            let attributes = if toolchain { "rdonly|nosuid|nodev" } else { "rdonly|nosuid|noexec" };
            assert!(kernel.calls[restricted].ends_with(attributes), "{target}");
        }
    }
}

/// A process that has the host's root mounted, or one of its directories open, is not in a cell.
#[test]
fn nothing_of_the_host_is_in_reach_after_the_pivot() {
    for kernel in USERS.map(recorded) {
        let pivot = kernel.place("pivot root");
        assert_eq!(kernel.calls[pivot + 1], "detach .");
        assert_eq!(kernel.calls[pivot + 2], "enter /", "the working directory was the host's root");
        let mounts = kernel.places("mount");
        let after: Vec<_> = mounts.iter().filter(|&&mount| mount > pivot).collect();
        let [&last] = after[..] else { panic!("{after:?}") };
        assert!(kernel.calls[last].starts_with("mount - / - RDONLY"), "{}", kernel.calls[last]);
    }
}

/// No mount may bring set-uid programs or devices into the cell.
#[test]
fn no_mount_has_set_uid_programs() {
    for kernel in USERS.map(recorded) {
        for place in kernel.places("mount ") {
            let call = &kernel.calls[place];
            let harmless = call.contains("NOSUID")
                || call.contains("PRIVATE")
                || call.starts_with(MASKING)
                || kernel.calls[place + 1].contains("nosuid");
            assert!(harmless, "{call}");
        }
    }
}

/// Each privilege is given up after the last step that needs it, and before any program runs.
#[test]
fn privileges_go_last_and_in_their_order() {
    for kernel in USERS.map(recorded) {
        let capabilities = kernel.place("keep capabilities");
        let privileged = ["mount", "unshare", "pivot root", "detach", "set host name", "restrict"];
        for call in privileged.iter().flat_map(|call| kernel.places(call)) {
            assert!(call < capabilities, "{}", kernel.calls[call]);
        }
        let no_new_privs = kernel.place("set no_new_privs");
        assert!(capabilities < no_new_privs);
        assert!(
            no_new_privs < kernel.place("install filter"),
            "or installing it needs a privilege"
        );
        assert_eq!(kernel.place("install filter"), kernel.calls.len() - 1);
    }
}

/// The cgroup's files are on the host's file system, which is not visible after the pivot.
#[test]
fn the_cgroup_is_opened_first() {
    for kernel in USERS.map(recorded) {
        assert_eq!(kernel.place("open cgroup"), 0);
    }
}

/// A cell is sealed by all steps or not at all.
#[test]
fn a_step_that_fails_is_the_last() {
    for users in USERS {
        let whole = recorded(users).calls;
        for (place, call) in whole.iter().enumerate() {
            // Without root, leaving groups may not be permitted, but no file that they could open
            // is visible in the cell. Setting the umask cannot fail.
            let passed_over =
                users == Users::One && call == "leave groups" || call.starts_with("set umask");
            let mut kernel = Recorder::failing_at(place);
            let result = sealed(&mut kernel, &plan(users));
            if passed_over {
                assert!(result.is_ok(), "{call}");
                assert_eq!(kernel.calls, whole);
            } else {
                let Err(error) = result else { panic!("`{call}` failed, and the cell was sealed") };
                assert_eq!(error.source.raw_os_error(), Some(libc::EPERM), "{call}");
                assert_eq!(kernel.calls, whole[..=place], "after `{call}` failed");
            }
        }
    }
}

/// A container engine has already sealed the cell.
#[test]
fn a_container_only_filters() {
    let mut kernel = Recorder::default();
    filter_calls(&mut kernel, Filter::of_cell()).expect("nothing fails");
    assert_eq!(kernel.calls, ["set no_new_privs", "install filter: cell"]);
    let mut kernel = Recorder::default();
    filter_calls(&mut kernel, None).expect("nothing fails");
    assert_eq!(kernel.calls, ["set no_new_privs"]);
}
