/* C has no function that tells the period of a string. */
#include <stdio.h>
#include <string.h>

int main(void) {
    static char banner[300001];
    int n;
    if (scanf("%d %300000s", &n, banner) != 2) return 1;
    printf("%d\n", strperiod(banner));
    return 0;
}
