//! Programs that ask the network, the kernel or the host for more than a program needs.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::Duration;

use futures::FutureExt;
use sandbox::Limits;

use crate::case::Check::{Never, Prints, Soon};
use crate::case::{AMPLE, Case, End, Mode, SHORT, line, probe, steps};
use crate::fixture::{Fixture, expect};

const CGROUP: &str = "the engine shows the container's own cgroup, read-only";

pub(crate) fn cases() -> Vec<Case> {
    [network(), calls(), host()].concat()
}

fn network() -> Vec<Case> {
    line(
        "TCP/UDP/ICMP/DNS out, to Redis/Mongo/metadata 169.254.169.254, bind, loopback to another slot",
        [
            refused("TCP to the world", &["tcp", "53", "8.8.8.8"]).checks(&[Prints(""), Soon]),
            refused("TCP to the metadata service", &["tcp", "80", "169.254.169.254"]),
            refused("TCP to a private network", &["tcp", "6379", "172.17.0.1"]),
            refused("TCP to Redis", &["tcp", "6379", "127.0.0.1"]),
            refused("TCP to MongoDB", &["tcp", "27017", "127.0.0.1"]),
            refused("UDP", &["udp", "53", "8.8.8.8"]),
            refused("DNS of a container engine", &["udp", "53", "127.0.0.11"])
                // If there is a loopback, packets to it go nowhere.
                .ends(&[End::REFUSED, End::SUCCESS])
                .checks(&[Soon]),
            refused("ICMP", &["icmp"]),
            // If there is a loopback, it is the cell's own.
            probe("bind", &["listen-tcp", "1", "8080"]).ends(&[End::SUCCESS, End::REFUSED]),
            steps("listeners on the host", |fixture| listeners(fixture).boxed()),
            filtered(
                "other address families",
                &["filtered", "socket-netlink", "socket-packet", "socket-alg"],
            ),
        ],
    )
}

