// Programs that use more memory than they have, and hide it.

static int touch_mib(long number, char **words) {
    (void)words;
    touch(map((size_t)number << 20, MAP_PRIVATE), (size_t)number << 20);
    return 0;
}

static int touch_for_ever(long number, char **words) {
    (void)number, (void)words;
    for (;;) touch(map(1 << 20, MAP_PRIVATE), 1 << 20);
}

static int leak(long number, char **words) {
    (void)number, (void)words;
    for (;;) {
        char *tiny = malloc(16);
        if (!tiny) return 1;
        *tiny = 1;
    }
}

// The kernel fills all of the memory before the call returns.
static int populate(long number, char **words) {
    (void)words;
    map((size_t)number << 20, MAP_PRIVATE | MAP_POPULATE);
    return 0;
}

static int touch_shared(long number, char **words) {
    (void)words;
    touch(map((size_t)number << 20, MAP_SHARED), (size_t)number << 20);
    return 0;
}

static int touch_huge(long number, char **words) {
    (void)words;
    char *memory = map((size_t)number << 20, MAP_PRIVATE);
    madvise(memory, (size_t)number << 20, MADV_HUGEPAGE);
    touch(memory, (size_t)number << 20);
    return 0;
}

// Returns its memory and takes it again.
static int churn(long number, char **words) {
    size_t bytes = (size_t)number << 20;
    for (long rounds = atol(words[1]); rounds > 0; rounds--) {
        char *memory = map(bytes, MAP_PRIVATE);
        touch(memory, bytes);
        munmap(memory, bytes);
    }
    return 0;
}

static int reserve(long number, char **words) {
    (void)words;
    return mmap(NULL, (size_t)number << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED;
}

static int hold_in_memfd(long number, char **words) {
    (void)words;
    int fd = memfd_create("hidden", 0);
    if (fd < 0) return 1;
    char block[65536];
    memset(block, 'x', sizeof block);
    for (size_t bytes = (size_t)number << 20; bytes > 0; bytes -= sizeof block)
        if (write(fd, block, sizeof block) != sizeof block) return 3;
    wait_ms(100);
    return 0;
}

// Holds this many MiB in a file for a moment.
static int hold_in_file(long number, char **words) {
    if (make_file(words[1], (size_t)number << 20)) return 1;
    wait_ms(100);
    return 0;
}

static int map_file(long number, char **words) {
    int fd = open(words[1], O_RDWR | O_CREAT, 0666);
    size_t bytes = (size_t)number << 20;
    if (fd < 0 || ftruncate(fd, (off_t)bytes)) return 1;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return 1;
    touch(memory, bytes);
    wait_ms(50);
    return 0;
}

static long fill(int fd) {
    char block[4096] = {0};
    long total = 0;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (ssize_t wrote; (wrote = write(fd, block, sizeof block)) > 0;) total += wrote;
    return total;
}

// Prints how much memory the kernel holds for it, in MiB.
static int fill_pipes(long number, char **words) {
    (void)number, (void)words;
    long total = 0;
    for (int ends[2]; pipe(ends) == 0;) {
        fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        total += fill(ends[1]);
    }
    wait_ms(50);
    return printf("%ld\n", total >> 20), 0;
}

static int fill_sockets(long number, char **words) {
    (void)number, (void)words;
    long total = 0;
    // If sockets may hold much, a quarter of a GiB is enough to exceed every limit of this suite.
    for (int ends[2]; total < 256 << 20 && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;) {
        int most = 1 << 30;
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &most, sizeof most);
        total += fill(ends[0]) + fill(ends[1]);
    }
    wait_ms(50);
    return printf("%ld\n", total >> 20), 0;
}

static int touch_in_children(long number, char **words) {
    (void)words;
    for (int each = 0; each < 4; each++)
        if (fork() == 0) touch_mib(number, NULL), wait_ms(400), _exit(0);
    int status, lost = 0;
    while (wait(&status) > 0) lost |= status;
    return lost ? 1 : 0;
}

// Touches memory once, which children share after a fork until they write to it.
static int share_with_children(long number, char **words) {
    (void)words;
    touch_mib(number, NULL);
    for (int each = 0; each < 3; each++)
        if (fork() == 0) wait_ms(100), _exit(0);
    while (wait(NULL) > 0) {}
    return 0;
}

static int recurse(int depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    return depth == 0 ? frame[0] : recurse(depth - 1) + frame[0];
}

static int dive(long number, char **words) {
    (void)words;
    return recurse((int)number) == 12345 ? 3 : 0;
}

static int lock_memory(long number, char **words) {
    (void)number, (void)words;
    char *memory = map(4096, MAP_PRIVATE);
    int held = refused("mlock", mlock(memory, 4096));
    held &= refused("mlock2", syscall(SYS_mlock2, memory, 4096, 0));
    held &= refused("mlockall", mlockall(MCL_CURRENT | MCL_FUTURE));
    return held;
}

static int huge_pages(long number, char **words) {
    (void)number, (void)words;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
    void *memory = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, flags, -1, 0);
    int held = refused("mmap of huge pages", memory == MAP_FAILED ? -1 : 0);
    held &= refused("memfd of huge pages", memfd_create("huge", 4));
    return held;
}

static const struct behaviour memory_behaviours[] = {
    {"touch", touch_mib},
    {"touch-for-ever", touch_for_ever},
    {"leak", leak},
    {"populate", populate},
    {"touch-shared", touch_shared},
    {"touch-huge", touch_huge},
    {"churn", churn},
    {"reserve", reserve},
    {"hold-in-memfd", hold_in_memfd},
    {"hold-in-file", hold_in_file},
    {"map-file", map_file},
    {"fill-pipes", fill_pipes},
    {"fill-sockets", fill_sockets},
    {"touch-in-children", touch_in_children},
    {"share-with-children", share_with_children},
    {"dive", dive},
    {"lock-memory", lock_memory},
    {"huge-pages", huge_pages},
    {0},
};
