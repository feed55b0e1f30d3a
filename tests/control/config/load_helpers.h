// What the tests of the configuration share: a smallest valid file and its problems as text.
#pragma once

#include <string>

#include "control/config/yaml_loader.h"

namespace fairlead::control {

inline constexpr const char* kSourceDir = FAIRLEAD_SOURCE_DIR;

// A director with one port on each side; append sections.
inline const std::string kBase =
    "version: 1\n"
    "ports:\n"
    "  - { name: outside, device: net_null0, addresses: [192.0.2.2/24, '2001:db8::2/64'] }\n"
    "  - { name: inside, device: net_null1, addresses: [10.0.0.1/24] }\n";

// The same, and the port inside has a kernel twin, as health checks need it.
inline std::string WithTwin() {
  std::string text = kBase;
  const std::string end = "10.0.0.1/24] }";
  return text.replace(text.find(end), end.size(), "10.0.0.1/24], exception: tap }");
}

inline std::string ToText(const std::vector<Error>& errors) {
  std::string text;
  for (const Error& error : errors) text += error.ToString() + "\n";
  return text;
}

inline std::string ProblemsOf(const std::string& yaml) {
  return ToText(LoadConfigText(yaml, "t.yaml").errors);
}

}  // namespace fairlead::control
