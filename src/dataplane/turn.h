// What every stage of a turn is given: the shard, this turn's snapshot, where finished packets go.
#pragma once

#include "dataplane/held_queue.h"
#include "dataplane/packet.h"
#include "dataplane/parse.h"
#include "dataplane/shard.h"
#include "dataplane/verdict.h"

namespace fairlead::dataplane {

template <Packet P>
struct Turn {
  Shard& shard;
  const Snapshot& snapshot;
  HeldQueue<P>& held;
  Output<P>* out;

  [[nodiscard]] Tick now() const noexcept { return shard.now; }
  [[nodiscard]] const PortView& port(PortId id) const noexcept {
    return snapshot.ports[id.index()];
  }

  void Drop(P* packet, DropReason reason) noexcept {
    shard.counters.dropped[static_cast<size_t>(reason)].Add(1);
    out->Add(packet, Verdict::Drop(reason));
  }
};

}  // namespace fairlead::dataplane
