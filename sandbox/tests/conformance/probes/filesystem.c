// Programs that read other files, leave things behind, and build traps out of files.

static int write_file(long number, char **words) {
    (void)number;
    return make_file(words[0], 1000);
}

static int write_mib(long number, char **words) {
    return make_file(words[1], (size_t)number << 20);
}

// Prints the paths that it could write to.
static int write_anywhere(long number, char **words) {
    (void)number;
    int written = 0;
    for (char **each = words; *each; each++)
        if (open(*each, O_WRONLY | O_CREAT | O_APPEND, 0666) >= 0 || mkdir(*each, 0777) == 0) written = 1, puts(*each);
    return !written;
}

// Prints the paths that it could read a byte of, or list an entry of.
static int read_anything(long number, char **words) {
    (void)number;
    int seen = 0;
    for (char **each = words; *each; each++) {
        char byte;
        int fd = open(*each, O_RDONLY | O_NONBLOCK);
        int found = fd >= 0 && read(fd, &byte, 1) == 1;
        DIR *directory = opendir(*each);
        for (struct dirent *entry; directory && (entry = readdir(directory));) found |= entry->d_name[0] != '.';
        if (found) seen = 1, puts(*each);
        if (fd >= 0) close(fd);
    }
    return !seen;
}

static int exists(long number, char **words) {
    (void)number;
    return access(words[0], F_OK) != 0;
}


static const char *wanted;

static int name_if_wanted(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type;
    const char *name = path + place->base, *found = strstr(name, wanted);
    if (found && strlen(found) == strlen(wanted)) puts(path);
    return strcmp(path, "/usr") == 0 || strcmp(path, "/proc") == 0 || strcmp(path, "/sys") == 0 ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
}

// Prints every file with this ending outside the toolchain.
static int find_ending(long number, char **words) {
    (void)number;
    wanted = words[0];
    return nftw("/", name_if_wanted, 16, FTW_PHYS | FTW_ACTIONRETVAL);
}

// Prints the other processes whose memory or environment it can read.
static int read_processes(long number, char **words) {
    (void)number, (void)words;
    int seen = 0;
    for (int pid = 1; pid < 300; pid++) {
        const char *parts[] = {"environ", "mem", "maps", "root/etc", "cwd/.", "fd/0", "exe"};
        for (size_t part = 0; pid != getpid() && part < sizeof parts / sizeof *parts; part++) {
            char path[64];
            snprintf(path, sizeof path, "/proc/%d/%s", pid, parts[part]);
            if (open(path, O_RDONLY) >= 0) seen = 1, puts(path);
        }
    }
    return !seen;
}

static int make_link(long number, char **words) {
    (void)number;
    return symlink(words[0], words[1]);
}

static int make_hard_link(long number, char **words) {
    (void)number;
    return link(words[0], words[1]) != 0;
}

static int make_fifo(long number, char **words) {
    (void)number;
    return mkfifo(words[0], 0666);
}

static int make_directory(long number, char **words) {
    (void)number;
    return mkdir(words[0], 0777);
}

