// Programs that ask the kernel, the network or the host for more than a program needs.

// System calls that the filter must refuse. Their arguments would show how far an allowed call
// gets.
static const struct call {
    const char *name;
    long number, arguments[5];
} calls[] = {
    {"accept-filter-change", SYS_prctl, {PR_SET_SECCOMP, 0}},
    {"acct", SYS_acct, {0}},
    {"add_key", SYS_add_key, {(long)"user", (long)"name", (long)"x", 1, -2}},
    {"adjtimex", SYS_adjtimex, {0}},
    {"bpf", SYS_bpf, {0}},
    {"chroot", SYS_chroot, {(long)"/tmp"}},
    {"clock_settime", SYS_clock_settime, {CLOCK_REALTIME}},
    {"clone", SYS_clone, {CLONE_NEWUSER | SIGCHLD}},
    {"clone-mount", SYS_clone, {CLONE_NEWNS | SIGCHLD}},
    {"clone-network", SYS_clone, {CLONE_NEWNET | SIGCHLD}},
    {"clone3", SYS_clone3, {0}},
    {"delete_module", SYS_delete_module, {(long)"loop"}},
    {"fanotify_init", SYS_fanotify_init, {0}},
    {"finit_module", SYS_finit_module, {-1, (long)""}},
    {"flags-of-files", SYS_ioctl, {-1, FS_IOC_SETFLAGS, (long)&sink}},
    {"flags-of-files-extended", SYS_ioctl, {-1, FS_IOC_FSSETXATTR, (long)&sink}},
    {"fsetxattr", SYS_fsetxattr, {0, (long)"user.a", (long)"", 0, 0}},
    {"fsmount", SYS_fsmount, {-1}},
    {"fsopen", SYS_fsopen, {(long)"tmpfs"}},
    {"init_module", SYS_init_module, {0, 0, (long)""}},
    {"io_setup", SYS_io_setup, {60000, (long)&sink}},
    {"io_uring_enter", SYS_io_uring_enter, {-1}},
    {"io_uring_register", SYS_io_uring_register, {-1}},
    {"io_uring_setup", SYS_io_uring_setup, {1}},
    {"ioperm", SYS_ioperm, {0x70, 1, 1}},
    {"iopl", SYS_iopl, {3}},
    {"kcmp", SYS_kcmp, {1, 1}},
    {"kexec_file_load", SYS_kexec_file_load, {-1, -1}},
    {"kexec_load", SYS_kexec_load, {0}},
    {"keyctl", SYS_keyctl, {0, -3, 1}},
    {"lookup_dcookie", SYS_lookup_dcookie, {0}},
    {"migrate_pages", SYS_migrate_pages, {1}},
    {"modify_ldt", SYS_modify_ldt, {1}},
    {"mount", SYS_mount, {(long)"none", (long)"/tmp", (long)"tmpfs"}},
    {"mount_setattr", SYS_mount_setattr, {-1, (long)""}},
    {"move_mount", SYS_move_mount, {-1, (long)"", -1, (long)""}},
    {"mq_open", SYS_mq_open, {(long)"queue", O_CREAT | O_RDWR, 0600}},
    {"msgget", SYS_msgget, {0, 01600}},
    {"name_to_handle_at", SYS_name_to_handle_at, {AT_FDCWD, (long)"/"}},
    {"open_by_handle_at", SYS_open_by_handle_at, {AT_FDCWD}},
    {"open_tree", SYS_open_tree, {AT_FDCWD, (long)"/", 1}},
    {"perf_event_open", SYS_perf_event_open, {0, 0, -1, -1}},
    {"personality", SYS_personality, {0x0040000}},
    {"pidfd_getfd", SYS_pidfd_getfd, {-1, 0}},
    {"pivot_root", SYS_pivot_root, {(long)"/tmp", (long)"/tmp"}},
    {"process_madvise", SYS_process_madvise, {-1}},
    {"process_vm_readv", SYS_process_vm_readv, {1}},
    {"process_vm_writev", SYS_process_vm_writev, {1}},
    {"ptrace-parent", SYS_ptrace, {16, 1}},
    {"ptrace-self", SYS_ptrace, {0}},
    {"quotactl", SYS_quotactl, {0}},
    {"quotactl_fd", SYS_quotactl_fd, {-1}},
    {"reboot", SYS_reboot, {0xfee1dead, 672274793, 0x1234567}},
    {"request_key", SYS_request_key, {(long)"user", (long)"name", 0, 0}},
    {"sched_setaffinity", SYS_sched_setaffinity, {0, sizeof sink, (long)&sink}},
    {"sched_setattr", SYS_sched_setattr, {0}},
    {"sched_setscheduler", SYS_sched_setscheduler, {0, SCHED_FIFO}},
    {"semget", SYS_semget, {0, 1, 01600}},
    {"setdomainname", SYS_setdomainname, {(long)"x", 1}},
    {"sethostname", SYS_sethostname, {(long)"x", 1}},
    {"setns", SYS_setns, {-1}},
    {"setxattr", SYS_setxattr, {(long)"/work", (long)"user.a", (long)"", 0, 0}},
    {"setpriority", SYS_setpriority, {PRIO_PROCESS, 0, -20}},
    {"settimeofday", SYS_settimeofday, {0}},
    {"shmget", SYS_shmget, {0, 4096, 01600}},
    {"socket-cookie", SYS_getsockopt, {-1, SOL_SOCKET, 57}},
    {"namespace-cookie", SYS_getsockopt, {-1, SOL_SOCKET, 71}},
    {"socket-alg", SYS_socket, {38, SOCK_SEQPACKET}},
    {"socket-netlink", SYS_socket, {AF_NETLINK, SOCK_RAW}},
    {"socket-packet", SYS_socket, {AF_PACKET, SOCK_RAW}},
    {"socket-vsock", SYS_socket, {40, SOCK_STREAM}},
    {"swapon", SYS_swapon, {(long)"/work/swap"}},
    {"sync", SYS_sync, {0}},
    {"syncfs", SYS_syncfs, {1}},
    {"syslog", SYS_syslog, {2}},
    {"umount2", SYS_umount2, {(long)"/tmp"}},
    {"unshare", SYS_unshare, {CLONE_NEWUSER}},
    {"userfaultfd", SYS_userfaultfd, {0}},
    {"vhangup", SYS_vhangup, {0}},
};

