// What becomes of a TCP packet to a service that belongs to no connection here and may not begin
// one: policy.unknown_connections (docs/configuration.md). The file, the workers and `explain` use
// this one enum. Threads: a value.
#pragma once

#include <cstdint>

namespace fairlead {

enum class UnknownConnections : uint8_t {
  kReset,     // answered as on a port that nobody serves
  kDrop,      // dropped in silence
  kSchedule,  // scheduled as if it began a connection; a RST never is
};

}  // namespace fairlead
