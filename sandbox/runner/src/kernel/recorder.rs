//! A kernel that only records its calls, in words.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use nix::sys::resource::Resource;
use nix::unistd::ForkResult;
use runner::message::CgroupPlan;

use super::{Kernel, Standard};
use crate::cores::Cores;
use crate::meter::Meter;
use crate::seccomp::Filter;
use crate::sys::Capability;

/// The effective user and group of the process.
pub(crate) const EFFECTIVE: (u32, u32) = (1000, 100);

/// Records calls instead of making them.
#[derive(Default)]
pub(crate) struct Recorder {
    /// The calls in their order, without queries.
    pub(crate) calls: Vec<String>,
    /// The index of the call that fails, counted from 0.
    pub(crate) failing: Option<usize>,
}

impl Recorder {
    /// A kernel in which the call with this index fails.
    pub(crate) fn failing_at(call: usize) -> Self {
        Self { failing: Some(call), ..Self::default() }
    }

    /// The index of the only call that begins like this.
    #[track_caller]
    pub(crate) fn place(&self, beginning: &str) -> usize {
        let places = self.places(beginning);
        let [place] = places[..] else {
            panic!("`{beginning}` is at {places:?} in {:#?}", self.calls)
        };
        place
    }

    /// The indices of the calls that begin like this.
    pub(crate) fn places(&self, beginning: &str) -> Vec<usize> {
        let calls = self.calls.iter().enumerate();
        calls.filter(|(_, call)| call.starts_with(beginning)).map(|(place, _)| place).collect()
    }

    fn record(&mut self, call: impl Into<String>) -> io::Result<()> {
        let place = self.calls.len();
        self.calls.push(call.into());
        if self.failing == Some(place) {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        Ok(())
    }
}

impl Kernel for Recorder {
    fn effective_ids(&mut self) -> (u32, u32) {
        EFFECTIVE
    }

    /// Decided by the path, so that the plans of tests determine it.
    fn is_directory(&mut self, path: &Path) -> io::Result<bool> {
        Ok(!path.starts_with("/dev") && path.extension().is_none())
    }

    fn fork(&mut self) -> io::Result<ForkResult> {
        self.record("fork")?;
        Ok(ForkResult::Child)
    }

    fn die_with_parent(&mut self) -> io::Result<()> {
        self.record("die with parent")
    }

    fn start_session(&mut self) -> io::Result<()> {
        self.record("start session")
    }

    fn execute(
        &mut self,
        program: &CStr,
        argv: &[CString],
        env: &[CString],
    ) -> io::Result<Infallible> {
        self.record(format!("execute {program:?} {argv:?} {env:?}"))?;
        // A real exec does not return. This returns so that a test can check the calls.
        Err(io::Error::other("executed"))
    }

    fn unshare(&mut self, namespaces: CloneFlags) -> io::Result<()> {
        self.record(format!("unshare {}", names(namespaces.iter_names())))
    }

    fn map_root_and(&mut self, user: u32) -> io::Result<()> {
        self.record(format!("map root and {user}"))
    }

    fn enter_cgroup_namespace(&mut self, _: &Meter) -> io::Result<()> {
        self.record("enter a cgroup namespace")
    }

    fn set_host_name(&mut self, name: &str) -> io::Result<()> {
        self.record(format!("set host name {name}"))
    }

    fn mount(
        &mut self,
        source: Option<&str>,
        target: &Path,
        kind: Option<&str>,
        flags: MsFlags,
        options: Option<&str>,
    ) -> io::Result<()> {
        let words = [source, target.to_str(), kind, Some(&names(flags.iter_names())), options];
        let words: Vec<&str> = words.into_iter().map(|word| word.unwrap_or("-")).collect();
        self.record(format!("mount {}", words.join(" ")))
    }

    fn restrict_mount_tree(&mut self, target: &Path, attributes: u64) -> io::Result<()> {
        let known = [
            ("rdonly", libc::MOUNT_ATTR_RDONLY),
            ("nosuid", libc::MOUNT_ATTR_NOSUID),
            ("nodev", libc::MOUNT_ATTR_NODEV),
            ("noexec", libc::MOUNT_ATTR_NOEXEC),
        ];
        let set = known.iter().filter(|(_, bit)| attributes & bit != 0).map(|&(name, _)| name);
        let set: Vec<&str> = set.collect();
        self.record(format!("restrict {} {}", target.display(), set.join("|")))
    }

