// The journey of a burst: the table of contents of the dataplane. docs/life_of_a_packet.md follows
// one packet.
//
//   ProcessPackets(turn, burst, is_mine);
//
//   PARSE     parse.h             bytes → fields, or a named drop
//   LOOKUP    connection_table.h  all at once; the port's role says which direction first
//   TRACK     forward.h, shard.h  next state, new deadline, counters
//   REWRITE   rewrite_*.h         NAT, DR, TUN
//   TX        transmit.h          next hop, Ethernet header
//   on a miss steer.h             CLASSIFY, STEER, ADMIT, PICK: decision.h, admission.h, sched/
//   else      local_input.h       ARP, ND, ping, ICMP errors, the host
//
// Threads: the worker's. Every packet ends in turn.out, in the held queue, or in another worker's
// ring.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>

#include "dataplane/hand_shake.h"
#include "dataplane/local_input.h"

namespace fairlead::dataplane {

// Room for one T of each packet of a burst, each written before it is read: an array would set all
// of them to their defaults first, for every burst.
template <typename T>
class BurstOf {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  T& operator[](size_t i) noexcept { return data()[i]; }
  T* data() noexcept { return std::launder(reinterpret_cast<T*>(bytes_)); }

 private:
  alignas(T) std::byte bytes_[kBurst * sizeof(T)];
};

// The flows of one family in a burst, side by side for the look-up.
template <typename Address, Packet P>
struct FlowBurst {
  size_t count = 0;
  BurstOf<P*> packets;
  BurstOf<ParsedPacket> parsed;
  BurstOf<FlowKey<Address>> keys;
  BurstOf<uint64_t> hashes;
  BurstOf<uint32_t> slots;

