// Bytes that go out to a server, or are looked for in its answer, as text of the file.
//
//   Result<std::string> bytes = ReadBytes(node);   // send: 'PING\r\n', or "PING\r\n": six bytes
//   BytesText("PING\r\n");                         // "PING\\r\\n" in quotes, as YAML has it
//
// Our own escapes are \r \n \t \0 \\ and \xHH, also where YAML has none: it knows characters and no
// bytes, so "\xff" in double quotes is two of them, and '\xff' one. Pure.
#pragma once

#include <string>
#include <string_view>

#include "control/config/scalar_reader.h"

namespace fairlead::control {

inline constexpr size_t kMostProbeBytes = 4096;

// 1…kMostProbeBytes bytes.
Result<std::string> ReadBytes(const YamlNode& node);
// Reads as these bytes.
std::string BytesText(std::string_view bytes);

}  // namespace fairlead::control
