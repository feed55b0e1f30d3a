// What every stage of a turn is given: the shard, this turn's snapshot, where finished packets go.
#pragma once

#include "dataplane/shard/shard.h"
#include "dataplane/shard/verdict.h"
#include "dataplane/tables/held_queue.h"
#include "dataplane/wire/packet.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

// Where a packet comes from that the worker must make: the second RST, a fragment.
template <typename P>
struct PacketSource {
  void* pool = nullptr;
  P* (*allocate)(void* pool) noexcept = nullptr;
};

template <Packet P>
struct Turn {
  Shard& shard;
  const Snapshot& snapshot;
  HeldQueue<P>& held;
  Output<P>* out;
  PacketSource<P> source{};
  NeighbourNeed need = NeighbourNeed::kRouted;  // what is sent now, for a next hop without a MAC

  [[nodiscard]] Tick now() const noexcept { return shard.now; }
  [[nodiscard]] const PortView& port(PortId id) const noexcept {
    return snapshot.ports[id.index()];
  }

  // An empty packet, counted as originated; nullptr: there is none, or no room to send it. What the
  // rest of a burst may need of `out` is left.
  P* Originate(PortId input_port) noexcept {
    if (source.allocate == nullptr || out->room() < 2 * kBurst) return nullptr;
    P* packet = source.allocate(source.pool);
    if (packet == nullptr) return nullptr;
    packet->meta() = PacketMeta{};
    packet->meta().input_port = input_port;
    shard.counters.originated.Add(1);
    return packet;
  }

  void CountHeld() noexcept { shard.counters.held.Set(held.size() + shard.fragments.held()); }

  void Drop(P* packet, DropReason reason) noexcept {
    CountDropped(packet, reason);
    out->Add(packet, Verdict::Drop(reason));
  }
  // Of a packet that an answer takes the place of: before it is overwritten.
  void CountDropped(P* packet, DropReason reason) noexcept {
    shard.counters.dropped[static_cast<size_t>(reason)].Add(1);
    SampleDropped(packet, reason);
  }
  // The same, to be counted by the caller.
  void SampleDropped(P* packet, DropReason reason) noexcept {
    if (shard.drop_samples.Wants(reason, now())) [[unlikely]]
      Sample(packet, reason);
  }

 private:
  [[gnu::noinline]] void Sample(P* packet, DropReason reason) noexcept {
    shard.drop_samples.Note(packet->data(), packet->length(), packet->meta().input_port, reason,
                            now(), snapshot);
  }
};

}  // namespace fairlead::dataplane
