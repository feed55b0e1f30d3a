// The short way of nearly every packet: of a connection that goes on as it is, to a real server in
// its place, or back from it. What forward.h does in its many cases, done in the one.
//
//   FastPath<Ipv4Address, P> fast(turn);                  // once a burst
//   if (!fast.Forward(packet, &parsed, slot)) …ForwardToReal(turn, packet, &parsed, slot)…
//   if (!fast.Return(packet, &parsed, slot)) …ReturnToClient(turn, packet, &parsed, slot)…
//
// Both look at everything first and then change everything or nothing, so whatever they refuse
// takes the long way as if nobody had looked. Forward reads three lines: the record, the real's
// egress (egress.h), the packet's headers. What a burst has in common is held here, because a store
// into a packet might, for all the compiler knows, change the turn. A test sends random packets
// both ways and compares bytes, records and counters (tests/dataplane/path/fast_path_test).
// Threads: the worker's, for one burst. Ownership of the packet moves in when Forward says true.
#pragma once

#include "dataplane/decide/sync_due.h"
#include "dataplane/decide/sync_tell.h"
#include "dataplane/path/renumber.h"
#include "dataplane/shard/stream_due.h"
#include "dataplane/shard/turn.h"
#include "dataplane/wire/fill_tunnel.h"
#include "dataplane/wire/rewrite_fullnat.h"
#include "dataplane/wire/rewrite_nat.h"
#include "dataplane/wire/rewrite_tun.h"

namespace fairlead::dataplane {

// kTells (kTellsKernel, kTellsStream): other directors may have to be told of the connection. Other
// classes, so that without synchronisation nothing is asked, and for the kernel's alone little.
template <typename Address, Packet P, uint8_t kTells = 0>
class FastPath {
 public:
  explicit FastPath(Turn<P>& turn) noexcept
      : snapshot_(turn.snapshot),
        table_(turn.shard.template Connections<Address>()),
        reals_(turn.snapshot.reals.data()),
        neighbours_(turn.shard.fabric.neighbours),
        traffic_(turn.shard.fabric.stats.traffic(turn.shard.me)),
        out_(*turn.out),
        ip_id_step_(turn.shard.ip_id_step),
        next_ip_id_(turn.shard.next_ip_id),
        now_(turn.shard.now),
        shard_(turn.shard),
        counted_(turn.snapshot.sync) {}

  // Precondition of both: the slot is live and the packet is its client's, or its real's. False:
  // nothing has changed.
  [[gnu::always_inline]] bool Forward(P* packet, ParsedPacket* parsed, uint32_t slot) noexcept {
    Connection<Address>& record = table_.at(slot);
    const Egress& egress = reals_[record.real_id.index()].egress;
    if (parsed->ip_length > egress.mtu_bytes || parsed->ttl <= 1) [[unlikely]]
      return false;
    if (record.HasAny(kLeavesFastPath)) [[unlikely]]
      return false;
    TickCount timeout;
    if (!StaysAsItIs(record, *parsed, egress, &timeout)) [[unlikely]]
      return false;
    if constexpr ((kTells & kTellsStream) != 0) {
      if (IsStreamNews(record, timeout, record.packets + 1)) return false;
    }
    const uint64_t neighbour = neighbours_.LoadWord(egress.next_hop);
    if (!IsReachable(neighbour)) [[unlikely]]
      return false;
    if (!Rewrite(packet, parsed, slot, record, egress)) [[unlikely]]
      return false;
    WriteMacs(packet->data(), neighbour, egress.source_mac());
    table_.Prolong(slot, now_, timeout);
    record.CountPacket();
    TrafficCounters& traffic = traffic_[record.real_id.index()];
    traffic.in_packets.Add(1);
    traffic.in_bytes.Add(parsed->ip_length);
    out_.Add(packet, Verdict::Transmit(egress.output));
    if constexpr ((kTells & kTellsKernel) != 0) {
      if (counted_.MayBe(record.packets)) [[unlikely]]
        TellOf(slot);
    }
    return true;
  }

