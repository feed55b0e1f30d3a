// Tells other directors of a connection when that is due.
//
//   const BeforePacket before = BeforePacketOf(record);      // {} of a new one
//   …Track…
//   if (t.shard.tells != 0) [[unlikely]] TellPeers<Address>(t.shard, slot, real, before,
//   direction);
//
// After each packet that took the long way; the fast path leaves those that may be due to it
// (fast_path.h). Those of the kernel are told after packets of clients only (sync_due.h), our own
// after any (shard/stream_due.h). Threads: the worker's.
#pragma once

#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

struct BeforePacket {
  uint8_t state = 0;
  uint32_t packets = 0;
  Tick deadline;
};

template <typename Address>
BeforePacket BeforePacketOf(const Connection<Address>& record) noexcept {
  return {record.state, record.packets, record.deadline};
}

template <typename Address>
void TellPeers(Shard& shard, uint32_t slot, const RealView& real, const BeforePacket& before,
               Direction direction) noexcept;

}  // namespace fairlead::dataplane
