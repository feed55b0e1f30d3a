#include "control/inherited.h"

#include "control/config/keys.h"

namespace fairlead::control {

Inherited InheritedFrom(const ConfigModel& model) {
  return {.timeouts = model.defaults.timeouts, .policy = model.policy};
}

void Follow(const Inherited& before, ConfigModel* model, size_t place) {
  const ServiceConfig& service = model->services[place];
  const PolicyConfig& now = model->policy;
  const TimeoutsConfig timeouts =
      Inherit(kTimeoutKeys, service.timeouts, before.timeouts, model->defaults.timeouts);
  const ServicePolicy policy =
      Inherit(kServicePolicyKeys, service.policy, before.policy.service, now.service);
  const Announce announce =
      service.announce == before.policy.announce ? now.announce : service.announce;
  if (timeouts == service.timeouts && policy == service.policy && announce == service.announce) {
    return;
  }
  ServiceConfig& edited = model->services.Edit(place);
  edited.timeouts = timeouts;
  edited.policy = policy;
  edited.announce = announce;
}

}  // namespace fairlead::control
