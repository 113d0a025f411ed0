/* The loop variable is unsigned, so it never goes below zero and the loop never ends. */
#include <stdio.h>

int main(void) {
    unsigned width, height;
    if (scanf("%u %u", &width, &height) != 2) return 1;
    for (unsigned row = height - 1; row >= 0; row--) {
        for (unsigned column = 0; column < width; column++) {
            putchar(row == 0 || row == height - 1 || column == 0 || column == width - 1 ? '*' : ' ');
        }
        putchar('\n');
    }
    return 0;
}
