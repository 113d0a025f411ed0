#include <stdio.h>
#include <string.h>

#define LETTERS_MAX 5000

static char first[LETTERS_MAX + 1], second[LETTERS_MAX + 1];
static int rows[2][LETTERS_MAX + 1];

int main(void) {
    if (scanf("%5000s %5000s", first, second) != 2) return 1;
    int first_length = strlen(first), second_length = strlen(second);
    for (int i = 1; i <= first_length; i++) {
        const int *above = rows[(i - 1) % 2];
        int *row = rows[i % 2];
        for (int j = 1; j <= second_length; j++) {
            if (first[i - 1] == second[j - 1]) {
                row[j] = above[j - 1] + 1;
            } else {
                row[j] = above[j] > row[j - 1] ? above[j] : row[j - 1];
            }
        }
    }
    printf("%d\n", rows[first_length % 2][second_length]);
    return 0;
}
