//! How the runner seals itself in (native sandbox). It is single-threaded and has just been
//! executed, so every step is ordinary code. Nothing runs in a fork of the multi-threaded host.
//!
//! 1. Open the cell's cgroup files, while the host's file system is still visible.
//! 2. Limit core dumps. Drop supplementary groups. If there is a new user namespace, map root and
//!    the program's user in it; without root, map only the runner's user.
//! 3. Enter a cgroup namespace whose root is the cell's cgroup. Leave the host's mount, network,
//!    IPC, UTS and process id namespaces.
//! 4. Fork. The parent waits outside: when the host is gone, it kills the child and with it the
//!    cell. The child is process 1 of the new process id namespace, and dies with its parent.
//! 5. Stop mounts from propagating in either direction.
//! 6. Mount a small tmpfs that will be the root. Bind the toolchain into it, read-only, without
//!    set-uid and devices.
//! 7. Add five harmless devices; a `/proc` that shows the program only its own processes and little
//!    of the machine; the program area and the writable areas, each with a size limit.
//! 8. `pivot_root` into the tmpfs, detach the host's file system, make the new root read-only.
//! 9. Start a new session. Set a host name that is the same for every cell.
//! 10. Give up every capability except those needed to start programs, kill them and clean up after
//!     them.
//! 11. Set `no_new_privs` and install the cell's system call filter, which programs inherit.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::mount::MsFlags;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{ForkResult, Pid};
use runner::layout;
use runner::message::{Bind, SealPlan, Users};

use crate::kernel::Kernel;
use crate::meter::Meter;
use crate::seccomp::Filter;
use crate::sys::{self, Capability};

/// The directory where the new root is assembled. Every system has it, and no bind's source is
/// below it.
const STAGING: &str = "/proc";

/// Size of the root's tmpfs, in bytes. It only holds mount points and two small files.
const ROOT_BYTES_MAX: u32 = 1 << 20;

/// The most files and directories in a writable area. This bounds the time for emptying it.
const INODES_MAX: u32 = 20_000;

/// The devices that programs may need. All of them are harmless.
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// Entries of `/proc` about the whole machine that no runtime needs: other users' activity,
/// devices, the kernel's command line, and data about each page of memory, which root may read.
const MASKED: &str = "acpi asound buddyinfo bus cmdline config.gz consoles crypto devices diskstats dma driver execdomains \
    fb fs interrupts iomem ioports irq kallsyms kcore key-users keys kpagecgroup kpagecount \
    kpageflags latency_stats locks mdstat misc modules mtrr pagetypeinfo partitions pressure sched_debug \
    schedstat scsi slabinfo softirqs swaps sys/fs sysrq-trigger timer_list tty vmallocinfo vmstat zoneinfo";

/// The result of sealing, for the runner.
pub(crate) struct Sealed {
    pub(crate) meter: Meter,
    pub(crate) program_uid: u32,
    pub(crate) own_uid: bool,
    /// Whether the program has the runner's uid, so that a read-only mount protects the program
    /// area instead of its owner.
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

fn step<T>(what: impl Into<String>, result: io::Result<T>) -> Result<T, SealError> {
    result.map_err(|source| SealError { step: what.into(), source })
}

/// Seals this process in. Only returns in the cell's process 1.
pub(crate) fn seal(
    kernel: &mut dyn Kernel,
    plan: &SealPlan,
    host: BorrowedFd<'_>,
) -> Result<Sealed, SealError> {
    let meter = step("open the cell's cgroup", kernel.open_cgroup(&plan.cgroup))?;
    step("limit core dumps", kernel.limit_core_dumps())?;
    leave_groups_and_users(kernel, plan)?;
    step("enter a cgroup namespace", kernel.enter_cgroup_namespace(&meter))?;
    leave_namespaces(kernel)?;
    become_init(kernel, host)?;
    build_root(kernel, plan)?;
    enter_root(kernel)?;
    step("start a session", kernel.start_session())?;
    step("set the host name", kernel.set_host_name(layout::HOSTNAME))?;
    let own_uid = plan.users != Users::One;
    step("drop capabilities", kernel.keep_capabilities(needed_capabilities(own_uid)))?;
    filter_calls(kernel, Filter::of_cell())?;
    Ok(Sealed { meter, program_uid: plan.program_uid, own_uid, remount_program_area: !own_uid })
}

/// The last step, and the only one if a container engine has sealed the cell.
pub(crate) fn filter_calls(
    kernel: &mut dyn Kernel,
    filter: Option<Filter>,
) -> Result<(), SealError> {
    step("set no_new_privs", kernel.set_no_new_privs())?;
    match filter {
        Some(filter) => step("install the system call filter", kernel.install_filter(filter)),
        None => Ok(()),
    }
}

/// The capabilities that process 1 needs to become another user before executing a program, and to
/// kill and clean up after that user. With only one user, it must also remount the program area,
/// and see a program in `/proc` that made itself undumpable, to measure it. Those capabilities only
/// apply to the cell's own user namespace.
fn needed_capabilities(own_uid: bool) -> &'static [Capability] {
    use Capability::{Chown, DacOverride, Fowner, Kill, Setgid, Setuid, SysAdmin, SysPtrace};
    if own_uid {
        &[Chown, DacOverride, Fowner, Kill, Setgid, Setuid]
    } else {
        &[DacOverride, Fowner, Kill, SysPtrace, SysAdmin]
    }
}

