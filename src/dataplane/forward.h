// TRACK and REWRITE: packets of connections that exist.
//
//   // client → real; false: not this connection any more
//   if (!ForwardToReal<Ipv4Address>(turn, packet, &parsed, slot)) …
//   ReturnToClient<Ipv4Address>(turn, packet, &parsed, slot);   // real → client
//
// Threads: the worker's. Ownership of the packet moves in, unless ForwardToReal says false.
#pragma once

#include "dataplane/rewrite_nat.h"
#include "dataplane/rewrite_tun.h"
#include "dataplane/transmit.h"

namespace fairlead::dataplane {

inline const PolicyView& PolicyOf(const Snapshot& snapshot, const RealView& real) noexcept {
  if (real.service.index() < snapshot.services.size()) {
    const ServiceView& service = snapshot.services[real.service.index()];
    if (!service.id.is_none()) return service.policy;
  }
  return snapshot.policy;
}

// REWRITE and TX towards the real server. The record may be a draft that is in no table (one
// packet).
template <typename Address, Packet P>
void SendToReal(Turn<P>& t, P* packet, ParsedPacket* parsed, const Connection<Address>& record,
                const RealView& real) noexcept {
  if (HandledAsExpired(t, packet, parsed)) return;
  if (real.next_hop.is_none()) [[unlikely]] {
    return AnswerWithErrorOfOurs(t, packet, parsed, IcmpError::kHostUnreachable,
                                 DropReason::kNoRoute);
  }
  const bool is_tunnel = record.method == ForwardMethod::kTun;
  const uint32_t overhead = is_tunnel ? TunnelOverhead(Address::kFamily) : 0;
  if (HandledAsTooBig(t, packet, parsed, real.mtu_bytes - overhead)) return;
  switch (record.method) {
    case ForwardMethod::kNat:
      RewriteNat<NatDirection::kForward>(*packet, parsed, record.real_address, record.real_port);
      break;
    case ForwardMethod::kTun:
      if (!RewriteTun(*packet, parsed, real.tunnel_source.As<Address>(), record.real_address,
                      Be16::FromHost(t.shard.next_ip_id++), PolicyOf(t.snapshot, real).pmtu_disc,
                      t.port(real.output).sums_ip_headers)) {
        return t.Drop(packet, DropReason::kNoHeadroom);
      }
      break;
    default:
      RewriteDr(*packet, parsed);
      break;
  }
  SendToNeighbour(t, packet, *parsed, real.output, real.next_hop, real.next_hop_address);
}

template <Packet P>
void CountIn(Turn<P>& t, RealId id, const RealView& real, uint32_t ip_bytes) noexcept {
  if (!real.is_available) return;
  TrafficCounters& traffic = t.shard.fabric.stats.traffic(t.shard.me, id);
  traffic.in_packets.Add(1);
  traffic.in_bytes.Add(ip_bytes);
}

template <Packet P>
void CountOut(Turn<P>& t, RealId id, const RealView& real, uint32_t ip_bytes) noexcept {
  if (!real.is_available) return;
  TrafficCounters& traffic = t.shard.fabric.stats.traffic(t.shard.me, id);
  traffic.out_packets.Add(1);
  traffic.out_bytes.Add(ip_bytes);
}

// A SYN on a connection that has ended, or whose real server takes none any more, begins a new one
// (spec section 4.9; templates_valid: drained or down).
template <typename Address>
bool IsNewConnection(const Connection<Address>& record, const RealView& real,
                     const PolicyView& policy) noexcept {
  const auto state = static_cast<TcpState>(record.state);
  if (policy.expire_nodest_conn && real.weight == 0) return true;
  if (!real.templates_valid && state != TcpState::kEstablished) return true;
  if (policy.conn_reuse_mode == 0 || record.Has(ConnectionFlag::kHasTemplate)) return false;
  if (state == TcpState::kTimeWait || state == TcpState::kClose) return true;
  return (policy.conn_reuse_mode & 2) != 0 && state == TcpState::kFinWait &&
         record.Has(ConnectionFlag::kNoOutput);
}

// False: the connection has given way; the packet is the first of a new one.
template <typename Address, Packet P>
bool ForwardToReal(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot) noexcept {
  Connection<Address>& record = t.shard.template Connections<Address>().at(slot);
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  if ((parsed->tcp_flags & kTcpSyn) != 0 &&
      IsNewConnection(record, real, PolicyOf(t.snapshot, real))) [[unlikely]] {
    t.shard.template Destroy<Address>(slot);
    return false;
  }
  if (!real.is_available) [[unlikely]] {
    if (!PolicyOf(t.snapshot, real).expire_nodest_conn) {
      t.Drop(packet, DropReason::kConnectionNoReal);
      return true;
    }
    t.shard.template Destroy<Address>(slot);
    return false;
  }
  CountIn(t, record.real_id, real, parsed->ip_length);
  t.shard.template Track<Address>(slot, Direction::kForward, parsed->tcp_flags, real);
  SendToReal<Address>(t, packet, parsed, record, real);
  return true;
}

template <typename Address, Packet P>
void ReturnToClient(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot) noexcept {
  const Connection<Address>& record = t.shard.template Connections<Address>().at(slot);
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  CountOut(t, record.real_id, real, parsed->ip_length);
  t.shard.template Track<Address>(slot, Direction::kReply, parsed->tcp_flags, real);
  if (record.method != ForwardMethod::kNat) return ForwardRouted(t, packet, parsed);
  ForwardRouted(t, packet, parsed, [&](P& p, ParsedPacket* fields) {
    RewriteNat<NatDirection::kReply>(p, fields, record.virtual_address, record.virtual_port);
  });
}

}  // namespace fairlead::dataplane