    fn pivot_root(&mut self, new: &Path, old: &Path) -> io::Result<()> {
        self.record(format!("pivot root {} {}", new.display(), old.display()))
    }

    fn detach(&mut self, target: &Path) -> io::Result<()> {
        self.record(format!("detach {}", target.display()))
    }

    fn set_umask(&mut self, mode: u32) {
        // The real call cannot fail, so ignore a failure requested by a test.
        let _ = self.record(format!("set umask {mode:04o}"));
    }

    fn enter(&mut self, directory: &Path) -> io::Result<()> {
        self.record(format!("enter {}", directory.display()))
    }

    fn make_directory(&mut self, path: &Path) -> io::Result<()> {
        self.record(format!("make {}", path.display()))
    }

    fn write_file(&mut self, path: &Path, content: &str) -> io::Result<()> {
        self.record(format!("write {} {content:?}", path.display()))
    }

    fn link(&mut self, target: &Path, link: &Path) -> io::Result<()> {
        self.record(format!("link {} {}", link.display(), target.display()))
    }

    fn set_mode(&mut self, path: &Path, mode: u32) -> io::Result<()> {
        self.record(format!("set mode {} {mode:04o}", path.display()))
    }

    fn take_standard(&mut self, _files: Standard) -> io::Result<()> {
        self.record("take standard files")
    }

    fn forget_inherited(&mut self) -> io::Result<()> {
        self.record("forget inherited files")
    }

    fn take_conversation(&mut self, _files: [OwnedFd; 2]) -> io::Result<()> {
        self.record("take the ends of the conversation")
    }

    fn open_cgroup(&mut self, plan: &CgroupPlan) -> io::Result<Meter> {
        self.record(format!("open cgroup {plan:?}"))?;
        Meter::controlling(&CgroupPlan::None)
    }

    fn join_cgroup(&mut self, _meter: &Meter) -> io::Result<()> {
        self.record("join cgroup")
    }

    fn pin(&mut self, _cores: &Cores, core: Option<u32>) -> io::Result<()> {
        self.record(format!("pin {core:?}"))
    }

    fn limit(&mut self, resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
        let value = |value| if value == libc::RLIM_INFINITY { -1 } else { i128::from(value) };
        self.record(format!("limit {resource:?} {} {}", value(soft), value(hard)))
    }

    fn limit_core_dumps(&mut self) -> io::Result<()> {
        self.record("limit core dumps")
    }

    fn leave_groups(&mut self) -> io::Result<()> {
        self.record("leave groups")
    }

    fn become_group(&mut self, gid: u32) -> io::Result<()> {
        self.record(format!("become group {gid}"))
    }

    fn become_user(&mut self, uid: u32) -> io::Result<()> {
        self.record(format!("become user {uid}"))
    }

    fn keep_capabilities(&mut self, kept: &[Capability]) -> io::Result<()> {
        self.record(format!("keep capabilities {kept:?}"))
    }

    fn drop_capabilities(&mut self) -> io::Result<()> {
        self.record("drop capabilities")
    }

    fn set_no_new_privs(&mut self) -> io::Result<()> {
        self.record("set no_new_privs")
    }

    fn reset_signals(&mut self) -> io::Result<()> {
        self.record("reset signals")
    }

    fn install_filter(&mut self, filter: Filter) -> io::Result<()> {
        let known = [
            ("cell", Filter::of_cell()),
            ("program", Filter::of_program(true)),
            ("program without memory limit", Filter::of_program(false)),
        ];
        let name = known.iter().find(|(_, known)| *known == Some(filter));
        self.record(format!("install filter: {}", name.map_or("another", |(name, _)| name)))
    }
}

/// The names of the set flags, without their common prefix.
fn names<T>(flags: impl Iterator<Item = (&'static str, T)>) -> String {
    let names: Vec<&str> = flags
        .map(|(name, _)| name.trim_start_matches("MS_").trim_start_matches("CLONE_"))
        .collect();
    if names.is_empty() { "-".to_owned() } else { names.join("|") }
}
