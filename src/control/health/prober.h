// One look at one real server: can it be connected to, does it answer HTTP as expected?
//
//   if (prober.has_room()) prober.Start(target, [](ProbeResult result) { … });
//
// `done` is called once, later, on the same thread. Threads: the control core's. The monitor
// decides when to look and what it means; a prober only looks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "control/config/model.h"
#include "control/health/local_error.h"

namespace fairlead::control {

struct ProbeTarget {
  HealthType type = HealthType::kTcp;
  Endpoint endpoint;
  std::string path;                 // HTTP
  std::string host;                 // HTTP; empty: the endpoint
  std::vector<StatusRange> expect;  // HTTP
  Duration timeout{1000};           // over connecting, asking and the answer's headers

  friend bool operator==(const ProbeTarget&, const ProbeTarget&) = default;
};

struct ProbeResult {
  bool is_ok = false;
  std::string detail{};  // "HTTP 200 in 3 ms", "connection refused", "no answer in 1000 ms"
  std::chrono::microseconds took{0};
  // Other than kNone: this machine could not look, and the rest says nothing about the server.
  LocalError local_error = LocalError::kNone;
  bool is_silent = false;  // nothing was heard until the timeout
};

class Prober {
 public:
  virtual ~Prober() = default;
  virtual void Start(const ProbeTarget& target, std::function<void(ProbeResult)> done) = 0;
  // How many looks may be under way at once, and whether one more may.
  [[nodiscard]] virtual size_t capacity() const { return SIZE_MAX; }
  [[nodiscard]] virtual bool has_room() const { return true; }
};

}  // namespace fairlead::control
