// Names of the DNS on the wire.
//
//   EncodeDnsName("example.com.");            // "\7example\3com\0"; nullopt: not a name
//   size_t end = EndOfDnsName(message, 12);   // behind the name that begins there; npos: malformed
//
// A compression pointer must point before the name that has it, and a name is at most 255 bytes:
// so no message makes a walk endless. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::control {

std::optional<std::string> EncodeDnsName(std::string_view name);
size_t EndOfDnsName(std::string_view message, size_t at);

}  // namespace fairlead::control
