#include "control/snat_diff.h"

#include <algorithm>

namespace fairlead::control {
namespace {

const SnatConfig* FindSnat(const ConfigModel& model, const SnatConfig& rule) {
  const auto found = std::ranges::find_if(
      model.snat, [&](const SnatConfig& other) { return TextOf(other) == TextOf(rule); });
  return found == model.snat.end() ? nullptr : &*found;
}

}  // namespace

std::vector<std::string> DescribeSnatChanges(const ConfigModel& before, const ConfigModel& after) {
  std::vector<std::string> all;
  if (before.snat == after.snat) return all;
  for (const SnatConfig& rule : before.snat) {
    if (FindSnat(after, rule) == nullptr) {
      all.push_back("snat " + TextOf(rule) + ": removed");
    }
  }
  for (const SnatConfig& rule : after.snat) {
    const SnatConfig* known = FindSnat(before, rule);
    if (known == nullptr) {
      const size_t count = AddressesOf(rule).size();
      all.push_back("snat " + TextOf(rule) + ": added with " + std::to_string(count) +
                    (count == 1 ? " address" : " addresses"));
    } else if (*known != rule) {
      all.push_back("snat " + TextOf(rule) + ": new flows get other addresses or ports");
    }
  }
  if (all.empty()) all.push_back("snat: the rules are in another order");
  return all;
}

void AddSnatPortsWaitedFor(const ConfigModel& model, std::vector<Error>* errors) {
  for (const SnatConfig& rule : model.snat) {
    const bool is_known =
        rule.output.empty() ||
        std::ranges::find(model.ports, rule.output, &PortConfig::name) != model.ports.end();
    if (is_known) continue;
    errors->push_back({ErrorCode::kUnavailable,
                       "port \"" + rule.output +
                           "\" is new in this file and needs a restart; snat cannot use it yet",
                       "snat " + TextOf(rule)});
  }
}

}  // namespace fairlead::control
