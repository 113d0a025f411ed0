#include <ctype.h>
#include <stdio.h>

static char crates[100001];
static char entries[100002];

int main(void) {
    int n;
    if (scanf("%d %100001s", &n, entries) != 2) return 1;
    int height = 0;
    for (int i = 0; i < n; i++) {
        if (isupper((unsigned char)entries[i])) {
            crates[height++] = entries[i];
        } else if (height > 0 && tolower((unsigned char)crates[height - 1]) == entries[i]) {
            height--;
        } else {
            printf("wrong %d\n", i + 1);
            return 0;
        }
    }
    printf("right %d\n", height);
    return 0;
}
