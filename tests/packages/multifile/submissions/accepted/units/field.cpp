#include "field.h"

int area(int length, int width) { return length * width; }
