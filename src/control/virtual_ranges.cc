#include "control/virtual_ranges.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "control/config/find_set.h"
#include "control/config/virtual_addresses.h"

namespace fairlead::control {
namespace {

bool IsBefore(const Prefix& a, const Prefix& b) {
  return std::tie(a.address, a.length) < std::tie(b.address, b.length);
}

void SortUnique(std::vector<Prefix>* prefixes) {
  std::ranges::sort(*prefixes, IsBefore);
  prefixes->erase(std::unique(prefixes->begin(), prefixes->end()), prefixes->end());
}

// Destinations of rules with a mark. A rule for every address names none.
std::vector<Prefix> RangesOf(const ConfigModel& model) {
  std::vector<Prefix> ranges;
  const auto add = [&ranges](const Prefix& prefix) {
    if (prefix.length > 0 && !prefix.address.is_multicast()) ranges.push_back(prefix);
  };
  for (const ClassifierRule& rule : model.classifier) {
    if (rule.action != RuleAction::kMark) continue;
    for (const Prefix& prefix : rule.destination.prefixes) add(prefix);
    for (const std::string& name : rule.destination.sets) {
      const PrefixSet* set = FindPrefixSet(model.prefix_sets, name);
      if (set == nullptr) continue;
      for (const Prefix& prefix : set->prefixes) add(prefix);
    }
  }
  SortUnique(&ranges);
  return ranges;
}

}  // namespace

const std::shared_ptr<const VirtualRanges::Map>& VirtualRanges::Build(const ConfigModel& model,
                                                                      bool has_new_addresses) {
  if (!has_new_addresses && sets_ == model.prefix_sets) return map_;
  sets_ = model.prefix_sets;
  const std::vector<Prefix> ranges = RangesOf(model);
  std::vector<Prefix> now = ranges;
  for (const VirtualAddress& vip : VirtualAddresses(model)) {
    now.push_back({vip.address, vip.address.bit_length()});
  }
  SortUnique(&now);
  std::vector<Prefix> past, gone;
  std::ranges::set_union(virtual_, gone_, std::back_inserter(past), IsBefore);
  std::ranges::set_difference(past, now, std::back_inserter(gone), IsBefore);
  if (gone.size() > kMostGone) gone.resize(kMostGone);
  virtual_ = std::move(now);
  gone_ = std::move(gone);
  // Of equal prefixes the last one counts.
  std::vector<Map::Entry> entries;
  entries.reserve(gone_.size() + ranges.size());
  const auto add = [&entries](const Prefix& prefix, bool is_gone) {
    entries.push_back(
        {prefix, {.length = static_cast<uint8_t>(prefix.length), .is_gone = is_gone}});
  };
  for (const Prefix& prefix : gone_) add(prefix, true);
  for (const Prefix& prefix : ranges) add(prefix, false);
  map_ = entries.empty() ? nullptr : std::make_shared<const Map>(Map::Build(entries));
  return map_;
}

}  // namespace fairlead::control
