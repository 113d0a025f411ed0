// Programs that multiply, outlive their run, or attack other processes.

static int fork_bomb(long number, char **words) {
    (void)number, (void)words;
    for (;;) fork();
}

static void *wait_thread(void *unused) {
    for (;;) pause();
    return unused;
}

// Prints the largest number of threads it had.
static int thread_bomb(long number, char **words) {
    (void)words;
    long made = 1;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    for (pthread_t thread; made < number && pthread_create(&thread, &small, wait_thread, NULL) == 0;) made++;
    return printf("%ld\n", made), 0;
}

// Tries to make this number of processes, and prints how many existed at once.
static int many_processes(long number, char **words) {
    (void)words;
    long made = 1;
    for (long each = 0; each < number; each++) {
        pid_t child = fork();
        if (child == 0) for (;;) pause();
        made += child > 0;
    }
    return printf("%ld\n", made), 0;
}

static int exec_bomb(long number, char **words) {
    (void)number, (void)words;
    char *argv[] = {"/box/probe", "exec-bomb", NULL};
    fork();
    return execv("/box/probe", argv);
}

static int zombies(long number, char **words) {
    (void)words;
    long made = 1;
    for (; made < number; made++) {
        pid_t child = fork();
        if (child == 0) _exit(0);
        if (child < 0) break;
    }
    return printf("%ld\n", made), 0;
}

// Process 1 reaps each orphan immediately, so their total number is unlimited.
static int orphans(long number, char **words) {
    (void)words;
    for (long each = 0; each < number; each++) {
        pid_t child = fork();
        if (child < 0) return 1;
        if (child == 0) _exit(fork() < 0);
        int status = 0;
        waitpid(child, &status, 0);
        if (status) { usleep(2000); each--; }
    }
    return 0;
}

static void become_daemon(void) {
    if (fork() != 0) {
        puts("42");
        exit(0);
    }
    setsid();
    if (fork() != 0) _exit(0);
    for (int each = 1; each < 65; each++) signal(each, SIG_IGN);
}

static int leave_daemon(long number, char **words) {
    (void)number, (void)words;
    become_daemon();
    for (;;) sleep(1);
}

static int leave_stopped_child(long number, char **words) {
    (void)number, (void)words;
    pid_t child = fork();
    if (child == 0) for (;;) raise(SIGSTOP);
    waitpid(child, NULL, WUNTRACED);
    return puts("42"), 0;
}

static int leave_sessions(long number, char **words) {
    (void)words;
    for (long each = 0; each < number; each++)
        if (fork() == 0) {
            setsid();
            for (;;) pause();
        }
    return puts("42"), 0;
}

// Waits for the next test, to write into its output and its files.
static int leave_forger(long number, char **words) {
    (void)number, (void)words;
    become_daemon();
    for (;;) {
        for (int pid = 2; pid < 2000; pid++) {
            char path[64];
            snprintf(path, sizeof path, "/proc/%d/fd/1", pid);
            int fd = pid == getpid() ? -1 : open(path, O_WRONLY | O_NONBLOCK);
            if (fd >= 0 && write(fd, "forged\n", 7)) close(fd);
        }
        close(open("/work/forged", O_WRONLY | O_CREAT, 0666));
    }
}

static int answer_late(long number, char **words) {
    (void)words;
    wait_ms(number);
    return puts(access("/work/forged", F_OK) ? "42" : "forged"), 0;
}

static int kill_everyone(long number, char **words) {
    (void)number, (void)words;
    return kill(-1, SIGKILL), 0;
}

static int kill_group(long number, char **words) {
    (void)number, (void)words;
    return kill(0, SIGKILL), 0;
}

static int kill_init(long number, char **words) {
    (void)number, (void)words;
    int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
    for (int signal = 1; signal < 65; signal++) {
        kill(1, signal);
        kill(getppid(), signal);
        syscall(SYS_tgkill, 1, 1, signal);
        syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
    }
    return puts("42"), 0;
}

static int kill_every_number(long number, char **words) {
    (void)words;
    for (int pid = 1; pid < number; pid++)
        if (pid != getpid()) kill(pid, SIGKILL);
    return puts("42"), 0;
}