// Prints the named calls that did not fail with EPERM or ENOSYS.
static int filtered(long number, char **words) {
    (void)number;
    int held = 1;
    for (char **word = words; *word; word++) {
        const struct call *call = calls, *end = calls + sizeof calls / sizeof *calls;
        while (call < end && strcmp(call->name, *word)) call++;
        if (call == end) return printf("what is %s?\n", *word), 2;
        const long *with = call->arguments;
        errno = 0;
        long result = syscall(call->number, with[0], with[1], with[2], with[3], with[4]);
        if (result == 0 && call->number == SYS_clone) _exit(0);
        if (result >= 0 || (errno != EPERM && errno != ENOSYS)) held = 0, printf("%s: %ld, %s\n", *word, result, strerror(errno));
    }
    return held;
}

static int privileges(long number, char **words) {
    (void)number, (void)words;
    // Tries every way to become the user that started the runner.
    int held = refused("setuid", setuid(0)) & refused("seteuid", seteuid(0)) & refused("setreuid", setreuid(0, 0)) & refused("setgid", setgid(0));
    held &= refused("setgroups", setgroups(1, (gid_t[]){0}));
    // All capabilities, in both halves.
    unsigned header[2] = {0x20080522, 0}, data[6] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u};
    held &= refused("capset", syscall(SYS_capset, header, data));
    held &= refused("an ambient capability", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0));
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) {
        unsigned long long bits;
        int bad = sscanf(line, "CapEff: %llx", &bits) == 1 && bits;
        bad |= sscanf(line, "CapPrm: %llx", &bits) == 1 && bits;
        bad |= sscanf(line, "CapInh: %llx", &bits) == 1 && bits;
        bad |= sscanf(line, "CapAmb: %llx", &bits) == 1 && bits;
        bad |= sscanf(line, "NoNewPrivs: %llu", &bits) == 1 && bits != 1;
        bad |= sscanf(line, "Seccomp: %llu", &bits) == 1 && bits != 2;
        bad |= sscanf(line, "Uid: %llu", &bits) == 1 && bits == 0;
        if (bad) held = 0, fputs(line, stdout);
    }
    return held;
}

// Another processor mode has different call numbers: 20 is getpid there, and 21 is mount.
static int old_interface(long number, char **words) {
    (void)words;
#ifdef __x86_64__
    long result = number;
    __asm__ volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0) : "memory");
    return refused("int 0x80", result);
#else
    return (int)(number & 0) + 1;
#endif
}

static int x32_interface(long number, char **words) {
    (void)words;
    return refused("x32", syscall(0x40000000 | number));
}

