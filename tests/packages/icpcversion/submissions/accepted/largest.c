#include <stdio.h>

int main(void) {
    int a, b, c;
    if (scanf("%d %d %d", &a, &b, &c) != 3) return 1;
    if (b > a) a = b;
    if (c > a) a = c;
    printf("%d\n", a);
    return 0;
}
