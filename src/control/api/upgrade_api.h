// What the API may ask of an upgrade. Main carries it out (main/upgrade.h).
//
//   if (Status begun = upgrade.Begin("/usr/local/sbin/fairleadd"); !begun) …one is on its way…
//   UpgradeState state = upgrade.state();
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace fairlead::api {

struct UpgradeState {
  enum class Phase : uint8_t {
    kNone,         // none was asked for since this process runs
    kStarting,     // the new program gets ready
    kHandingOver,  // it is, and this one leaves
    kFailed,       // this one goes on; `reason`
  };
  Phase phase = Phase::kNone;
  std::string binary{};  // of the last one
  std::string reason{};  // why it failed
};

class UpgradeApi {
 public:
  virtual ~UpgradeApi() = default;
  // `binary`: absolute; empty: the path this process was started from. Errors: kExists while one
  // is on its way; kUnavailable when there can be none.
  virtual Status Begin(const std::string& binary) = 0;
  // The program that Begin would start, or why it would not. Starts nothing.
  [[nodiscard]] virtual Result<std::string> Preview(const std::string& binary) const = 0;
  [[nodiscard]] virtual UpgradeState state() const = 0;
};

}  // namespace fairlead::api
