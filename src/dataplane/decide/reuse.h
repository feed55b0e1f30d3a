// Whether a SYN continues the connection it meets or begins a new one in its place.
//
//   if (IsNewConnection(record, real, PolicyOf(snapshot, real))) …end the record, admit the packet…
//   if (GivesWayToDirect(record, PolicyOf(snapshot, real))) …end the record, route the packet…
//
// Pure.
#pragma once

#include "dataplane/snapshot/snapshot.h"
#include "dataplane/tables/tcp_state.h"

namespace fairlead::dataplane {

// A SYN on a connection that has ended, or whose real server takes none any more, begins a new one
// (ipvs.md, reuse). With the real drained that needs a connection that is not established: a
// stray SYN must not cut a download.
template <typename Address>
bool IsNewConnection(const Connection<Address>& record, const RealView& real,
                     const PolicyView& policy) noexcept {
  const auto state = static_cast<TcpState>(record.state);
  if (policy.expire_nodest_conn && real.weight == 0) return true;
  switch (real.remains) {
    case Remains::kServe:
      if (!real.templates_valid && state != TcpState::kEstablished) return true;
      break;
    case Remains::kLeave:
    case Remains::kContinue:
      if (state != TcpState::kEstablished) return true;
      break;
    case Remains::kHold:
      break;
    case Remains::kMove:
    case Remains::kExpire:
    case Remains::kReset:
      return true;
  }
  if (policy.conn_reuse_mode == 0 || record.Has(ConnectionFlag::kHasTemplate)) return false;
  if (state == TcpState::kTimeWait || state == TcpState::kClose) return true;
  return (policy.conn_reuse_mode & 2) != 0 && state == TcpState::kFinWait &&
         record.Has(ConnectionFlag::kNoOutput);
}

// The client of an ended connection has sent a SYN to the real itself, past the service, from the
// same port. Nothing is scheduled, so a template does not matter.
template <typename Address>
bool GivesWayToDirect(const Connection<Address>& record, const PolicyView& policy) noexcept {
  const auto state = static_cast<TcpState>(record.state);
  return policy.conn_reuse_mode != 0 && (state == TcpState::kTimeWait || state == TcpState::kClose);
}

// The flow begins anew with its next packet: its real takes none of it any more, and no handshake
// ties the client to that real.
inline bool MovesNow(Remains remains, bool has_states) noexcept {
  return remains == Remains::kExpire ||
         ((remains == Remains::kMove || remains == Remains::kLeave) && !has_states);
}

enum class Fate : uint8_t { kGoesOn, kBeginsAnew, kIsOver };

}  // namespace fairlead::dataplane
