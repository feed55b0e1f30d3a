// Looks by running a command; all other questions go to another prober.
//
//   std::unique_ptr<Prober> sockets = MakeAsioProber(io);
//   CommandRunner commands(io, director.script_user, kScriptsAtOnce);
//   ScriptProber prober(*sockets, commands);      // for the monitor
//
// Exit status 0 is healthy, any other is not; with `sets_weight` 2 to 255 are healthy too and say
// the weight, less two, as keepalived's misc_dynamic has it. A command that could not be run at all
// says nothing about the server. Threads: the control core's.
#pragma once

#include "control/commands/command_runner.h"
#include "control/health/prober.h"

namespace fairlead::control {

inline constexpr size_t kScriptsAtOnce = 64;

class ScriptProber : public Prober {
 public:
  // Both outlive it.
  ScriptProber(Prober& others, CommandRunner& commands) : others_(others), commands_(commands) {}

  void Start(const ProbeTarget& target, std::function<void(ProbeResult)> done) override;
  [[nodiscard]] size_t capacity(Lane lane) const override {
    return lane == Lane::kCommands ? commands_.most_at_once() : others_.capacity(lane);
  }
  [[nodiscard]] bool has_room(Lane lane) const override {
    return lane == Lane::kCommands ? commands_.has_room() : others_.has_room(lane);
  }
  [[nodiscard]] size_t stuck() const override { return commands_.stuck(); }

 private:
  Prober& others_;
  CommandRunner& commands_;
};

// What the end of a script says of the server.
ProbeResult ResultOf(const ScriptProbe& script, const CommandEnd& end);

}  // namespace fairlead::control
