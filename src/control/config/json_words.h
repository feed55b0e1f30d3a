// Pieces of JSON Schema, as text. Used by json_s*.cc and config_key.h only. Pure.
#pragma once

#include <string>
#include <string_view>

#include "control/config/names.h"

namespace fairlead::control {

// One of what the schema defines: {"$ref": "#/$defs/service"}.
inline std::string Defined(std::string_view name) {
  return R"({"$ref": "#/$defs/)" + std::string(name) + "\"}";
}

inline std::string ListOf(const std::string& items) {
  return R"({"type": "array", "items": )" + items + "}";
}

// A value, or a list of such.
inline std::string OneOrMany(const std::string& item) {
  return R"({"anyOf": [)" + item + ", " + ListOf(item) + "]}";
}

inline std::string WholeFrom(uint64_t min, uint64_t max) {
  return R"({"type": "integer", "minimum": )" + std::to_string(min) + R"(, "maximum": )" +
         std::to_string(max) + "}";
}

// A word of the enum.
template <typename E>
std::string EnumOf() {
  std::string words;
  for (const auto& [value, word] : kWords<E>) {
    words.append(words.empty() ? "\"" : ", \"").append(word).append("\"");
  }
  return R"({"enum": [)" + words + "]}";
}

}  // namespace fairlead::control
