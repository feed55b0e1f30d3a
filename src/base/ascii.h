// Characters as protocols mean them, whatever the locale.
//
//   IsDigit('7')     // true
//
// Threads: pure.
#pragma once

namespace fairlead {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace fairlead
