// What the director should be doing, and who waits to hear that it does.
//
// An intent goes: wanted → built and published → adopted by every worker. A reload replaces the
// model and forgets what was set by hand; a change by hand edits the overlay. Threads: the control
// core.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "control/config/model.h"
#include "control/overlay.h"

namespace fairlead::control {

struct Intent {
  std::shared_ptr<const ConfigModel> model;
  Overlay overlay;
};

// Told the generation that carries the intent once every worker has it, or why it cannot be.
using IntentWaiter = std::function<void(Result<uint64_t>)>;

// Puts one real's change into the overlay. kNotFound: no such service or real; kInvalid: a weight
// out of range.
Status ApplyByHand(const std::string& service, const std::string& real,
                   std::optional<int32_t> weight, std::optional<AdminState> admin, Intent* intent);

}  // namespace fairlead::control
