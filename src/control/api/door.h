// What the connections of one listener share: room, who may come in, and certificates.
//
//   auto door = Door::Open(spec);
//   if (!door) return door.error();
//   if ((*door)->MakeRoom(peer)) …a new connection has a seat…
//
// A handshake of TLS takes a turn of the API thread at the most, but a peer may be slow with it:
// few may be under way at once, and the one that has waited longest makes room, as among the seats.
// Threads: one.
#pragma once

#include <memory>
#include <optional>

#include "base/log_pace.h"
#include "base/result.h"
#include "control/api/access.h"
#include "control/api/session_budget.h"
#include "control/api/tls_files.h"

namespace fairlead::api {

// Of one listener; and of these one peer's.
inline constexpr size_t kMaxHandshakes = 32;
inline constexpr size_t kMaxHandshakesOfPeer = 24;

struct Door {
  static Result<std::shared_ptr<Door>> Open(const ListenSpec& spec);

  bool MakeRoom(const std::string& peer) {
    return seats.MakeRoom(peer) && (!tls || handshakes.MakeRoom(peer));
  }

  explicit Door(Access the_access) : access(std::move(the_access)) {}

  SessionBudget seats{kMaxSeats, kMaxSeatsOfPeer};
  SessionBudget handshakes{kMaxHandshakes, kMaxHandshakesOfPeer};
  Access access;
  std::optional<TlsFiles> tls;  // none: plain HTTP
  LogPace failures;             // of handshakes
};

}  // namespace fairlead::api
