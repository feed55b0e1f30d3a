// See command.h.

#include <iostream>

#include "command.h"

int main(int argc, char** argv) {
  return fairlead::golden::RunGoldenReplay({argv + 1, argv + argc}, std::cout, std::cerr);
}
