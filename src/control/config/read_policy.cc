#include "control/config/keys.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
Result<DefenceMode> ReadDefenceMode(const YamlNode& node) {
  if (const auto number = ReadNumber(node, 0, 3)) {
    return *number == 2 ? DefenceMode::kAuto : static_cast<DefenceMode>(*number);
  }
  if (node.is_scalar()) {
    if (const auto mode = FromWord<DefenceMode>(node.text)) return *mode;
  }
  return WrongValue(node, "0 or off, 1 or auto, 3 or always");
}

void ReadSchedulerName(MapReader& reader, SchedulerKind& scheduler) {
  reader.Word("scheduler", &scheduler);
}

void ReadTimeouts(MapReader& reader, TimeoutsConfig& timeouts) {
  const YamlNode* const node = reader.Find("timeouts");
  if (node == nullptr) return;
  ReadTimeoutsMap(MapReader(reader.problems(), *node, reader.PathOf("timeouts"), kTimeoutsSection),
                  timeouts);
}

void ReadTimeoutsMap(MapReader reader, TimeoutsConfig& timeouts) {
  ReadKeys(reader, kTimeoutKeys, &timeouts);
}

void ReadDefaults(MapReader reader, DefaultsConfig& defaults) {
  ReadSchedulerName(reader, defaults.scheduler);
  ReadForward(reader, defaults.forward);
  ReadTimeouts(reader, defaults.timeouts);
}

void ReadServicePolicy(MapReader& reader, ServicePolicy& policy) {
  ReadKeys(reader, kServicePolicyKeys, &policy);
}

void ReadPolicy(MapReader reader, PolicyConfig& policy) {
  ReadServicePolicy(reader, policy.service);
  ReadKeys(reader, kGlobalPolicyKeys, &policy);
}

}  // namespace fairlead::control
