#include <cmath>
#include <cstdio>
#include <vector>

int main() {
    int n;
    if (std::scanf("%d", &n) != 1) return 1;
    std::vector<double> x(n), y(n);
    for (int i = 0; i < n; i++) {
        if (std::scanf("%lf %lf", &x[i], &y[i]) != 2) return 1;
    }
    double twice_area = 0, fence = 0;
    for (int i = 0; i < n; i++) {
        int next = (i + 1) % n;
        twice_area += x[i] * y[next] - x[next] * y[i];
        fence += std::hypot(x[next] - x[i], y[next] - y[i]);
    }
    std::printf("%.9f %.9f\n", std::fabs(twice_area) / 2, fence);
}
