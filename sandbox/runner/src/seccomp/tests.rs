use super::*;

/// A filter's decision about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allow,
    Errno(i32),
    Kill,
}

use Verdict::{Allow, Errno, Kill};

#[cfg(target_arch = "x86_64")]
const HERE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const HERE: u32 = 0xC000_00B7;

/// i386, the kernel's other interface on x86-64.
const ELSEWHERE: u32 = 0x4000_0003;

/// A filter's input, as 32-bit words: call number, architecture, instruction pointer, arguments.
fn call(architecture: u32, number: i64, arguments: &[u64]) -> [u32; 16] {
    let mut data = [0; 16];
    data[0] = number as u32;
    data[1] = architecture;
    for (index, argument) in arguments.iter().enumerate() {
        data[4 + 2 * index] = *argument as u32;
        data[5 + 2 * index] = (argument >> 32) as u32;
    }
    data
}

/// Runs a filter as the kernel would.
fn run(filter: Filter, data: &[u32; 16]) -> Verdict {
    let (mut accumulator, mut at) = (0_u32, 0_usize);
    loop {
        let sock_filter { code, jt, jf, k } = filter.instructions()[at];
        let jump = |holds: bool| usize::from(if holds { jt } else { jf });
        at += 1;
        match u32::from(code) {
            code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                accumulator = data[k as usize / 4];
            }
            code if code == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K => accumulator &= k,
            code if code == libc::BPF_JMP | libc::BPF_JA => at += k as usize,
            code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => {
                at += jump(accumulator == k);
            }
            code if code == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K => {
                at += jump(accumulator >= k);
            }
            code if code == libc::BPF_RET | libc::BPF_K => {
                return match k & libc::SECCOMP_RET_ACTION_FULL {
                    libc::SECCOMP_RET_ALLOW => Allow,
                    libc::SECCOMP_RET_ERRNO => Errno((k & libc::SECCOMP_RET_DATA) as i32),
                    _ => Kill,
                };
            }
            other => panic!("no filter here has the instruction {other:#x}"),
        }
    }
}

/// The result of a call by the runner.
fn runner(number: i64, arguments: &[u64]) -> Verdict {
    run(Filter::of_cell().expect("there is one here"), &call(HERE, number, arguments))
}

/// The result of a call by a program: all of its filters run, and the strictest verdict applies.
fn program(number: i64, arguments: &[u64]) -> Verdict {
    match runner(number, arguments) {
        Allow => {
            let own = Filter::of_program(true).expect("there is one here");
            run(own, &call(HERE, number, arguments))
        }
        refused => refused,
    }
}

fn flags(flags: i32) -> u64 {
    u64::try_from(flags).expect("flags are positive")
}

#[test]
fn what_widens_the_kernel_is_refused() {
    for number in [
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_mount_setattr,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_io_setup,
        libc::SYS_keyctl,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_pidfd_getfd,
        libc::SYS_kexec_file_load,
        libc::SYS_quotactl_fd,
        libc::SYS_process_mrelease,
        libc::SYS_swapon,
        libc::SYS_memfd_secret,
        libc::SYS_mlock,
        libc::SYS_mlock2,
        libc::SYS_mlockall,
        libc::SYS_shmget,
        libc::SYS_inotify_add_watch,
        libc::SYS_sched_setscheduler,
        libc::SYS_sched_setattr,
        libc::SYS_sched_setaffinity,
        libc::SYS_ioprio_set,
        // listmount, statmount and the three calls of the security modules, which not every C
        // library has names for.
        457,
        458,
        459,
        460,
        461,
    ] {
        assert_eq!(program(number, &[]), Errno(libc::EPERM), "call {number}");
    }
}

/// Calls that a later kernel adds are refused until they have been reviewed, and so is the x32
/// interface.
#[test]
fn what_nobody_has_judged_does_not_exist() {
    let newest_known = libc::SYS_mseal;
    assert_eq!(program(newest_known, &[]), Allow);
    for number in [newest_known + 1, 467, 1_000, 0x4000_0000, 0x4000_0000 + libc::SYS_getpid] {
        assert_eq!(program(number, &[]), Errno(libc::ENOSYS), "call {number:#x}");
    }
}

#[test]
fn the_other_interface_of_this_processor_kills() {
    let cell = Filter::of_cell().expect("there is one here");
    assert_eq!(run(cell, &call(ELSEWHERE, 20, &[])), Kill);
    let program = Filter::of_program(true).expect("there is one here");
    assert_eq!(run(program, &call(ELSEWHERE, 20, &[])), Kill);
}

