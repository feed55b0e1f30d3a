// Errors of a health check that are this machine's own: a limit or a rule here, no word about the
// real server. Such a look gives no verdict (docs/health.md has the table).
//
//   LocalErrorOf(EMFILE, true)        // kDescriptors
//   LocalErrorOf(ECONNREFUSED, true)  // kNone: the server, or the way to it
//
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fairlead::control {

enum class LocalError : uint8_t {
  kNone,
  kDescriptors,
  kMemory,
  kPorts,
  kPolicy,
  kSystem,
  kFiles,
  kQueue,
  kOverload,
  kCommand
};
inline constexpr size_t kLocalErrorCount = 10;  // kNone included

// kQueue and kOverload have no errno: the monitor finds them (monitor.h). Nor has kFiles: a
// certificate, key or password file that a check names cannot be used. `errno_value` as a system
// call or a socket's SO_ERROR gave it. `is_immediate`: the call itself failed, before any packet
// left. Later EACCES may be a remote firewall's word: ICMPv6 "administratively prohibited" comes as
// that (RFC 4443 section 3.1).
LocalError LocalErrorOf(int errno_value, bool is_immediate);

// Value of the label `reason` of fairlead_health_local_errors_total.
std::string_view LabelOf(LocalError error);
// What an operator does about it.
std::string_view RemedyOf(LocalError error);

}  // namespace fairlead::control
