#include "dataplane/classifier.h"

namespace fairlead::dataplane {
namespace {

bool AnyHolds(const std::vector<PortRange>& ranges, uint16_t port) noexcept {
  if (ranges.empty()) return true;
  for (const PortRange& range : ranges) {
    if (port >= range.first && port <= range.last) return true;
  }
  return false;
}

}  // namespace

// Rules next to each other mostly name the same set: remembering the last answer saves nearly every
// look-up.
bool Classifier::Holds(int set, const IpAddress& a, int32_t* remembered_set,
                       bool* remembered) const noexcept {
  if (set < 0) return true;
  if (*remembered_set != set) {
    *remembered_set = set;
    *remembered = sets_[static_cast<size_t>(set)].Find(a) != nullptr;
  }
  return *remembered;
}

Classification Classifier::Classify(const ClassifierFields& fields) const noexcept {
  int32_t source_set = -1, destination_set = -1;
  bool source_holds = false, destination_holds = false;
  for (size_t i = 0; i < rules_.size(); ++i) {
    const ClassifierRule& rule = rules_[i];
    if (rule.protocol != 0 && rule.protocol != fields.protocol) continue;
    if (!rule.input_port.is_none() && rule.input_port != fields.input_port) continue;
    if (!AnyHolds(rule.destination_ports, fields.destination_port)) continue;
    if (!AnyHolds(rule.source_ports, fields.source_port)) continue;
    if (!Holds(rule.destination_set, fields.destination, &destination_set, &destination_holds))
      continue;
    if (!Holds(rule.source_set, fields.source, &source_set, &source_holds)) continue;
    return {rule.is_drop ? Classification::Kind::kDrop : Classification::Kind::kMark, rule.mark,
            static_cast<int32_t>(i)};
  }
  return {};
}

int ClassifierBuilder::AddSet(const std::vector<Prefix>& prefixes) {
  std::vector<Classifier::AddressSet::Entry> entries;
  entries.reserve(prefixes.size());
  for (const Prefix& prefix : prefixes) entries.emplace_back(prefix, uint8_t{1});
  classifier_.sets_.push_back(Classifier::AddressSet::Build(entries));
  return static_cast<int>(classifier_.sets_.size()) - 1;
}

}  // namespace fairlead::dataplane
