#pragma once

#ifdef STRICT
const int SMALLEST = 1;
#else
const int SMALLEST = 0;
#endif

inline bool good(int a, int b, int n) { return a >= SMALLEST && b >= SMALLEST && a + b == n; }