// A raw call, because the C library has no function for it.
static int clone_namespace(long number, char **words) {
    (void)number, (void)words;
    struct { unsigned long long flags, rest[10]; } arguments = {CLONE_NEWUSER, {0, 0, 0, SIGCHLD}};
    long result = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (result == 0) _exit(0);
    return refused("clone3", result);
}

static int reach(int kind, const char *address, int port, const char *text) {
    int fd = socket(AF_INET, kind | SOCK_NONBLOCK, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    if (fd < 0) return 1;
    int result = connect(fd, (struct sockaddr *)&to, sizeof to);
    if (result && errno == EINPROGRESS) {
        fd_set writable;
        struct timeval patience = {0, 200000};
        FD_ZERO(&writable);
        FD_SET(fd, &writable);
        int error = 0;
        socklen_t size = sizeof error;
        result = select(fd + 1, NULL, &writable, NULL, &patience) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0 ? 0 : -1;
    }
    if (result == 0) result = send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 ? -1 : 0;
    return refused(address, result);
}

static int tcp(long number, char **words) {
    return reach(SOCK_STREAM, words[1], (int)number, "hello");
}

static int udp(long number, char **words) {
    return reach(SOCK_DGRAM, words[1], (int)number, "hello");
}

static int icmp(long number, char **words) {
    (void)number, (void)words;
    int held = refused("a raw socket", socket(AF_INET, SOCK_RAW, 1));
    int fd = socket(AF_INET, SOCK_DGRAM, 1);
    struct sockaddr_in to = {.sin_family = AF_INET};
    inet_pton(AF_INET, "8.8.8.8", &to.sin_addr);
    char echo[8] = {8};
    return held & refused("a ping", fd < 0 ? -1 : sendto(fd, echo, sizeof echo, 0, (struct sockaddr *)&to, sizeof to));
}

static socklen_t abstract(struct sockaddr_un *name, const char *text) {
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    strncpy(name->sun_path + 1, text, sizeof name->sun_path - 2);
    return (socklen_t)(sizeof name->sun_family + 1 + strlen(text));
}

static int reach_abstract(long number, char **words) {
    struct sockaddr_un name;
    socklen_t size = abstract(&name, words[1]);
    for (double end = seconds(CLOCK_MONOTONIC) + (double)number / 1e3; seconds(CLOCK_MONOTONIC) < end; wait_ms(2)) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&name, size) == 0) return puts("seen"), 0;
        close(fd);
    }
    return 1;
}

static int listen_abstract(long number, char **words) {
    struct sockaddr_un name;
    socklen_t size = abstract(&name, words[1]);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, size) || listen(fd, 8)) return 1;
    wait_ms(number);
    return 0;
}

// Without a loopback it cannot listen. Both results are fine.
static int listen_tcp(long number, char **words) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1]))};
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 8)) return 1;
    wait_ms(number);
    return 0;
}

static int reach_tcp(long number, char **words) {
    for (double end = seconds(CLOCK_MONOTONIC) + (double)number / 1e3; seconds(CLOCK_MONOTONIC) < end; wait_ms(2)) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return puts("seen"), 0;
        close(fd);
    }
    return 1;
}

// Prints the information about the machine that must be masked.
static int host_names(long number, char **words) {
    (void)number, (void)words;
    struct utsname names;
    uname(&names);
    printf("%s %s\n", names.nodename, names.domainname);
    return 0;
}

static int print_file(long number, char **words) {
    (void)number;
    char block[65536];
    int fd = open(words[0], O_RDONLY);
    for (ssize_t count; (count = read(fd, block, sizeof block)) > 0;)
        if (write(1, block, (size_t)count) != count) return 1;
    return fd < 0;
}

// Prints the cgroups that it sees itself in, except the root.
static int own_cgroups(long number, char **words) {
    (void)number, (void)words;
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file == NULL) return 1;
    char text[4096];
    while (fgets(text, sizeof text, file) != NULL) {
        char *path = strrchr(text, ':');
        if (path == NULL || strcmp(path, ":/\n") != 0) fputs(text, stdout);
    }
    return 0;
}

static const struct behaviour kernel_behaviours[] = {
    {"filtered", filtered},
    {"privileges", privileges},
    {"old-interface", old_interface},
    {"x32-interface", x32_interface},
    {"clone-namespace", clone_namespace},
    {"tcp", tcp},
    {"udp", udp},
    {"icmp", icmp},
    {"reach-abstract", reach_abstract},
    {"listen-abstract", listen_abstract},
    {"listen-tcp", listen_tcp},
    {"reach-tcp", reach_tcp},
    {"host-names", host_names},
    {"print-file", print_file},
    {"own-cgroups", own_cgroups},
    {0},
};
