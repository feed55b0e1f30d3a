// An upgrade that does nothing but remember what it was asked, and be what a test says.
//
//   FakeUpgrade upgrade;
//   upgrade.fails = "no memory";          // the next Begin fails so, at once
//
// Threads: Begin and state from any; the members before the API starts.
#pragma once

#include <mutex>
#include <string>

#include "control/api/upgrade_api.h"

namespace fairlead::testing {

class FakeUpgrade : public api::UpgradeApi {
 public:
  Status Begin(const std::string& binary) override {
    const std::lock_guard lock(mutex_);
    if (state_.phase == api::UpgradeState::Phase::kStarting) {
      return Error{ErrorCode::kExists, "an upgrade is on its way", ""};
    }
    state_ = {.phase = api::UpgradeState::Phase::kStarting,
              .binary = binary.empty() ? "/usr/local/sbin/fairleadd" : binary};
    if (!fails.empty()) state_.phase = api::UpgradeState::Phase::kFailed;
    state_.reason = fails;
    return Done{};
  }
  [[nodiscard]] Result<std::string> Preview(const std::string& binary) const override {
    if (!fails.empty()) return Error{ErrorCode::kInvalid, fails, ""};
    return binary.empty() ? "/usr/local/sbin/fairleadd" : binary;
  }
  [[nodiscard]] api::UpgradeState state() const override {
    const std::lock_guard lock(mutex_);
    return state_;
  }

  std::string fails;

 private:
  mutable std::mutex mutex_;
  api::UpgradeState state_;
};

}  // namespace fairlead::testing
