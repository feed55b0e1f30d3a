// Tells other directors of a connection when that is due.
//
//   if (t.shard.tells != 0) [[unlikely]] TellOfNew<Address>(t.shard, slot, real);
//   TrackAndTell<Address>(t.shard, slot, Direction::kForward, tcp_flags, real);
//
// After each packet that took the long way. The fast path tells those of the kernel itself and
// leaves to the long way what our own directors may be due (fast_path.h). Those of the kernel are
// told after packets of clients only (sync_due.h), our own after any (shard/stream_due.h). Threads:
// the worker's.
#pragma once

#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

// To directors of the kernel, after Track of a client's packet.
template <typename Address>
void TellOfConnection(Shard& shard, uint32_t slot, const RealView& real) noexcept;

// To all, after Track of the first packet.
template <typename Address>
void TellOfNew(Shard& shard, uint32_t slot, const RealView& real) noexcept;

// Shard::Track, before and after which it is looked what has changed. A record that another
// director has told of is ours from now on.
template <typename Address>
void TrackAndTell(Shard& shard, uint32_t slot, Direction direction, uint8_t tcp_flags,
                  const RealView& real) noexcept;

}  // namespace fairlead::dataplane
