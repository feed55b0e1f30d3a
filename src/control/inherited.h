// What services have when they say nothing: default timeouts and the policy. When these change, a
// service that has the previous value gets the new one. Whether it has named the key itself is no
// longer known then.
//
//   const Inherited before = InheritedFrom(model);
//   model.policy = now;
//   for (size_t i = 0; i < model.services.size(); ++i) Follow(before, &model, i);
//
// Threads: pure.
#pragma once

#include <cstddef>

#include "control/config/model.h"

namespace fairlead::control {

struct Inherited {
  TimeoutsConfig timeouts{};
  PolicyConfig policy{};
};

Inherited InheritedFrom(const ConfigModel& model);

// Leaves a service alone that it would not change.
void Follow(const Inherited& before, ConfigModel* model, size_t place);

}  // namespace fairlead::control
