// One program that imitates what submissions do or try to do; its first argument selects the
// behaviour. Its parts are joined into one source, because a cell compiles one file. Each part
// lists its behaviours at its end, and main.c finds them.
//
// A behaviour exits with 0 if the cell allowed what it tried, with 1 if the cell refused, unless
// its comment says otherwise.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

// A behaviour gets the second argument as a number, and all arguments from the second on.
struct behaviour {
    const char *name;
    int (*run)(long number, char **words);
};

static volatile unsigned long sink;

static void burn(void) {
    for (;;) sink++;
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void burn_ms(long milliseconds) {
    double end = seconds(CLOCK_PROCESS_CPUTIME_ID) + (double)milliseconds / 1e3;
    while (seconds(CLOCK_PROCESS_CPUTIME_ID) < end) sink++;
}

static void wait_ms(long milliseconds) {
    struct timespec rest = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (nanosleep(&rest, &rest) && errno == EINTR) {}
}

static void touch(char *memory, size_t bytes) {
    for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
}

static char *map(size_t bytes, int flags) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) exit(1);
    return memory;
}

static int make_file(const char *path, size_t bytes) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) return 1;
    char block[65536];
    memset(block, 'x', sizeof block);
    while (bytes > 0) {
        size_t want = bytes < sizeof block ? bytes : sizeof block;
        ssize_t wrote = write(fd, block, want);
        if (wrote <= 0) return close(fd), 1;
        bytes -= (size_t)wrote;
    }
    return close(fd);
}

// Checks an attempt that the kernel or a mount refuses with any error.
static int refused(const char *what, long result) {
    if (result < 0) return 1;
    printf("%s was allowed\n", what);
    return 0;
}
