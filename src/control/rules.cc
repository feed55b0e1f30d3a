#include "control/rules.h"

#include <algorithm>
#include <map>
#include <vector>

#include "control/config/names.h"

namespace fairlead::control {
namespace {

// Gives each distinct address match one set.
class SetPool {
 public:
  SetPool(const ConfigModel& model, dataplane::ClassifierBuilder* builder)
      : model_(model), builder_(builder) {}

  int SetOf(const AddressMatch& match) {
    if (match.is_any()) return -1;
    const auto [it, is_new] = numbers_.try_emplace(TextOf(match), -1);
    if (is_new) it->second = builder_->AddSet(PrefixesOf(match));
    return it->second;
  }

 private:
  static std::string TextOf(const AddressMatch& match) {
    std::string text;
    for (const std::string& set : match.sets) text.append("@").append(set).append(" ");
    for (const Prefix& prefix : match.prefixes) text.append(prefix.ToString()).append(" ");
    return text;
  }
  [[nodiscard]] std::vector<Prefix> PrefixesOf(const AddressMatch& match) const {
    std::vector<Prefix> all = match.prefixes;
    for (const std::string& name : match.sets) {
      const auto set = std::ranges::find(model_.prefix_sets, name, &PrefixSet::name);
      if (set == model_.prefix_sets.end()) continue;
      all.insert(all.end(), set->prefixes.begin(), set->prefixes.end());
    }
    return all;
  }

  const ConfigModel& model_;
  dataplane::ClassifierBuilder* builder_;
  std::map<std::string, int> numbers_;
};

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

dataplane::Classifier BuildClassifier(const ConfigModel& model) {
  dataplane::ClassifierBuilder builder;
  SetPool sets(model, &builder);
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
  return builder.Build();
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
