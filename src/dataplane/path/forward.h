// TRACK and REWRITE: packets of connections that exist.
//
//   // client → real; false: not this connection any more
//   if (!ForwardToReal<Ipv4Address>(turn, packet, &parsed, slot)) …
//   ReturnToClient<Ipv4Address>(turn, packet, &parsed, slot);   // real → client
//
// Threads: the worker's. Ownership of the packet moves in, unless ForwardToReal says false.
#pragma once

#include <algorithm>

#include "dataplane/decide/reuse.h"
#include "dataplane/decide/sync_tell.h"
#include "dataplane/path/client_told.h"
#include "dataplane/path/fragment.h"
#include "dataplane/path/fragment6.h"
#include "dataplane/path/renumber.h"
#include "dataplane/path/translate.h"
#include "dataplane/path/transmit.h"
#include "dataplane/wire/rewrite_fullnat.h"
#include "dataplane/wire/rewrite_nat.h"
#include "dataplane/wire/rewrite_tun.h"
#include "dataplane/wire/tunnel_mtu.h"

namespace fairlead::dataplane {

// What a first fragment met is what the others of its datagram meet (fragment_input.h).
template <typename Address>
[[gnu::noinline]] void NoteSentToReal(FragmentFate* fate, const Connection<Address>& record,
                                      const RealView& real, const IpAddress& local) noexcept {
  fate->kind = FragmentFate::Kind::kToReal;
  fate->method = record.method;
  fate->real = record.real_id;
  fate->address = real.address;
  fate->other = local;
  fate->client_port = record.client_port;
}

// Into a tunnel that is not IP in IP of one family. False: no room in front.
template <typename Address, Packet P>
[[gnu::noinline]] bool PutIntoOtherTunnel(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                          const Connection<Address>& record,
                                          const RealView& real) noexcept {
  MadeTunnel made_now;
  const MadeTunnel* made = &real.egress.tunnel;
  if (made->length == 0) {
    MakeTunnel(real.tunnel, Address::kFamily, real.tunnel_source, real.address, &made_now);
    made = &made_now;
  }
  const TunnelFields fields{
      .id = Be16::FromHost(t.shard.TakeIpId()),
      .source_port = TunnelSourcePort(record.client_address, record.client_port),
      .copies_dont_fragment = PolicyOf(t.snapshot, real).pmtu_disc};
  if (!Encapsulate(*packet, *parsed, *made, fields)) return false;
  *parsed = OuterFields(*parsed, *made, fields);
  return true;
}

// Into the real's tunnel. False: no room in front. Always inline, because SendToReal is slower with
// a call here; what is seldom (PutIntoOtherTunnel) is a call.
template <typename Address, Packet P>
[[gnu::always_inline]] inline bool PutIntoTunnel(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                                 const Connection<Address>& record,
                                                 const RealView& real) noexcept {
  const bool is_plain =
      real.tunnel.type == TunnelType::kIpip && real.address.family() == Address::kFamily;
  if (!is_plain) [[unlikely]]
    return PutIntoOtherTunnel(t, packet, parsed, record, real);
  return RewriteTun(*packet, parsed, real.tunnel_source.As<Address>(), record.real_address,
                    Be16::FromHost(t.shard.TakeIpId()), PolicyOf(t.snapshot, real).pmtu_disc,
                    t.port(real.output).sums_ip_headers);
}

// The outer packet, where the inner one may not be cut. IPv6 clients need not send less than 1280,
// so a link too narrow for that and the headers cuts (RFC 2473 section 7.1).
inline bool MayCutTunnel(const Snapshot& snapshot, const ParsedPacket& parsed,
                         const RealView& real) noexcept {
  return parsed.is_v4() ? !PolicyOf(snapshot, real).pmtu_disc : parsed.ip_length <= kLeastIpv6Mtu;
}

// What the client may send over the link to the real; never less than it may send anyway.
inline uint32_t RoomInLink(const ParsedPacket& parsed, const RealView& real,
                           uint32_t overhead) noexcept {
  const uint32_t room = real.mtu_bytes - overhead;
  return parsed.is_v4() ? room : std::max(room, kLeastIpv6Mtu);
}

// A later fragment has no port, and neither has `local` then.
template <typename Address, Packet P>
[[gnu::noinline]] void TranslateBoth(P* packet, ParsedPacket* parsed,
                                     const Connection<Address>& record,
                                     const LocalEndpoint& local) noexcept {
  if (parsed->is_fragment && !parsed->is_first_fragment) {
    return RewriteFullnatLater(*packet, parsed, local.address.As<Address>(), record.real_address);
  }
  RewriteFullnat(*packet, parsed,
                 Endpoints<Address>{local.address.As<Address>(), local.port, record.real_address,
                                    record.real_port});
}

// As the client is to see a reply of the real.
template <typename Address>
Endpoints<Address> EndpointsToClient(const Connection<Address>& record) noexcept {
  return {record.virtual_address, record.virtual_port, record.client_address, record.client_port};
}

template <typename Address>
Endpoint VirtualEndpointOf(const Connection<Address>& record) noexcept {
  return {record.virtual_address, record.virtual_port};
}
template <typename Address>
Endpoint ClientOf(const Connection<Address>& record) noexcept {
  return {record.client_address, record.client_port};
}

// The real server is of the other IP version, and packets are translated (translate.h).
template <typename Address>
bool IsMixed(const Connection<Address>& record, const RealView& real) noexcept {
  return TranslatesClient(record.method) && real.address.family() != Address::kFamily;
}

// IsMixed, and the TTL and the route were looked at. `may_cut`: whatever its sender thinks of that.
template <typename Address, Packet P>
[[gnu::noinline]] void SendToMixedReal(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                       const Connection<Address>& record, const RealView& real,
                                       const LocalEndpoint& local, bool may_cut = false) noexcept {
  if (t.shard.fragment_fate != nullptr)
    NoteSentToReal(t.shard.fragment_fate, record, real, local.address);
  if (local.address.is_unspecified() || local.address.family() != real.address.family()) {
    return t.Drop(packet, DropReason::kNoLocalPort);
  }
  SendTranslated(t, packet, parsed, local, {real.address, record.real_port},
                 {.output = real.output,
                  .next_hop = real.next_hop,
                  .hop = real.next_hop_address,
                  .mtu_bytes = real.mtu_bytes,
                  .may_cut = may_cut},
                 NothingElse);
}

template <typename Address, Packet P>
void TranslateReply(P& packet, ParsedPacket* parsed, const Connection<Address>& record) noexcept {
  if (TranslatesClient(record.method)) {
    RewriteFullnat(packet, parsed, EndpointsToClient(record));
  } else {
    RewriteNat<NatDirection::kReply>(packet, parsed, record.virtual_address, record.virtual_port);
  }
}

// REWRITE and TX towards the real server. The record may be a draft that is in no table (one
// packet). `local`: where the client is translated, what to.
template <typename Address, Packet P>
void SendToReal(Turn<P>& t, P* packet, ParsedPacket* parsed, const Connection<Address>& record,
                const RealView& real, const LocalEndpoint& local) noexcept {
  if (HandledAsExpired(t, packet, parsed)) return;
  if (real.next_hop.is_none()) [[unlikely]] {
    return AnswerWithErrorOfOurs(t, packet, parsed, IcmpError::kHostUnreachable,
                                 DropReason::kNoRoute);
  }
  if (IsMixed(record, real)) [[unlikely]]
    return SendToMixedReal(t, packet, parsed, record, real, local);
  const uint32_t overhead =
      IsTunnel(record.method) ? TunnelHeaderBytes(real.tunnel, real.address.family()) : 0;
  const bool is_too_long = parsed->ip_length > real.mtu_bytes - overhead;
  if (is_too_long) [[unlikely]] {
    // Without pmtu_disc the tunnel's header does not have DF, so the outer packet may be cut even
    // when the inner one may not (ipvs.md, tunnels).
    const bool may_cut =
        MayFragment(*parsed) || (overhead > 0 && MayCutTunnel(t.snapshot, *parsed, real));
    if (!may_cut) return AnswerTooBig(t, packet, parsed, RoomInLink(*parsed, real, overhead));
  }
  if (t.shard.fragment_fate != nullptr) [[unlikely]]
    NoteSentToReal(t.shard.fragment_fate, record, real, local.address);
  switch (record.method) {
    case ForwardMethod::kFullnat:
      // Nobody makes a record without; the real must not see the client.
      if (local.address.is_unspecified() || local.address.family() != Address::kFamily) [[unlikely]]
        return t.Drop(packet, DropReason::kNoLocalPort);
      TranslateBoth(packet, parsed, record, local);
      if (NeedsNewId(*parsed)) RenumberDatagram(t.shard, packet->data(), *parsed);
      break;
    case ForwardMethod::kNat:
      if (parsed->is_fragment && !parsed->is_first_fragment) [[unlikely]] {
        RewriteNatLater<NatDirection::kForward>(*packet, parsed, record.real_address);
      } else {
        RewriteNat<NatDirection::kForward>(*packet, parsed, record.real_address, record.real_port);
      }
      break;
    case ForwardMethod::kTun:
      if (!PutIntoTunnel(t, packet, parsed, record, real)) {
        return t.Drop(packet, DropReason::kNoHeadroom);
      }
      break;
    case ForwardMethod::kDr:
      RewriteDr(*packet, parsed);
      break;
  }
  if (is_too_long) [[unlikely]] {
    return parsed->is_v4() ? SendFragments(t, packet, *parsed, real.mtu_bytes, real.output,
                                           real.next_hop, real.next_hop_address)
                           : SendFragments6(t, packet, *parsed, real.mtu_bytes, real.output,
                                            real.next_hop, real.next_hop_address);
  }
  SendToNeighbour(t, packet, *parsed, real.output, real.next_hop, real.next_hop_address);
}

// What a DR or TUN real server answers comes from the virtual address, and rightly only from behind
// the director: from the clients' side it is forged.
inline bool MayBeDirectReply(const Snapshot& snapshot, const IpAddress& source,
                             PortId input_port) noexcept {
  if (snapshot.ports[input_port.index()].role == PortRole::kOutside) return false;
  const LocalAddress* local = snapshot.FindLocal(source);
  return local != nullptr && local->is_vip;
}

template <Packet P>
void CountIn(Turn<P>& t, RealId id, const RealView& real, uint32_t ip_bytes) noexcept {
  if (!real.TakesTraffic()) return;
  TrafficCounters& traffic = t.shard.fabric.stats.traffic(t.shard.me, id);
  traffic.in_packets.Add(1);
  traffic.in_bytes.Add(ip_bytes);
}

template <Packet P>
void CountOut(Turn<P>& t, RealId id, const RealView& real, uint32_t ip_bytes) noexcept {
  if (t.shard.fragment_fate != nullptr) [[unlikely]]
    t.shard.fragment_fate->real = id;
  if (!real.TakesTraffic()) return;
  TrafficCounters& traffic = t.shard.fabric.stats.traffic(t.shard.me, id);
  traffic.out_packets.Add(1);
  traffic.out_bytes.Add(ip_bytes);
}

// RST to the packet's sender, and to the other side when there is a packet to spare: each with the
// sequence number its receiver waits for. `record`: what the connection was.
template <typename Address, Direction kDirection, Packet P>
void SendResets(Turn<P>& t, P* packet, ParsedPacket* parsed, const Connection<Address>& record,
                const RealView& real, const LocalEndpoint& local,
                const FlowShifts& shifts) noexcept {
  const bool can_reach_real = !real.next_hop.is_none();
  const auto to_client = [&](P* segment, ParsedPacket* fields) {
    if (kDirection == Direction::kReply && RewritesReplies(record.method)) {
      ShiftToClient(segment->data(), *fields, shifts);
      if (fields->family != Address::kFamily) [[unlikely]] {
        return RouteTranslated(t, segment, fields, VirtualEndpointOf(record), ClientOf(record),
                               NothingElse);
      }
      TranslateReply(*segment, fields, record);
    }
    RouteOut(t, segment, *fields);
  };
  const auto to_real = [&](P* segment, ParsedPacket* fields) {
    if (!can_reach_real) return t.Drop(segment, DropReason::kNoRoute);
    // What such a real has sent, turned round, has its address already.
    if (kDirection == Direction::kReply && RewritesReplies(record.method)) {
      return RouteOut(t, segment, *fields);
    }
    if (kDirection == Direction::kForward) ShiftToReal(segment->data(), *fields, shifts);
    SendToReal<Address>(t, segment, fields, record, real, local);
  };
  constexpr bool kIsToReal = kDirection == Direction::kForward;
  ParsedPacket onwards = *parsed;
  P* second = !kIsToReal || can_reach_real ? t.Originate(packet->meta().input_port) : nullptr;
  if (second != nullptr && !second->Resize(parsed->payload_offset)) {
    t.Drop(second, DropReason::kNoHeadroom);
    second = nullptr;
  }
  if (second != nullptr) {
    std::memcpy(second->data(), packet->data(), parsed->payload_offset);
    BuildResetOnwards(*second, &onwards);
  }
  t.CountDropped(packet, DropReason::kConnectionReset);
  t.shard.counters.originated.Add(1);
  BuildReset(*packet, parsed);
  if constexpr (kIsToReal) {
    to_client(packet, parsed);
    if (second != nullptr) to_real(second, &onwards);
  } else {
    to_real(packet, parsed);
    if (second != nullptr) to_client(second, &onwards);
  }
}

// The connection goes, and both sides learn of it. UDP has no reset: the client learns by ICMP.
template <typename Address, Direction kDirection, Packet P>
void ResetBothSides(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot,
                    const RealView& real) noexcept {
  auto& table = t.shard.template Connections<Address>();
  const Connection<Address> record = table.at(slot);
  const LocalEndpoint local = table.LocalEndpointOf(slot);
  const FlowShifts shifts = ShiftsOf<Address>(t.shard, slot);
  t.shard.template Destroy<Address>(slot);
  switch (record.transport()) {
    case Transport::kTcp:
      return SendResets<Address, kDirection>(t, packet, parsed, record, real, local, shifts);
    case Transport::kUdp:
      if constexpr (kDirection == Direction::kReply) break;
      return AnswerWithError(t, packet, parsed, IcmpError::kPortUnreachable,
                             parsed->destination(packet->data()), DropReason::kConnectionReset);
  }
  t.Drop(packet, DropReason::kConnectionReset);
}

// A packet of a connection whose real is not in its place. kGoesOn: forward it all the same;
// otherwise the connection is gone, or the packet.
template <typename Address, Direction kDirection, Packet P>
[[gnu::noinline]] Fate JudgeRemains(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot,
                                    const RealView& real) noexcept {
  const bool has_states = HasStates(parsed->transport());
  if (real.remains == Remains::kReset) {
    // A RST does by itself what ours would.
    if (has_states && !MayAnswerWithReset(packet->data(), *parsed)) return Fate::kGoesOn;
    ResetBothSides<Address, kDirection>(t, packet, parsed, slot, real);
    return Fate::kIsOver;
  }
  // Replies are translated whatever has become of the real (ipvs.md, replies).
  if (kDirection == Direction::kReply || real.remains == Remains::kContinue) return Fate::kGoesOn;
  if (real.remains == Remains::kHold) {
    t.Drop(packet, DropReason::kConnectionNoReal);
    return Fate::kIsOver;
  }
  if (!MovesNow(real.remains, has_states)) return Fate::kGoesOn;
  t.shard.template Destroy<Address>(slot);
  return Fate::kBeginsAnew;
}

// TRACK, and what other directors have to do with it: they are told, or have told of the record.
template <typename Address, Direction kDirection>
void Track(Shard& shard, uint32_t slot, uint8_t tcp_flags, const RealView& real) noexcept {
  const Connection<Address>& record = shard.Connections<Address>().at(slot);
  if (shard.tells != 0 || record.Has(ConnectionFlag::kFromSync)) [[unlikely]] {
    return TrackAndTell<Address>(shard, slot, kDirection, tcp_flags, real);
  }
  shard.Track<Address>(slot, kDirection, tcp_flags, real);
}

// False: the connection has given way; the packet is the first of a new one.
template <typename Address, Packet P>
bool ForwardToReal(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot) noexcept {
  auto& table = t.shard.template Connections<Address>();
  Connection<Address>& record = table.at(slot);
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  if ((parsed->tcp_flags & kTcpSyn) != 0 &&
      IsNewConnection(record, real, PolicyOf(t.snapshot, real))) [[unlikely]] {
    t.shard.template Destroy<Address>(slot);
    return false;
  }
  if (real.remains != Remains::kServe) [[unlikely]] {
    const Fate fate = JudgeRemains<Address, Direction::kForward>(t, packet, parsed, slot, real);
    if (fate != Fate::kGoesOn) return fate == Fate::kIsOver;
  }
  CountIn(t, record.real_id, real, parsed->ip_length);
  Track<Address, Direction::kForward>(t.shard, slot, parsed->tcp_flags, real);
  if (IsTelling(record, *parsed)) [[unlikely]] {
    SendTelling<Address>(t, packet, parsed, slot, real);
    return true;
  }
  SendToReal<Address>(t, packet, parsed, record, real, table.LocalEndpointOf(slot));
  return true;
}

template <typename Address, Packet P>
void ReturnToClient(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot) noexcept {
  const Connection<Address>& record = t.shard.template Connections<Address>().at(slot);
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  const bool is_direct = !RewritesReplies(record.method);
  // A real of the other IP version sends nothing in this one.
  if (IsMixed(record, real)) [[unlikely]]
    return t.Drop(packet, DropReason::kBadSource);
  if (is_direct && t.port(packet->meta().input_port).role == PortRole::kOutside) {
    return t.Drop(packet, DropReason::kBadSource);
  }
  if (real.remains != Remains::kServe) [[unlikely]] {
    if (JudgeRemains<Address, Direction::kReply>(t, packet, parsed, slot, real) == Fate::kIsOver) {
      return;
    }
  }
  CountOut(t, record.real_id, real, parsed->ip_length);
  Track<Address, Direction::kReply>(t.shard, slot, parsed->tcp_flags, real);
  if (is_direct) return ForwardRouted(t, packet, parsed);
  const Address to = TranslatesClient(record.method)
                         ? record.client_address
                         : parsed->template Destination<Address>(packet->data());
  ForwardRouted(t, packet, parsed, to, [&](P& p, ParsedPacket* fields) {
    if (record.Has(ConnectionFlag::kLongWay)) [[unlikely]]
      HearReal<Address>(t.shard, p, *fields, slot);
    TranslateReply(p, fields, record);
  });
}

}  // namespace fairlead::dataplane
