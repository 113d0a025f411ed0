// One program that does, by its first argument, what submissions do or try to do. Each behaviour exits with 0 when the
// cell let it have what it wanted, with 1 when the cell refused, or as the behaviour itself says.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sink;

static void burn(void) {
    for (;;) sink++;
}

static void *burn_thread(void *unused) {
    burn();
    return unused;
}

static void touch(size_t bytes) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) exit(1);
    for (size_t at = 0; at < bytes; at += 4096) memory[at] = 1;
}

static int recurse(int depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    return depth == 0 ? frame[0] : recurse(depth - 1) + frame[0];
}

static int make_file(const char *path, size_t bytes) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0) return 1;
    char block[65536];
    memset(block, 'x', sizeof block);
    while (bytes > 0) {
        size_t want = bytes < sizeof block ? bytes : sizeof block;
        ssize_t wrote = write(fd, block, want);
        if (wrote <= 0) return 1;
        bytes -= (size_t)wrote;
    }
    return 0;
}

static int refused(const char *what, long result) {
    if (result >= 0) {
        printf("%s was allowed\n", what);
        return 0;
    }
    return 1;
}

static int reaches(const char *address, int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, address, &to.sin_addr);
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static int privileges(void) {
    int bad = 0;
    bad |= !refused("setuid", setuid(0));
    bad |= !refused("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
    bad |= !refused("unshare", unshare(CLONE_NEWUSER));
    bad |= !refused("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
    bad |= !refused("chroot", chroot("/tmp"));
    bad |= !refused("mknod", mknod("/tmp/device", S_IFCHR | 0666, 0x0101));
    bad |= !refused("ptrace", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
    bad |= !refused("bpf", syscall(SYS_bpf, 0, NULL, 0));
    bad |= !refused("perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
    bad |= !refused("io_uring_setup", syscall(SYS_io_uring_setup, 1, NULL));
    bad |= !refused("userfaultfd", syscall(SYS_userfaultfd, 0));
    bad |= !refused("keyctl", syscall(SYS_keyctl, 0, -3, 1));
    bad |= !refused("shmget", shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600));
    bad |= !refused("vsock", socket(40, SOCK_STREAM, 0));
    bad |= !refused("nice", setpriority(PRIO_PROCESS, 0, -5));
    struct sched_param fifo = {.sched_priority = 1};
    bad |= !refused("fifo", sched_setscheduler(0, SCHED_FIFO, &fifo));
    bad |= !refused("x32 getpid", syscall(0x40000000 + 39));
    bad |= !refused("writing /box", open("/box/new", O_WRONLY | O_CREAT, 0644));
    bad |= !refused("writing the program", open("/box/probe", O_WRONLY));
    bad |= !refused("chmod of /box", chmod("/box", 0777));
    bad |= !refused("writing /", open("/new", O_WRONLY | O_CREAT, 0644));
    bad |= !refused("writing /usr", open("/usr/new", O_WRONLY | O_CREAT, 0644));
    bad |= !refused("writing /etc", open("/etc/new", O_WRONLY | O_CREAT, 0644));
    bad |= !refused("core_pattern", open("/proc/sys/kernel/core_pattern", O_WRONLY));
    bad |= !refused("memory of process 1", open("/proc/1/mem", O_RDONLY));
    bad |= !refused("environment of process 1", open("/proc/1/environ", O_RDONLY));
    bad |= !refused("root of process 1", open("/proc/1/root/etc", O_RDONLY));
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) {
        unsigned long long bits;
        if (sscanf(line, "CapEff: %llx", &bits) == 1 && bits) bad = 1, puts(line);
        if (sscanf(line, "CapPrm: %llx", &bits) == 1 && bits) bad = 1, puts(line);
        if (sscanf(line, "NoNewPrivs: %llu", &bits) == 1 && bits != 1) bad = 1, puts(line);
        if (sscanf(line, "Seccomp: %llu", &bits) == 1 && bits != 2) bad = 1, puts(line);
        if (sscanf(line, "Uid: %llu", &bits) == 1 && bits == 0) bad = 1, puts(line);
    }
    return bad ? 0 : 1;
}

static int count_processes(void) {
    int count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        int pid = atoi(entry->d_name);
        count += pid > 1 && pid != getpid();
    }
    return count;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    const char *text = argc > 2 ? argv[2] : "";
    long number = argc > 2 ? atol(argv[2]) : 0;
#define IS(name) (strcmp(what, name) == 0)
    if (IS("exit")) return (int)number;
    if (IS("raise")) return raise((int)number), 99;
    if (IS("burn")) burn();
    if (IS("sleep")) for (;;) pause();
    if (IS("stop")) for (;;) kill(0, SIGSTOP), raise(SIGSTOP);
    if (IS("read-nothing")) {
        int ends[2];
        char byte;
        return pipe(ends) || read(ends[0], &byte, 1) != 1;
    }
    if (IS("ignore-signals")) {
        for (int each = 1; each < 65; each++) signal(each, SIG_IGN);
        burn();
    }
    if (IS("threads-burn")) {
        pthread_t thread;
        for (long each = 1; each < number; each++) pthread_create(&thread, NULL, burn_thread, NULL);
        burn();
    }
    if (IS("children-burn")) {
        for (long each = 0; each < number; each++)
            if (fork() == 0) burn();
        while (wait(NULL) > 0) {}
        return 0;
    }
    if (IS("unwaited-burn")) {
        // Children that nobody waits for take their times with them.
        signal(SIGCHLD, SIG_IGN);
        for (;;) {
            pid_t child = fork();
            if (child == 0) {
                for (unsigned long until = 20000000; until; until--) sink++;
                _exit(0);
            }
            while (child > 0 && kill(child, 0) == 0) usleep(100);
        }
    }
    if (IS("touch")) return touch((size_t)number << 20), 0;
    if (IS("touch-for-ever")) for (;;) touch(1 << 20);
    if (IS("touch-in-children")) {
        for (int each = 0; each < 4; each++)
            if (fork() == 0) touch((size_t)number << 20), sleep(2), _exit(0);
        int status, lost = 0;
        while (wait(&status) > 0) lost |= status;
        return lost ? 1 : 0;
    }
    if (IS("reserve")) return mmap(NULL, (size_t)number << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED;
    if (IS("recurse")) return recurse((int)number) == 12345 ? 3 : 0;
    if (IS("print")) {
        for (long each = 0; each < number; each++) putchar('x');
        return 0;
    }
    if (IS("print-for-ever")) for (;;) puts("for ever and ever and ever and ever");
    if (IS("complain")) {
        for (long each = 0; each < number; each++) fputc('e', stderr);
        return 0;
    }
    if (IS("print-and-sleep")) {
        puts("done");
        fflush(stdout);
        for (;;) pause();
    }
    if (IS("close-all")) return close(0), close(1), close(2), 0;
    if (IS("fork-bomb")) {
        for (int each = 0; each < 100000; each++) {
            pid_t child = fork();
            if (child < 0) break;
        }
        sleep(1);
        return 0;
    }
    if (IS("zombies")) {
        int made = 0;
        while (made < 100000) {
            pid_t child = fork();
            if (child == 0) _exit(0);
            if (child < 0) break;
            made++;
        }
        printf("%d\n", made);
        return 0;
    }
    if (IS("orphans")) {
        // Each orphan is gone at once when process 1 reaps it, so there is no end to how many there can be.
        for (long each = 0; each < number; each++) {
            pid_t child = fork();
            if (child < 0) return 1;
            if (child == 0) {
                pid_t orphan = fork();
                if (orphan < 0) _exit(1);
                _exit(0);
            }
            int status = 0;
            waitpid(child, &status, 0);
            if (status) { usleep(2000); each--; }
        }
        return 0;
    }
    if (IS("daemon")) {
        if (fork() == 0) {
            setsid();
            if (fork() == 0) {
                for (int each = 1; each < 65; each++) signal(each, SIG_IGN);
                for (;;) sleep(1);
            }
            _exit(0);
        }
        puts("parent is done");
        return 0;
    }
    if (IS("count-processes")) return printf("%d\n", count_processes()), 0;
    if (IS("kill-everyone")) return kill(-1, SIGKILL), 0;
    if (IS("kill-init")) return kill(1, SIGKILL), kill(1, SIGSTOP), kill(getppid(), SIGTERM), 0;
    if (IS("write")) return make_file(text, 1000);
    if (IS("write-mib")) return make_file(argv[3], (size_t)number << 20);
    if (IS("exists")) return access(text, F_OK) != 0;
    if (IS("readable")) {
        char byte;
        int fd = open(text, O_RDONLY);
        return !(fd >= 0 && read(fd, &byte, 1) == 1);
    }
    if (IS("list")) {
        DIR *directory = opendir(text);
        for (struct dirent *entry; directory && (entry = readdir(directory));)
            if (entry->d_name[0] != '.') puts(entry->d_name);
        return 0;
    }
    if (IS("symlink")) return symlink(text, argv[3]);
    if (IS("mkfifo")) return mkfifo(text, 0666);
    if (IS("mkdir")) return mkdir(text, 0777);
    if (IS("litter")) {
        for (int each = 0; each < 3000; each++) {
            char name[64];
            snprintf(name, sizeof name, "/work/file-%d", each);
            close(open(name, O_WRONLY | O_CREAT, 0000));
        }
        chdir("/tmp");
        for (int depth = 0; depth < 3000; depth++)
            if (mkdir("a-directory-in-a-directory", 0777) || chdir("a-directory-in-a-directory")) return 1;
        mkdir("/work/closed", 0777);
        close(open("/work/closed/file", O_WRONLY | O_CREAT, 0000));
        chmod("/work/closed", 0000);
        chmod("/work", 0000);
        return 0;
    }
    if (IS("cat")) {
        char block[65536];
        for (ssize_t count; (count = read(0, block, sizeof block)) > 0;)
            for (ssize_t done = 0; done < count;) done += write(1, block + done, (size_t)(count - done));
        return 0;
    }
    if (IS("spoil-stdin")) {
        int fd = open("/proc/self/fd/0", O_WRONLY);
        return !(write(0, "x", 1) == 1 || (fd >= 0 && write(fd, "x", 1) == 1) || truncate("/proc/self/fd/0", 0) == 0);
    }
    if (IS("descriptors")) {
        for (int fd = 0; fd < 1024; fd++)
            if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
        return 0;
    }
    if (IS("open-many")) {
        int count = 0;
        while (open("/dev/null", O_RDONLY) >= 0) count++;
        return printf("%d\n", count), errno == EMFILE ? 0 : 1;
    }
    if (IS("environment")) {
        extern char **environ;
        for (char **each = environ; *each; each++) puts(*each);
        return 0;
    }
    if (IS("network")) return !(reaches("127.0.0.1", 22) || reaches("169.254.169.254", 80) || reaches("10.0.0.1", 53) || reaches("8.8.8.8", 53));
    if (IS("privileges")) return privileges();
    if (IS("where")) {
        char here[256], name[256];
        gethostname(name, sizeof name);
        return printf("%s %s %d\n", getcwd(here, sizeof here), name, getsid(0) == getpid()), 0;
    }
    fprintf(stderr, "what is %s?\n", what);
    return 2;
}
