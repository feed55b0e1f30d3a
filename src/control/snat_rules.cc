#include "control/snat_rules.h"

#include <algorithm>

namespace fairlead::control {
namespace {

PortId OutputOf(const ConfigModel& model, const SnatConfig& rule) {
  const auto port = std::ranges::find(model.ports, rule.output, &PortConfig::name);
  if (rule.output.empty() || port == model.ports.end()) return PortId{};
  return PortId{static_cast<uint8_t>(port - model.ports.begin())};
}

}  // namespace

std::shared_ptr<const dataplane::SnatView> SnatRules::Build(const ConfigModel& model) {
  if (rules_ == model.snat) return view_;
  ++builds_;
  // Those that stay first, so that a new one takes the slot of none of them.
  for (const SnatConfig& rule : model.snat) {
    if (const auto slot = SlotOf(TextOf(rule))) slots_[*slot].last_build = builds_;
  }
  auto view = std::make_shared<dataplane::SnatView>();
  for (const SnatConfig& rule : model.snat) {
    dataplane::SnatRule& made = view->rules.emplace_back();
    made.source = rule.source;
    made.output = OutputOf(model, rule);
    made.addresses = AddressesOf(rule);
    made.first_port = rule.ports.first;
    made.last_port = rule.ports.last;
    made.slot = TakeSlot(TextOf(rule));
    made.use = slots_[made.slot].use;
    view->addresses.insert(made.addresses.begin(), made.addresses.end());
  }
  NotePast(model);
  view->past_sources = past_sources_;
  rules_ = model.snat;
  view_ = view->rules.empty() ? nullptr : std::move(view);
  return view_;
}

void SnatRules::NotePast(const ConfigModel& model) {
  const auto has = [&model](const Prefix& source) {
    return std::ranges::find(model.snat, source, &SnatConfig::source) != model.snat.end();
  };
  std::erase_if(past_sources_, has);
  for (const SnatConfig& rule : rules_) {
    if (has(rule.source) || std::ranges::find(past_sources_, rule.source) != past_sources_.end()) {
      continue;
    }
    if (past_sources_.size() == kMostPast) past_sources_.erase(past_sources_.begin());
    past_sources_.push_back(rule.source);
  }
}

std::optional<uint16_t> SnatRules::SlotOf(std::string_view rule) const {
  const auto slot = std::ranges::find(slots_, rule, &Slot::rule);
  if (slot == slots_.end()) return std::nullopt;
  return static_cast<uint16_t>(slot - slots_.begin());
}

uint16_t SnatRules::TakeSlot(const std::string& rule) {
  if (const auto slot = SlotOf(rule)) return *slot;
  const auto oldest = std::ranges::min_element(slots_, {}, &Slot::last_build);
  *oldest = {rule, builds_, oldest->use + (oldest->rule.empty() ? 0 : 1)};
  return static_cast<uint16_t>(oldest - slots_.begin());
}

}  // namespace fairlead::control
