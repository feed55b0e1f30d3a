// Base64 as RFC 4648 section 4 has it, padded: how the JSON gateway of etcd writes keys and values.
//
//   ToBase64("/fairlead/common")            // "L2ZhaXJsZWFkL2NvbW1vbg=="
//   FromBase64("L2ZhaXJsZWFk")              // "/fairlead"; nothing when it is no base64
//
// Strict: other letters, missing padding and bits behind the end are refused, so each text has one
// meaning. Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairlead::control {

std::string ToBase64(std::string_view bytes);
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace fairlead::control
