// The local endpoint of a new connection whose client is translated (FULLNAT, docs/fullnat.md).
//
//   const DropReason refusal = GiveLocalEndpoint<Ipv4Address>(shard, slot, real);
//   if (refusal != DropReason::kCount) …the record is gone…
//
// Each port of a local address belongs to the worker that owns it as a client's would
// (shard/steering.h): a reply so goes to its connection's worker, by the port's hardware or by a
// look at the packet, as any reply does. Within the worker, one port may be used towards any number
// of remote endpoints at once; a look into the index says where it is free.
// Threads: the owner's worker.
#pragma once

#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

// One in `pool`, towards the real endpoint of the record, which gets a side record and its second
// index entry. kCount: it has one. Else the reason why not, and nothing has changed. `is_shared`:
// services may listen at the pool's addresses, and their ports are left out.
template <typename Address>
DropReason TakeLocalEndpoint(Shard& shard, uint32_t slot, const LocalPool& pool,
                             bool is_shared = false) noexcept;

// The same from the pool of its real. Else the record has been destroyed, its grant given back, and
// the refusal counted for the real.
template <typename Address>
DropReason GiveLocalEndpoint(Shard& shard, uint32_t slot, const RealView& real) noexcept;

// The same from the addresses of a rule of source NAT (DecideHairpin). Refusals count for the rule.
template <typename Address>
DropReason GiveHairpinEndpoint(Shard& shard, uint32_t slot, const SnatRule& rule) noexcept;

}  // namespace fairlead::dataplane
