// Source NAT: inside hosts reach the world with an address of the director (docs/snat.md).
//
//   if (FollowSnat<Address>(t, packet, parsed)) return;
//   if (TakeBySnat<Address>(t, packet, parsed, flow, is_real, is_mine)) return;
//
// Both only where there are rules (t.snapshot.snat). The first is asked when no connection claims
// the packet, the second when no service does either.
// The owner of a flow is that of its endpoint in the world, which a port that steers names in both
// directions (shard/snat_flows.h). Pings and errors are in snat_icmp.h.
// Threads: the worker's. Ownership of the packet moves in when the answer is true.
#pragma once

#include "dataplane/decide/snat_decision.h"
#include "dataplane/path/claimed_address.h"
#include "dataplane/path/flow_fields.h"
#include "dataplane/path/renumber.h"

namespace fairlead::dataplane {

template <Packet P>
SnatCounters& SnatCountersOf(Turn<P>& t, uint16_t slot) noexcept {
  return t.shard.fabric.stats.snat(t.shard.me)[slot];
}

// The rule that a packet of this source goes by, if it goes to the world.
template <Packet P>
const SnatRule* SnatRuleFor(const Turn<P>& t, const IpAddress& source, const IpAddress& destination,
                            PortId input_port) noexcept {
  return DecideSnat(t.snapshot, source, destination, input_port);
}

// A flow's endpoints as the packet has them.
template <SnatWay kWay, typename Address>
SnatKey<Address> SnatKeyOf(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  const auto source = parsed.Source<Address>(frame);
  const auto destination = parsed.Destination<Address>(frame);
  if constexpr (kWay == SnatWay::kOut) {
    return {parsed.protocol, source, parsed.source_port, destination, parsed.destination_port};
  } else {
    return {parsed.protocol, destination, parsed.destination_port, source, parsed.source_port};
  }
}

// Whether a flow was found, and its address is still one of a rule.
template <typename Address, Packet P>
bool IsSnatInForce(const Turn<P>& t, const SnatTable<Address>& table, uint32_t slot) noexcept {
  return slot != kNoSlot && t.snapshot.snat->addresses.contains(IpAddress(table.at(slot).local));
}

template <SnatWay kWay, typename Address, Packet P>
uint32_t FindSnat(Turn<P>& t, const SnatKey<Address>& key) noexcept {
  if (t.shard.snat == nullptr) return kNoSlot;
  const SnatTable<Address>& table = t.shard.snat->template Table<Address>();
  const uint32_t slot = table.template Find<kWay>(key, t.now());
  return IsSnatInForce(t, table, slot) ? slot : kNoSlot;
}

template <Packet P>
void CountSnat(Turn<P>& t, uint8_t slot, SnatWay way, uint32_t ip_bytes) noexcept {
  SnatCounters* row = t.shard.fabric.stats.snat(t.shard.me);
  SnatCounters* counters = t.shard.snat->CountersOf(slot, row);
  if (counters == nullptr) return;
  (way == SnatWay::kOut ? counters->out_packets : counters->in_packets).Add(1);
  (way == SnatWay::kOut ? counters->out_bytes : counters->in_bytes).Add(ip_bytes);
}

template <typename Address, Packet P>
void SendSnatOut(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot) noexcept {
  const SnatFlow<Address>& flow = t.shard.snat->template Table<Address>().at(slot);
  CountSnat(t, flow.slot, SnatWay::kOut, parsed->ip_length);
  t.shard.snat->template Track<Address>(slot, Direction::kForward, parsed->tcp_flags,
                                        t.snapshot.timeouts, t.now());
  ForwardRouted(t, packet, parsed, [&t, &flow](P& p, ParsedPacket* fields) {
    RewriteNat<NatDirection::kReply>(p, fields, flow.local, flow.local_port);
    if (NeedsNewId(*fields)) RenumberDatagram(t.shard, p.data(), *fields);
  });
}

template <typename Address, Packet P>
void SendSnatIn(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot) noexcept {
  const SnatFlow<Address>& flow = t.shard.snat->template Table<Address>().at(slot);
  CountSnat(t, flow.slot, SnatWay::kIn, parsed->ip_length);
  t.shard.snat->template Track<Address>(slot, Direction::kReply, parsed->tcp_flags,
                                        t.snapshot.timeouts, t.now());
  ForwardRouted(t, packet, parsed, IpAddress(flow.client), [&flow](P& p, ParsedPacket* fields) {
    RewriteNat<NatDirection::kForward>(p, fields, flow.client, flow.client_port);
  });
}

// A packet of a flow or a rule, as its host sends it. True: it has been dropped.
template <Packet P>
bool DroppedAsForged(Turn<P>& t, P* packet, const IpAddress& host) noexcept {
  if (!IsForgedHost(t.snapshot, host, packet->meta().input_port)) [[likely]]
    return false;
  t.Drop(packet, DropReason::kBadSource);
  return true;
}

// TCP or UDP of a flow that is here.
template <typename Address, Packet P>
[[gnu::noinline]] bool FollowSnat(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  const uint8_t* frame = packet->data();
  const auto out = FindSnat<SnatWay::kOut>(t, SnatKeyOf<SnatWay::kOut, Address>(frame, *parsed));
  if (out != kNoSlot) {
    if (DroppedAsForged(t, packet, parsed->source(frame))) return true;
    SendSnatOut<Address>(t, packet, parsed, out);
    return true;
  }
  const auto in = FindSnat<SnatWay::kIn>(t, SnatKeyOf<SnatWay::kIn, Address>(frame, *parsed));
  if (in == kNoSlot) return false;
  SendSnatIn<Address>(t, packet, parsed, in);
  return true;
}

// Makes the flow. kNoSlot: the packet has been dropped by name.
template <typename Address, Packet P>
uint32_t BeginSnat(Turn<P>& t, P* packet, const SnatRule& rule,
                   const SnatKey<Address>& key) noexcept {
  if (t.shard.snat == nullptr) {
    t.Drop(packet, DropReason::kSnatTableFull);
    return kNoSlot;
  }
  const SnatPlace place{t.snapshot, t.now()};
  const SnatBegun begun = t.shard.snat->Begin(rule, key, place);
  SnatCounters& counters = SnatCountersOf(t, rule.slot);
  if (begun.slot == kNoSlot) {
    if (begun.refusal == DropReason::kSnatExhausted) counters.exhausted.Add(1);
    t.Drop(packet, begun.refusal);
    return kNoSlot;
  }
  counters.begun.Add(1);
  counters.flows.Set(counters.flows.value() + 1);
  return begun.slot;
}

// What has no port to be told apart by cannot leave with an address that many share, and shall not
// leave with its own. False: no rule is about it. Precondition: there are rules.
template <Packet P>
[[gnu::noinline]] bool DropUnsupportedBySnat(Turn<P>& t, P* packet,
                                             const ParsedPacket& parsed) noexcept {
  const uint8_t* frame = packet->data();
  if (SnatRuleFor(t, parsed.source(frame), parsed.destination(frame), packet->meta().input_port) ==
      nullptr) {
    return false;
  }
  t.Drop(packet, DropReason::kSnatUnsupported);
  return true;
}

// A flow in the middle goes on with a port of its own, as in Linux, so that a restart that forgets
// flows ends none that keeps its port. But an answer to what nobody here has sent came by plain
// routing, and so goes back.
inline bool MayBeginSnat(const ParsedPacket& parsed) noexcept {
  if (parsed.protocol != kProtocolTcp) return true;
  constexpr unsigned kSynAck = kTcpSyn | kTcpAck;
  return (parsed.tcp_flags & kTcpRst) == 0 && (parsed.tcp_flags & kSynAck) != kSynAck;
}

// Sent to the owner of what this endpoint names, of a flow the one in the world, which is another
// worker. False: it is this one, or `is_mine`.
template <typename Address, Packet P>
bool HandedToSnatOwner(Turn<P>& t, P* packet, const Address& address, Be16 port,
                       bool is_mine) noexcept {
  const WorkerId owner = t.shard.fabric.steering.ConnectionOwner(address, port);
  if (owner == t.shard.me || is_mine) return false;
  HandTo(t, packet, owner, HandOff::kSteered);
  return true;
}

// No service claims it, and no connection or flow here. `is_real`: it may be what a real server of
// NAT sends from a port of its service (MayAnswerClient), which stays with that service.
template <typename Address, Packet P>
[[gnu::noinline]] bool TakeBySnat(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                  const FlowFields& flow, bool is_real, bool is_mine) noexcept {
  const uint8_t* frame = packet->data();
  if (t.snapshot.snat->addresses.contains(flow.addresses.destination)) {
    return is_real && MayHairpin(t.snapshot, flow.addresses.source)
               ? HandedToSnatOwner(t, packet, parsed->Destination<Address>(frame),
                                   parsed->destination_port, is_mine)
               : HandedToSnatOwner(t, packet, parsed->Source<Address>(frame), parsed->source_port,
                                   is_mine);
  }
  const bool is_first_of_tcp = (parsed->tcp_flags & (kTcpSyn | kTcpAck)) == kTcpSyn;
  if ((is_real && !is_first_of_tcp) || IsToMany(*parsed, flow.addresses.destination)) return false;
  const SnatRule* rule =
      SnatRuleFor(t, flow.addresses.source, flow.addresses.destination, flow.addresses.input_port);
  if (rule == nullptr) {
    return t.snapshot.snat->MayBePast(flow.addresses.source) &&
           HandedToSnatOwner(t, packet, parsed->Destination<Address>(frame),
                             parsed->destination_port, is_mine);
  }
  if (DroppedAsForged(t, packet, flow.addresses.source)) return true;
  if (HandedToSnatOwner(t, packet, parsed->Destination<Address>(frame), parsed->destination_port,
                        is_mine)) {
    return true;
  }
  if (!MayBeginSnat(*parsed)) return false;
  const uint32_t slot =
      BeginSnat(t, packet, *rule, SnatKeyOf<SnatWay::kOut, Address>(frame, *parsed));
  if (slot != kNoSlot) SendSnatOut<Address>(t, packet, parsed, slot);
  return true;
}

}  // namespace fairlead::dataplane
