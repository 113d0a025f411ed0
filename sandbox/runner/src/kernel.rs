//! The kernel calls of [`seal`](crate::seal) and [`spawn`](crate::spawn), which seal a cell and
//! turn a process into a program: one method for each call. Those modules decide what is called and
//! in which order; this one decides nothing.
//!
//! The security of both depends on the order, so tests replace the kernel with a recorder.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::{fs, io};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags};
use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::stat::Mode;
use nix::unistd::{ForkResult, Gid, Uid};
use runner::message::CgroupPlan;

use crate::cores::Cores;
use crate::meter::Meter;
use crate::seccomp::Filter;
use crate::sys::{self, Capability};

#[cfg(test)]
pub(crate) mod recorder;

/// Standard input, output and error of a program.
pub(crate) type Standard = [OwnedFd; 3];

/// The calls to the kernel. All except the queries change this process or what it sees.
pub(crate) trait Kernel {
    // Queries.
    fn effective_ids(&mut self) -> (u32, u32);
    fn is_directory(&mut self, path: &Path) -> io::Result<bool>;

    // Processes.
    fn fork(&mut self) -> io::Result<ForkResult>;
    fn die_with_parent(&mut self) -> io::Result<()>;
    fn start_session(&mut self) -> io::Result<()>;
    fn execute(
        &mut self,
        program: &CStr,
        argv: &[CString],
        env: &[CString],
    ) -> io::Result<Infallible>;

    // Namespaces and mounts.
    fn unshare(&mut self, namespaces: CloneFlags) -> io::Result<()>;
    /// Makes a user namespace that maps root and this user to the same users outside.
    fn map_root_and(&mut self, user: u32) -> io::Result<()>;
    /// Makes a cgroup namespace whose root is the meter's cgroup or, without one, this process's
    /// own.
    fn enter_cgroup_namespace(&mut self, meter: &Meter) -> io::Result<()>;
    fn set_host_name(&mut self, name: &str) -> io::Result<()>;
    fn mount(
        &mut self,
        source: Option<&str>,
        target: &Path,
        kind: Option<&str>,
        flags: MsFlags,
        options: Option<&str>,
    ) -> io::Result<()>;
    /// Adds attributes to a mount and everything mounted below it.
    fn restrict_mount_tree(&mut self, target: &Path, attributes: u64) -> io::Result<()>;
    fn pivot_root(&mut self, new: &Path, old: &Path) -> io::Result<()>;
    fn detach(&mut self, target: &Path) -> io::Result<()>;

    // Files.
    fn set_umask(&mut self, mode: u32);
    fn enter(&mut self, directory: &Path) -> io::Result<()>;
    /// Also makes missing parent directories.
    fn make_directory(&mut self, path: &Path) -> io::Result<()>;
    fn write_file(&mut self, path: &Path, content: &str) -> io::Result<()>;
    fn link(&mut self, target: &Path, link: &Path) -> io::Result<()>;
    fn set_mode(&mut self, path: &Path, mode: u32) -> io::Result<()>;
    fn take_standard(&mut self, files: Standard) -> io::Result<()>;
    /// Marks every file except the standard three as close-on-exec.
    fn forget_inherited(&mut self) -> io::Result<()>;
    /// Makes these files the descriptors 3 and 4.
    fn take_conversation(&mut self, files: [OwnedFd; 2]) -> io::Result<()>;

    // Limits.
    fn open_cgroup(&mut self, plan: &CgroupPlan) -> io::Result<Meter>;
    fn join_cgroup(&mut self, meter: &Meter) -> io::Result<()>;
    fn pin(&mut self, cores: &Cores, core: Option<u32>) -> io::Result<()>;
    /// Lowers a limit permanently; never raises one.
    fn limit(&mut self, resource: Resource, soft: u64, hard: u64) -> io::Result<()>;
    /// Limits core dumps to one byte, for this process and the programs it executes.
    fn limit_core_dumps(&mut self) -> io::Result<()>;

    // Privileges.
    fn leave_groups(&mut self) -> io::Result<()>;
    fn become_group(&mut self, gid: u32) -> io::Result<()>;
    fn become_user(&mut self, uid: u32) -> io::Result<()>;
    /// Gives up every other capability permanently.
    fn keep_capabilities(&mut self, kept: &[Capability]) -> io::Result<()>;
    fn drop_capabilities(&mut self) -> io::Result<()>;
    fn set_no_new_privs(&mut self) -> io::Result<()>;
    fn reset_signals(&mut self) -> io::Result<()>;
    fn install_filter(&mut self, filter: Filter) -> io::Result<()>;
}

/// The real kernel.
pub(crate) struct Linux;

impl Kernel for Linux {
    fn effective_ids(&mut self) -> (u32, u32) {
        (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw())
    }

    fn is_directory(&mut self, path: &Path) -> io::Result<bool> {
        Ok(fs::metadata(path)?.is_dir())
    }

    fn fork(&mut self) -> io::Result<ForkResult> {
        Ok(sys::fork()?)
    }

    fn die_with_parent(&mut self) -> io::Result<()> {
        sys::die_with_parent()
    }

    fn start_session(&mut self) -> io::Result<()> {
        nix::unistd::setsid()?;
        Ok(())
    }

    fn execute(
        &mut self,
        program: &CStr,
        argv: &[CString],
        env: &[CString],
    ) -> io::Result<Infallible> {
        Ok(nix::unistd::execve(program, argv, env)?)
    }

    fn unshare(&mut self, namespaces: CloneFlags) -> io::Result<()> {
        Ok(nix::sched::unshare(namespaces)?)
    }