#[test]
fn arguments_decide() {
    let refused = Errno(libc::EPERM);
    let thread = flags(libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_THREAD | libc::CLONE_SETTLS);
    let huge_2_mib = flags(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_HUGETLB);
    for (name, number, arguments, verdict) in [
        ("a fork", libc::SYS_clone, vec![flags(libc::SIGCHLD)], Allow),
        ("a thread", libc::SYS_clone, vec![thread], Allow),
        ("a user namespace", libc::SYS_clone, vec![flags(libc::CLONE_NEWUSER)], refused),
        ("and more", libc::SYS_clone, vec![thread | flags(libc::CLONE_NEWNET)], refused),
        ("a local socket", libc::SYS_socket, vec![flags(libc::AF_UNIX)], Allow),
        ("an internet socket", libc::SYS_socket, vec![flags(libc::AF_INET6)], Allow),
        ("a netlink socket", libc::SYS_socket, vec![flags(libc::AF_NETLINK)], refused),
        ("a virtual machine's socket", libc::SYS_socket, vec![flags(libc::AF_VSOCK)], refused),
        ("the upper half is ignored", libc::SYS_socket, vec![1 << 32 | 40], refused),
        ("is it a terminal?", libc::SYS_ioctl, vec![1, libc::TCGETS], Allow),
        ("typing", libc::SYS_ioctl, vec![0, libc::TIOCSTI], refused),
        ("pasting", libc::SYS_ioctl, vec![0, libc::TIOCLINUX], refused),
        ("typing, hidden", libc::SYS_ioctl, vec![0, 1 << 32 | libc::TIOCSTI], refused),
        ("a lock", libc::SYS_fcntl, vec![3, flags(libc::F_SETLK)], Allow),
        ("a lease", libc::SYS_fcntl, vec![3, flags(libc::F_SETLEASE)], refused),
        ("a notice", libc::SYS_fcntl, vec![3, flags(libc::F_NOTIFY)], refused),
        ("its own limits", libc::SYS_prlimit64, vec![0, 7], Allow),
        ("the runner's limits", libc::SYS_prlimit64, vec![1, 7], refused),
        ("memory", libc::SYS_mmap, vec![0, 4096, 3, flags(libc::MAP_ANONYMOUS)], Allow),
        ("huge memory", libc::SYS_mmap, vec![0, 4096, 3, huge_2_mib], refused),
        ("a file in memory", libc::SYS_memfd_create, vec![0, 1], Allow),
        ("a huge one", libc::SYS_memfd_create, vec![0, 4], refused),
        ("clone3", libc::SYS_clone3, vec![], Errno(libc::ENOSYS)),
    ] {
        assert_eq!(program(number, &arguments), verdict, "{name}");
    }
}

/// Calls that runtimes need, at their start and later.
#[test]
fn runtimes_get_what_they_need() {
    for number in [
        libc::SYS_execve,
        libc::SYS_futex,
        libc::SYS_membarrier,
        libc::SYS_rseq,
        libc::SYS_madvise,
        libc::SYS_mincore,
        libc::SYS_sched_getaffinity,
        libc::SYS_get_mempolicy,
        libc::SYS_prlimit64,
        libc::SYS_prctl,
        libc::SYS_seccomp,
        libc::SYS_flock,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_send_signal,
        libc::SYS_timerfd_create,
        libc::SYS_epoll_pwait2,
        libc::SYS_landlock_create_ruleset,
        libc::SYS_openat2,
        libc::SYS_statx,
    ] {
        assert_eq!(program(number, &[]), Allow, "call {number}");
    }
}

/// Only the runner limits the memory of such a program, by sampling what its processes have mapped.
#[test]
fn without_a_memory_limit_there_are_no_files_in_memory() {
    let strict = Filter::of_program(false).expect("there is one here");
    let data = call(HERE, libc::SYS_memfd_create, &[0, 1]);
    assert_eq!(run(strict, &data), Errno(libc::ENOSYS));
    let data = call(HERE, libc::SYS_clone3, &[]);
    assert_eq!(run(strict, &data), Errno(libc::ENOSYS));
    let data = call(HERE, libc::SYS_mmap, &[0, 4096, 3, flags(libc::MAP_ANONYMOUS)]);
    assert_eq!(run(strict, &data), Allow);
}

/// The cell's filter also applies to the runner.
#[test]
fn the_runner_can_do_its_work() {
    for number in [
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_sched_setaffinity,
        libc::SYS_clone3,
        libc::SYS_capset,
        libc::SYS_setresuid,
        libc::SYS_setresgid,
        libc::SYS_setgroups,
        libc::SYS_setsid,
        libc::SYS_prctl,
        libc::SYS_seccomp,
        libc::SYS_close_range,
        libc::SYS_wait4,
        libc::SYS_kill,
        libc::SYS_pidfd_open,
        libc::SYS_signalfd4,
        libc::SYS_ppoll,
    ] {
        assert_eq!(runner(number, &[]), Allow, "call {number}");
    }
    let sealable = u64::from(libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING);
    assert_eq!(runner(libc::SYS_memfd_create, &[0, sealable]), Allow);
    assert_eq!(runner(libc::SYS_fcntl, &[3, flags(libc::F_ADD_SEALS)]), Allow);
}

/// Each run pays for the short filter: the kernel checks and compiles it again for every program.
#[test]
fn the_filter_of_programs_is_short() {
    let instructions =
        |filter: Option<Filter>| filter.expect("there is one here").instructions().len();
    assert!(instructions(Filter::of_program(true)) <= 40);
    assert!(instructions(Filter::of_program(false)) <= 40);
    assert!(instructions(Filter::of_cell()) < 4096, "more than the kernel takes");
}
