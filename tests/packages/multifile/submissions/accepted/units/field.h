#pragma once

int area(int length, int width);
