#pragma once

#include <map>
#include <string>

int code(const std::string &name, const std::map<std::string, int> &table);
