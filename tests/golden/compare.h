// Equality as the recordings mean it: times within a second, tables as sets, counters of --stats
// and --rate left out.
//
//   std::string wrong = CompareTables(expected, ours);      // empty: equal
//
// Threads: pure.
#pragma once

#include <string>
#include <vector>

#include "golden_director.h"

namespace fairlead::golden {

inline constexpr int64_t kSecondsApart = 1;
// A recorded event may be so late (kernel timers), each time the timer runs; ours may be seen so
// much later than it was.
inline constexpr double kLate = 1.2, kSeenLate = 0.25;
inline constexpr double kLongestLate = 10;

// What is missing, what is too much, what has another time. A row that has less than a second left
// may be gone already on the other side.
std::string CompareTables(std::vector<TableRow> expected, std::vector<TableRow> ours);

// As a shell splits words, without quotes: no recorded command has any.
std::vector<std::string> WordsOf(const std::string& text);

// What an ipvsadm command shows.
enum class Listing : uint8_t { kExact, kConnections, kCounters };
Listing KindOf(const std::string& arguments);
// Empty, or the first lines that differ.
std::string CompareListings(Listing kind, const std::string& expected, const std::string& ours);

}  // namespace fairlead::golden