    fn map_root_and(&mut self, user: u32) -> io::Result<()> {
        let map = format!("0 0 1\n{user} {user} 1\n");
        let runner = std::process::id();
        // Only root outside the namespace may map more than one user, so a helper outside writes
        // the maps.
        sys::with_helper(
            || Ok(nix::sched::unshare(CloneFlags::CLONE_NEWUSER)?),
            || {
                fs::write(format!("/proc/{runner}/gid_map"), &map)?;
                fs::write(format!("/proc/{runner}/uid_map"), &map)
            },
            |_| Ok(()),
        )
    }

    fn enter_cgroup_namespace(&mut self, meter: &Meter) -> io::Result<()> {
        let make = || Ok(nix::sched::unshare(CloneFlags::CLONE_NEWCGROUP)?);
        if !meter.has_cgroup() {
            return make();
        }
        // The runner is not in the cgroup that it measures, so a helper makes the namespace in
        // there.
        sys::with_helper(
            || Ok(()),
            || {
                meter.join()?;
                make()
            },
            |helper| {
                Ok(nix::sched::setns(sys::pidfd(helper.as_raw())?, CloneFlags::CLONE_NEWCGROUP)?)
            },
        )
    }

    fn set_host_name(&mut self, name: &str) -> io::Result<()> {
        Ok(nix::unistd::sethostname(name)?)
    }

    fn mount(
        &mut self,
        source: Option<&str>,
        target: &Path,
        kind: Option<&str>,
        flags: MsFlags,
        options: Option<&str>,
    ) -> io::Result<()> {
        Ok(nix::mount::mount(source, target, kind, flags, options)?)
    }

    fn restrict_mount_tree(&mut self, target: &Path, attributes: u64) -> io::Result<()> {
        let target = CString::new(target.as_os_str().as_bytes())?;
        sys::restrict_mount_tree(&target, attributes)
    }

    fn pivot_root(&mut self, new: &Path, old: &Path) -> io::Result<()> {
        Ok(nix::unistd::pivot_root(new, old)?)
    }

    fn detach(&mut self, target: &Path) -> io::Result<()> {
        Ok(nix::mount::umount2(target, MntFlags::MNT_DETACH)?)
    }

    fn set_umask(&mut self, mode: u32) {
        nix::sys::stat::umask(Mode::from_bits_truncate(mode));
    }

    fn enter(&mut self, directory: &Path) -> io::Result<()> {
        Ok(nix::unistd::chdir(directory)?)
    }

    fn make_directory(&mut self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn write_file(&mut self, path: &Path, content: &str) -> io::Result<()> {
        fs::write(path, content)
    }

    fn link(&mut self, target: &Path, link: &Path) -> io::Result<()> {
        symlink(target, link)
    }

    fn set_mode(&mut self, path: &Path, mode: u32) -> io::Result<()> {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }

    fn take_standard(&mut self, [stdin, stdout, stderr]: Standard) -> io::Result<()> {
        nix::unistd::dup2_stdin(stdin)?;
        nix::unistd::dup2_stdout(stdout)?;
        nix::unistd::dup2_stderr(stderr)?;
        Ok(())
    }

    fn forget_inherited(&mut self) -> io::Result<()> {
        sys::forget_inherited()
    }

    fn take_conversation(&mut self, files: [OwnedFd; 2]) -> io::Result<()> {
        sys::take_conversation(files)
    }

    fn open_cgroup(&mut self, plan: &CgroupPlan) -> io::Result<Meter> {
        Meter::controlling(plan)
    }

    fn join_cgroup(&mut self, meter: &Meter) -> io::Result<()> {
        meter.join()
    }

    fn pin(&mut self, cores: &Cores, core: Option<u32>) -> io::Result<()> {
        Ok(cores.pin(core)?)
    }

    fn limit(&mut self, resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
        let (_, ceiling) = getrlimit(resource)?;
        Ok(setrlimit(resource, soft.min(ceiling), hard.min(ceiling))?)
    }

    fn limit_core_dumps(&mut self) -> io::Result<()> {
        // With a limit of 0, the kernel still runs a core pattern's program for every crash, on the
        // host and as root. A limit of exactly 1 prevents that.
        match setrlimit(Resource::RLIMIT_CORE, 1, 1) {
            // A limit of 0 stays 0 without the privilege to raise it.
            Err(Errno::EPERM) => Ok(()),
            other => Ok(other?),
        }
    }

    fn leave_groups(&mut self) -> io::Result<()> {
        Ok(nix::unistd::setgroups(&[])?)
    }

    fn become_group(&mut self, gid: u32) -> io::Result<()> {
        let gid = Gid::from_raw(gid);
        Ok(nix::unistd::setresgid(gid, gid, gid)?)
    }

    fn become_user(&mut self, uid: u32) -> io::Result<()> {
        let uid = Uid::from_raw(uid);
        Ok(nix::unistd::setresuid(uid, uid, uid)?)
    }

    fn keep_capabilities(&mut self, kept: &[Capability]) -> io::Result<()> {
        sys::keep_capabilities(kept)
    }

    fn drop_capabilities(&mut self) -> io::Result<()> {
        sys::set_capabilities(&[])
    }

    fn set_no_new_privs(&mut self) -> io::Result<()> {
        Ok(prctl::set_no_new_privs()?)
    }

    fn reset_signals(&mut self) -> io::Result<()> {
        // Ignored signals stay ignored after an exec: SIGPIPE, which the standard library ignores
        // in the runner, and those that the evaluator's parent ignores.
        sys::default_signals();
        Ok(sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?)
    }

    fn install_filter(&mut self, filter: Filter) -> io::Result<()> {
        sys::install_filter(filter.instructions())
    }
}
