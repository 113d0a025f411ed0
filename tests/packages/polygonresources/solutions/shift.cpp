#include "twice.h"

int twice(int x) { return x + x; }
