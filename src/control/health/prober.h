// One look at one real server: does it answer a question as expected?
//
//   if (prober.has_room(LaneOf(target.question)))
//     prober.Start(target, [](ProbeResult result) { … });
//
// `done` is called once, later, on the same thread. Threads: the control core's. The monitor
// decides when to look and what it means; a prober only looks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "base/ip_address.h"
#include "control/config/model.h"
#include "control/config/probe_question.h"
#include "control/health/local_error.h"

namespace fairlead::control {

struct ProbeTarget {
  Endpoint endpoint{};
  ProbeQuestion question{};
  std::optional<ProbeTls> tls{};      // of questions over TCP
  std::optional<IpAddress> source{};  // local address to ask from; none: the route's
  Duration timeout{1000};             // over connecting, asking and as much answer as is needed

  friend bool operator==(const ProbeTarget&, const ProbeTarget&) = default;
};

// All that is asked, as one line: equal lines, equal questions. Passwords stand in files, and of
// them only the file's name is in it, so the line may be kept and shown, and is the same after a
// restart. Without the timeout.
std::string TextOf(const ProbeTarget& target);

// What an agent has said of its server; which of it is done is the monitor's to decide.
struct AgentWords {
  enum class Mode : uint8_t { kNone, kReady, kDrain, kMaint };
  std::optional<uint32_t> percent{};  // of the configured weight
  Mode mode = Mode::kNone;
  // "up" or "down" (fail, stopped) was among the words; else the state of the checks stands.
  std::optional<bool> is_up{};
  friend bool operator==(const AgentWords&, const AgentWords&) = default;
};

struct ProbeResult {
  bool is_ok = false;
  std::string detail{};  // "HTTP 200 in 3 ms", "connection refused", "no answer in 1000 ms"
  std::chrono::microseconds took{0};
  // Other than kNone: this machine could not look, and the rest says nothing about the server.
  LocalError local_error = LocalError::kNone;
  bool is_silent = false;             // what was asked for had not come when the timeout ended
  std::optional<AgentWords> agent{};  // AgentProbe, when is_ok or the words say down
  std::optional<uint32_t> weight{};   // ScriptProbe that sets it
  // Of the server's certificate: when it stops being valid, whatever the verdict.
  std::optional<std::chrono::system_clock::time_point> certificate_expires{};
};

// What a look takes a place of: each has its own number of them, and what is short of one does not
// hold up the other.
enum class Lane : uint8_t { kSockets, kCommands };
inline constexpr size_t kLaneCount = 2;
constexpr Lane LaneOf(const ProbeQuestion& question) {
  return std::holds_alternative<ScriptProbe>(question) ? Lane::kCommands : Lane::kSockets;
}

class Prober {
 public:
  virtual ~Prober() = default;
  virtual void Start(const ProbeTarget& target, std::function<void(ProbeResult)> done) = 0;
  // How many looks may be under way at once, and whether one more may.
  [[nodiscard]] virtual size_t capacity(Lane) const { return SIZE_MAX; }
  [[nodiscard]] virtual bool has_room(Lane) const { return true; }
  // Looks that are over and keep their place: commands that could not be killed.
  [[nodiscard]] virtual size_t stuck() const { return 0; }
};

}  // namespace fairlead::control
