//! Safe functions for system calls that neither the standard library nor nix has. This is the
//! runner's only unsafe code.
#![allow(unsafe_code, reason = "these are the bare system calls")]

use std::ffi::CStr;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use nix::unistd::{ForkResult, Pid};

/// The capabilities that the runner needs, with their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Capability {
    Chown = 0,
    DacOverride = 1,
    Fowner = 3,
    Kill = 5,
    Setgid = 6,
    Setuid = 7,
    SysPtrace = 19,
    SysAdmin = 21,
}

/// An upper bound for capability numbers. The kernel reports its own last one as an error.
const CAPABILITY_NUMBER_MAX: i32 = 63;

/// Version 3 of the capability interface: 64 bits in two halves.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// The flag of `clone3` that gives a cgroup for the child. The `libc` crate's constant is an `int`,
/// which is too small.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilityHalf {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Gives up every capability except these, for this process and the programs it executes.
///
/// The bounding set is emptied if that is permitted; otherwise `no_new_privs` makes it irrelevant.
pub(crate) fn keep_capabilities(kept: &[Capability]) -> io::Result<()> {
    for number in 0..=CAPABILITY_NUMBER_MAX {
        // SAFETY: prctl with these arguments reads no memory.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) } != 0 {
            break;
        }
    }
    // SAFETY: as above.
    unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) };
    set_capabilities(kept)
}

/// Sets the permitted and effective sets. The permitted set can only shrink.
pub(crate) fn set_capabilities(kept: &[Capability]) -> io::Result<()> {
    let header = CapabilityHeader { version: CAPABILITY_VERSION, pid: 0 };
    let bits = kept.iter().fold(0_u32, |bits, &capability| bits | 1 << capability as u32);
    let halves = [
        CapabilityHalf { effective: bits, permitted: bits, inheritable: 0 },
        CapabilityHalf::default(),
    ];
    // SAFETY: header and halves are laid out as version 3 of the interface demands, and outlive the
    // call.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw const header, halves.as_ptr()) })
}

/// `fork`, for a process that has one thread.
pub(crate) fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the runner never starts a thread, so the child is in a consistent state and may do
    // anything.
    unsafe { nix::unistd::fork() }
}

/// Like [`fork`], with the child in a version 2 cgroup from its first instruction on. Fails with
/// kernels before 5.7 and under container engines' filters; a delegated cgroup may also refuse it.
pub(crate) fn fork_into(cgroup: BorrowedFd<'_>) -> nix::Result<ForkResult> {
    // SAFETY: zeroes are valid, and mean: nothing shared, nothing reported, on a copy of this
    // stack.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = u64::try_from(libc::SIGCHLD).expect("signals are positive");
    arguments.cgroup = u64::try_from(cgroup.as_raw_fd()).expect("descriptors are positive");
    // SAFETY: the structure is given with its own size and outlives the call; for the child, see
    // `fork`. It executes or exits without using the C library's state about threads, which is all
    // that the library's own `fork` would reset.
    let pid = unsafe {
        libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>())
    };
    match Errno::result(pid)? {
        0 => Ok(ForkResult::Child),
        pid => {
            let pid = i32::try_from(pid).expect("process ids are small");
            Ok(ForkResult::Parent { child: Pid::from_raw(pid) })
        }
    }
}

/// Lets a forked child do what this process cannot or must not do itself: runs `first` here, then
/// `help` in the child, then `last` here while the child still exists.
pub(crate) fn with_helper(
    first: impl FnOnce() -> io::Result<()>,
    help: impl FnOnce() -> io::Result<()>,
    last: impl FnOnce(Pid) -> io::Result<()>,
) -> io::Result<()> {
    let (here, there) = UnixStream::pair()?;
    match fork()? {
        ForkResult::Parent { child } => {
            drop(there);
            let done = first().and_then(|()| ask(&here)).and_then(|()| last(child));
            // The end of its stream ends the helper.
            drop(here);
            nix::sys::wait::waitpid(child, None)?;
            done
        }
        ForkResult::Child => {
            drop(here);
            let _ = answer(&there, help);
            end_fork(0)
        }
    }
}

/// Starts the helper's work and waits for its result: an error number, or 0.
fn ask(mut helper: &UnixStream) -> io::Result<()> {
    helper.write_all(&[0])?;
    let mut error = [0; 4];
    helper.read_exact(&mut error)?;
    match i32::from_ne_bytes(error) {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// The helper's side. Returns when the other side no longer needs it.
fn answer(mut asker: &UnixStream, help: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    asker.read_exact(&mut [0])?;
    let error = help().err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
    asker.write_all(&error.to_ne_bytes())?;
    asker.read(&mut [0]).map(drop)
}

/// Installs a system call filter for this process and the programs it executes.
pub(crate) fn install_filter(instructions: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(instructions.len()).map_err(io::Error::other)?,
        // The kernel only reads through it.
        filter: instructions.as_ptr().cast_mut(),
    };
    // SAFETY: the program says how long it is, and outlives the call with its instructions.
    check(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
    })
}

