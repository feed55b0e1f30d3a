// What an entry that a peer has sent is about here: which service, which real server, which
// template.
//
//   SyncPlace place = ServicePlaceOf(snapshot, entry);  // cheap: whose is it?
//   if (!place.fault) FindReal(snapshot, entry, &place);  // its owner: looks at real after real
//   if (place.fault) …count it…
//   TemplateIdentity identity = IdentityOf(fabric, *place.service, entry);   // of its template
//
// As IPVS has it (ipvs.md, sync): the service is looked up as for a packet, the real server by
// address and port; the local forwarding method counts, not the sender's. Nothing is changed.
// Threads: any that has the snapshot.
#pragma once

#include <optional>

#include "dataplane/decide/template_decision.h"
#include "dataplane/shard/sync_mail.h"

namespace fairlead::dataplane {

struct SyncPlace {
  const ServiceView* service = nullptr;
  RealId real;
  std::optional<SyncFault> fault;
  size_t work = 1;  // real servers looked at
};

// Without the real server.
SyncPlace ServicePlaceOf(const Snapshot& snapshot, const sync::SyncEntry& entry) noexcept;
// Adds the real server, or the fault that there is none. Precondition: the place has no fault.
void FindReal(const Snapshot& snapshot, const sync::SyncEntry& entry, SyncPlace* place) noexcept;
// Where the fault is that no configuration has the service or the real server: takes the one that
// the sender of the entry has named, if that is still what the entry means. `named` may be none.
void TakeNamed(const Snapshot& snapshot, const sync::SyncEntry& entry, RealId named,
               SyncPlace* place) noexcept;
// The service and the real server.
SyncPlace PlaceOf(const Snapshot& snapshot, const sync::SyncEntry& entry) noexcept;

// The template that such a connection is a child of, or that such a template is. Nothing: the
// service has an engine, and the entry lacks its data. Precondition: the service is persistent.
std::optional<TemplateIdentity> IdentityOf(const Fabric& fabric, const ServiceView& service,
                                           const sync::SyncEntry& entry) noexcept;

// The timeout of an entry, or where it has none what this director gives such a state.
TickCount TimeoutOf(const sync::SyncEntry& entry, const Timeouts& local) noexcept;

}  // namespace fairlead::dataplane
