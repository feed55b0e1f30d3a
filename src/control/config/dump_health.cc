// Health checks as the file has them.
#include "control/config/bytes_text.h"
#include "control/config/health_keys.h"
#include "control/config/yaml_writer.h"

namespace fairlead::control {
namespace {

std::string ConditionText(const std::optional<TextCondition>& condition) {
  if (!condition) return "";
  switch (condition->kind) {
    case TextCondition::Kind::kContains:
      return "{ contains: " + BytesText(condition->text) + " }";
    case TextCondition::Kind::kMatches:
      return "{ matches: " + Scalar(condition->text) + " }";
    case TextCondition::Kind::kSha256:
      return "{ sha256: " + Scalar(condition->text) + " }";
  }
  return "";
}

std::string StepText(const TextProbe::Step& step) {
  std::string text = step.send.empty() ? "" : "send: " + BytesText(step.send);
  if (step.receive) {
    text += (text.empty() ? "receive: " : ", receive: ") + ConditionText(step.receive);
  }
  return "{ " + text + " }";
}

}  // namespace

std::string HealthAddressText(const HealthConfig& health) {
  return health.address ? Scalar(health.address->ToString()) : "";
}

std::string HealthSourceText(const HealthConfig& health) {
  return health.source ? Scalar(health.source->ToString()) : "";
}

std::string HealthCommandText(const HealthConfig& health) {
  return FlowList(health.command, Scalar);
}

std::string HealthExpectText(const HealthConfig& health) {
  return FlowList(health.expect, RangeText<StatusRange>);
}

std::string HealthBodyText(const HealthConfig& health) { return ConditionText(health.expect_body); }

std::string HealthSendText(const HealthConfig& health) {
  return health.send.empty() ? "" : BytesText(health.send);
}

std::string HealthReceiveText(const HealthConfig& health) { return ConditionText(health.receive); }

std::string HealthStepsText(const HealthConfig& health) {
  return health.steps.empty() ? "" : FlowList(health.steps, StepText);
}

void DumpHealth(Writer& w, const std::vector<HealthConfig>& checks) {
  if (checks.size() == 1) return DumpSection(w, "health", kHealthKeys, checks[0]);
  DumpList(w, "health", checks,
           [](Writer& out, const HealthConfig& check) { DumpKeys(out, kHealthKeys, check); });
}

}  // namespace fairlead::control
