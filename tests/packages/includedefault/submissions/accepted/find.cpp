#include "code.h"

int code(const std::string &name, const std::map<std::string, int> &table) {
    auto found = table.find(name);
    return found == table.end() ? -1 : found->second;
}
