// Counts leftovers of earlier runs from inside the cell, and dispatches to the behaviours.

static int entries(const char *path, int (*counts)(const char *)) {
    int count = 0;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) count += counts(entry->d_name);
    if (directory) closedir(directory);
    return count;
}

static int is_entry(const char *name) {
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int is_process(const char *name) {
    int pid = atoi(name);
    return pid > 1 && pid != getpid();
}

static int is_descriptor(const char *name) {
    return atoi(name) > 2;
}

// The number of lines of a file, without its heading.
static int lines(const char *path, int heading) {
    int count = 0;
    FILE *file = fopen(path, "r");
    for (int byte; file && (byte = getc(file)) != EOF;) count += byte == '\n';
    if (file) fclose(file);
    return count > heading ? count - heading : 0;
}

static int is_open(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && (status.st_mode & 07777) == 01777;
}

static int inventory(long number, char **words) {
    (void)number, (void)words;
    printf("processes %d\n", entries("/proc", is_process));
    printf("files %d\n", entries("/work", is_entry) + entries("/tmp", is_entry) + entries("/dev/shm", is_entry));
    printf("areas %d\n", is_open("/work") + is_open("/tmp") + is_open("/dev/shm"));
    printf("ipc %d\n", lines("/proc/sysvipc/shm", 1) + lines("/proc/sysvipc/sem", 1) + lines("/proc/sysvipc/msg", 1) + entries("/dev/mqueue", is_entry));
    printf("sockets %d\n", lines("/proc/net/unix", 1));
    // Does not count the descriptor that reads the directory.
    printf("descriptors %d\n", entries("/proc/self/fd", is_descriptor) - 1);
    printf("mounts %d\n", lines("/proc/self/mountinfo", 0));
    return 0;
}

static const struct behaviour main_behaviours[] = {{"inventory", inventory}, {0}};

int main(int argc, char **argv) {
    const struct behaviour *parts[] = {
        time_behaviours, memory_behaviours, process_behaviours, filesystem_behaviours, output_behaviours, link_behaviours, turn_behaviours, kernel_behaviours, main_behaviours,
    };
    static char *none[] = {NULL, NULL};
    char **words = argc > 2 ? argv + 2 : none;
    for (size_t part = 0; argc > 1 && part < sizeof parts / sizeof *parts; part++)
        for (const struct behaviour *each = parts[part]; each->name; each++)
            if (strcmp(each->name, argv[1]) == 0) return each->run(words[0] ? atol(words[0]) : 0, words);
    fprintf(stderr, "what is %s?\n", argc > 1 ? argv[1] : "nothing");
    return 2;
}
