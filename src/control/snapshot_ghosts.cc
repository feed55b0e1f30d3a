// Reals that no configuration names, or none any more: what of the snapshot builder is about them.
#include <utility>

#include "control/reply_index.h"
#include "control/snapshot_builder.h"
#include "control/worker_views.h"

namespace fairlead::control {
namespace {

Family ClientsOf(const ServiceIdentity& key) {
  return key.mark != 0 ? key.family : key.address.family();
}

}  // namespace

// Its connections go on as long as they last, whatever the policies say of removed reals (ipvs.md,
// sync).
SnapshotBuilder::LastView SnapshotBuilder::UnknownReal(const IdMap::Real& real) {
  LastView last;
  last.view.address = real.key.address;
  last.view.port = Be16::FromHost(real.key.port);
  last.view.method = *real.told_method;
  last.view.remains = dataplane::Remains::kContinue;
  last.kept = {.method = *real.told_method, .removed_by_hand = false};
  return last;
}

dataplane::RealView SnapshotBuilder::GhostOf(const Pass& pass, RealId id) {
  const BuildInput& input = pass.input;
  const dataplane::Snapshot& snapshot = pass.snapshot;
  const IdMap::Real& known = pass.ids.Ghost(id);
  LastView& last = last_views_[id.index()];
  if (known.told_method) last = UnknownReal(known);
  // Who drains first and removes then wants what is left to go on.
  if (!last.kept.removed_by_hand) {
    last.kept.removed_by_hand = input.is_by_hand && !last.kept.is_draining;
    ++kept_revision_;
  }
  dataplane::RealView ghost = last.view;
  const ServiceId service = pass.ids.ServiceOf(id);
  dataplane::ServiceView& view = pass.snapshot.services[service.index()];
  // What is gone still says of which family its packets are (FamilyOf).
  if (view.id.is_none()) view.family = ClientsOf(pass.ids.KeyOf(service));
  const bool expires = (view.id.is_none() ? snapshot.policy : view.policy).expire_nodest_conn;
  ghost.service = service;
  ghost.is_available = false;
  if (!known.told_method) {
    const ServiceMemory& memory = services_[service.index()];
    const Removal removal{
        .by_hand = *last.kept.removed_by_hand,
        .was_draining = last.kept.is_draining,
        .has_others = !view.id.is_none() && memory.plan && memory.plan->takes_new};
    ghost.remains = last.kept.is_drain_over ? dataplane::Remains::kReset
                                            : RemainsOfRemoved(memory.on_remove, expires, removal);
  }
  ghost.templates_valid = false;
  ghost.weight = 0;
  ghost.next_hop = NeighbourId{};
  if (ghost.TakesTraffic() || ghost.remains == dataplane::Remains::kReset) {
    SetNextHop(FindNextHop(snapshot, ghost.address, input.intern_neighbour), input.path_mtus,
               view.family, &ghost);
  }
  return ghost;
}

void SnapshotBuilder::Restore(const StoredNames& names) {
  services_.resize(names.services.size() + names.free_services.size());
  for (const StoredNames::Service& service : names.services) {
    services_[service.id.index()].on_remove = service.on_remove;
  }
  last_views_.resize(names.reals.size() + names.free_reals.size());
  for (const StoredNames::Real& real : names.reals) {
    LastView& last = last_views_[real.id.index()];
    last.view.address = real.key.address;
    last.view.port = Be16::FromHost(real.key.port);
    last.view.method = real.kept.method;
    last.view.tunnel = real.kept.tunnel;
    last.kept = real.kept;
  }
}

void SnapshotBuilder::FillIn(StoredNames* names) const {
  for (StoredNames::Service& service : names->services) {
    if (service.id.index() >= services_.size()) continue;  // given an id, and never built
    service.on_remove = services_[service.id.index()].on_remove;
  }
  for (StoredNames::Real& real : names->reals) {
    if (real.id.index() < last_views_.size()) real.kept = last_views_[real.id.index()].kept;
  }
}

void SnapshotBuilder::AddGhosts(const Pass& pass) {
  dataplane::Snapshot& snapshot = pass.snapshot;
  snapshot.services.resize(pass.ids.service_count());
  services_.resize(pass.ids.service_count());
  snapshot.reals.resize(pass.ids.real_count());
  last_views_.resize(pass.ids.real_count());
  for (const RealId id : ghosts_) {
    if (!pass.ids.ServiceOf(id).is_none()) continue;
    dataplane::RealView& freed = snapshot.reals[id.index()];
    has_lost_replies_ |= IsReplySource(freed);
    if (!freed.local_pool.is_none()) local_pools_.NoteReleased();
    freed = {};
    last_views_[id.index()] = {};
  }
  for (const RealId id : pass.ids.ghosts()) {
    const dataplane::RealView last = std::exchange(snapshot.reals[id.index()], GhostOf(pass, id));
    const dataplane::RealView& ghost = snapshot.reals[id.index()];
    // An unknown real is in no changed service; it may have the id of one that was freed since.
    const bool is_other =
        last.service != ghost.service || last.address != ghost.address || last.port != ghost.port;
    has_lost_replies_ |=
        is_other ? IsReplySource(last) || IsReplySource(ghost) : LosesReplies(last, ghost);
  }
  ghosts_ = pass.ids.ghosts();
}

}  // namespace fairlead::control
