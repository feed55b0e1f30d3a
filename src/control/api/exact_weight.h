// The weight of a real as all who show it say it: with the hundredths that slow_start and agents
// leave.
//
//   WeightText(ExactWeight(real));     // "0.5", "3"
//   WeightNumber(ExactWeight(real));   // 0.5, 3: a whole one is an integer in JSON
//
// Pure.
#pragma once

#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <string>

#include "control/view.h"

namespace fairlead::api {

inline double ExactWeight(const control::RealInfo& real) {
  return std::round(real.effective_weight * real.part * 100) / 100;
}

inline std::string WeightText(double weight) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, weight).ptr;
  return {text, end};
}

inline boost::json::value WeightNumber(double weight) {
  if (weight == std::floor(weight)) return static_cast<int64_t>(weight);
  return weight;
}

}  // namespace fairlead::api
