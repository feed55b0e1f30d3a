// How long a connection lives after its last packet, by protocol and state (ipvs.md, TCP states and
// UDP state).
//
//   Timeouts t;                                   // the defaults
//   t.set_tcp(TicksFromSeconds(3600));            // ESTABLISHED
//   record.timeout = t.Of(state);                 // ticks of 10 ms
//
// A service may set all of them, `ipvsadm --set` three: established TCP, FIN_WAIT, UDP. A change
// applies to a connection with its next packet. Threads: a value; workers read the snapshot's copy.
#pragma once

#include <array>

#include "base/clock.h"
#include "dataplane/tables/tcp_state.h"

namespace fairlead::dataplane {

struct Timeouts {
  static constexpr TickCount kLinuxSynRecv = TicksFromSeconds(60);
  // By TcpState.
  std::array<TickCount, kTcpStateCount> tcp_by_state = {
      TicksFromSeconds(2),    // NONE
      TicksFromSeconds(900),  // ESTABLISHED
      TicksFromSeconds(120),  // SYN_SENT
      kLinuxSynRecv,          // SYN_RECV
      TicksFromSeconds(120),  // FIN_WAIT
      TicksFromSeconds(120),  // TIME_WAIT
      TicksFromSeconds(10),   // CLOSE
      TicksFromSeconds(60),   // CLOSE_WAIT
      TicksFromSeconds(30),   // LAST_ACK
      TicksFromSeconds(120),  // LISTEN
      TicksFromSeconds(120),  // SYNACK
  };
  TickCount udp = TicksFromSeconds(300);

  [[nodiscard]] constexpr TickCount Of(TcpState state) const noexcept {
    return tcp_by_state[static_cast<size_t>(state)];
  }
  constexpr void Set(TcpState state, TickCount ticks) noexcept {
    tcp_by_state[static_cast<size_t>(state)] = ticks;
  }
  constexpr void set_tcp(TickCount ticks) noexcept {
    tcp_by_state[static_cast<size_t>(TcpState::kEstablished)] = ticks;
  }
  constexpr void set_tcp_fin(TickCount ticks) noexcept {
    tcp_by_state[static_cast<size_t>(TcpState::kFinWait)] = ticks;
  }
  constexpr void set_udp(TickCount ticks) noexcept { udp = ticks; }
  // SYN_RECV has been set. Then, other than in Linux, a half-open connection gets no more time than
  // that by what its server says: neither by SYNACK's longer timeout nor by repeated SYN-ACKs.
  [[nodiscard]] constexpr bool bounds_half_open() const noexcept {
    return Of(TcpState::kSynRecv) != kLinuxSynRecv;
  }

  friend constexpr bool operator==(const Timeouts&, const Timeouts&) = default;
};

// A connection that has not yet had its first state update (ipvs.md, connection timers).
inline constexpr TickCount kNewConnectionTimeout = TicksFromSeconds(3);
// The longest that `--set` and the configuration take: 31 days.
inline constexpr TickCount kMaxTimeout = TicksFromSeconds(2678400);

}  // namespace fairlead::dataplane
