// The journey of a burst: the table of contents of the dataplane. docs/life_of_a_packet.md follows
// one packet.
//
//   ProcessPackets(turn, burst, is_mine);
//
//   PARSE     parse.h             bytes → fields, or a named drop; decapsulate.h before it, on a
//                                 port where tunnels end; priority_tag.h after it, where a frame
//                                 has a VLAN tag
//   LOOKUP    connection_table.h  all at once; the port's role says which direction first
//   TRACK     fast_path.h         an established connection, its real in place: all that follows
//   else      forward.h, shard.h  next state, new deadline, counters
//   REWRITE   rewrite_*.h         NAT, DR, TUN
//   TX        transmit.h          next hop, Ethernet header
//             snat_burst.h        flows of source NAT, while there are rules
//   on a miss steer.h             CLASSIFY, STEER, ADMIT, PICK: decision.h, admission.h, sched/
//   else      local_input.h       ARP, ND, ping, ICMP errors, the host
//             fragment_burst.h    fragments, which then take the ways of the others
//
// Threads: the worker's. Every packet ends in turn.out, in the held queue, or in another worker's
// ring.
#pragma once

#include <cstddef>
#include <span>

#include "dataplane/path/decapsulate.h"
#include "dataplane/path/fast_path.h"
#include "dataplane/path/fragment_burst.h"
#include "dataplane/path/priority_tag.h"
#include "dataplane/path/snat_burst.h"
#include "dataplane/path/watched_burst.h"
#include "dataplane/wire/parse_plain.h"

