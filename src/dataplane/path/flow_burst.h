// The flows of a burst, looked up all at once, and the long way of one of them.
//
//   FlowBurst<Ipv4Address, P> flows;
//   flows.next() = parsed;                        // or parsed in place
//   flows.Add(packet, FirstDirection(port.role));
//   LookUp(turn, flows);
//   ProcessFlow<Ipv4Address>(turn, flows, 0, turn.shard.epoch, is_mine);
//
// Threads: the worker's, for one burst.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>

#include "dataplane/path/steer.h"

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
  BurstOf<typename ConnectionTable<Address>::Probe> probes;
  BurstOf<uint32_t> slots;
  // Of what has no connection, its flow of source NAT or kNoSlot; with has_snat (snat_burst.h).
  BurstOf<uint32_t> snat_slots;
  bool has_snat = false;

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
[[gnu::always_inline]] inline void LookUp(Turn<P>& t, FlowBurst<Address, P>& burst) noexcept {
  const auto& table = t.shard.template Connections<Address>();
  const std::span keys(burst.keys.data(), burst.count);
  table.HashBurst(keys, {burst.probes.data(), burst.count});
  table.FindBurst(keys, {burst.probes.data(), burst.count}, t.now(),
                  {burst.slots.data(), burst.count});
}

// A flow that the fast path leaves: a miss, or a change in the connection's life. `epoch`: when the
// burst was looked up.
template <typename Address, Packet P>
[[gnu::noinline]] void ProcessFlow(Turn<P>& t, FlowBurst<Address, P>& burst, size_t i,
                                   uint32_t epoch, bool is_mine) noexcept {
  P* packet = burst.packets[i];
  ParsedPacket* parsed = &burst.parsed[i];
  const bool is_forward = burst.keys[i].direction == Direction::kForward;
  const uint32_t slot = burst.slots[i];
  if (slot != kNoSlot) {
    if (!is_forward) return ReturnToClient<Address>(t, packet, parsed, slot);
    if (ForwardToReal<Address>(t, packet, parsed, slot)) return;
  }
  if (burst.has_snat && slot == kNoSlot && burst.snat_slots[i] != kNoSlot) [[unlikely]] {
    return is_forward ? SendSnatIn<Address>(t, packet, parsed, burst.snat_slots[i])
                      : SendSnatOut<Address>(t, packet, parsed, burst.snat_slots[i]);
  }
  const bool is_doubtful =
      slot != kNoSlot || t.shard.epoch != epoch || t.shard.MayHaveInserted(burst.probes[i].hash);
  const RuledOut ruled_out = is_doubtful  ? RuledOut::kNone
                             : is_forward ? RuledOut::kForward
                                          : RuledOut::kReply;
  Miss<Address>(t, packet, parsed, ruled_out, is_mine);
}

}  // namespace fairlead::dataplane