  // Where replies are rewritten: elsewhere one is routed as any packet is.
  bool Return(P* packet, ParsedPacket* parsed, uint32_t slot) noexcept {
    Connection<Address>& record = table_.at(slot);
    const Egress& egress = reals_[record.real_id.index()].egress;
    if (!RewritesReplies(record.method) || egress.mtu_bytes == 0 || parsed->ttl <= 1 ||
        record.HasAny(kLeavesFastPath | FlagMask(ConnectionFlag::kNoOutput))) {
      return false;
    }
    TickCount timeout;
    if (!StaysAsItIs(record, *parsed, egress, &timeout)) return false;
    if constexpr ((kTells & kTellsStream) != 0) {
      if (IsStreamNews(record, timeout, record.packets)) return false;
    }
    const Address client = record.client_address;
    if (IsLinkLocal(client) || IsLinkLocal(record.real_address)) return false;
    const RouteView* route = snapshot_.routes.Find(client);
    if (route == nullptr) return false;
    const PortView& port = snapshot_.ports[route->output.index()];
    if (parsed->ip_length > port.mtu_bytes) return false;
    const NeighbourId hop =
        route->gateway.is_none() ? neighbours_.Find(route->output, client) : route->gateway;
    const uint64_t neighbour = hop.is_none() ? 0 : neighbours_.LoadWord(hop);
    if (!IsReachable(neighbour)) return false;
    if (TranslatesClient(record.method)) [[unlikely]] {
      RewriteFullnat(*packet, parsed,
                     Endpoints<Address>{record.virtual_address, record.virtual_port, client,
                                        record.client_port});
    } else {
      RewriteNat<NatDirection::kReply>(*packet, parsed, record.virtual_address,
                                       record.virtual_port);
    }
    WriteMacs(packet->data(), neighbour, port.mac.ToWord());
    table_.Prolong(slot, now_, timeout);
    TrafficCounters& traffic = traffic_[record.real_id.index()];
    traffic.out_packets.Add(1);
    traffic.out_bytes.Add(parsed->ip_length);
    out_.Add(packet, Verdict::Transmit(route->output));
    return true;
  }

 private:
  [[gnu::noinline, gnu::cold]] void TellOf(uint32_t slot) noexcept {
    if ((shard_.tells & kTellsKernel) == 0) return;
    TellOfConnection<Address>(shard_, slot, reals_[table_.at(slot).real_id.index()]);
  }
  // The packet leaves the connection in its state and only prolongs it, to `timeout` from now. A
  // deadline that came nearer would move in the wheel.
  bool StaysAsItIs(const Connection<Address>& record, const ParsedPacket& parsed,
                   const Egress& egress, TickCount* timeout) const noexcept {
    switch (parsed.transport()) {
      case Transport::kTcp:
        if (record.state != static_cast<uint8_t>(TcpState::kEstablished)) return false;
        if (!KeepsEstablished(parsed.tcp_flags)) return false;
        *timeout = egress.tcp_timeout;
        return record.deadline.HasPassed(now_ + *timeout);
      case Transport::kUdp:
        *timeout = egress.udp_timeout;
        return record.deadline.HasPassed(now_ + *timeout);
    }
    return false;
  }
  // Our own directors are told after this packet, with which the client has sent so many.
  bool IsStreamNews(const Connection<Address>& record, TickCount timeout,
                    uint32_t packets) const noexcept {
    if ((shard_.tells & kTellsStream) == 0) return false;
    return IsStreamDue({.transport = record.transport(),
                        .state_before = record.state,
                        .state = record.state,
                        .packets_before = record.packets,
                        .packets = packets,
                        .offset = RefreshOffset(record.client_address, record.client_port),
                        .deadline_before = record.deadline,
                        .deadline = now_ + timeout,
                        .timeout = timeout});
  }
  static bool IsReachable(uint64_t neighbour) noexcept {
    return NeighbourTable::StateOf(neighbour) == NeighbourState::kReachable;
  }
  // What a link keeps to itself is not routed (transmit.h).
  static bool IsLinkLocal(Ipv4Address) noexcept { return false; }
  static bool IsLinkLocal(const Ipv6Address& a) noexcept { return a.is_link_local(); }

