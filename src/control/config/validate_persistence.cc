#include <algorithm>

#include "control/config/validate.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

void CheckGroups(const ConfigModel& model, const PersistenceConfig& persistence,
                 const std::string& path, Problems& problems) {
  if (problems.IsUnreadable("client_groups")) return;
  std::vector<std::string_view> known;
  for (const ClientGroup& group : model.client_groups) known.push_back(group.name);
  FirstPlaces<std::string> seen;
  for (size_t i = 0; i < persistence.client_groups.size(); ++i) {
    const std::string& name = persistence.client_groups[i];
    const std::string at = ItemPath(path + ".client_groups", i);
    if (std::ranges::find(known, name) == known.end()) {
      problems.Add(at, "there is no client group " + Quote(name) + DidYouMean(name, known));
    } else if (seen.Earlier(name, at) != nullptr) {
      problems.Add(at, "the client group " + Quote(name) + " is listed twice");
    }
  }
}

// Two rules for one prefix: neither is the longer.
void CheckNetmasks(const ConfigModel& model, const PersistenceConfig& persistence,
                   const std::string& path, Problems& problems) {
  FirstPlaces<std::pair<IpAddress, int>> places;
  for (size_t i = 0; i < persistence.netmasks.size(); ++i) {
    const std::string at = ItemPath(path + ".netmasks", i);
    if (problems.IsUnreadable(at)) continue;
    const AddressMatch& source = persistence.netmasks[i].source;
    CheckSets(model, source, at + ".source", problems);
    for (const Prefix& prefix : source.prefixes) {
      if (const std::string* first = places.Earlier({prefix.network(), prefix.length}, at)) {
        problems.Add(at + ".source", prefix.ToString() + " has a netmask already, by the rule at " +
                                         problems.Where(*first));
      }
    }
  }
}

}  // namespace

void ValidatePersistence(const ConfigModel& model, const ServiceConfig& service,
                         const std::string& service_path, Problems& problems) {
  const std::string path = service_path + ".persistence";
  if (problems.IsUnreadable(path)) return;
  CheckGroups(model, *service.persistence, path, problems);
  CheckNetmasks(model, *service.persistence, path, problems);
}

}  // namespace fairlead::control