/// Marks every file except the standard three as close-on-exec, including those that a careless
/// parent left open.
pub(crate) fn forget_inherited() -> io::Result<()> {
    // The stream's duplicates were made by this process and are already close-on-exec. SAFETY: with
    // CLOSE_RANGE_CLOEXEC the call only sets a flag.
    check(unsafe {
        libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC)
    })
}

/// The first descriptor that no program is given.
const FIRST_FREE: RawFd = 5;

/// A duplicate with a number that [`take_conversation`] does not replace.
pub(crate) fn out_of_the_way(file: OwnedFd) -> io::Result<OwnedFd> {
    let number = fcntl(&file, FcntlArg::F_DUPFD_CLOEXEC(FIRST_FREE))?;
    // SAFETY: the kernel just made this descriptor for us, and nothing else uses it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Makes these files the descriptors 3 and 4, which a program that is executed keeps. Files that
/// had these numbers must not be used any more.
pub(crate) fn take_conversation([messages, answers]: [OwnedFd; 2]) -> io::Result<()> {
    let files = [(out_of_the_way(messages)?, 3), (out_of_the_way(answers)?, 4)];
    for (file, number) in files {
        // SAFETY: the call only changes what a number stands for.
        check(unsafe { libc::dup2(file.as_raw_fd(), number) }.into())?;
    }
    Ok(())
}

/// Ends a forked child immediately, without the exit handlers, which belong to the parent.
pub(crate) fn end_fork(code: i32) -> ! {
    // SAFETY: the call does not return.
    unsafe { libc::_exit(code) }
}

/// Keeps other processes of the same user from attaching to this one or reading its files below
/// `/proc`.
pub(crate) fn make_undumpable() -> io::Result<()> {
    // SAFETY: prctl with these arguments reads no memory.
    check(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }.into())
}

/// Makes the kernel kill this process when its parent dies.
pub(crate) fn die_with_parent() -> io::Result<()> {
    // SAFETY: prctl with these arguments reads no memory.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) }.into())
}

/// Adds attributes to a mount and everything mounted below it.
pub(crate) fn restrict_mount_tree(path: &CStr, attributes: u64) -> io::Result<()> {
    let attributes =
        libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path ends in NUL, and the structure is given with its own size; both outlive the
    // call.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    })
}

/// Resets every signal to its default action. Signals that cannot be changed are skipped.
pub(crate) fn default_signals() {
    const NUMBER_MAX: i32 = 64;
    // The kernel's structure: a handler, flags, a restorer function, and 64 bits of signals.
    let default = [0_u64; 4];
    for number in 1..=NUMBER_MAX {
        // The C library's call would skip the two signals that it reserves for itself. SAFETY: the
        // structure is as large as the kernel's and outlives the call; the default action runs no
        // handler.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                number,
                default.as_ptr(),
                std::ptr::null::<u64>(),
                size_of::<u64>(),
            )
        };
    }
}

/// An unpredictable number.
pub(crate) fn random() -> Result<u128, Errno> {
    let mut bytes = [0_u8; 16];
    // SAFETY: the buffer is given with its own size and outlives the call.
    let read = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    match Errno::result(read)? {
        16 => Ok(u128::from_ne_bytes(bytes)),
        // The kernel returns so few bytes completely, unless a signal interrupts it.
        _ => Err(Errno::EINTR),
    }
}

/// Removes every extended attribute of a file.
pub(crate) fn remove_attributes(file: BorrowedFd<'_>) -> Result<(), Errno> {
    let fd = file.as_raw_fd();
    // SAFETY: without a buffer the call only returns the required size.
    let size = unsafe { libc::flistxattr(fd, std::ptr::null_mut(), 0) };
    let mut names = match Errno::result(size) {
        Ok(size) => vec![0_u8; usize::try_from(size).unwrap_or(0)],
        Err(Errno::ENOTSUP) => return Ok(()),
        Err(error) => return Err(error),
    };
    // SAFETY: the buffer is given with its own size and outlives the call.
    let size = unsafe { libc::flistxattr(fd, names.as_mut_ptr().cast(), names.len()) };
    names.truncate(usize::try_from(Errno::result(size)?).unwrap_or(0));
    for name in names.split_inclusive(|byte| *byte == 0) {
        let name = CStr::from_bytes_with_nul(name).map_err(|_| Errno::EINVAL)?;
        // SAFETY: the name ends in NUL and outlives the call.
        Errno::result(unsafe { libc::fremovexattr(fd, name.as_ptr()) })?;
    }
    Ok(())
}

