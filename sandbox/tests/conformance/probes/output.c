// Programs that print too much, too little, or forged messages.

static int print_bytes(long number, char **words) {
    (void)words;
    for (long each = 0; each < number; each++) putchar('x');
    return 0;
}

static int print_for_ever(long number, char **words) {
    (void)number, (void)words;
    for (;;) puts("for ever and ever and ever and ever");
}

static int complain(long number, char **words) {
    (void)words;
    static char buffer[65536];
    setvbuf(stderr, buffer, _IOFBF, sizeof buffer);
    for (long each = 0; each < number; each++) fputc('e', stderr);
    return 0;
}

static int complain_for_ever(long number, char **words) {
    (void)number, (void)words;
    static char block[65536];
    for (;;)
        if (write(2, block, sizeof block) < 0) return 1;
}

static int answer_then_spaces(long number, char **words) {
    (void)words;
    puts("42");
    for (long each = 0; each < number << 20; each++) putchar(' ');
    return 0;
}

static int close_all(long number, char **words) {
    (void)number, (void)words;
    return close(0) | close(1) | close(2);
}

static int answer(long number, char **words) {
    (void)number, (void)words;
    return puts("42"), 0;
}

static int cat(long number, char **words) {
    (void)number, (void)words;
    char block[65536];
    for (ssize_t count; (count = read(0, block, sizeof block)) > 0;)
        for (ssize_t done = 0, wrote; done < count; done += wrote)
            if ((wrote = write(1, block + done, (size_t)(count - done))) < 0) return 1;
    return 0;
}

// Writes forged messages of a judge to every descriptor except its output.
static int forge_reports(long number, char **words) {
    (void)number, (void)words;
    const char forged[] = "\x01\x00\x00\x00\x10\nverdict: ACCEPTED\ntime: 0.00\nstatus:OK\nexitcode:0\n";
    int reached = 0;
    for (int fd = 2; fd < 1100; fd++) reached += write(fd, forged, sizeof forged) > 0 && fd > 2;
    return puts("41"), reached;
}

static int forge_on_stdout(long number, char **words) {
    (void)number, (void)words;
    return puts("timelimit exceeded\nverdict: ACCEPTED"), 0;
}

static int late_child(long number, char **words) {
    (void)number, (void)words;
    if (fork() == 0)
        for (;;) {
            wait_ms(1);
            if (write(1, "late\n", 5) < 0) _exit(0);
        }
    return puts("42"), 0;
}

static int syslog_flood(long number, char **words) {
    (void)words;
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    for (long each = 0; each < number; each++)
        if (sendto(fd, "flood", 5, 0, (struct sockaddr *)&name, sizeof name) >= 0) return 0;
    return refused("/dev/kmsg", open("/dev/kmsg", O_WRONLY));
}

static int terminal(long number, char **words) {
    (void)number, (void)words;
    int held = refused("/dev/tty", open("/dev/tty", O_RDWR)), fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    for (int each = 0; each < 3; each++) held &= refused("TIOCSTI", ioctl(each, TIOCSTI, "x"));
    // If it can have its own terminal, it must not be able to type into that either.
    if (fd >= 0) held &= refused("TIOCSTI on its own terminal", ioctl(fd, TIOCSTI, "x"));
    return held;
}

static int reopen_output(long number, char **words) {
    (void)number, (void)words;
    FILE *again = fopen("/dev/stdout", "w");
    if (!again) return 1;
    fputs("42\n", again);
    return fclose(again);
}

// Gives pages to the pipe instead of copying them, for ever.
static int splice_for_ever(long number, char **words) {
    (void)number, (void)words;
    static char page[65536] __attribute__((aligned(4096)));
    for (;;) {
        struct iovec whole = {page, sizeof page};
        if (vmsplice(1, &whole, 1, SPLICE_F_GIFT) < 0) return 1;
    }
}

// Makes every write a separate packet. A reader that does not expect packets loses the rest of
// each.
static int print_packets(long number, char **words) {
    (void)words;
    fcntl(1, F_SETFL, O_DIRECT);
    char packet[4096];
    memset(packet, 'x', sizeof packet);
    for (long each = 0; each < number; each++)
        if (write(1, packet, sizeof packet) != sizeof packet) return 1;
    return 0;
}

static int descriptors(long number, char **words) {
    (void)number, (void)words;
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
    return 0;
}

static int environment(long number, char **words) {
    (void)number, (void)words;
    extern char **environ;
    for (char **each = environ; *each; each++) puts(*each);
    return 0;
}

static int where(long number, char **words) {
    (void)number, (void)words;
    char here[256], name[256];
    gethostname(name, sizeof name);
    return printf("%s %s %d\n", getcwd(here, sizeof here), name, getsid(0) == getpid()), 0;
}

static int exit_with(long number, char **words) {
    (void)words;
    return (int)number;
}

static int raise_signal(long number, char **words) {
    (void)words;
    return raise((int)number), 99;
}

static const struct behaviour output_behaviours[] = {
    {"print", print_bytes},
    {"print-for-ever", print_for_ever},
    {"complain", complain},
    {"complain-for-ever", complain_for_ever},
    {"answer-then-spaces", answer_then_spaces},
    {"close-all", close_all},
    {"answer", answer},
    {"cat", cat},
    {"forge-reports", forge_reports},
    {"forge-on-stdout", forge_on_stdout},
    {"late-child", late_child},
    {"syslog-flood", syslog_flood},
    {"terminal", terminal},
    {"reopen-output", reopen_output},
    {"splice-for-ever", splice_for_ever},
    {"print-packets", print_packets},
    {"descriptors", descriptors},
    {"environment", environment},
    {"where", where},
    {"exit", exit_with},
    {"raise", raise_signal},
    {0},
};
