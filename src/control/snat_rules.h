// Rules of source NAT as workers see them, and where the counters of each are.
//
//   snapshot->snat = rules.Build(model);              // null: there are none
//   std::optional<uint16_t> slot = rules.SlotOf(TextOf(rule));
//
// A rule keeps its counters while it is in the configuration, and finds them again when it comes
// back: places are given to new rules in the order in which they were last used, those that nobody
// has had first. With another rule the counters of a place begin at 0 (SnatRule::use). Threads: the
// control core; a value, so that a copy builds what is only tried.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/model.h"
#include "dataplane/snapshot/snat_view.h"

namespace fairlead::control {

class SnatRules {
 public:
  // Precondition: the model is valid; it has at most half as many rules as there are slots.
  std::shared_ptr<const dataplane::SnatView> Build(const ConfigModel& model);
  [[nodiscard]] std::optional<uint16_t> SlotOf(std::string_view rule) const;

 private:
  struct Slot {
    std::string rule{};       // TextOf; empty: nobody's yet
    uint64_t last_build = 0;  // in which it was in use
    uint32_t use = 0;         // how many rules had it before
  };

  void NotePast(const ConfigModel& model);
  uint16_t TakeSlot(const std::string& rule);

  std::array<Slot, dataplane::kSnatSlots> slots_{};
  uint64_t builds_ = 0;
  // Of rules that are gone, the last ones: their flows are still to be found.
  static constexpr size_t kMostPast = 64;
  std::vector<Prefix> past_sources_;
  std::vector<SnatConfig> rules_;
  std::shared_ptr<const dataplane::SnatView> view_;
};

static_assert(kMostSnatRules * 2 <= dataplane::kSnatSlots);

}  // namespace fairlead::control
