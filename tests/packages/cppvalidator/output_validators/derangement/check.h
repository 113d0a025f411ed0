#pragma once
#include <vector>

// Whether the numbers are a permutation of 1 to their count that moves every number.
bool moves_all(const std::vector<int> &numbers);
