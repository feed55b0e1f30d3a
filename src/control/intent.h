// What the director should be doing, and who waits to hear that it does.
//
// An intent goes: wanted → built and published → adopted by every worker. A reload replaces all of
// it; a change by hand (edit.h) makes the next model of the one before and leaves `file` alone, so
// that `fairlead diff` can tell what differs. Threads: a value; the control core.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "control/config/model.h"
#include "control/overlay.h"

namespace fairlead::control {

struct Intent {
  std::shared_ptr<const ConfigModel> model;
  Overlay overlay{};
  // The model as the file has it; null: `model` is that.
  std::shared_ptr<const ConfigModel> file{};

  [[nodiscard]] const std::shared_ptr<const ConfigModel>& file_model() const {
    return file ? file : model;
  }
};

// Told the generation that carries the intent once every worker has it, or why it cannot be.
using IntentWaiter = std::function<void(Result<uint64_t>)>;

}  // namespace fairlead::control