static int make_socket(long number, char **words) {
    (void)number;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strncpy(name.sun_path, words[0], sizeof name.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(fd, (struct sockaddr *)&name, sizeof name) || listen(fd, 1);
}

static int make_device(long number, char **words) {
    (void)number;
    int held = refused("a character device", mknod(words[0], S_IFCHR | 0666, 0x0101));
    return held & refused("a block device", mknod(words[0], S_IFBLK | 0666, 0xfe00));
}

// Makes a file that is one hole, so that its size is not its content's size.
static int make_sparse(long number, char **words) {
    int fd = open(words[1], O_WRONLY | O_CREAT, 0666);
    off_t end = (off_t)number << 20;
    return fd < 0 || lseek(fd, end - 1, SEEK_SET) < 0 || write(fd, "x", 1) != 1;
}

static int extend(long number, char **words) {
    int fd = open(words[1], O_WRONLY | O_CREAT, 0666);
    return fd < 0 || ftruncate(fd, (off_t)number << 20) != 0;
}

static int allocate(long number, char **words) {
    int fd = open(words[1], O_WRONLY | O_CREAT, 0666);
    return fd < 0 || fallocate(fd, 0, 0, (off_t)number << 20) != 0;
}

// Writes files of 1 MiB everywhere until nothing more fits, and prints how many fitted.
static int fill_disk(long number, char **words) {
    (void)words;
    const char *areas[] = {"/work", "/tmp", "/dev/shm"};
    int made = 0;
    for (int area = 0; area < 3; area++)
        for (long each = 0; each < number; each++) {
            char path[64];
            snprintf(path, sizeof path, "%s/file-%ld", areas[area], each);
            if (make_file(path, 1 << 20)) break;
            made++;
        }
    return printf("%d\n", made), 0;
}

// Tries to make this number of files, and prints how many it made.
static int many_files(long number, char **words) {
    const char *area = words[1];
    int made = 0, left = 1000;
    for (long each = 0; each < number && left; each++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%ld", area, each);
        int fd = open(path, O_WRONLY | O_CREAT, 0666);
        if (fd >= 0) made++, close(fd);
        // Continues for a while after the area is full, like a program that ignores errors.
        else left--;
    }
    return printf("%d\n", made), 0;
}

static int deep_tree(long number, char **words) {
    if (chdir(words[1])) return 2;
    long depth = 0;
    while (depth < number && mkdir("a-directory-in-a-directory", 0777) == 0 && chdir("a-directory-in-a-directory") == 0) depth++;
    return printf("%ld\n", depth), 0;
}

// Makes names of the maximum length with unusual bytes.
static int odd_names(long number, char **words) {
    (void)words;
    if (chdir("/work")) return 2;
    for (long each = 0; each < number; each++) {
        char name[256], beginning[32];
        memset(name, 1 + (int)(each % 46), 255);
        memcpy(name, beginning, (size_t)snprintf(beginning, sizeof beginning, "%ld\n\xff\x1b*", each));
        name[255] = 0;
        if (each % 2 ? mkdir(name, 0) : close(open(name, O_WRONLY | O_CREAT, 0))) return 1;
    }
    return 0;
}

static int shut_directories(long number, char **words) {
    (void)words;
    for (long each = 0; each < number; each++) {
        char path[64];
        snprintf(path, sizeof path, "/work/closed-%ld", each);
        mkdir(path, 0777);
        snprintf(path, sizeof path, "/work/closed-%ld/file", each);
        close(open(path, O_WRONLY | O_CREAT, 0000));
        snprintf(path, sizeof path, "/work/closed-%ld", each);
        chmod(path, 0000);
    }
    chmod("/tmp", 0000);
    return chmod("/work", 0000) && errno != EPERM;
}

// Tries to set flags that prevent a file's removal.
static int immutable_files(long number, char **words) {
    (void)number, (void)words;
    int fd = open("/work/immutable", O_RDWR | O_CREAT, 0666), flags = FS_IMMUTABLE_FL, append = FS_APPEND_FL;
    int held = refused("immutable", ioctl(fd, FS_IOC_SETFLAGS, &flags));
    return held & refused("append-only", ioctl(fd, FS_IOC_SETFLAGS, &append));
}

static int many_attributes(long number, char **words) {
    (void)words;
    int fd = open("/work/file", O_RDWR | O_CREAT, 0666);
    long made = 0;
    for (; made < number; made++) {
        char name[64], value[1024] = {1};
        snprintf(name, sizeof name, "user.%ld", made);
        if (fsetxattr(fd, name, value, sizeof value, 0)) break;
    }
    return printf("%ld\n", made), 0;
}

static int open_many(long number, char **words) {
    (void)number, (void)words;
    int count = 0;
    while (open("/dev/null", O_RDONLY) >= 0) count++;
    return printf("%d\n", count), errno == EMFILE ? 0 : 1;
}

static int change_owner(long number, char **words) {
    (void)number;
    return refused("chown", chown(words[0], 0, 0));
}

static int spoil_stdin(long number, char **words) {
    (void)number, (void)words;
    int fd = open("/proc/self/fd/0", O_RDWR), held = 1;
    held &= refused("write", write(0, "x", 1));
    held &= refused("write through /proc", fd < 0 ? -1 : write(fd, "x", 1));
    held &= refused("truncate", truncate("/proc/self/fd/0", 0));
    held &= refused("ftruncate", ftruncate(0, 0));
    held &= refused("mapping", mmap(NULL, 1, PROT_WRITE, MAP_SHARED, 0, 0) == MAP_FAILED ? -1 : 0);
    unlink("/dev/stdin");
    return held;
}

// The two ends of possible channels through the toolchain's files, which cells may share.
static int hold_lock(long number, char **words) {
    int fd = open(words[2], O_RDONLY);
    struct flock whole = {.l_type = F_RDLCK};
    long held = strcmp(words[1], "flock") == 0 ? flock(fd, LOCK_EX) : strcmp(words[1], "posix") == 0 ? fcntl(fd, F_SETLK, &whole) : fcntl(fd, F_OFD_SETLK, &whole);
    if (held < 0) return 1;
    wait_ms(number);
    return 0;
}

static int see_lock(long number, char **words) {
    int fd = open(words[2], O_RDONLY);
    for (double end = seconds(CLOCK_MONOTONIC) + (double)number / 1e3; seconds(CLOCK_MONOTONIC) < end; wait_ms(2)) {
        struct flock whole = {.l_type = F_WRLCK};
        if (fd < 0) return 1;
        if (strcmp(words[1], "flock") == 0) {
            if (flock(fd, LOCK_SH | LOCK_NB) == 0) flock(fd, LOCK_UN);
            else if (errno == EWOULDBLOCK) return puts("seen"), 0;
        } else if (fcntl(fd, strcmp(words[1], "posix") == 0 ? F_GETLK : F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK) return puts("seen"), 0;
    }
    return 0;
}

static int use_toolchain(long number, char **words) {
    for (double end = seconds(CLOCK_MONOTONIC) + (double)number / 1e3; seconds(CLOCK_MONOTONIC) < end; wait_ms(2)) {
        char byte;
        int fd = open(words[1], O_RDONLY);
        if (fd >= 0 && read(fd, &byte, 1) == 1) close(fd);
    }
    return 0;
}

static int watch_toolchain(long number, char **words) {
    int watch = inotify_init1(IN_NONBLOCK);
    if (watch < 0 || inotify_add_watch(watch, words[1], IN_ALL_EVENTS) < 0) return 1;
    for (double end = seconds(CLOCK_MONOTONIC) + (double)number / 1e3; seconds(CLOCK_MONOTONIC) < end; wait_ms(2)) {
        char events[4096];
        if (read(watch, events, sizeof events) > 0) return puts("seen"), 0;
    }
    return 0;
}

static int leases(long number, char **words) {
    (void)number, (void)words;
    int own = open("/work/file", O_RDWR | O_CREAT, 0666), shared = open("/usr/bin/env", O_RDONLY), directory = open("/usr/bin", O_RDONLY);
    int held = refused("a lease on a shared file", fcntl(shared, F_SETLEASE, F_RDLCK));
    held &= refused("a lease on an own file", fcntl(own, F_SETLEASE, F_WRLCK));
    return held & refused("dnotify", fcntl(directory, F_NOTIFY, DN_ACCESS | DN_MULTISHOT));
}

// Tries to change the modes, owners and times of the devices, which belong to the host.
static int change_devices(long number, char **words) {
    (void)number, (void)words;
    const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};
    struct timespec times[2] = {{1, 0}, {1, 0}};
    int held = 1;
    for (int at = 0; at < 5; at++) {
        held &= refused("another mode", chmod(devices[at], 0666));
        held &= refused("another owner", chown(devices[at], getuid(), getgid()));
        held &= refused("another time", utimensat(AT_FDCWD, devices[at], times, 0));
        held &= refused("an attribute", setxattr(devices[at], "trusted.mark", "1", 1, 0));
    }
    // The devices must still work.
    int null = open("/dev/null", O_RDWR), random = open("/dev/urandom", O_RDONLY);
    char byte;
    return write(null, "1", 1) == 1 && read(random, &byte, 1) == 1 ? held : 2;
}

// Tries to send and receive by which pages of a shared file are in memory.
static int page_cache(long number, char **words) {
    (void)number;
    int fd = open(words[0], O_RDONLY);
    char byte;
    struct iovec into = {&byte, 1};
    int held = refused("dropping a page", -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
    held &= refused("asking for a page", preadv2(fd, &into, 1, 0, RWF_NOWAIT));
    held &= refused("asking for a page without keeping it", preadv2(fd, &into, 1, 0, 0x80 /* RWF_DONTCACHE */));
    // Calls that runtimes need.
    if (posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL) != 0 || preadv2(fd, &into, 1, 0, 0) != 1) return 2;
    return held;
}

static const char *const areas[] = {"/work", "/tmp", "/dev/shm"};

static void in_area(char *path, const char *area, const char *name) {
    snprintf(path, 256, "%s/%s", area, name);
}

// Tries to leave a number for the next run of the same cell, in every possible way.
static int remember(long number, char **words) {
    char path[256], text[32];
    snprintf(text, sizeof text, "%ld", number);
    for (int at = 0; at < 3; at++) {
        const char *area = areas[at];
        in_area(path, area, "file");
        make_file(path, (size_t)number);
        in_area(path, area, "link");
        if (symlink(text, path)) {}
        // Names like those that the cleanup uses, each with a directory that it must move.
        for (int count = 0; count < 300; count++) {
            char name[64];
            snprintf(name, sizeof name, ".assay-lifted-%d", count);
            in_area(path, area, name);
            mkdir(path, 0777);
            snprintf(name, sizeof name, ".assay-lifted-%d/%ld", count, number);
            in_area(path, area, name);
            mkdir(path, count % 2 ? 0 : 0777);
        }
        in_area(path, area, ".assay-lifted-1");
        chmod(path, 0);
        setxattr(area, "user.number", text, strlen(text), 0);
        // An access list for all users, in the kernel's format.
        unsigned char list[] = {2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 4, 0, 7, 0, 255, 255, 255, 255, 32, 0, 7, 0, 255, 255, 255, 255};
        setxattr(area, "system.posix_acl_access", list, sizeof list, 0);
        struct timespec times[2] = {{number, 0}, {number, 0}};
        utimensat(AT_FDCWD, area, times, 0);
        chmod(area, 0700);
        if (chown(area, getuid(), getgid())) {}
    }
    // A process that outlives the run, with a listening socket.
    if (fork() == 0) {
        setsid();
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        struct sockaddr_un name = {AF_UNIX, "\0remembered"};
        bind(fd, (struct sockaddr *)&name, sizeof name);
        listen(fd, 1);
        prctl(PR_SET_NAME, text);
        flock(open(words[1], O_RDONLY), LOCK_EX);
        for (;;) pause();
    }
    wait_ms(30);
    return 0;
}

// Prints every difference from a fresh cell.
static int recall(long number, char **words) {
    for (int at = 0; at < 3; at++) {
        struct stat area;
        if (stat(areas[at], &area) != 0) return 1;
        if ((area.st_mode & 07777) != 01777) printf("the mode of %s is %o\n", areas[at], area.st_mode);
        if (area.st_mtime == number) printf("%s was changed then\n", areas[at]);
        if (area.st_atime == number) printf("%s was read then\n", areas[at]);
        char names[256];
        ssize_t size = listxattr(areas[at], names, sizeof names);
        if (size > 0) printf("%s has %s\n", areas[at], names);
        DIR *entries = opendir(areas[at]);
        if (entries == NULL) return 1;
        for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) printf("%s/%s\n", areas[at], entry->d_name);
        closedir(entries);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name = {AF_UNIX, "\0remembered"};
    if (connect(fd, (struct sockaddr *)&name, sizeof name) == 0) puts("somebody listens");
    if (flock(open(words[1], O_RDONLY), LOCK_EX | LOCK_NB) != 0) puts("somebody holds a lock");
    for (int pid = 2; pid < 200; pid++)
        if (pid != getpid() && kill(pid, 0) == 0) printf("%d lives\n", pid);
    return 0;
}

static const struct behaviour filesystem_behaviours[] = {
    {"write", write_file},
    {"write-mib", write_mib},
    {"write-anywhere", write_anywhere},
    {"read-anything", read_anything},
    {"exists", exists},
    {"find-ending", find_ending},
    {"read-processes", read_processes},
    {"link", make_link},
    {"hard-link", make_hard_link},
    {"fifo", make_fifo},
    {"directory", make_directory},
    {"socket", make_socket},
    {"device", make_device},
    {"sparse", make_sparse},
    {"extend", extend},
    {"allocate", allocate},
    {"fill-disk", fill_disk},
    {"many-files", many_files},
    {"deep-tree", deep_tree},
    {"odd-names", odd_names},
    {"shut-directories", shut_directories},
    {"immutable-files", immutable_files},
    {"many-attributes", many_attributes},
    {"open-many", open_many},
    {"change-owner", change_owner},
    {"spoil-stdin", spoil_stdin},
    {"hold-lock", hold_lock},
    {"see-lock", see_lock},
    {"use-toolchain", use_toolchain},
    {"watch-toolchain", watch_toolchain},
    {"leases", leases},
    {"change-devices", change_devices},
    {"page-cache", page_cache},
    {"remember", remember},
    {"recall", recall},
    {0},
};
