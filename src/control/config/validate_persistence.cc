#include <algorithm>

#include "control/config/find_set.h"
#include "control/config/validate.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// What a service names is written out for its workers, a set once for each time it is named.
constexpr size_t kMaxPrefixes = 1'000'000;

size_t CountPrefixes(const ConfigModel& model, const AddressMatch& match) {
  size_t count = match.prefixes.size();
  for (const std::string& name : match.sets) {
    const PrefixSet* const set = FindPrefixSet(model.prefix_sets, name);
    if (set != nullptr) count += set->prefixes.size();
  }
  return count;
}

void CheckCount(size_t prefixes, const std::string& path, Problems& problems) {
  if (prefixes <= kMaxPrefixes) return;
  problems.Add(path, "names " + std::to_string(prefixes) + " prefixes in all; at most " +
                         std::to_string(kMaxPrefixes) + " are possible");
}

void CheckGroups(const ConfigModel& model, const PersistenceConfig& persistence,
                 const std::string& path, Problems& problems) {
  if (problems.IsUnreadable("client_groups")) return;
  FirstPlaces<std::string> seen;
  size_t prefixes = 0;
  for (size_t i = 0; i < persistence.client_groups.size(); ++i) {
    const std::string& name = persistence.client_groups[i];
    const std::string at = ItemPath(path + ".client_groups", i);
    const auto group = std::ranges::find(model.client_groups, name, &ClientGroup::name);
    if (group == model.client_groups.end()) {
      problems.Add(at, "there is no client group " + Quote(name) +
                           DidYouMean(name, model.client_groups, &ClientGroup::name, problems));
    } else if (seen.Earlier(name, at) != nullptr) {
      problems.Add(at, "the client group " + Quote(name) + " is listed twice");
    } else {
      prefixes += CountPrefixes(model, group->source);
    }
  }
  CheckCount(prefixes, path + ".client_groups", problems);
}

// Two rules for one prefix: neither is the longer.
void CheckNetmasks(const ConfigModel& model, const PersistenceConfig& persistence,
                   const std::string& path, Problems& problems) {
  FirstPlaces<std::pair<IpAddress, int>> places;
  size_t prefixes = 0;
  for (size_t i = 0; i < persistence.netmasks.size(); ++i) {
    const std::string at = ItemPath(path + ".netmasks", i);
    if (problems.IsUnreadable(at)) continue;
    const AddressMatch& source = persistence.netmasks[i].source;
    CheckSets(model, source, at + ".source", problems);
    prefixes += CountPrefixes(model, source);
    for (const Prefix& prefix : source.prefixes) {
      if (const std::string* first = places.Earlier({prefix.network(), prefix.length}, at)) {
        problems.Add(at + ".source", prefix.ToString() + " has a netmask already, by the rule at " +
                                         problems.Where(*first));
      }
    }
  }
  CheckCount(prefixes, path + ".netmasks", problems);
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