fn leave_groups_and_users(kernel: &mut dyn Kernel, plan: &SealPlan) -> Result<(), SealError> {
    let (uid, gid) = kernel.effective_ids();
    let dropped = kernel.leave_groups();
    let program = plan.program_uid;
    match plan.users {
        Users::Host => return step("drop supplementary groups", dropped),
        Users::Mapped => {
            step("drop supplementary groups", dropped)?;
            return step("map the users", kernel.map_root_and(program));
        }
        // Groups may remain: no file that they could open is visible in the cell.
        Users::One => {}
    }
    step("make a user namespace", kernel.unshare(CloneFlags::CLONE_NEWUSER))?;
    for (what, file, content) in [
        ("close the group list", "/proc/self/setgroups", "deny".to_owned()),
        ("map the user", "/proc/self/uid_map", format!("{program} {uid} 1")),
        ("map the group", "/proc/self/gid_map", format!("{program} {gid} 1")),
    ] {
        step(what, kernel.write_file(Path::new(file), &content))?;
    }
    Ok(())
}

fn leave_namespaces(kernel: &mut dyn Kernel) -> Result<(), SealError> {
    let flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWPID;
    step("make the namespaces", kernel.unshare(flags))
}

/// Forks. Only returns in the child.
fn become_init(kernel: &mut dyn Kernel, host: BorrowedFd<'_>) -> Result<(), SealError> {
    match step("fork", kernel.fork())? {
        ForkResult::Parent { child } => stand_by(child, host),
        ForkResult::Child => step("die with the parent", kernel.die_with_parent()),
    }
}

/// Waits outside the cell until the cell or the host is gone.
fn stand_by(init: Pid, host: BorrowedFd<'_>) -> ! {
    if let Ok(pidfd) = sys::pidfd(init.as_raw()) {
        // Requests no events for the host's side, so only its end is reported.
        let mut watched =
            [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN), PollFd::new(host, PollFlags::empty())];
        while poll(&mut watched, PollTimeout::NONE) == Err(nix::errno::Errno::EINTR) {}
    }
    // Harmless if it has already ended: it is a zombie and keeps its process id until the wait
    // below.
    let _ = kill(init, Signal::SIGKILL);
    let _ = nix::sys::wait::waitpid(init, None);
    sys::end_fork(0)
}

fn build_root(kernel: &mut dyn Kernel, plan: &SealPlan) -> Result<(), SealError> {
    kernel.set_umask(0o022);
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    step("make mounts private", kernel.mount(None, Path::new("/"), None, private, None))?;
    let root = format!("size={ROOT_BYTES_MAX},nr_inodes=1000,mode=0755");
    mount_tmpfs(kernel, Path::new(STAGING), &root, MsFlags::empty())?;
    for bind in &plan.binds {
        bind_toolchain(kernel, bind)?;
    }
    for (link, target) in &plan.links {
        let link = staged(link);
        make_parent(kernel, &link)?;
        step(format!("link {}", link.display()), kernel.link(Path::new(target), &link))?;
    }
    write_identity(kernel, plan.program_uid)?;
    make_devices(kernel)?;
    mount_processes(kernel, plan)?;
    mount_areas(kernel, plan)
}

fn bind_toolchain(kernel: &mut dyn Kernel, bind: &Bind) -> Result<(), SealError> {
    let attributes = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    bind_path(kernel, Path::new(&bind.source), &staged(&bind.target), attributes)
}

fn bind_path(
    kernel: &mut dyn Kernel,
    source: &Path,
    target: &Path,
    attributes: u64,
) -> Result<(), SealError> {
    let name = source.display();
    make_parent(kernel, target)?;
    let room = match kernel.is_directory(source) {
        Ok(true) => kernel.make_directory(target),
        Ok(false) => kernel.write_file(target, ""),
        Err(error) => Err(error),
    };
    step(format!("make room for {name}"), room)?;
    // Recursive, because a user namespace must not uncover what is beneath mounts inside the
    // source.
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    let bound = kernel.mount(source.to_str(), target, None, flags, None);
    step(format!("bind {name}"), bound)?;
    step(format!("restrict {name}"), kernel.restrict_mount_tree(target, attributes))
}