  // Where the fields of the packet that may be added next go: parsed in place, not copied.
  ParsedPacket& next() noexcept { return parsed[count]; }
  // The packet whose fields are in next().
  void Add(P* packet, Direction first) noexcept {
    const ParsedPacket& fields = next();
    packets[count] = packet;
    keys[count] = first == Direction::kForward ? ForwardKey<Address>(packet->data(), fields)
                                               : ReplyKey<Address>(packet->data(), fields);
    ++count;
  }
};

// The client side is looked up first except on an inside port; a miss tries the other.
inline Direction FirstDirection(PortRole role) noexcept {
  return role == PortRole::kInside ? Direction::kReply : Direction::kForward;
}

template <typename Address, Packet P>
void ProcessFlows(Turn<P>& t, FlowBurst<Address, P>& burst, bool is_mine) noexcept {
  if (burst.count == 0) return;
  auto& table = t.shard.template Connections<Address>();
  const std::span keys(burst.keys.data(), burst.count);
  table.HashBurst(keys, {burst.hashes.data(), burst.count});
  table.FindBurst(keys, {burst.hashes.data(), burst.count}, t.now(),
                  {burst.slots.data(), burst.count});
  const uint32_t epoch = t.shard.epoch;
  for (size_t i = 0; i < burst.count; ++i) {
    P* packet = burst.packets[i];
    ParsedPacket* parsed = &burst.parsed[i];
    // A record that went during this burst makes the slots found before doubtful: look again.
    const bool is_found = burst.slots[i] != kNoSlot && t.shard.epoch == epoch;
    if (is_found && burst.keys[i].direction == Direction::kReply) {
      ReturnToClient<Address>(t, packet, parsed, burst.slots[i]);
    } else if (!is_found || !ForwardToReal<Address>(t, packet, parsed, burst.slots[i])) {
      Miss<Address>(t, packet, parsed, is_mine);
    }
  }
}

// A frame whose unicast MAC is not the port's was flooded here by a switch or a promiscuous port.
template <Packet P>
bool IsForOtherHost(const Turn<P>& t, P& packet, const ParsedPacket& parsed) noexcept {
  return parsed.destination_mac == MacKind::kUnicast &&
         std::memcmp(packet.data(), t.port(packet.meta().input_port).mac.bytes.data(), 6) != 0;
}

// Whatever is not TCP or UDP.
template <Packet P>
[[gnu::noinline]] void ProcessOther(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                    ParseOutcome outcome, bool is_mine) noexcept {
  switch (outcome.kind) {
    case PacketKind::kArp:
      return HandleArp(t, packet);
    case PacketKind::kIcmp:
      return parsed->is_v4() ? HandleIcmp<Ipv4Address>(t, packet, parsed, is_mine)
                             : HandleIcmp<Ipv6Address>(t, packet, parsed, is_mine);
    case PacketKind::kFragment:
      return HandleFragment(t, packet, parsed);
    case PacketKind::kOtherIp:
      return HandleOtherIp(t, packet, parsed);
    case PacketKind::kFlow:
    case PacketKind::kDropped:
      return t.Drop(packet, outcome.reason);
  }
}

// At most kBurst packets, each with meta().input_port set. `is_mine`: other workers sent them to
// their owner, this one.
template <Packet P>
void ProcessPackets(Turn<P>& t, std::span<P* const> packets, bool is_mine) noexcept {
  FlowBurst<Ipv4Address, P> flows4;
  FlowBurst<Ipv6Address, P> flows6;
  for (P* packet : packets) {
    ParsedPacket& parsed = flows4.next();
    const ParseOutcome outcome = Parse(*packet, &parsed);
    if (outcome.kind == PacketKind::kDropped) [[unlikely]] {
      t.Drop(packet, outcome.reason);
    } else if (IsForOtherHost(t, *packet, parsed)) [[unlikely]] {
      t.Drop(packet, DropReason::kNotForUs);
    } else if (outcome.kind != PacketKind::kFlow) [[unlikely]] {
      ProcessOther(t, packet, &parsed, outcome, is_mine);
    } else if (parsed.destination_mac != MacKind::kUnicast) [[unlikely]] {
      HandleMulticast(t, packet);
    } else if (const Direction first = FirstDirection(t.port(packet->meta().input_port).role);
               parsed.is_v4()) {
      flows4.Add(packet, first);
    } else {
      flows6.next() = parsed;
      flows6.Add(packet, first);
    }
  }
  ProcessFlows(t, flows4, is_mine);
  ProcessFlows(t, flows6, is_mine);
}

// A packet of the hand-shake between connection owner and template owner.
template <Packet P>
void ProcessHandShake(Turn<P>& t, P* packet) noexcept {
  ParsedPacket parsed;
  const ParseOutcome outcome = Parse(*packet, &parsed);
  if (outcome.kind != PacketKind::kFlow) return t.Drop(packet, DropReason::kStaleGrant);
  switch (packet->meta().hand_off) {
    case HandOff::kRequest:
      return AnswerRequest(t, packet, parsed);
    case HandOff::kGrant:
      return parsed.is_v4() ? TakeGrant<Ipv4Address>(t, packet, &parsed)
                            : TakeGrant<Ipv6Address>(t, packet, &parsed);
    case HandOff::kRefusal:
      return TakeRefusal(t, packet, &parsed);
    case HandOff::kRekey:
      return AnswerRekey(t, packet, parsed);
    case HandOff::kRekeyed:
      return parsed.is_v4() ? TakeRekeyed<Ipv4Address>(t, packet, &parsed)
                            : TakeRekeyed<Ipv6Address>(t, packet, &parsed);
    case HandOff::kDialog:
      return parsed.is_v4() ? AnswerDialog<Ipv4Address>(t, packet, &parsed)
                            : AnswerDialog<Ipv6Address>(t, packet, &parsed);
    case HandOff::kNone:
    case HandOff::kSteered:
      return t.Drop(packet, DropReason::kStaleGrant);
  }
}

}  // namespace fairlead::dataplane
