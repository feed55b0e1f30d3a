// What an operator changed by hand since the file was read: weight and admin state of single reals.
//
//   overlay.Set({service, {address, 80}}, {.weight = 0});
//   overlay.Find(key)                                   // nullptr: as the file says
//
// Cleared by a reload that succeeds: the file is then the whole truth again (docs/reload.md).
// Threads: the control core.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "control/config/model.h"
#include "control/id_map.h"

namespace fairlead::control {

struct RealOverlay {
  std::optional<int32_t> weight;
  std::optional<AdminState> admin;
  int32_t last_weight = 0;  // the last weight above 0 set by hand; 0: none
  uint32_t edits = 0;       // wrr starts over after each, an edit to the same values included
};

class Overlay {
 public:
  using Key = std::pair<ServiceIdentity, RealIdentity>;

  RealOverlay& At(const Key& key) { return reals_[key]; }
  [[nodiscard]] const RealOverlay* Find(const Key& key) const {
    const auto it = reals_.find(key);
    return it == reals_.end() ? nullptr : &it->second;
  }
  void Clear() { reals_.clear(); }
  [[nodiscard]] bool empty() const { return reals_.empty(); }
  [[nodiscard]] size_t size() const { return reals_.size(); }

 private:
  std::map<Key, RealOverlay> reals_;
};

}  // namespace fairlead::control
