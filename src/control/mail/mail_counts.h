// What has become of mail. Threads: a value.
#pragma once

#include <cstdint>

namespace fairlead::control {

struct MailCounts {
  uint64_t sent = 0;     // messages that the server has taken
  uint64_t failed = 0;   // attempts
  uint64_t dropped = 0;  // changes that nobody was told of
};

}  // namespace fairlead::control
