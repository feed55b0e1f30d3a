// What the state of a connection means, whatever its transport: the state tables meet here.
//
//   NameOf(record.transport(), record.state)      // "ESTABLISHED", "UDP"
//   if (IsHalfOpen(record.transport(), record.state)) …
//
// A transport without states has one, 0 in the record. Threads: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/transport.h"
#include "dataplane/tables/tcp_state.h"

namespace fairlead::dataplane {

// The name listings show. "?": no state has this number.
inline std::string_view NameOf(Transport transport, uint8_t state) noexcept {
  switch (transport) {
    case Transport::kTcp:
      return state < kTcpStateCount ? NameOf(static_cast<TcpState>(state)) : "?";
    case Transport::kUdp:
      return TraitsOf(transport).listing_word;
  }
  return "?";
}

// One end has asked for a connection, and the other has not agreed to the end.
constexpr bool IsHalfOpen(Transport transport, uint8_t state) noexcept {
  switch (transport) {
    case Transport::kTcp:
      return IsHalfOpen(static_cast<TcpState>(state));
    case Transport::kUdp:
      return false;
  }
  return false;
}

// One side has closed or reset it: the record waits for its time. UDP has no end but its time.
constexpr bool IsClosing(Transport transport, uint8_t state) noexcept {
  switch (transport) {
    case Transport::kTcp:
      return IsClosing(static_cast<TcpState>(state));
    case Transport::kUdp:
      return false;
  }
  return false;
}

}  // namespace fairlead::dataplane
