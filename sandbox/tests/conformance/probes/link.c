// Programs that talk to a program in another cell.

static char *read_line(char *line, int bytes) {
    return fgets(line, bytes, stdin);
}

// Asks this number of questions, one after the other, and checks each answer.
static int ask(long number, char **words) {
    (void)words;
    char line[64];
    for (long each = 0; each < number; each++) {
        printf("%ld\n", each), fflush(stdout);
        if (!read_line(line, sizeof line) || atol(line) != each + 1) return 1;
    }
    return 0;
}

static int reply(long number, char **words) {
    (void)number, (void)words;
    char line[64];
    while (read_line(line, sizeof line)) printf("%ld\n", atol(line) + 1), fflush(stdout);
    return 0;
}

static long read_bytes(long most) {
    char block[65536];
    long total = 0;
    for (ssize_t count; total < most && (count = read(0, block, sizeof block)) > 0;) total += count;
    return total;
}

// Reads to the end of the input, and prints its length to standard error.
static int read_all(long number, char **words) {
    (void)words;
    fprintf(stderr, "%ld\n", read_bytes(1l << 40));
    wait_ms(number);
    return 0;
}

static int read_all_and_stay(long number, char **words) {
    (void)number, (void)words;
    read_bytes(1l << 40);
    for (;;) pause();
}

static int close_input(long number, char **words) {
    (void)words;
    close(0);
    wait_ms(number);
    return 0;
}

static int close_output(long number, char **words) {
    (void)words;
    close(1);
    wait_ms(number);
    return 0;
}

static int burst(long number, char **words) {
    char line[64];
    print_bytes(number, words);
    fflush(stdout);
    return !read_line(line, sizeof line) || strcmp(line, "enough\n") != 0;
}

static int swallow(long number, char **words) {
    (void)words;
    if (read_bytes(number) != number) return 1;
    return puts("enough") < 0;
}

static const struct behaviour link_behaviours[] = {
    {"ask", ask},
    {"reply", reply},
    {"read-all", read_all},
    {"read-all-and-stay", read_all_and_stay},
    {"close-input", close_input},
    {"close-output", close_output},
    {"burst", burst},
    {"swallow", swallow},
    {0},
};
