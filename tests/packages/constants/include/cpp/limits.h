#pragma once

const int MODULUS = {{modulus}};