fn calls() -> Vec<Case> {
    [
        line(
            "io_uring_setup, userfaultfd, bpf, perf_event_open, keyctl, add_key, personality, kexec, init_module, quotactl, open_by_handle_at, name_to_handle_at",
            [
                filtered("io_uring", &["filtered", "io_uring_setup", "io_uring_enter", "io_uring_register"]),
                // One cell could use up the whole machine's supply of these.
                filtered("asynchronous input and output", &["filtered", "io_setup"]),
                filtered("userfaultfd", &["filtered", "userfaultfd"]),
                filtered("bpf", &["filtered", "bpf"]),
                filtered("perf_event_open", &["filtered", "perf_event_open"]),
                filtered("keyctl", &["filtered", "keyctl"]),
                filtered("add_key", &["filtered", "add_key", "request_key"]),
                filtered("personality", &["filtered", "personality"]),
                filtered("kexec", &["filtered", "kexec_load", "kexec_file_load"]),
                filtered("modules", &["filtered", "init_module", "finit_module", "delete_module"]),
                filtered("quotactl", &["filtered", "quotactl", "quotactl_fd"]),
                filtered("open_by_handle_at", &["filtered", "open_by_handle_at"]),
                filtered("name_to_handle_at", &["filtered", "name_to_handle_at"]),
                filtered("System V objects", &["filtered", "shmget", "semget", "msgget", "mq_open"]),
                filtered("clocks", &["filtered", "clock_settime", "settimeofday", "adjtimex"]),
                filtered("devices", &["filtered", "ioperm", "iopl", "modify_ldt"]),
                filtered("names", &["filtered", "sethostname", "setdomainname"]),
                filtered("attributes and flags of files", &["filtered", "setxattr", "fsetxattr", "flags-of-files", "flags-of-files-extended"]),
                filtered("the machine's unwritten data", &["filtered", "sync", "syncfs"]),
                filtered("numbers of sockets and namespaces", &["filtered", "socket-cookie", "namespace-cookie"]),
                filtered("accounting and swap", &["filtered", "acct", "swapon", "vhangup", "lookup_dcookie"]),
                filtered("other processes' pages and files", &["filtered", "migrate_pages", "fanotify_init"]),
            ],
        ),
        line(
            "32-bit int 0x80 / x32 syscalls to dodge the filter",
            [
                // 20 is getpid and 21 is mount in the old table. How the program ends depends on
                // the kernel's support.
                probe("int 0x80, getpid", &["old-interface", "20"]).ends(DODGED),
                probe("int 0x80, mount", &["old-interface", "21"]).ends(DODGED),
                probe("x32, getpid", &["x32-interface", "39"]).ends(DODGED),
                probe("x32, mount", &["x32-interface", "165"]).ends(DODGED),
            ],
        ),
        line(
            "clone3 with CLONE_NEWUSER, cgroup write, release_agent, core_pattern",
            [
                filtered("clone", &["filtered", "clone", "clone-mount", "clone-network"]),
                // It fails as unknown, so that the C library falls back to a call whose flags a
                // filter can see.
                filtered("clone3", &["clone-namespace"]),
                filtered("cgroup", &["write-anywhere", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/pids/tasks", "/sys/fs/cgroup/new", "/sys/fs/cgroup/memory/new"]),
                filtered("release_agent", &["write-anywhere", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent"]),
                filtered("core_pattern", &["write-anywhere", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/fs/binfmt_misc/register"]),
            ],
        ),
    ]
    .concat()
}

fn host() -> Vec<Case> {
    line(
        "reading host info: uname, cpuinfo, uptime, hostname",
        [
            probe("names", &["host-names"]).checks(&[Prints("cell (none)\n")]),
            probe("its place", &["where"]).checks(&[Prints("/work cell 1\n")]),
            // Visible, because runtimes choose their threads and heaps by it.
            probe("cpuinfo", &["print-file", "/proc/cpuinfo"]),
            probe("uptime", &["print-file", "/proc/uptime"]),
            // The path of the judge's cgroup must stay hidden.
            probe("its own cgroup", &["own-cgroups"]).checks(&[Prints("")]),
            filtered("cgroups", &["read-anything", "/sys/fs/cgroup"]).weaker(
                Mode::Docker,
                &[End::SUCCESS],
                &[],
                CGROUP,
            ),
            filtered(
                "who else is there",
                &[
                    "read-anything",
                    "/etc/hostname",
                    "/etc/resolv.conf",
                    "/etc/machine-id",
                    "/etc/ssh",
                ],
            )
            .weaker(
                Mode::Docker,
                &[End::SUCCESS, End::REFUSED],
                &[Never("machine-id"), Never("ssh")],
                ENGINE_FILES,
            ),
        ],
    )
}

const ENGINE_FILES: &str = "the engine writes a host name and a resolver's configuration into the container, and neither says where it runs";

/// Calls of another table are not available: the process is killed, or the call does not exist.
const DODGED: &[End] = &[End::Signal(libc::SIGSYS), End::Signal(libc::SIGSEGV), End::REFUSED];

fn filtered(name: &'static str, words: &'static [&'static str]) -> Case {
    probe(name, words).ends(&[End::REFUSED]).checks(&[Prints("")])
}

fn refused(name: &'static str, words: &'static [&'static str]) -> Case {
    filtered(name, words)
}

/// Real listeners, on every address that could be the host's, receive nothing.
async fn listeners(fixture: &Fixture) {
    let tcp = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = tcp.local_addr().expect("it is bound").port();
    let udp = std::net::UdpSocket::bind(("0.0.0.0", port)).expect("the same port");
    let name = format!("assay-conformance-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name);
    let unix = UnixListener::bind_addr(&address.expect("a short name")).expect("a new name");
    tcp.set_nonblocking(true).expect("a socket");
    udp.set_nonblocking(true).expect("a socket");
    unix.set_nonblocking(true).expect("a socket");

    let limits = Limits { wall: Duration::from_secs(3), ..AMPLE };
    let mut slot = fixture.slot(&limits).await;
    let port = port.to_string();
    for address in ["127.0.0.1", "172.17.0.1", "0.0.0.0"] {
        let reached = slot.run(&["tcp", &port, address], limits).await;
        expect(&reached, |outcome| outcome.stdout.is_empty());
        slot.run(&["udp", &port, address], limits).await;
    }
    let reached = slot.run(&["reach-abstract", "30", &name], SHORT).await;
    expect(&reached, |outcome| outcome.stdout.is_empty());
    slot.expect_fresh().await;
    slot.close().await;

    let blocked = |error: std::io::Error| error.kind() == ErrorKind::WouldBlock;
    assert!(tcp.accept().is_err_and(blocked), "a connection came");
    assert!(unix.accept().is_err_and(blocked), "a connection came");
    assert!(udp.recv(&mut [0; 16]).is_err_and(blocked), "a packet came");
}
