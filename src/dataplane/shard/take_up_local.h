// Take-up of connections by FULLNAT: whether the local endpoint of one is as it must be.
//
//   if (const auto fault = FaultOfLocal(steering, lists, record, owner)) …  // it is not taken up
//
// Threads: as take_up.h, whose implementation calls it. Reads only.
#pragma once

#include <optional>

#include "dataplane/shard/take_up.h"

namespace fairlead::dataplane {

// Of a connection whose client is translated: a reply finds the record by its local endpoint,
// whose owner must be the record's. Precondition: its list, if it has one, was taken from `lists`.
template <typename Address>
std::optional<TakeUpCause> FaultOfLocal(const Steering& steering, const SideLists& lists,
                                        const Connection<Address>& record, WorkerId owner) {
  if (!TranslatesClient(record.method)) return std::nullopt;
  LocalEndpoint local;
  if (record.Has(ConnectionFlag::kSideTable)) {
    lists.ForEach(record.side_slot, [&](const SideRecord& side) {
      if (side.kind != SideKind::kFlow) return;
      local = {LocalAddressOf(side.flow), side.flow.local_port};
    });
  }
  if (local.port.is_zero() || local.address.is_unspecified()) return TakeUpCause::kLocalEndpoint;
  const WorkerId replies_to = local.address.is_v4()
                                  ? steering.ConnectionOwner(local.address.v4(), local.port)
                                  : steering.ConnectionOwner(local.address.v6(), local.port);
  if (replies_to != owner) return TakeUpCause::kOwner;
  // The fast path knows nothing of other families.
  if (local.address.family() != Address::kFamily && !record.Has(ConnectionFlag::kLongWay)) {
    return TakeUpCause::kLocalEndpoint;
  }
  return std::nullopt;
}

}  // namespace fairlead::dataplane
