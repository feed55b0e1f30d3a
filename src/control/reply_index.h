// Where replies of NAT reals come from: what a worker asks before it takes a packet for a
// stranger's.
//
//   for (RealId id : …) IndexReply(id, ids, &snapshot);
//
// Of several reals with one endpoint one stands for all: the lowest id, of those that answer
// clients themselves if there are any, not local endpoints as with FULLNAT. The entry says that
// another worker may own the flow. Writes only what is new, so that the rest stays shared with the
// snapshot that this one is a copy of. Pure functions.
#pragma once

#include "control/id_plan.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

// Whether the real answers through the director. Ghosts do: their connections may go on.
bool IsReplySource(const dataplane::RealView& real);

// Whether a real that was `last` and is `now` may have to leave entries to others.
bool LosesReplies(const dataplane::RealView& last, const dataplane::RealView& now);

// Enters the real in nat_sources, nat_addresses and one_packet_sources, when it is such a source.
// Its service's key is in `ids`.
void IndexReply(RealId id, const PlannedIds& ids, dataplane::Snapshot* snapshot);

}  // namespace fairlead::control
