// What services have when they say nothing: default timeouts and the policy. A service that has the
// value of before gets the one of now; which keys it has named itself is not known any more.
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
