// What changes by hand leave behind beside the model they made: things the file has no key for.
//
//   overlay.NoteEdit(service);                      // wrr starts over, equal values included
//   overlay.SetLastWeight({service, real}, 3);      // mh keeps its table while the weight is 0
//   overlay.SetDrain({service, real}, plan);        // its deadline, and what comes then (drain.h)
//
// Cleared by a reload that succeeds: the file is then the whole truth again (docs/reload.md).
// Weights and drains survive a restart (survival/replay.h). Threads: a value; the control core.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <type_traits>
#include <utility>

#include "control/drain.h"
#include "control/identity.h"

namespace fairlead::control {

class Overlay {
 public:
  using Key = std::pair<ServiceIdentity, RealIdentity>;

  // A real of the service was added, edited or removed.
  void NoteEdit(const ServiceIdentity& service) { ++edits_[service]; }
  [[nodiscard]] uint32_t edits(const ServiceIdentity& service) const {
    const auto it = edits_.find(service);
    return it == edits_.end() ? 0 : it->second;
  }

  // The weight a real had before it was set to 0; 0: none worth remembering.
  void SetLastWeight(const Key& key, int32_t weight) {
    if (weight > 0) {
      last_weights_[key] = weight;
    } else {
      last_weights_.erase(key);
    }
  }
  [[nodiscard]] int32_t last_weight(const Key& key) const {
    const auto it = last_weights_.find(key);
    return it == last_weights_.end() ? 0 : it->second;
  }
  [[nodiscard]] bool remembers_weights() const { return !last_weights_.empty(); }
  [[nodiscard]] const std::map<Key, int32_t>& last_weights() const { return last_weights_; }

  void SetDrain(const Key& key, const DrainPlan& plan) { drains_[key] = plan; }
  void ForgetDrain(const Key& key) { drains_.erase(key); }
  [[nodiscard]] const DrainPlan* FindDrain(const Key& key) const {
    const auto it = drains_.find(key);
    return it == drains_.end() ? nullptr : &it->second;
  }
  [[nodiscard]] const std::map<Key, DrainPlan>& drains() const { return drains_; }

  // Services for which the two say different things.
  [[nodiscard]] std::set<ServiceIdentity> Differences(const Overlay& other) const {
    std::set<ServiceIdentity> services;
    const auto add = [&services](const auto& mine, const auto& theirs) {
      for (const auto& [key, value] : mine) {
        const auto it = theirs.find(key);
        if (it != theirs.end() && it->second == value) continue;
        if constexpr (std::is_same_v<std::decay_t<decltype(key)>, Key>) {
          services.insert(key.first);
        } else {
          services.insert(key);
        }
      }
    };
    const auto add_both = [&add](const auto& a, const auto& b) {
      add(a, b);
      add(b, a);
    };
    add_both(edits_, other.edits_);
    add_both(last_weights_, other.last_weights_);
    add_both(drains_, other.drains_);
    return services;
  }

  void Forget(const ServiceIdentity& service) {
    edits_.erase(service);
    std::erase_if(drains_, [&](const auto& entry) { return entry.first.first == service; });
    std::erase_if(last_weights_, [&](const auto& entry) { return entry.first.first == service; });
  }

  friend bool operator==(const Overlay&, const Overlay&) = default;

 private:
  std::map<ServiceIdentity, uint32_t> edits_;
  std::map<Key, int32_t> last_weights_;
  std::map<Key, DrainPlan> drains_;
};

}  // namespace fairlead::control
