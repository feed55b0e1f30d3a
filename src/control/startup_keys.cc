// What a reload cannot change, and what waits for it: declared in model_diff.h.
#include <algorithm>
#include <utility>

#include "control/config/machine_warnings.h"
#include "control/config/model.h"
#include "control/config/units.h"
#include "control/model_diff.h"
#include "control/snat_diff.h"

namespace fairlead::control {
namespace {

// The default follows from the services too, so the key itself need not have changed; the reason
// is said then. Precondition: the capacities of `loaded` that the default follows are its own.
void KeepSideRecords(const ConfigModel& running, ConfigModel* loaded,
                     std::vector<std::string>* waiting) {
  const uint64_t by_default = SideRecordsFor(loaded->director, loaded->services);
  const uint64_t now = running.director.side_records;
  const uint64_t then = std::exchange(loaded->director.side_records, now);
  if (now == then) return;
  waiting->push_back("director.side_records is " + FormatSize(now) + ", and the file wants " +
                     FormatSize(then) +
                     (then == by_default ? ", since each FULLNAT connection takes one" : "") +
                     ": it takes effect at the next restart");
}

}  // namespace

// Rules are checked against the ports of their file; ours may still be the ones before.
std::vector<Error> PortsWaitedFor(const ConfigModel& model) {
  std::vector<Error> errors;
  for (const ClassifierRule& rule : model.classifier) {
    const bool is_known =
        rule.input_port.empty() ||
        std::ranges::find(model.ports, rule.input_port, &PortConfig::name) != model.ports.end();
    if (is_known) continue;
    errors.push_back({ErrorCode::kUnavailable,
                      "port \"" + rule.input_port +
                          "\" is new in this file and needs a restart; a rule cannot use it yet",
                      "classifier rule " + rule.name});
  }
  AddSnatPortsWaitedFor(model, &errors);
  return errors;
}

std::vector<std::string> KeepStartupKeys(const ConfigModel& running, ConfigModel* loaded) {
  std::vector<std::string> waiting;
  const auto keep = [&waiting](const std::string& key, const auto& now, auto* then) {
    if (*then == now) return;
    *then = now;
    waiting.push_back(key + " has changed in the file: it takes effect at the next restart");
  };
  const DirectorConfig& director = running.director;
  KeepSideRecords(running, loaded, &waiting);  // before what it follows
  keep("director.name", director.name, &loaded->director.name);
  keep("director.workers", director.workers, &loaded->director.workers);
  keep("director.idle", director.idle, &loaded->director.idle);
  keep("director.connections", director.connections, &loaded->director.connections);
  keep("director.connections6", director.connections6, &loaded->director.connections6);
  keep("director.templates", director.templates, &loaded->director.templates);
  keep("director.snat_flows", director.snat_flows, &loaded->director.snat_flows);
  keep("director.fragments", director.fragments, &loaded->director.fragments);
  keep("director.arena", director.arena, &loaded->director.arena);
  keep("director.hugepages", director.hugepages, &loaded->director.hugepages);
  keep("director.telemetry", director.telemetry, &loaded->director.telemetry);
  keep("director.eal", director.eal, &loaded->director.eal);
  keep("director.script_user", director.script_user, &loaded->director.script_user);
  keep("director.scripts", director.scripts, &loaded->director.scripts);
  keep("ports", running.ports, &loaded->ports);
  keep("api.listen", running.api.listen, &loaded->api.listen);
  keep("api.ipvs_socket", running.api.ipvs_socket, &loaded->api.ipvs_socket);
  return waiting;
}

}  // namespace fairlead::control
