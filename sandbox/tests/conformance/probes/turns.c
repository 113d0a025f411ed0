// A program with turns: it does what each message says, and answers.

static int read_whole(char *bytes, size_t count) {
    for (ssize_t read_now; count > 0; bytes += read_now, count -= (size_t)read_now)
        if ((read_now = read(3, bytes, count)) <= 0) return 1;
    return 0;
}

static void write_whole(const char *bytes, size_t count) {
    for (ssize_t wrote; count > 0; bytes += wrote, count -= (size_t)wrote)
        if ((wrote = write(4, bytes, count)) <= 0) _exit(3);
}

static void say_bytes(const char *bytes, size_t count) {
    unsigned length = (unsigned)count;
    write_whole((char *)&length, sizeof length);
    write_whole(bytes, count);
}

static void say(const char *text) {
    say_bytes(text, strlen(text));
}

static void *burn_later(void *milliseconds) {
    burn_ms((long)milliseconds);
    return NULL;
}

static void take_turn(char *word, long number) {
    char text[32];
    if (!strcmp(word, "pid")) return snprintf(text, sizeof text, "%d", getpid()), say(text);
    if (!strcmp(word, "burn")) return burn_ms(number), say("burnt");
    if (!strcmp(word, "wait")) return wait_ms(number), say("waited");
    if (!strcmp(word, "touch")) return touch(map((size_t)number << 20, MAP_PRIVATE), (size_t)number << 20), say("touched");
    if (!strcmp(word, "print")) {
        for (long each = 0; each < number; each++) putchar('x');
        fputs("complaint", stderr), fflush(stdout);
        return say("printed");
    }
    if (!strcmp(word, "exit")) _exit((int)number);
    if (!strcmp(word, "kill")) kill(getpid(), (int)number);
    if (!strcmp(word, "long")) return say_bytes(calloc(1, (size_t)number), (size_t)number);
    if (!strcmp(word, "part")) return write_whole("\x09\0\0\0part", 8), _exit(0);
    if (!strcmp(word, "twice")) return write_whole("\x01\0\0\0a\x01\0\0\0b", 10);
    if (!strcmp(word, "late")) return say("now"), wait_ms(30), say("later");
    if (!strcmp(word, "close")) { close(4), wait_ms(number), _exit(5); }
    if (!strcmp(word, "file")) return close(open("/tmp/left", O_CREAT | O_WRONLY, 0600)), say("left");
    if (!strcmp(word, "child")) {
        if (fork() == 0) for (;;) pause();
        return say("left");
    }
    if (!strcmp(word, "thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, burn_later, (void *)number);
        return say("started");
    }
    say(word);
}

static int turns(long number, char **words) {
    (void)number, (void)words;
    for (unsigned length; !read_whole((char *)&length, sizeof length);) {
        char *word = calloc(1, (size_t)length + 1);
        if (read_whole(word, length)) return 1;
        char *space = length < 64 ? strchr(word, ' ') : NULL;
        if (space) *space = 0;
        take_turn(word, space ? atol(space + 1) : 0);
        free(word);
    }
    return 0;
}

static const struct behaviour turn_behaviours[] = {
    {"turns", turns},
    {0},
};
