// What workers read of a service's persistence: who counts as one client, and how long.
//
//   PersistenceBuilder builder;
//   builder.BeginPass(model);
//   view.persistence = builder.Build(id, *config.persistence);
//
// Prefix maps are built once and shared by the snapshots while what they are made of is the same:
// 100,000 prefixes are not sorted again because a health check changed its mind. When the keying of
// a service changes, the one before is kept for the grace of `rekey`.
// Threads: the control core.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "control/config/model.h"
#include "dataplane/snapshot/persistence_view.h"

namespace fairlead::control {

// The same name has the same number for good, and different names have different ones.
dataplane::GroupNumber NumberOfGroup(std::string_view name);

class PersistenceBuilder {
 public:
  // Prefix sets and client groups of `model` hold until the next pass. `model` outlives the pass.
  void BeginPass(const ConfigModel& model);
  // Whether prefix sets or client groups differ from those of the pass before.
  [[nodiscard]] bool has_changed() const { return has_changed_; }
  dataplane::PersistenceView Build(ServiceId service, const PersistenceConfig& config);
  // The id is free: what comes next under it begins anew.
  void Forget(ServiceId service) { services_.erase(service); }

 private:
  struct ServiceMemory {
    PersistenceConfig config;  // of which the keying was made
    dataplane::ClientKeying keying;
    std::shared_ptr<const dataplane::ClientKeying> previous;
    uint32_t edits = 0;
  };

  dataplane::ClientKeying KeyingOf(const PersistenceConfig& config) const;
  [[nodiscard]] std::vector<Prefix> PrefixesOf(const AddressMatch& match) const;

  const ConfigModel* model_ = nullptr;
  std::vector<PrefixSet> sets_;
  std::vector<ClientGroup> groups_;
  bool has_changed_ = true;  // the sets or groups, since the last pass
  std::map<ServiceId, ServiceMemory> services_;
};

}  // namespace fairlead::control