// Runs a program and returns whether it succeeded or became root.
static int gets_something(char *const *argv) {
    int ends[2], status = 0;
    if (pipe(ends)) return 1;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        execv(argv[0], argv);
        _exit(1);
    }
    close(ends[1]);
    char said[4096] = {0};
    for (ssize_t count, at = 0; (count = read(ends[0], said + at, sizeof said - 1 - (size_t)at)) > 0;) at += count;
    close(ends[0]);
    waitpid(child, &status, 0);
    int became_root = strstr(said, "uid=0") != NULL || strstr(said, "euid=0") != NULL;
    if (became_root || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) return printf("%s: %s\n", argv[0], said), 1;
    return 0;
}

static int set_uid_programs(long number, char **words) {
    (void)number, (void)words;
    char *attempts[][6] = {
        {"/usr/bin/su", "-c", "id", "root"},
        {"/usr/bin/sudo", "-n", "id"},
        {"/usr/bin/mount", "-t", "tmpfs", "none", "/tmp"},
        {"/usr/bin/umount", "/tmp"},
        {"/usr/bin/passwd", "-d", "root"},
        {"/usr/bin/newgrp", "root"},
        {"/usr/bin/chsh", "-s", "/bin/sh", "root"},
        {"/usr/bin/pkexec", "id"},
        {"/usr/bin/unshare", "-r", "id"},
        {"/usr/bin/nsenter", "-t", "1", "-a", "id"},
    };
    int something = 0;
    for (size_t each = 0; each < sizeof attempts / sizeof *attempts; each++) something |= gets_something(attempts[each]);
    struct statvfs area;
    const char *mounts[] = {"/usr", "/work", "/tmp", "/dev/shm", "/box"};
    for (size_t each = 0; each < sizeof mounts / sizeof *mounts; each++)
        // A container's root is not mounted with nosuid. There, only no_new_privs disables the
        // set-uid bit.
        if (each > 0 && (statvfs(mounts[each], &area) || !(area.f_flag & ST_NOSUID))) something |= printf("%s honours set-uid\n", mounts[each]);
    return !something;
}

static int run_shell(long number, char **words) {
    (void)number, (void)words;
    return execl("/bin/sh", "sh", "-c", "echo $((6 * 7)); pwd; hostname 2>/dev/null || uname -n", NULL);
}

// Writes a program and executes it.
static int run_own_file(long number, char **words) {
    (void)number;
    int fd = open(words[0], O_WRONLY | O_CREAT, 0777);
    if (fd < 0 || write(fd, "#!/bin/sh\necho 42\n", 18) != 18) return 2;
    close(fd);
    execl(words[0], words[0], NULL);
    return 1;
}

// Hides from a supervisor that has no special right to see it.
static int hide_then(long number, char **words) {
    prctl(PR_SET_DUMPABLE, 0);
    if (fork() != 0) for (;;) pause();
    if (strcmp(words[1], "burn") == 0) burn();
    touch_mib(number, NULL);
    for (;;) pause();
}

// A program that may be executed but not read is hidden in the same way.
static int hide_unreadable(long number, char **words) {
    (void)number;
    char block[65536];
    int from = open("/box/probe", O_RDONLY), to = open("/work/hidden", O_WRONLY | O_CREAT, 0700);
    for (ssize_t count; (count = read(from, block, sizeof block)) > 0;)
        if (write(to, block, (size_t)count) != count) return 2;
    fchmod(to, 0111);
    close(to);
    if (fork() == 0) execl("/work/hidden", "hidden", "touch-and-wait", words[0], NULL), _exit(1);
    for (;;) pause();
}

static int touch_and_wait(long number, char **words) {
    touch_mib(number, words);
    for (;;) pause();
}

static int process_settings(long number, char **words) {
    (void)number, (void)words;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 1);
    prctl(PR_SET_KEEPCAPS, 1);
    prctl(PR_SET_TIMERSLACK, 1);
    prctl(PR_SET_PTRACER, -1);
    prctl(PR_SET_NO_NEW_PRIVS, 0);
    struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    int held = refused("more processor time", setrlimit(RLIMIT_CPU, &none));
    held &= refused("larger files", setrlimit(RLIMIT_FSIZE, &none));
    held &= refused("more files", setrlimit(RLIMIT_NOFILE, &none));
    held &= refused("core dumps", setrlimit(RLIMIT_CORE, &none));
    held &= refused("the runner's files", prlimit(1, RLIMIT_NOFILE, &(struct rlimit){3, 3}, NULL));
    held &= refused("the runner's memory", prlimit(getppid(), RLIMIT_AS, &(struct rlimit){4096, 4096}, NULL));
    held &= refused("a new seccomp mode", prctl(PR_SET_SECCOMP, 0));
    return held;
}

