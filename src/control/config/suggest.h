// "did you mean": the known word closest to a mistyped one.
//
//   Suggest("shceduler", {"scheduler", "services"});   // "scheduler"
//   Suggest("colour", {"scheduler"});                   // "": nothing is close
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace fairlead::control {

// Letters to insert, delete, replace or swap with a neighbour to make `b` of `a`.
size_t EditDistance(std::string_view a, std::string_view b);

// Further candidates are not looked at: who sends a name must not choose what it costs.
inline constexpr size_t kMaxCandidates = 4096;

// The closest candidate within a third of the longer word's length, the first among equals; or "".
std::string_view Suggest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace fairlead::control
