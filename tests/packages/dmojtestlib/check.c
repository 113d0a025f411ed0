#include <stdio.h>

/* Arguments: input, output, answer of the jury. A number at most 3 from the answer gives 4 of 10 points. */
int main(int argc, char **argv) {
    FILE *output, *answer;
    int expected, found, distance;
    if (argc < 4) return 3;
    output = fopen(argv[2], "r");
    answer = fopen(argv[3], "r");
    if (!output || !answer || fscanf(answer, "%d", &expected) != 1) return 3;
    if (fscanf(output, "%d", &found) != 1) {
        fprintf(stderr, "wrong output format Expected integer\n");
        return 2;
    }
    distance = found < expected ? expected - found : found - expected;
    if (distance == 0) return 0;
    if (distance <= 3) {
        fprintf(stderr, "points 4\n");
        return 7;
    }
    fprintf(stderr, "wrong answer far away\n");
    return 1;
}
