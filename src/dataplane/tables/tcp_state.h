// TRACK: the state of a TCP connection as a director in the middle sees it (ipvs.md, TCP states).
//
//   state = NextTcpState(state, TcpDirection::kIn, parsed.tcp_flags, secure_tcp);
//   record.timeout = timeouts.Of(state);
//   if (IsActive(state)) …counts as ActiveConn…
//
// No sequence numbers: flags and direction decide. One table for the common case, a second for
// secure_tcp, which differs in 15 cells. Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/wire/headers.h"

namespace fairlead::dataplane {

// The numbers travel in synchronisation messages: never renumber.
enum class TcpState : uint8_t {
  kNone = 0,
  kEstablished = 1,
  kSynSent = 2,
  kSynRecv = 3,
  kFinWait = 4,
  kTimeWait = 5,
  kClose = 6,
  kCloseWait = 7,
  kLastAck = 8,
  kListen = 9,
  kSynAck = 10,
};
inline constexpr size_t kTcpStateCount = 11;

enum class TcpDirection : uint8_t {
  kIn,         // client packet, and the server's packets pass here too (NAT)
  kOut,        // server packet
  kInputOnly,  // client packet while no server packet has been seen (DR, TUN)
};

// `flags` are the header's; the first of RST, SYN, FIN, ACK that is set decides. None: CLOSE.
TcpState NextTcpState(TcpState state, TcpDirection direction, uint8_t flags,
                      bool secure_tcp) noexcept;

// A packet with these flags leaves ESTABLISHED as it is, from either side, with secure_tcp or
// without: nearly every packet there is. A row of the tables says the same; a test compares. A SYN
// would leave it so too, but may mean more than the state says (path/client_told.h, MeetSyn).
constexpr bool KeepsEstablished(uint8_t flags) noexcept {
  return (flags & (kTcpSyn | kTcpFin | kTcpRst | kTcpAck)) == kTcpAck;
}

// Counts as an active connection of its real server; the others are inactive.
constexpr bool IsActive(TcpState state) noexcept {
  return state == TcpState::kEstablished || state == TcpState::kSynSent ||
         state == TcpState::kSynRecv || state == TcpState::kSynAck;
}

// One end has asked for a connection, and the other has not agreed to the end.
constexpr bool IsHalfOpen(TcpState state) noexcept {
  return state == TcpState::kSynRecv || state == TcpState::kSynAck || state == TcpState::kSynSent;
}

// One side has closed or reset it, TIME_WAIT and the like.
constexpr bool IsClosing(TcpState state) noexcept {
  return state == TcpState::kFinWait || state == TcpState::kTimeWait || state == TcpState::kClose ||
         state == TcpState::kCloseWait || state == TcpState::kLastAck;
}

// The name listings show: "ESTABLISHED".
std::string_view NameOf(TcpState state) noexcept;

}  // namespace fairlead::dataplane
