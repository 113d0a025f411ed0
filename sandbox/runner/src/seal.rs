//! How the runner seals itself in (the native sandbox). It is single-threaded and was just executed, so every step is
//! ordinary code; nothing happens in a fork of the many-threaded host.
//!
//! 1. Open the cell's cgroup files, while the host's file system is still there.
//! 2. Drop supplementary groups. In a new user namespace, map one uid and one gid.
//! 3. Leave the host's mount, network, IPC, UTS, cgroup and process id namespaces.
//! 4. Fork. The parent stands by outside: when the host goes away it kills the child, and with it the cell. The child
//!    is process 1 of the new process id namespace, and dies if its parent does.
//! 5. Stop mounts from propagating in either direction.
//! 6. Mount a small tmpfs to become the root; bind the toolchain into it, read-only, without set-uid and devices.
//! 7. Add five harmless devices, a process file system that shows the program only its own processes, the read-only
//!    program area and the writable areas, each of limited size.
//! 8. `pivot_root` into it, detach the host's file system, make the new root read-only.
//! 9. Start a session of its own, under a host name that says nothing.
//! 10. Give up every capability but those needed to start, kill and clean up after programs.

use std::{
    ffi::CString,
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::{PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::{CloneFlags, unshare},
    sys::{
        signal::{Signal, kill},
        stat::{Mode, umask},
    },
    unistd::{
        ForkResult, Pid, chdir, getegid, geteuid, pivot_root, setgroups, sethostname, setsid,
    },
};
use runner::{
    layout,
    message::{Bind, SealPlan},
};

use crate::{
    meter::Meter,
    spawn,
    sys::{self, Capability},
    wire::Wire,
};

/// Where the new root is put together: a directory that every system has and no bind comes from.
const STAGING: &str = "/proc";

/// Size of the root's tmpfs: it only holds mount points and two small files.
const ROOT_BYTES_MAX: u32 = 1 << 20;

/// Files and directories a writable area may hold. Bounds how long emptying it takes.
const INODES_MAX: u32 = 20_000;

/// The devices a program may want. None of them reaches anything.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// What the sealed runner has to work with.
pub(crate) struct Sealed {
    pub(crate) meter: Meter,
    pub(crate) program_uid: u32,
    pub(crate) own_uid: bool,
    /// The program has the runner's uid, so the program area is protected by its mount instead of its owner.
    pub(crate) remount_program_area: bool,
}

/// A step of the seal that failed.
#[derive(Debug, thiserror::Error)]
#[error("{step}")]
pub(crate) struct SealError {
    step: String,
    #[source]
    source: io::Error,
}

fn step<T>(
    what: impl Into<String>,
    result: Result<T, impl Into<io::Error>>,
) -> Result<T, SealError> {
    result.map_err(|source| SealError { step: what.into(), source: source.into() })
}

/// Seals this process in. Returns in the cell's process 1 only.
pub(crate) fn seal(plan: &SealPlan, wire: &Wire) -> Result<Sealed, SealError> {
    let meter = step("open the cell's cgroup", Meter::controlling(&plan.cgroup))?;
    leave_groups_and_users(plan)?;
    leave_namespaces()?;
    become_init(wire)?;
    build_root(plan)?;
    enter_root()?;
    step("start a session", setsid())?;
    step("set the host name", sethostname(layout::HOSTNAME))?;
    let own_uid = !plan.user_namespace;
    step("drop capabilities", sys::keep_capabilities(needed_capabilities(own_uid)))?;
    Ok(Sealed { meter, program_uid: plan.program_uid, own_uid, remount_program_area: !own_uid })
}

/// What process 1 needs: to become another user before executing, to kill and clean up after that user. Where there is
/// only one user, remounting the program area takes the place of ownership; the capability reaches no further than the
/// cell's own user namespace.
fn needed_capabilities(own_uid: bool) -> &'static [Capability] {
    use Capability::{Chown, DacOverride, Fowner, Kill, Setgid, Setuid, SysAdmin};
    if own_uid {
        &[Chown, DacOverride, Fowner, Kill, Setgid, Setuid]
    } else {
        &[DacOverride, Fowner, Kill, SysAdmin]
    }
}

fn leave_groups_and_users(plan: &SealPlan) -> Result<(), SealError> {
    let (uid, gid) = (geteuid(), getegid());
    let dropped = setgroups(&[]);
    if !plan.user_namespace {
        return step("drop supplementary groups", dropped);
    }
    // Without root, groups stay; nothing they could open is visible in the cell.
    step("make a user namespace", unshare(CloneFlags::CLONE_NEWUSER))?;
    step("close the group list", fs::write("/proc/self/setgroups", "deny"))?;
    step("map the user", fs::write("/proc/self/uid_map", format!("{} {uid} 1", plan.program_uid)))?;
    step("map the group", fs::write("/proc/self/gid_map", format!("{} {gid} 1", plan.program_uid)))
}

fn leave_namespaces() -> Result<(), SealError> {
    let flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP
        | CloneFlags::CLONE_NEWPID;
    step("make the namespaces", unshare(flags))
}

/// Forks; returns in the child only.
fn become_init(wire: &Wire) -> Result<(), SealError> {
    match step("fork", spawn::fork())? {
        ForkResult::Parent { child } => stand_by(child, wire.host()),
        ForkResult::Child => step("die with the parent", sys::die_with_parent()),
    }
}