fn make_parent(kernel: &mut dyn Kernel, path: &Path) -> Result<(), SealError> {
    match path.parent() {
        Some(parent) => make(kernel, parent),
        None => Ok(()),
    }
}

fn make(kernel: &mut dyn Kernel, directory: &Path) -> Result<(), SealError> {
    step(format!("make {}", directory.display()), kernel.make_directory(directory))
}

/// The minimal user and group entries that runtimes look up.
fn write_identity(kernel: &mut dyn Kernel, uid: u32) -> Result<(), SealError> {
    let (etc, home) = (staged("/etc"), layout::WORK);
    make(kernel, &etc)?;
    let passwd = format!("program:x:{uid}:{uid}::{home}:/bin/sh\n");
    step("write /etc/passwd", kernel.write_file(&etc.join("passwd"), &passwd))?;
    let group = format!("program:x:{uid}:\n");
    step("write /etc/group", kernel.write_file(&etc.join("group"), &group))
}

fn make_devices(kernel: &mut dyn Kernel) -> Result<(), SealError> {
    let dev = staged("/dev");
    make(kernel, &dev)?;
    for device in DEVICES {
        // Read-only, because their modes, owners and times belong to the host. Writing to the
        // devices still works.
        let attributes =
            libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;
        bind_path(kernel, &Path::new("/dev").join(device), &dev.join(device), attributes)?;
    }
    for (link, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        step(format!("link /dev/{link}"), kernel.link(Path::new(target), &dev.join(link)))?;
    }
    Ok(())
}

fn mount_processes(kernel: &mut dyn Kernel, plan: &SealPlan) -> Result<(), SealError> {
    let target = staged("/proc");
    make(kernel, &target)?;
    // Read-only, because the kernel's settings check the writer's user and not its capabilities.
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    // The program only sees processes that it may trace. `hidepid=2` shows all processes to root's
    // group, which the program may be in if it has no user of its own. In that case the runner may
    // trace.
    let hidden = if plan.users == Users::One { "hidepid=4" } else { "hidepid=2" };
    let mounted = kernel.mount(Some("proc"), &target, Some("proc"), flags, Some(hidden));
    step("mount /proc", mounted)?;
    MASKED.split_whitespace().try_for_each(|name| mask(kernel, &target.join(name)))
}

/// Hides a path behind an empty directory or `/dev/null`.
fn mask(kernel: &mut dyn Kernel, path: &Path) -> Result<(), SealError> {
    let masked = match kernel.is_directory(path) {
        Ok(true) => {
            let flags =
                MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            kernel.mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some("nr_inodes=1"))
        }
        Ok(false) => kernel.mount(staged("/dev/null").to_str(), path, None, MsFlags::MS_BIND, None),
        // This kernel does not have it.
        Err(_) => Ok(()),
    };
    step(format!("mask {}", path.display()), masked)
}

fn mount_areas(kernel: &mut dyn Kernel, plan: &SealPlan) -> Result<(), SealError> {
    // No access times: they would show a run what an earlier run has read.
    let program = format!("size={},nr_inodes=1000,mode=0755", plan.program_bytes_max);
    mount_tmpfs(kernel, &staged(layout::PROGRAM), &program, MsFlags::MS_NOATIME)?;
    let writable = format!("size={},nr_inodes={INODES_MAX},mode=1777", plan.disk_bytes_max);
    for area in layout::WRITABLE {
        let noexec = if area == layout::WORK { MsFlags::empty() } else { MsFlags::MS_NOEXEC };
        mount_tmpfs(kernel, &staged(area), &writable, MsFlags::MS_NOATIME | noexec)?;
    }
    Ok(())
}

fn mount_tmpfs(
    kernel: &mut dyn Kernel,
    target: &Path,
    options: &str,
    flags: MsFlags,
) -> Result<(), SealError> {
    make(kernel, target)?;
    let flags = flags | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let mounted = kernel.mount(Some("tmpfs"), target, Some("tmpfs"), flags, Some(options));
    step(format!("mount {}", target.display()), mounted)
}

fn enter_root(kernel: &mut dyn Kernel) -> Result<(), SealError> {
    let (here, root) = (Path::new("."), Path::new("/"));
    step("enter the new root", kernel.enter(Path::new(STAGING)))?;
    step("pivot", kernel.pivot_root(here, here))?;
    step("detach the host's file system", kernel.detach(here))?;
    step("enter the root", kernel.enter(root))?;
    step("set the root's mode", kernel.set_mode(root, 0o755))?;
    let flags = MsFlags::MS_REMOUNT
        | MsFlags::MS_BIND
        | MsFlags::MS_RDONLY
        | MsFlags::MS_NOSUID
        | MsFlags::MS_NODEV;
    step("make the root read-only", kernel.mount(None, root, None, flags, None))
}

/// A path of the cell, while its root is being assembled.
fn staged(path: &str) -> PathBuf {
    Path::new(STAGING).join(path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests;
