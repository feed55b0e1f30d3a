// Characters as protocols mean them, whatever the locale.
//
//   IsDigit('7')      // true
//   HexDigit('b')     // 11
//
// Threads: pure.
#pragma once

namespace fairlead {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The value of a hexadecimal digit, large or small; -1: it is none.
constexpr int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace fairlead
