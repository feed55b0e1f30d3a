// Tells other directors of a connection when that is due.
//
//   if (t.snapshot.sync.is_on) [[unlikely]] TellOfConnection<Address>(t.shard, slot, real);
//
// After each packet of a client that took the long way, and of the others after those that may be
// due (fast_path.h). Threads: the worker's.
#pragma once

#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

template <typename Address>
void TellOfConnection(Shard& shard, uint32_t slot, const RealView& real) noexcept;

}  // namespace fairlead::dataplane