// Prints every signal that is ignored or blocked.
static int signals(long number, char **words) {
    (void)number, (void)words;
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (int signal = 1; signal <= 64; signal++) {
        // The C library's call would skip the two signals that it reserves for itself.
        unsigned long action[4] = {0};
        syscall(SYS_rt_sigaction, signal, NULL, action, 8);
        if (action[0] != 0) printf("%d is not as it was\n", signal);
        if (sigismember(&blocked, signal) == 1) printf("%d is blocked\n", signal);
    }
    return 0;
}

// Checks that the core limit is exactly 1 and cannot be changed, so that the kernel never runs a
// core pattern's program.
static int core_limit(long number, char **words) {
    (void)number, (void)words;
    struct rlimit now, none = {0, 0};
    if (getrlimit(RLIMIT_CORE, &now) != 0) return 1;
    printf("%ld %ld\n", (long)now.rlim_cur, (long)now.rlim_max);
    refused("no core dumps", setrlimit(RLIMIT_CORE, &none));
    refused("no core dumps for itself", prlimit(0, RLIMIT_CORE, &none, NULL));
    refused("no core dumps by number", prlimit(getpid(), RLIMIT_CORE, &none, NULL));
    refused("no core dumps the old way", syscall(SYS_setrlimit, RLIMIT_CORE, &none));
    return 0;
}

static int burn_below_a_subreaper(long number, char **words) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return burn_in_orphans(number, words);
}

static int strict_seccomp(long number, char **words) {
    (void)number, (void)words;
    // There already is a filter, and a new filter can only add restrictions.
    return refused("strict mode", prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
}

// Installs two filters that allow every call, and then tries to mount.
static int own_filter(long number, char **words) {
    (void)number, (void)words;
    struct sock_filter allow[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    struct sock_filter lie[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_mount},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    struct sock_fprog one = {1, allow}, other = {4, lie};
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &one);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &other);
    return refused("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
}

// Crashes in many children, and prints the core files it finds.
static int core_bomb(long number, char **words) {
    (void)words;
    for (long each = 0; each < number; each++)
        if (fork() == 0) touch_mib(4, NULL), abort();
    while (wait(NULL) > 0) {}
    const char *places[] = {"/work", "/tmp", "/", "/var/crash", "/cores"};
    for (size_t each = 0; each < sizeof places / sizeof *places; each++) {
        DIR *directory = opendir(places[each]);
        for (struct dirent *entry; directory && (entry = readdir(directory));)
            if (strncmp(entry->d_name, "core", 4) == 0) puts(entry->d_name);
    }
    return 0;
}

static const struct behaviour process_behaviours[] = {
    {"fork-bomb", fork_bomb},
    {"thread-bomb", thread_bomb},
    {"many-processes", many_processes},
    {"exec-bomb", exec_bomb},
    {"zombies", zombies},
    {"orphans", orphans},
    {"leave-daemon", leave_daemon},
    {"leave-stopped-child", leave_stopped_child},
    {"leave-sessions", leave_sessions},
    {"leave-forger", leave_forger},
    {"answer-late", answer_late},
    {"kill-everyone", kill_everyone},
    {"kill-group", kill_group},
    {"kill-init", kill_init},
    {"kill-every-number", kill_every_number},
    {"set-uid-programs", set_uid_programs},
    {"run-shell", run_shell},
    {"run-own-file", run_own_file},
    {"hide-then", hide_then},
    {"hide-unreadable", hide_unreadable},
    {"touch-and-wait", touch_and_wait},
    {"process-settings", process_settings},
    {"signals", signals},
    {"core-limit", core_limit},
    {"burn-below-a-subreaper", burn_below_a_subreaper},
    {"strict-seccomp", strict_seccomp},
    {"own-filter", own_filter},
    {"core-bomb", core_bomb},
    {0},
};
