// A file of prefixes: one on a line, `#` starts a comment, blank lines are nothing.
//
//   # proxies, March
//   192.0.2.0/24
//   198.51.100.7        # a single address
//   2001:db8::/32
//
// 100,000 lines read in some tens of milliseconds. Threads: pure but for the file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "control/config/problems.h"

namespace fairlead::control {

inline constexpr size_t kMaxPrefixFileBytes = 64u << 20;
// After this many broken lines the rest of the file is only counted.
inline constexpr size_t kMaxPrefixFileErrors = 20;

// Reports every broken line as `file:line:column: path: ...` and returns the good ones, unsorted.
std::vector<Prefix> ParsePrefixList(std::string_view text, const std::string& file,
                                    const std::string& path, Problems& problems);

// Sorted as a PrefixSet wants it, without duplicates.
void SortPrefixes(std::vector<Prefix>& prefixes);

}  // namespace fairlead::control
