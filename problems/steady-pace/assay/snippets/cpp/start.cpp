#include <algorithm>
#include <deque>
#include <iostream>
#include <set>
#include <vector>

#line 1 "solution.cpp"
