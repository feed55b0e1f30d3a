// What is UTF-8 and what only looks like text (RFC 3629): JSON, YAML and logs take nothing else.
//
//   Utf8Length("caf\xc3\xa9")      // 5: all of it
//   Utf8Length("caf\xe9!")         // 3: up to the byte that is none
//   ToUtf8("caf\xe9!")             // "caf\xef\xbf\xbd!", with U+FFFD for each byte that is none
//
// Threads: pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fairlead {

// Bytes of the one character that `text` begins with; 0 when it begins with none.
size_t Utf8CharacterLength(std::string_view text);

// Bytes up to the first that belongs to no character.
size_t Utf8Length(std::string_view text);

inline bool IsUtf8(std::string_view text) { return Utf8Length(text) == text.size(); }

std::string ToUtf8(std::string text);

}  // namespace fairlead
