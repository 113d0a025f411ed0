// Programs that use more time than they have, and hide it.

static int burn_for_ever(long number, char **words) {
    (void)number, (void)words;
    burn();
    return 0;
}

static int burn_in_the_kernel(long number, char **words) {
    (void)number, (void)words;
    for (;;) syscall(SYS_getppid);
}

static int burn_by_own_clock(long number, char **words) {
    (void)words;
    return burn_ms(number), 0;
}

static void *burn_thread(void *unused) {
    burn();
    return unused;
}

static int burn_in_threads(long number, char **words) {
    (void)words;
    pthread_t thread;
    for (long each = 1; each < number; each++) pthread_create(&thread, NULL, burn_thread, NULL);
    burn();
    return 0;
}

static int burn_in_children(long number, char **words) {
    (void)words;
    for (long each = 0; each < number; each++)
        if (fork() == 0) burn();
    while (wait(NULL) > 0) {}
    return 0;
}

// Burns in orphans, whose new parent is process 1.
static int burn_in_orphans(long number, char **words) {
    (void)words;
    for (long each = 0; each < number; each++)
        if (fork() == 0) {
            if (fork() == 0) burn();
            _exit(0);
        }
    for (;;) pause();
}

static int burn_then_leave(long number, char **words) {
    (void)words;
    int ends[2];
    char byte;
    if (pipe(ends)) return 2;
    if (fork() == 0) {
        burn_ms(number);
        if (write(ends[1], "x", 1) == 1) burn();
    }
    return read(ends[0], &byte, 1) != 1;
}

// Burns in children that are never waited for, so that their parent never gets their times.
static int burn_disowned(long number, char **words) {
    (void)number, (void)words;
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        pid_t child = fork();
        if (child == 0) burn_ms(8), _exit(0);
        while (child > 0 && kill(child, 0) == 0) usleep(100);
    }
}

// Each process of the chain burns a little, forks the next one and exits.
static int burn_in_a_chain(long number, char **words) {
    (void)words;
    if (fork() != 0) for (;;) pause();
    for (;;) {
        burn_ms(number);
        if (fork() != 0) _exit(0);
    }
}

static int reexecute(long number, char **words) {
    char text[32];
    burn_ms(number);
    snprintf(text, sizeof text, "%ld", number);
    char *argv[] = {"/box/probe", "reexecute", text, NULL};
    (void)words;
    return execv("/box/probe", argv);
}

// Sets a process name that confuses a careless reader of /proc.
static int burn_under_a_name(long number, char **words) {
    (void)number, (void)words;
    prctl(PR_SET_NAME, ") R 1 1 1 (\n");
    burn();
    return 0;
}

static int do_nothing(long number, char **words) {
    (void)number, (void)words;
    for (;;) pause();
}

static int select_nothing(long number, char **words) {
    (void)number, (void)words;
    return select(0, NULL, NULL, NULL, NULL);
}

static int read_nothing(long number, char **words) {
    (void)number, (void)words;
    int ends[2];
    char byte;
    return pipe(ends) || read(ends[0], &byte, 1) != 1;
}

static int deadlock(long number, char **words) {
    (void)number, (void)words;
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    return pthread_mutex_lock(&mutex) || pthread_mutex_lock(&mutex);
}

static int print_then_wait(long number, char **words) {
    (void)number, (void)words;
    puts("42");
    fflush(stdout);
    for (;;) pause();
}

static int stop_self(long number, char **words) {
    (void)number, (void)words;
    for (;;) raise(SIGSTOP);
}

static int stop_group(long number, char **words) {
    (void)number, (void)words;
    for (;;) kill(0, SIGSTOP);
}

static int stop_parent(long number, char **words) {
    (void)words;
    for (long each = 0; each < number; each++) {
        kill(getppid(), SIGSTOP);
        kill(1, SIGSTOP);
        kill(1, SIGTSTP);
    }
    for (;;) pause();
}

static int storm_parent(long number, char **words) {
    (void)words;
    for (long each = 0; each < number; each++)
        for (int signal = 1; signal < 65; signal++) kill(getppid(), signal), kill(1, signal);
    return puts("42"), 0;
}

static int ignore_signals(long number, char **words) {
    (void)number, (void)words;
    sigset_t all;
    for (int each = 1; each < 65; each++) signal(each, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    burn();
    return 0;
}

static void go_on(int signal) {
    (void)signal;
    sink++;
}

// Catches the signals that the kernel sends at a limit, and wakes itself with timers.
static int survive(long number, char **words) {
    (void)words;
    for (int each = 1; each < 65; each++) signal(each, go_on);
    struct itimerval often = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &often, NULL);
    setitimer(ITIMER_PROF, &often, NULL);
    alarm(1);
    if (number) burn();
    for (;;) pause();
}

static int many_timers(long number, char **words) {
    (void)words;
    for (long each = 0; each < number; each++) {
        timer_t timer;
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
        struct itimerspec often = {{0, 100000}, {0, 100000}};
        signal(SIGRTMIN, go_on);
        if (timer_create(CLOCK_MONOTONIC, &event, &timer)) break;
        timer_settime(timer, 0, &often, NULL);
    }
    burn();
    return 0;
}

// Prints a dot at each interval. Ends after the given number of dots; runs for ever without that
// number.
static int print_slowly(long number, char **words) {
    long dots = words[1] ? atol(words[1]) : -1;
    while (dots-- != 0) {
        if (write(1, ".", 1) != 1) return 1;
        wait_ms(number);
    }
    return 0;
}

static const struct behaviour time_behaviours[] = {
    {"burn", burn_for_ever},
    {"burn-in-the-kernel", burn_in_the_kernel},
    {"burn-by-own-clock", burn_by_own_clock},
    {"burn-in-threads", burn_in_threads},
    {"burn-in-children", burn_in_children},
    {"burn-in-orphans", burn_in_orphans},
    {"burn-then-leave", burn_then_leave},
    {"burn-disowned", burn_disowned},
    {"burn-in-a-chain", burn_in_a_chain},
    {"burn-under-a-name", burn_under_a_name},
    {"reexecute", reexecute},
    {"do-nothing", do_nothing},
    {"select-nothing", select_nothing},
    {"read-nothing", read_nothing},
    {"deadlock", deadlock},
    {"print-then-wait", print_then_wait},
    {"stop-self", stop_self},
    {"stop-group", stop_group},
    {"stop-parent", stop_parent},
    {"storm-parent", storm_parent},
    {"ignore-signals", ignore_signals},
    {"survive", survive},
    {"many-timers", many_timers},
    {"print-slowly", print_slowly},
    {0},
};
