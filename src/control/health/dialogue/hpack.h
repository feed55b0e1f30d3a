// Header fields of HTTP/2 (HPACK, RFC 7541), as far as a client needs that allows no dynamic table.
//
//   std::string block = HpackField(4, "/grpc.health.v1.Health/Check");   // 4: ":path"
//   Result<HpackFields> fields = ReadHpack(block);                        // {{":path", "/grpc…"}}
//
// Such a client says SETTINGS_HEADER_TABLE_SIZE 0 before it asks, so a server's answer has fields
// of the static table and literals only; anything else is an error. Huffman codes are read, and
// never written. At most kMostHpackFields fields of kMostHpackBytes together. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace fairlead::control {

inline constexpr size_t kMostHpackFields = 128;
inline constexpr size_t kMostHpackBytes = 65536;

using HpackFields = std::vector<std::pair<std::string, std::string>>;

Result<HpackFields> ReadHpack(std::string_view block);

// A field whose name has that number in the static table, and one with another name.
std::string HpackField(uint32_t name, std::string_view value);
std::string HpackField(std::string_view name, std::string_view value);

}  // namespace fairlead::control
