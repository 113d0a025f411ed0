/* Compares letter by letter for every length of the stencil. */
#include <stdio.h>

static char banner[300001];

int main(void) {
    int n;
    if (scanf("%d %300000s", &n, banner) != 2) return 1;
    for (int stencil = 1; stencil <= n; stencil++) {
        int i = 0;
        while (i + stencil < n && banner[i] == banner[i + stencil]) i++;
        if (i + stencil >= n) {
            printf("%d\n", stencil);
            return 0;
        }
    }
    return 1;
}
