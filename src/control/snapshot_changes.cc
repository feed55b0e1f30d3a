#include "control/snapshot_changes.h"

#include <algorithm>
#include <utility>

namespace fairlead::control {
namespace {

bool NamesSets(const Forwarding& forward) { return !forward.local_addresses.sets.empty(); }

// Who counts as one client there, or where its reals are spoken to from, depends on prefix sets or
// client groups.
bool HasLists(const ServiceConfig& config) {
  const bool has_groups = config.persistence && (!config.persistence->netmasks.empty() ||
                                                 !config.persistence->client_groups.empty());
  return has_groups || NamesSets(config.forward) ||
         std::ranges::any_of(config.reals,
                             [](const RealConfig& real) { return NamesSets(real.forward); }) ||
         (config.fallback && NamesSets(config.fallback->forward));
}

}  // namespace

bool SnapshotChanges::IsUnchanged(ServiceId id, const ServiceItem& item,
                                  bool has_other_lists) const {
  if (id.index() >= services_.size()) return false;
  const Service& service = services_[id.index()];
  return service.config == item && !service.lacks_neighbour &&
         !(has_other_lists && HasLists(*item));
}

SnapshotChanges::Scope SnapshotChanges::Since(const BuildInput& input, const Surroundings& now,
                                              std::span<const ServiceId> places,
                                              bool has_other_lists) const {
  Scope scope;
  scope.is_copy =
      input.before != nullptr && input.before->generation == generation_ && now == surroundings_;
  scope.has_other_addresses = !scope.is_copy || rules_ != input.model.classifier ||
                              snat_ != input.model.snat || presence_ != input.presence;
  std::set<ServiceIdentity> touched = overlay_.Differences(input.overlay);
  touched.insert(input.health_changed.begin(), input.health_changed.end());
  const SharedList<ServiceConfig>& services = input.model.services;
  std::vector<bool> is_there(services_.size());
  for (size_t i = 0; i < services.size(); ++i) {
    if (places[i].index() < is_there.size()) is_there[places[i].index()] = true;
    const bool is_unchanged = scope.is_copy &&
                              IsUnchanged(places[i], services.item(i), has_other_lists) &&
                              (touched.empty() || !touched.contains(KeyOf(services[i])));
    if (!is_unchanged) scope.services.push_back(i);
  }
  for (size_t i = 0; i < services_.size(); ++i) {
    if (services_[i].config == nullptr || is_there[i]) continue;
    scope.removed.push_back(ServiceId{static_cast<uint32_t>(i)});
  }
  return scope;
}

const SnapshotChanges::ServiceItem& SnapshotChanges::config(ServiceId id) const {
  static const ServiceItem kGone;
  return id.index() < services_.size() ? services_[id.index()].config : kGone;
}

void SnapshotChanges::NoteService(ServiceId id, ServiceItem config) {
  if (services_.size() <= id.index()) services_.resize(id.index() + 1);
  services_[id.index()] = {std::move(config)};
}

void SnapshotChanges::NoteBuilt(const BuildInput& input, Surroundings surroundings) {
  surroundings_ = std::move(surroundings);
  rules_ = input.model.classifier;
  snat_ = input.model.snat;
  overlay_ = input.overlay;
  presence_ = input.presence;
  generation_ = input.generation;
}

}  // namespace fairlead::control
