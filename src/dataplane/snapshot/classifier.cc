#include "dataplane/snapshot/classifier.h"

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

// Asks rules about one packet. Rules next to each other mostly name the same set: remembering the
// last answer saves nearly every look-up.
class Classifier::Matcher {
 public:
  Matcher(const Parts& parts, const ClassifierFields& fields) noexcept
      : parts_(parts), fields_(fields) {}

  bool operator()(uint32_t number) noexcept {
    const ClassifierRule& rule = parts_.rules[number];
    return (rule.protocol == 0 || rule.protocol == fields_.protocol) &&
           (rule.input_port.is_none() || rule.input_port == fields_.input_port) &&
           AnyHolds(rule.destination_ports, fields_.destination_port) &&
           AnyHolds(rule.source_ports, fields_.source_port) &&
           Holds(rule.destination_set, fields_.destination, &destination_) &&
           Holds(rule.source_set, fields_.source, &source_);
  }

 private:
  struct Remembered {
    int set = -1;
    bool holds = true;  // set -1 holds every address
  };
  bool Holds(int set, const IpAddress& a, Remembered* last) noexcept {
    if (set < 0) return true;
    if (last->set != set) *last = {set, parts_.sets[static_cast<size_t>(set)]->Holds(a)};
    return last->holds;
  }

  const Parts& parts_;
  const ClassifierFields& fields_;
  Remembered source_, destination_;
};

Classification Classifier::Of(int32_t rule) const noexcept {
  if (rule < 0) return {};
  const ClassifierRule& found = parts_->rules[static_cast<size_t>(rule)];
  return {found.is_drop ? Classification::Kind::kDrop : Classification::Kind::kMark, found.mark,
          rule};
}

Classification Classifier::Scan(const ClassifierFields& fields) const noexcept {
  if (parts_ == nullptr) return {};
  Matcher matches(*parts_, fields);
  for (uint32_t i = 0; i < parts_->rules.size(); ++i) {
    if (matches(i)) return Of(static_cast<int32_t>(i));
  }
  return {};
}

Classification Classifier::Search(const ClassifierFields& fields) const noexcept {
  return Of(parts_->index.First(fields, Matcher(*parts_, fields)));
}

int ClassifierBuilder::AddSet(std::shared_ptr<const ClassifierSet> set) {
  parts_.sets.push_back(std::move(set));
  return static_cast<int>(parts_.sets.size()) - 1;
}

std::shared_ptr<const ClassifierSet> ClassifierBuilder::BuildSet(
    const std::vector<Prefix>& prefixes) {
  std::vector<PrefixMap<uint8_t>::Entry> entries;
  entries.reserve(prefixes.size());
  for (const Prefix& prefix : prefixes) entries.emplace_back(prefix, uint8_t{1});
  ClassifierSet set{.prefixes = PrefixMap<uint8_t>::Build(entries), .few = {}};
  if (prefixes.size() <= ClassifierIndex::kKeysPerRule) set.few = prefixes;
  return std::make_shared<const ClassifierSet>(std::move(set));
}

Classifier ClassifierBuilder::Build() {
  Classifier classifier;
  if (parts_.rules.empty()) return classifier;
  if (parts_.rules.size() > Classifier::kScanned) {
    parts_.index = ClassifierIndex::Build(parts_.rules, [this](int set) {
      const std::vector<Prefix>& few = parts_.sets[static_cast<size_t>(set)]->few;
      return few.empty() ? nullptr : &few;
    });
  }
  classifier.parts_ = std::make_shared<const Classifier::Parts>(std::exchange(parts_, {}));
  return classifier;
}

}  // namespace fairlead::dataplane
