// The right picture, with a space after every line.
#include <iostream>

int main() {
    int width, height;
    std::cin >> width >> height;
    for (int row = 0; row < height; row++) {
        for (int column = 0; column < width; column++) {
            bool border = row == 0 || row == height - 1 || column == 0 || column == width - 1;
            std::cout << (border ? '*' : ' ');
        }
        std::cout << " \n";
    }
}
