// What there is to say of the stream between Fairlead directors, as one immutable value for the
// API.
//
//   if (view.stream != nullptr) view.stream->peers[0].lag_out;
//
// Threads: a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "control/sync/stream/peer_ledger.h"
#include "control/time_point.h"

namespace fairlead::control {

enum class StreamState : uint8_t {
  kUnreachable,  // this director calls, and nobody answers
  kAwaited,      // the peer calls, since its name comes first
  kGreeting,
  kComparing,  // which ranges differ
  kBulk,
  kInSync,
  kBehind,  // the bulk is done, and one of the two is further behind than ready_lag
};

constexpr std::string_view ToWord(StreamState state) {
  switch (state) {
    case StreamState::kUnreachable:
      return "unreachable";
    case StreamState::kAwaited:
      return "awaited";
    case StreamState::kGreeting:
      return "greeting";
    case StreamState::kComparing:
      return "comparing";
    case StreamState::kBulk:
      return "bulk";
    case StreamState::kInSync:
      return "in-sync";
    case StreamState::kBehind:
      return "behind";
  }
  return "?";
}

struct StreamPeerInfo {
  std::string name;
  Endpoint address;
  StreamState state = StreamState::kUnreachable;
  bool calls = false;  // this director connects to the peer; else the peer to this one
  std::chrono::milliseconds lag_out{0};  // age of the oldest that the peer has not taken
  std::chrono::milliseconds lag_in{0};   // of the oldest of the peer's that is not here
  bool is_bulk_out_done = false, is_bulk_in_done = false;
  uint32_t ranges_left_out = 0, ranges_left_in = 0;  // of kStreamRanges
  PeerCounts counts{};
  std::string last_error{};  // of the last attempt or session, with a remedy; empty: none
  std::chrono::system_clock::time_point since{};  // of the connection, or of its end

  [[nodiscard]] bool is_connected() const {
    return state != StreamState::kUnreachable && state != StreamState::kAwaited;
  }
};

struct StreamInfo {
  std::string name;  // of this director
  Endpoint listen;
  bool is_listening = false;
  bool is_encrypted = false;
  bool is_of_fleet = false;  // the peers are those that the store names, perhaps none yet
  std::string problem{};     // why there is no listener or no key, with a remedy; empty: none
  uint64_t strangers = 0;    // connections that were no peer's
  std::vector<StreamPeerInfo> peers{};
};

}  // namespace fairlead::control
