//! The system call filter of every program: what no program that solves a problem needs, and what would widen the
//! kernel it can reach. A list of what is refused, because a list of what is allowed would break runtimes that nobody
//! has tried yet; the namespaces and the empty capability set are what holds, this is the second wall.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

/// Refused with EPERM, whatever the arguments.
const REFUSED: &[libc::c_long] = &[
    // Mounts and namespaces: CVEs live here, programs do not.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_personality,
    libc::SYS_vhangup,
    // Clocks.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    // Other processes' memory and files.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_process_madvise,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Asynchronous calls that a filter does not see.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Keyrings are not namespaced.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Shares of the machine.
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setaffinity,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_mbind,
    libc::SYS_set_mempolicy,
    // What would outlive its process, and so the run: a run leaves nothing behind.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
];

/// The same for calls that only this architecture has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_kexec_file_load,
    libc::SYS_lookup_dcookie,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// Flags of `clone` that make namespaces.
const NAMESPACE_FLAGS: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// The only address families a runtime may ask for. In a cell none of them reaches anything.
const FAMILIES: [libc::c_int; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

/// The bit that marks a call of the x32 interface, which has numbers of its own for everything.
#[cfg(target_arch = "x86_64")]
const X32_BIT: u32 = 0x4000_0000;

/// A compiled filter.
pub(crate) struct Filter(BpfProgram);

impl Filter {
    /// Compiles the filter; `None` on an architecture it is not made for.
    pub(crate) fn build() -> Option<Self> {
        let architecture = TargetArch::try_from(std::env::consts::ARCH).ok()?;
        let refused = compile(refused_rules(), libc::EPERM, architecture)?;
        Some(Self(prepend_x32_refusal(refused)))
    }

    /// Installs the filter for this process and all it becomes. `clone3` has its own small filter, because it must
    /// fail as if the kernel did not know it: the C library then falls back to `clone`, whose flags can be seen.
    pub(crate) fn install(&self, clone3: &Self) -> Result<(), seccompiler::Error> {
        seccompiler::apply_filter(&clone3.0)?;
        seccompiler::apply_filter(&self.0)
    }

    /// The filter that hides `clone3`.
    pub(crate) fn hiding_clone3() -> Option<Self> {
        let architecture = TargetArch::try_from(std::env::consts::ARCH).ok()?;
        let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        compile(rules, libc::ENOSYS, architecture).map(Self)
    }
}

fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    errno: i32,
    architecture: TargetArch,
) -> Option<BpfProgram> {
    let errno = u32::try_from(errno).ok()?;
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno), architecture)
            .ok()?;
    filter.try_into().ok()
}

fn refused_rules() -> BTreeMap<i64, Vec<SeccompRule>> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().chain(REFUSED_HERE).map(|&call| (call, Vec::new())).collect();
    let clone = NAMESPACE_FLAGS.iter().map(|&flag| {
        let flag = u64::try_from(flag).expect("flags are positive");
        rule(vec![condition(0, SeccompCmpOp::MaskedEq(flag), flag)])
    });
    rules.insert(libc::SYS_clone, clone.collect());
    let family = FAMILIES.iter().map(|&family| {
        condition(0, SeccompCmpOp::Ne, u64::try_from(family).expect("families are positive"))
    });
    rules.insert(libc::SYS_socket, vec![rule(family.collect())]);
    rules.insert(libc::SYS_ioctl, vec![rule(vec![condition(1, SeccompCmpOp::Eq, libc::TIOCSTI)])]);
    rules
}

fn rule(conditions: Vec<SeccompCondition>) -> SeccompRule {
    SeccompRule::new(conditions).expect("every rule here has a condition")
}

fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> SeccompCondition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
        .expect("arguments are numbered 0 to 5")
}

/// Calls of the x32 interface fail before the list is even looked at.
#[cfg(target_arch = "x86_64")]
fn prepend_x32_refusal(program: BpfProgram) -> BpfProgram {
    let statement = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    let mut whole = vec![
        // The call's number is the first word the filter is given.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, X32_BIT),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ];
    whole.extend(program);
    whole
}

#[cfg(not(target_arch = "x86_64"))]
fn prepend_x32_refusal(program: BpfProgram) -> BpfProgram {
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_compile() {
        assert!(Filter::build().is_some());
        assert!(Filter::hiding_clone3().is_some());
    }
}