/// Waits outside the cell until the cell or the host is gone.
fn stand_by(init: Pid, host: BorrowedFd<'_>) -> ! {
    if let Ok(pidfd) = sys::pidfd(init.as_raw()) {
        // No events are asked for on the host's side: only its end is reported.
        let mut watched =
            [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN), PollFd::new(host, PollFlags::empty())];
        while poll(&mut watched, PollTimeout::NONE) == Err(nix::errno::Errno::EINTR) {}
    }
    // Harmless when it has ended already: it stays a zombie, and its number taken, until it is waited for below.
    let _ = kill(init, Signal::SIGKILL);
    let _ = nix::sys::wait::waitpid(init, None);
    sys::end_fork(0)
}

fn build_root(plan: &SealPlan) -> Result<(), SealError> {
    umask(Mode::from_bits_truncate(0o022));
    step(
        "make mounts private",
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>),
    )?;
    let root = format!("size={ROOT_BYTES_MAX},nr_inodes=1000,mode=0755");
    mount_tmpfs(STAGING, &root, MsFlags::empty())?;
    for bind in &plan.binds {
        bind_toolchain(bind)?;
    }
    for (link, target) in &plan.links {
        let link = staged(link);
        step(
            format!("link {}", link.display()),
            make_parent(&link).and_then(|()| symlink(target, &link)),
        )?;
    }
    write_identity(plan.program_uid)?;
    make_devices()?;
    mount_processes()?;
    mount_areas(plan)
}

fn bind_toolchain(bind: &Bind) -> Result<(), SealError> {
    let attributes = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    bind_path(&bind.source, &staged(&bind.target), attributes)
}

fn bind_path(source: &str, target: &Path, attributes: u64) -> Result<(), SealError> {
    step(format!("make room for {source}"), make_mount_point(Path::new(source), target))?;
    // Recursive: a user namespace may not look beneath what is mounted inside the source.
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    step(format!("bind {source}"), mount(Some(source), target, None::<&str>, flags, None::<&str>))?;
    let target = CString::new(target.as_os_str().as_encoded_bytes())
        .expect("plans hold no NUL: they were paths of the host");
    step(format!("restrict {source}"), sys::restrict_mount_tree(&target, attributes))
}

fn make_mount_point(source: &Path, target: &Path) -> io::Result<()> {
    make_parent(target)?;
    if fs::metadata(source)?.is_dir() { fs::create_dir_all(target) } else { fs::write(target, "") }
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// The least that runtimes look up about who they are.
fn write_identity(uid: u32) -> Result<(), SealError> {
    let etc = staged("/etc");
    step("make /etc", fs::create_dir_all(&etc))?;
    let home = layout::WORK;
    step(
        "write /etc/passwd",
        fs::write(etc.join("passwd"), format!("program:x:{uid}:{uid}::{home}:/bin/sh\n")),
    )?;
    step("write /etc/group", fs::write(etc.join("group"), format!("program:x:{uid}:\n")))
}

fn make_devices() -> Result<(), SealError> {
    let dev = staged("/dev");
    step("make /dev", fs::create_dir_all(&dev))?;
    for device in DEVICES {
        let attributes = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;
        bind_path(&format!("/dev/{device}"), &dev.join(device), attributes)?;
    }
    for (link, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        step(format!("link /dev/{link}"), symlink(target, dev.join(link)))?;
    }
    Ok(())
}

fn mount_processes() -> Result<(), SealError> {
    let target = staged("/proc");
    step("make /proc", fs::create_dir_all(&target))?;
    // Read-only, because the kernel's settings ask who writes to them and not what that one may do: the program of a
    // user namespace may be root outside.
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    step("mount /proc", mount(Some("proc"), &target, Some("proc"), flags, Some("hidepid=2")))
}

fn mount_areas(plan: &SealPlan) -> Result<(), SealError> {
    // Access times would tell a run what an earlier one has read.
    let program = format!("size={},nr_inodes=1000,mode=0755", plan.program_bytes_max);
    mount_tmpfs(staged(layout::PROGRAM), &program, MsFlags::MS_NOATIME)?;
    let writable = format!("size={},nr_inodes={INODES_MAX},mode=1777", plan.disk_bytes_max);
    for area in layout::WRITABLE {
        let noexec = if area == layout::WORK { MsFlags::empty() } else { MsFlags::MS_NOEXEC };
        mount_tmpfs(staged(area), &writable, MsFlags::MS_NOATIME | noexec)?;
    }
    Ok(())
}

fn mount_tmpfs(target: impl AsRef<Path>, options: &str, flags: MsFlags) -> Result<(), SealError> {
    let target = target.as_ref();
    step(format!("make {}", target.display()), fs::create_dir_all(target))?;
    let flags = flags | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    step(
        format!("mount {}", target.display()),
        mount(Some("tmpfs"), target, Some("tmpfs"), flags, Some(options)),
    )
}

fn enter_root() -> Result<(), SealError> {
    step("enter the new root", chdir(STAGING))?;
    step("pivot", pivot_root(".", "."))?;
    step("detach the host's file system", umount2(".", MntFlags::MNT_DETACH))?;
    step("enter the root", chdir("/"))?;
    step("set the root's mode", fs::set_permissions("/", fs::Permissions::from_mode(0o755)))?;
    let flags = MsFlags::MS_REMOUNT
        | MsFlags::MS_BIND
        | MsFlags::MS_RDONLY
        | MsFlags::MS_NOSUID
        | MsFlags::MS_NODEV;
    step("make the root read-only", mount(None::<&str>, "/", None::<&str>, flags, None::<&str>))
}

/// A path of the cell, while it is being put together.
fn staged(path: &str) -> PathBuf {
    Path::new(STAGING).join(path.trim_start_matches('/'))
}