namespace fairlead::dataplane {

// The flows of a burst that has been looked up.
template <typename Fast, typename Address, Packet P>
[[gnu::always_inline]] inline void Follow(Turn<P>& t, FlowBurst<Address, P>& burst,
                                          bool is_mine) noexcept {
  Fast fast(t);
  const uint32_t epoch = t.shard.epoch;
  t.shard.recent_inserts.reset();
  for (size_t i = 0; i < burst.count; ++i) {
    // A record that went during this burst makes the slots found before doubtful: look again.
    if (t.shard.epoch != epoch) [[unlikely]]
      burst.slots[i] = kNoSlot;
    const bool is_forward = burst.keys[i].direction == Direction::kForward;
    P* packet = burst.packets[i];
    ParsedPacket* parsed = &burst.parsed[i];
    const uint32_t slot = burst.slots[i];
    if (slot != kNoSlot) [[likely]] {
      if (is_forward ? fast.Forward(packet, parsed, slot) : fast.Return(packet, parsed, slot))
          [[likely]] {
        continue;
      }
    }
    ProcessFlow<Address>(t, burst, i, epoch, is_mine);
  }
}

// The same while other directors are told of connections. A function of each kind, so that one
// does not take the other's registers.
template <uint8_t kTells, typename Address, Packet P>
[[gnu::noinline]] void FollowTelling(Turn<P>& t, FlowBurst<Address, P>& burst,
                                     bool is_mine) noexcept {
  Follow<FastPath<Address, P, kTells>, Address>(t, burst, is_mine);
}

template <typename Address, Packet P>
void FollowAndTell(Turn<P>& t, FlowBurst<Address, P>& burst, bool is_mine) noexcept {
  switch (t.shard.tells) {
    case 0:
      return FollowTelling<0>(t, burst, is_mine);
    case kTellsKernel:
      return FollowTelling<kTellsKernel>(t, burst, is_mine);
    default:
      return FollowTelling<kTellsKernel | kTellsStream>(t, burst, is_mine);
  }
}

// The same while somebody looks at clients, too.
template <typename Address, Packet P>
[[gnu::noinline]] void FollowWatched(Turn<P>& t, FlowBurst<Address, P>& burst,
                                     bool is_mine) noexcept {
  WatchedBurst<Address> watched(t.shard, {burst.keys.data(), burst.count},
                                {burst.slots.data(), burst.count});
  watched.NoteFound(burst.parsed.data());
  FollowAndTell(t, burst, is_mine);
  watched.NoteMissed();
  t.shard.watch.EndLate(t.now());
  t.shard.UpdateIsObserved();
}

// On a port that has clients and real servers, a miss as a client's packet may be a reply. All of
// these are looked for at once, before the burst is followed, so that the fast path takes them.
template <typename Address, Packet P>
[[gnu::noinline]] void LookForReplies(Turn<P>& t, FlowBurst<Address, P>& burst) noexcept {
  FlowBurst<Address, P> replies;
  BurstOf<size_t> places;  // of the packets in `burst`
  for (size_t i = 0; i < burst.count; ++i) {
    if (burst.slots[i] != kNoSlot || burst.keys[i].direction == Direction::kReply) continue;
    P* packet = burst.packets[i];
    if (t.port(packet->meta().input_port).role != PortRole::kBoth) continue;
    replies.keys[replies.count] = ReplyKey<Address>(packet->data(), burst.parsed[i]);
    places[replies.count++] = i;
  }
  LookUp(t, replies);
  for (size_t n = 0; n < replies.count; ++n) {
    if (replies.slots[n] == kNoSlot) continue;
    burst.keys[places[n]] = replies.keys[n];
    burst.probes[places[n]] = replies.probes[n];
    burst.slots[places[n]] = replies.slots[n];
  }
}

template <typename Address, Packet P>
void ProcessFlows(Turn<P>& t, FlowBurst<Address, P>& burst, bool is_mine) noexcept {
  if (burst.count == 0) return;
  LookUp(t, burst);
  if (t.shard.has_two_way_ports) [[unlikely]]
    LookForReplies<Address>(t, burst);
  if (t.snapshot.snat != nullptr) [[unlikely]]
    LookForSnat<Address>(t, burst);
  if (t.shard.is_observed) [[unlikely]] {
    if (t.shard.watch.counts_packets()) return FollowWatched(t, burst, is_mine);
    return FollowAndTell(t, burst, is_mine);
  }
  Follow<FastPath<Address, P>, Address>(t, burst, is_mine);
}

// A frame whose unicast MAC is not the port's was flooded here by a switch or a promiscuous port.
template <Packet P>
bool IsForOtherHost(const Turn<P>& t, P& packet, const ParsedPacket& parsed) noexcept {
  return parsed.destination_mac == MacKind::kUnicast &&
         std::memcmp(packet.data(), t.port(packet.meta().input_port).mac.bytes.data(), 6) != 0;
}

// Whatever is not a plain TCP or UDP packet to the port's MAC. True: it is a flow all the same, of
// the family that `parsed` says.
template <Packet P>
[[gnu::noinline]] bool ProcessUnusual(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                      FragmentBurst<P>* fragments, bool is_mine) noexcept {
  const ParseOutcome outcome = Parse(*packet, parsed);
  if (outcome.kind == PacketKind::kDropped) {
    if (outcome.reason == DropReason::kUnknownEthertype) {
      return TookTagOff(t, packet) && ProcessUnusual(t, packet, parsed, fragments, is_mine);
    }
    t.Drop(packet, outcome.reason);
    return false;
  }
  if (IsForOtherHost(t, *packet, *parsed)) {
    t.Drop(packet, DropReason::kNotForUs);
    return false;
  }
  switch (outcome.kind) {
    case PacketKind::kFlow:
      if (parsed->destination_mac == MacKind::kUnicast) return true;
      HandleMulticast(t, packet);
      break;
    case PacketKind::kArp:
      HandleArp(t, packet);
      break;
    case PacketKind::kIcmp:
      parsed->is_v4() ? HandleIcmp<Ipv4Address>(t, packet, parsed, is_mine)
                      : HandleIcmp<Ipv6Address>(t, packet, parsed, is_mine);
      break;
    case PacketKind::kFragment:
      fragments->next() = *parsed;
      TakeInFragment(t, packet, fragments, is_mine);
      break;
    case PacketKind::kOtherIp:
      HandleOtherIp(t, packet, parsed);
      break;
    case PacketKind::kDropped:
      break;
  }
  return false;
}

// The Ethernet type of a frame to the port's own MAC; 0: another MAC, or no whole header.
template <Packet P>
uint16_t PlainEtherType(P& packet, const MacAddress& mac) noexcept {
  if (packet.length() < kEthernetHeaderLength) return 0;
  const auto* ethernet = HeaderAt<EthernetHeader>(packet.data(), 0);
  return ethernet->destination.get() == mac ? ethernet->ethertype.get().host() : uint16_t{0};
}

// A plain flow of this family to the port's MAC; its padding is cut off.
template <typename Address, Packet P>
bool ParseAsPlain(P* packet, ParsedPacket* parsed) noexcept {
  const uint32_t length = packet->length();
  if (!ParsePlain<Address>(packet->data(), length, packet->meta().ip_checksum_good, parsed)) {
    return false;
  }
  const uint32_t end = kEthernetHeaderLength + parsed->ip_length;
  if (length != end) packet->Resize(end);  // shrinking always fits
  return true;
}

// The same of a fragment, which is then one of `fragments`.
template <Packet P>
[[gnu::noinline]] bool TookPlainFragment(Turn<P>& t, P* packet, FragmentBurst<P>* fragments,
                                         bool is_mine) noexcept {
  const uint32_t length = packet->length();
  ParsedPacket* parsed = &fragments->next();
  if (!ParsePlainFragment(packet->data(), length, packet->meta().ip_checksum_good, parsed)) {
    return false;
  }
  const uint32_t end = kEthernetHeaderLength + parsed->ip_length;
  if (length != end) packet->Resize(end);
  TakeInFragment(t, packet, fragments, is_mine);
  return true;
}

// A flow, its fields in burst->next(): put with the others, or, when the owner is asked first
// (`served`), handed to that.
template <typename Address, Packet P>
void TakeFlow(Turn<P>& t, P* packet, Direction first, ServedDestination<Address>* served,
              FlowBurst<Address, P>* burst) noexcept {
  if (served != nullptr && HandedToOwner(t, packet, burst->next(), served)) return;
  burst->Add(packet, first);
}

// At most kBurst packets, each with meta().input_port set. `is_mine`: other workers sent them to
// their owner, this one.
template <Packet P>
void ProcessPackets(Turn<P>& t, std::span<P* const> packets, bool is_mine) noexcept {
  FlowBurst<Ipv4Address, P> flows4;
  FlowBurst<Ipv6Address, P> flows6;
  FragmentBurst<P> fragments;
  ServedDestination<Ipv4Address> served4;
  ServedDestination<Ipv6Address> served6;
  const bool asks_owner_first = !is_mine && t.shard.asks_owner_first;
  const uint64_t handed_before = t.shard.counters.handed_off.value();
  for (P* packet : packets) {
    const PortView& port = t.port(packet->meta().input_port);
    const Direction first = FirstDirection(port.role);
    if (port.decapsulates != 0 && !is_mine && !TookOff(t, packet, port)) [[unlikely]]
      continue;
    switch (PlainEtherType(*packet, port.mac)) {
      case kEtherTypeIpv4:
        if (ParseAsPlain<Ipv4Address>(packet, &flows4.next())) [[likely]] {
          TakeFlow(t, packet, first, asks_owner_first ? &served4 : nullptr, &flows4);
          continue;
        }
        if (TookPlainFragment(t, packet, &fragments, is_mine)) continue;
        break;
      case kEtherTypeIpv6:
        if (ParseAsPlain<Ipv6Address>(packet, &flows6.next())) [[likely]] {
          TakeFlow(t, packet, first, asks_owner_first ? &served6 : nullptr, &flows6);
          continue;
        }
        break;
      default:
        break;
    }
    ParsedPacket parsed;
    if (!ProcessUnusual(t, packet, &parsed, &fragments, is_mine)) continue;
    if (parsed.is_v4()) {
      flows4.next() = parsed;
      TakeFlow(t, packet, first, asks_owner_first ? &served4 : nullptr, &flows4);
    } else {
      flows6.next() = parsed;
      TakeFlow(t, packet, first, asks_owner_first ? &served6 : nullptr, &flows6);
    }
  }
  if (fragments.count > 0) ProcessFragments(t, fragments, is_mine);
  ProcessFlows(t, flows4, is_mine);
  ProcessFlows(t, flows6, is_mine);
  if (is_mine || packets.empty()) return;
  const uint64_t handed = t.shard.counters.handed_off.value() - handed_before;
  t.shard.asks_owner_first = 4 * handed > packets.size();
}

// A packet of the hand-shake between connection owner and template owner.
template <Packet P>
void ProcessHandShake(Turn<P>& t, P* packet) noexcept {
  ParsedPacket parsed;
  const ParseOutcome outcome = Parse(*packet, &parsed);
  if (outcome.kind == PacketKind::kIcmp) {
    return parsed.is_v4() ? AnswerErrorHandShake<Ipv4Address>(t, packet, &parsed)
                          : AnswerErrorHandShake<Ipv6Address>(t, packet, &parsed);
  }
  if (outcome.kind == PacketKind::kFragment) return ResumeFragment(t, packet, &parsed);
  if (outcome.kind != PacketKind::kFlow) return t.Drop(packet, DropReason::kStaleGrant);
  AnswerFlowHandShake(t, packet, &parsed);
}

}  // namespace fairlead::dataplane
