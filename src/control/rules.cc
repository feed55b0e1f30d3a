#include "control/rules.h"

#include <algorithm>
#include <map>
#include <vector>

#include "control/config/find_set.h"
#include "control/config/names.h"

namespace fairlead::control {
// Gives each distinct address match one set: the one it had, when its prefixes are the same.
class SetPool {
 public:
  using Made = ClassifierBuilder::Made;

  SetPool(const ConfigModel& model, const std::map<std::string, Made>& before,
          dataplane::ClassifierBuilder* builder)
      : model_(model), before_(before), builder_(builder) {}

  int SetOf(const AddressMatch& match) {
    if (match.is_any()) return -1;
    const std::string text = TextOf(match);
    const auto [it, is_new] = numbers_.try_emplace(text, -1);
    if (!is_new) return it->second;
    Made made{PartsOf(match), nullptr};
    const auto known = before_.find(text);
    made.set = known != before_.end() && known->second.parts == made.parts
                   ? known->second.set
                   : BuildSet(match.prefixes, made.parts);
    it->second = builder_->AddSet(made.set);
    made_.emplace(text, std::move(made));
    return it->second;
  }
  std::map<std::string, Made> Take() { return std::move(made_); }

 private:
  static std::string TextOf(const AddressMatch& match) {
    std::string text;
    for (const std::string& set : match.sets) text.append("@").append(set).append(" ");
    for (const Prefix& prefix : match.prefixes) text.append(prefix.ToString()).append(" ");
    return text;
  }
  [[nodiscard]] std::vector<SharedVector<Prefix>> PartsOf(const AddressMatch& match) const {
    std::vector<SharedVector<Prefix>> parts;
    for (const std::string& name : match.sets) {
      const PrefixSet* const set = FindPrefixSet(model_.prefix_sets, name);
      if (set != nullptr) parts.push_back(set->prefixes);
    }
    return parts;
  }
  static std::shared_ptr<const dataplane::ClassifierSet> BuildSet(
      std::vector<Prefix> prefixes, const std::vector<SharedVector<Prefix>>& parts) {
    for (const SharedVector<Prefix>& part : parts) {
      prefixes.insert(prefixes.end(), part.begin(), part.end());
    }
    return dataplane::ClassifierBuilder::BuildSet(prefixes);
  }

  const ConfigModel& model_;
  const std::map<std::string, Made>& before_;
  dataplane::ClassifierBuilder* builder_;
  std::map<std::string, int> numbers_;
  std::map<std::string, Made> made_;
};

namespace {

std::vector<dataplane::PortRange> RangesOf(const std::vector<PortRange>& ranges) {
  std::vector<dataplane::PortRange> result;
  for (const PortRange& range : ranges) result.push_back({range.first, range.last});
  return result;
}

PortId PortNamed(const ConfigModel& model, const std::string& name) {
  const auto port = std::ranges::find(model.ports, name, &PortConfig::name);
  if (port == model.ports.end()) return PortId{};
  return PortId{static_cast<uint8_t>(port - model.ports.begin())};
}

std::string AddressText(const AddressMatch& match) {
  std::string text;
  const auto add = [&](const char* mark, const std::string& item) {
    if (!text.empty()) text += ',';
    text += mark;
    text += item;
  };
  for (const std::string& set : match.sets) add("@", set);
  for (const Prefix& prefix : match.prefixes) {
    add("", prefix.length == prefix.address.bit_length() ? prefix.address.ToString()
                                                         : prefix.ToString());
  }
  return text;
}

std::string PortsText(const std::vector<PortRange>& ranges) {
  std::string text;
  for (const PortRange& range : ranges) {
    if (!text.empty()) text += ',';
    text += std::to_string(range.first);
    if (range.last != range.first) text += '-' + std::to_string(range.last);
  }
  return text;
}

}  // namespace

const dataplane::Classifier& ClassifierBuilder::Build(const ConfigModel& model) {
  if (rules_ == model.classifier && sets_ == model.prefix_sets) return classifier_;
  dataplane::ClassifierBuilder builder;
  SetPool sets(model, made_, &builder);
  for (const ClassifierRule& rule : model.classifier) {
    builder.AddRule({.protocol = static_cast<uint8_t>(rule.protocol),
                     .source_set = sets.SetOf(rule.source),
                     .destination_set = sets.SetOf(rule.destination),
                     .source_ports = RangesOf(rule.source_ports),
                     .destination_ports = RangesOf(rule.destination_ports),
                     .input_port = PortNamed(model, rule.input_port),
                     .is_drop = rule.action == RuleAction::kDrop,
                     .mark = rule.mark});
  }
  classifier_ = builder.Build();
  rules_ = model.classifier;
  sets_ = model.prefix_sets;
  made_ = sets.Take();
  return classifier_;
}

std::string DescribeRule(const ClassifierRule& rule) {
  std::string text =
      rule.action == RuleAction::kDrop ? "drop" : "mark " + std::to_string(rule.mark);
  if (rule.protocol != Protocol::kAny) text.append(" ").append(ToWord(rule.protocol));
  if (!rule.source.is_any()) text.append(" from ").append(AddressText(rule.source));
  if (!rule.source_ports.empty())
    text.append(" source ports ").append(PortsText(rule.source_ports));
  if (!rule.destination.is_any()) text.append(" to ").append(AddressText(rule.destination));
  if (!rule.destination_ports.empty())
    text.append(" ports ").append(PortsText(rule.destination_ports));
  if (!rule.input_port.empty()) text.append(" on port ").append(rule.input_port);
  return text;
}

}  // namespace fairlead::control
