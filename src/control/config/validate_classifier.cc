#include <algorithm>

#include "control/config/find_set.h"
#include "control/config/validate.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// A service looks through the groups for each that it names.
constexpr size_t kMaxClientGroups = 4096;

}  // namespace

// The places of "@set" among a match's items: the k-th set stands somewhere, but only a lone value
// or a list of sets alone has a place of its own; else the key's place will do.
void CheckSets(const ConfigModel& model, const AddressMatch& match, const std::string& path,
               Problems& problems) {
  if (problems.IsBroken("prefix_sets")) {
    // A set may be missing just because its name could not be read.
    if (problems.IsUnreadable("prefix_sets")) return;
  }
  for (size_t i = 0; i < match.sets.size(); ++i) {
    if (FindPrefixSet(model.prefix_sets, match.sets[i]) != nullptr) continue;
    const bool is_list_of_sets = match.prefixes.empty();
    problems.Add(is_list_of_sets ? ItemPath(path, i) : path,
                 "there is no prefix set " + Quote(match.sets[i]) +
                     DidYouMean(match.sets[i], model.prefix_sets, &PrefixSet::name, problems));
  }
}

namespace {

struct Families {
  bool v4 = false;
  bool v6 = false;
};

Families FamiliesOf(const ConfigModel& model, const AddressMatch& match) {
  if (match.is_any()) return {true, true};
  Families families;
  const auto add = [&families](const Prefix& p) {
    (p.address.is_v4() ? families.v4 : families.v6) = true;
  };
  for (const Prefix& prefix : match.prefixes) add(prefix);
  for (const std::string& name : match.sets) {
    const PrefixSet* const set = FindPrefixSet(model.prefix_sets, name);
    // An empty set matches nothing today, and may be filled by the next reload.
    if (set == nullptr || set->prefixes.empty()) return {true, true};
    add(set->prefixes[0]);  // IPv4 stands first, IPv6 last
    add(set->prefixes[set->prefixes.size() - 1]);
  }
  return families;
}

void CheckRule(const ConfigModel& model, const ClassifierRule& rule, const std::string& path,
               Problems& problems) {
  CheckSets(model, rule.source, path + ".source", problems);
  CheckSets(model, rule.destination, path + ".destination", problems);
  if (!problems.IsBroken(path + ".source") && !problems.IsBroken(path + ".destination")) {
    const Families from = FamiliesOf(model, rule.source);
    const Families to = FamiliesOf(model, rule.destination);
    if (!(from.v4 && to.v4) && !(from.v6 && to.v6))
      problems.Add(path, "can never match: source and destination have no IP version in common");
  }
  if (rule.input_port.empty() || problems.IsBroken("ports")) return;
  if (std::ranges::find(model.ports, rule.input_port, &PortConfig::name) == model.ports.end()) {
    problems.Add(path + ".input_port",
                 "there is no port " + Quote(rule.input_port) +
                     DidYouMean(rule.input_port, model.ports, &PortConfig::name, problems));
  }
}

}  // namespace

void ValidateClassifier(const ConfigModel& model, Problems& problems) {
  FirstPlaces<std::string> rules, groups;
  if (model.client_groups.size() > kMaxClientGroups) {
    problems.Add("client_groups",
                 "at most " + std::to_string(kMaxClientGroups) + " groups are possible");
    problems.SetUnreadable("client_groups");
  }
  for (size_t i = 0; i < model.classifier.size(); ++i) {
    const std::string path = ItemPath("classifier", i);
    if (problems.IsUnreadable(path)) continue;
    CheckName(rules, model.classifier[i].name, path, problems);
    CheckRule(model, model.classifier[i], path, problems);
  }
  for (size_t i = 0; i < model.client_groups.size(); ++i) {
    const std::string path = ItemPath("client_groups", i);
    if (problems.IsUnreadable(path)) continue;
    CheckName(groups, model.client_groups[i].name, path, problems);
    CheckSets(model, model.client_groups[i].source, path + ".source", problems);
  }
}

}  // namespace fairlead::control
