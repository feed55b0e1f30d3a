// The parts of a program that knows nothing of the library; each prints what it saw.
#pragma once

#include <stdio.h>

#include <string>

inline void Say(const std::string& line) {
  printf("%s\n", line.c_str());
  fflush(stdout);
}

void ReadFile(const char* path, const std::string& how);
void WriteFile(const char* path, const std::string& how, const char* value);
void Look(const char* path);
// `modprobe` is a program that fails with 9.
void Modules(const std::string& modprobe);
