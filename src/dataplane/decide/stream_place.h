// What an entry of the stream between directors is about here, and which of two claims to a client
// counts.
//
//   sync::SyncEntry asked = AsSyncEntry(entry);     // then as one of the kernel's: sync_place.h
//   SyncPlace place = StreamPlaceOf(snapshot, entry, asked, &take.group_memo);   // of a template
//   TemplateIdentity identity = …StreamIdentityOf(fabric, *place.service, entry)…;
//   if (IsFirstClaim(ClaimOf(entry), ClaimOf(record, …))) …the entry's real server counts…
//
// Nothing is changed. Threads: any that has the snapshot.
#pragma once

#include <optional>

#include "dataplane/decide/sync_place.h"
#include "dataplane/shard/stream_mail.h"

namespace fairlead::dataplane {

// The part of an entry that the kernel's protocol has too. It looks into `entry`.
sync::SyncEntry AsSyncEntry(const sync::StreamEntry& entry) noexcept;

// The service of a template, without the real server. Of a persistence group: one of its services
// that has the real server, which then is in the place too.
SyncPlace StreamPlaceOf(const Snapshot& snapshot, const sync::StreamEntry& entry,
                        const sync::SyncEntry& asked, GroupMemo* memo) noexcept;

// The key as the entry says it. Nothing: it needs an engine's data, and the entry has none.
std::optional<TemplateIdentity> StreamIdentityOf(const Fabric& fabric, const ServiceView& service,
                                                 const sync::StreamEntry& entry) noexcept;

// Who says since when that a client belongs to a real server.
struct TemplateClaim {
  bool is_pinned = false;
  uint64_t created_ms = 0;
  uint64_t creator = 0;
  IpAddress real;
};

// Of two claims to different real servers: a pin counts before what the scheduler chose, the
// earlier before the later, then the lower number of the creator, then the lower address. Every
// director says the same.
bool IsFirstClaim(const TemplateClaim& claim, const TemplateClaim& other) noexcept;

}  // namespace fairlead::dataplane
