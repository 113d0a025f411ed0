#include <iostream>
#include <iterator>
#include <regex>
#include <string>

// 0 if the input is what the statement promises, 3 otherwise.
int main() {
    std::string text((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
    if (std::regex_match(text, std::regex(R"((0|-?[1-9][0-9]{0,9}) (0|-?[1-9][0-9]{0,9})\n)"))) return 0;
    std::cerr << "FAIL not of the promised form" << std::endl;
    return 3;
}
