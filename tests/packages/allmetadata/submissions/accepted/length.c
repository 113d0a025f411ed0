#include <stdio.h>
#include <string.h>

int main(void) {
    char word[64];
    if (scanf("%63s", word) != 1) return 1;
    printf("%d\n", (int)strlen(word));
    return 0;
}