  bool Rewrite(P* packet, ParsedPacket* parsed, uint32_t slot, const Connection<Address>& record,
               const Egress& egress) noexcept {
    switch (record.method) {
      case ForwardMethod::kDr:
        DecrementTtl(HeaderAt<IpHeader<Address>>(packet->data(), parsed->l3_offset));
        return true;
      case ForwardMethod::kNat:
        RewriteNat<NatDirection::kForward>(*packet, parsed, record.real_address, record.real_port);
        return true;
      case ForwardMethod::kTun:
        if (parsed->ip_length <= egress.plain_tunnel_mtu()) [[likely]] {
          if (!RewriteTunFrom<Address>(*packet, *parsed, egress.tunnel.bytes.data(),
                                       Be16::FromHost(next_ip_id_), egress.copies_dont_fragment)) {
            return false;
          }
        } else if (!Encapsulated(packet, *parsed, record, egress, Be16::FromHost(next_ip_id_))) {
          return false;
        }
        next_ip_id_ = static_cast<uint16_t>(next_ip_id_ + ip_id_step_);
        return true;
      case ForwardMethod::kFullnat:
        return TranslatedBoth(packet, parsed, shard_, slot);
    }
    return false;
  }

  // Static, as Encapsulated.
  [[gnu::noinline]] static bool TranslatedBoth(P* packet, ParsedPacket* parsed, Shard& shard,
                                               uint32_t slot) noexcept {
    const ConnectionTable<Address>& table = shard.Connections<Address>();
    const FlowSide* local = table.LocalOf(slot);
    if (local == nullptr) [[unlikely]]
      return false;
    const Connection<Address>& record = table.at(slot);
    RewriteFullnat(*packet, parsed,
                   Endpoints<Address>{Address::Load(local->local_address.data()), local->local_port,
                                      record.real_address, record.real_port});
    if (NeedsNewId(*parsed)) [[unlikely]]
      RenumberDatagram(shard, packet->data(), *parsed);
    return true;
  }

  // Into any tunnel but IP in IP of one family; false as well for what is too long for that.
  // Static: a pointer to this object that goes elsewhere would keep its members out of registers.
  [[gnu::noinline]] static bool Encapsulated(P* packet, const ParsedPacket& parsed,
                                             const Connection<Address>& record,
                                             const Egress& egress, Be16 id) noexcept {
    if (parsed.ip_length + egress.tunnel.length > egress.mtu_bytes) return false;
    const MadeTunnel& made = egress.tunnel;
    const bool has_port = made.type == TunnelType::kGue;
    const TunnelFields fields{
        .id = id,
        .source_port =
            has_port ? TunnelSourcePort(record.client_address, record.client_port) : Be16{},
        .copies_dont_fragment = egress.copies_dont_fragment};
    uint8_t* frame = packet->Prepend(made.length);
    if (frame == nullptr) return false;
    FillTunnelHeadersOf<Address>(frame, parsed, made, fields);
    return true;
  }

  const Snapshot& snapshot_;
  ConnectionTable<Address>& table_;
  const RealView* const reals_;
  const NeighbourTable& neighbours_;
  TrafficCounters* const traffic_;
  Output<P>& out_;
  const uint16_t ip_id_step_;
  uint16_t& next_ip_id_;
  const Tick now_;
  // FULLNAT; the last with kTells only:
  Shard& shard_;
  const CountedPackets counted_;
};

}  // namespace fairlead::dataplane
