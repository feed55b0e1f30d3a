// What a worker does for the API thread and the control core: bounded slices of listings and
// flushes. Explanations are in decide/explain.h. Threads: the worker's; the command belongs to it
// until it is given back.
#pragma once

#include "dataplane/shard/shard.h"
#include "dataplane/shard/stream_mail.h"
#include "dataplane/shard/sync_mail.h"

namespace fairlead::dataplane {

// One slice; the rows come in table order, IPv4 before IPv6.
void RunListConnections(Shard& shard, ListConnections* list) noexcept;
void RunListTemplates(Shard& shard, ListTemplates* list) noexcept;
void RunFlushConnections(Shard& shard, FlushConnections* flush) noexcept;
void RunFlushTemplates(Shard& shard, FlushTemplates* flush) noexcept;
// What became of kExpire with its real. Templates after all connections, whose releases they wait
// for.
void RunSweepConnections(Shard& shard, SweepConnections* sweep) noexcept;
void RunSweepTemplates(Shard& shard, SweepTemplates* sweep) noexcept;
void RunRetimeTemplates(Shard& shard, RetimeTemplates* retime) noexcept;
void RunPinTemplate(Shard& shard, PinTemplate* pin) noexcept;
// A slice of what a peer has sent; kSliceWork at the most.
void RunTakeSyncEntries(Shard& shard, TakeSyncEntries* take) noexcept;
// The stream between directors; likewise, and slices of copies and sums.
void RunTakeStreamEntries(Shard& shard, TakeStreamEntries* take) noexcept;
void RunWalkStream(Shard& shard, WalkStream* walk) noexcept;
void RunDigestStream(Shard& shard, DigestStream* digest) noexcept;

}  // namespace fairlead::dataplane
