#include "control/health/script_prober.h"

#include <utility>
#include <variant>

namespace fairlead::control {

void ScriptProber::Start(const ProbeTarget& target, std::function<void(ProbeResult)> done) {
  const auto* script = std::get_if<ScriptProbe>(&target.question);
  if (script == nullptr) return others_.Start(target, std::move(done));
  const Endpoint& real = target.endpoint;
  Command command{
      .arguments = script->command,
      .environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                      "FAIRLEAD_REAL_ADDRESS=" + real.address.ToString(),
                      "FAIRLEAD_REAL_PORT=" + std::to_string(real.port.host())}};
  commands_.Run(std::move(command), target.timeout,
                [script = *script, done = std::move(done)](const CommandEnd& end) {
                  done(ResultOf(script, end));
                });
}

ProbeResult ResultOf(const ScriptProbe& script, const CommandEnd& end) {
  using How = CommandEnd::How;
  ProbeResult result{.detail = end.ToString(),
                     .took = end.took,
                     .is_silent = end.how == How::kTimedOut || end.how == How::kStuck};
  if (end.how == CommandEnd::How::kNotRun) {
    const LocalError error = LocalErrorOf(end.number, true);
    const bool is_command = error == LocalError::kNone || error == LocalError::kPolicy;
    result.local_error = is_command ? LocalError::kCommand : error;
    result.detail = end.text;
    return result;
  }
  result.is_ok = end.is_success();
  if (script.sets_weight && end.how == CommandEnd::How::kExited && end.number >= 2) {
    result.is_ok = true;
    result.weight = static_cast<uint32_t>(end.number - 2);
  }
  if (result.is_ok) result.detail += " in " + std::to_string(end.took.count() / 1000) + " ms";
  return result;
}

}  // namespace fairlead::control