/// A file descriptor that becomes readable when the process ends.
pub(crate) fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call reads no memory.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    check(fd)?;
    // SAFETY: the kernel just made this descriptor for us, and nothing else uses it.
    Ok(unsafe { OwnedFd::from_raw_fd(RawFd::try_from(fd).expect("descriptors are small")) })
}

/// A child that has been waited for.
pub(crate) struct Reaped {
    pub(crate) pid: i32,
    pub(crate) status: i32,
    /// Processor time of the child and of all the children it waited for.
    pub(crate) cpu: Duration,
    /// The largest resident size of the child or of any child it waited for, in bytes.
    pub(crate) rss_bytes_max: u64,
}

/// The result of waiting for any child.
pub(crate) enum Reaping {
    One(Reaped),
    /// There are children, but none of them has ended.
    NoneYet,
    NoChildren,
}

/// Reaps one ended child, without blocking.
pub(crate) fn reap() -> Reaping {
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid one.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live variables of the right types.
    let pid =
        unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG | libc::__WALL, &raw mut usage) };
    match pid {
        0 => Reaping::NoneYet,
        pid if pid > 0 => Reaping::One(Reaped {
            pid,
            status,
            cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
            rss_bytes_max: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
        }),
        _ => Reaping::NoChildren,
    }
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_usec).unwrap_or(0).saturating_mul(1000).min(999_999_999),
    )
}

/// Kills every process that this one can see and may kill: in a cell, every other process.
pub(crate) fn kill_all() {
    // SAFETY: the call reads no memory. That this process is the init of a pid namespace was
    // checked at its start.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

/// An anonymous file in memory that can be sealed.
pub(crate) fn memory_file() -> io::Result<OwnedFd> {
    // SAFETY: the name is a constant that ends in NUL.
    let fd = unsafe {
        libc::memfd_create(c"stdin".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING)
    };
    check(fd.into())?;
    // SAFETY: the kernel just made this descriptor for us, and nothing else uses it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes a memory file permanently read-only.
pub(crate) fn seal_memory_file(fd: BorrowedFd<'_>) -> io::Result<()> {
    let seals = libc::F_SEAL_WRITE | libc::F_SEAL_GROW | libc::F_SEAL_SHRINK | libc::F_SEAL_SEAL;
    // SAFETY: fcntl with an integer argument reads no memory.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_ADD_SEALS, seals) }.into())
}

/// The most files sent in one message.
const SENT_FILES_MAX: usize = 4;

/// Sends bytes, with files attached to the first byte. Returns the number of bytes sent.
pub(crate) fn send_files(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    files: &[BorrowedFd<'_>],
) -> io::Result<usize> {
    let files: Vec<RawFd> = files.iter().map(AsRawFd::as_raw_fd).collect();
    let message = [ControlMessage::ScmRights(&files)];
    let bytes = [IoSlice::new(bytes)];
    Ok(sendmsg::<()>(socket.as_raw_fd(), &bytes, &message, MsgFlags::MSG_NOSIGNAL, None)?)
}

/// Receives bytes and the files attached to them. Returns the number of bytes received and the
/// files.
pub(crate) fn receive_files(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = cmsg_space!([RawFd; SENT_FILES_MAX]);
    let mut bytes = [IoSliceMut::new(bytes)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut bytes, Some(&mut space), flags)?;
    let mut files = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(received) = control {
            // SAFETY: the kernel just made these descriptors for us, and nothing else uses them.
            files.extend(received.into_iter().map(|file| unsafe { OwnedFd::from_raw_fd(file) }));
        }
    }
    Ok((message.bytes, files))
}

/// Whether this process can attach to another like a debugger. On success, it is attached.
pub(crate) fn may_trace(pid: i32) -> bool {
    // SAFETY: seizing reads no memory of ours.
    unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) == 0 }
}

/// Whether a listener on this port of the loopback address can be reached. The standard library's
/// `connect` would add half a megabyte of name lookup code.
pub(crate) fn may_connect(port: u16) -> bool {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: libc::INADDR_LOOPBACK.to_be() },
        sin_zero: [0; 8],
    };
    // SAFETY: the call reads no memory.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return false;
    }
    // SAFETY: the kernel just made this descriptor for us, and nothing else uses it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let bytes = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: the address is given with its own size and outlives the call.
    unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), bytes) == 0 }
}

/// The number of processors online. Processor time grows at most this many times as fast as wall
/// time.
pub(crate) fn processors() -> u32 {
    // SAFETY: sysconf reads no memory of ours.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    u32::try_from(count).unwrap_or(1).max(1)
}

fn check(result: i64) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
