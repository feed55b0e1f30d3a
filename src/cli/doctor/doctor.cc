#include "cli/doctor/doctor.h"

#include <array>
#include <regex>
#include <utility>

#include "control/config/sync_files.h"
#include "control/config/yaml_loader.h"

namespace fairlead::cli {

namespace {

struct Check {
  std::string_view name;
  Findings (*run)(const Patient& patient);
};

constexpr std::array kChecks = {
    Check{"permissions", CheckPermissions},
    Check{"hugepages", CheckHugepages},
    Check{"shmem", CheckShmem},
    Check{"numa", CheckNuma},
    Check{"isolation", CheckIsolation},
    Check{"clock", CheckClock},
    Check{"drivers", CheckDrivers},
    Check{"routes", CheckRoutes},
    Check{"queues", CheckQueues},
    Check{"mtu", CheckMtu},
    Check{"twins", CheckTwins},
    Check{"neighbours", CheckNeighbours},
    Check{"rp_filter", CheckRpFilter},
    Check{"ping", CheckPing},
    Check{"limits", CheckLimits},
};
constexpr std::string_view kConfiguration = "configuration";

Finding FindingOf(const control::LoadResult& loaded, const std::string& path) {
  if (loaded) return {true, path + " is valid"};
  std::string first = loaded.errors.empty() ? "it cannot be read" : loaded.errors[0].message;
  if (loaded.errors.size() > 1) {
    first += ", and " + std::to_string(loaded.errors.size() - 1) + " more";
  }
  return {false,
          path + " is refused, so what depends on it is not looked at: " + first,
          {"fairlead check " + path}};
}

// Files of `sync` that a session could not use. Not of another machine: their paths begin
// elsewhere.
void AddSyncFaults(const control::LoadResult& loaded, const Patient& patient, Findings* all) {
  if (!loaded || patient.machine.Place(patient.config_path) != patient.config_path) return;
  for (const Error& warning : control::WarningsOfSyncFiles(*loaded.model)) {
    all->push_back({false,
                    "directors would not find each other: " + warning.ToString(),
                    {"fairlead check " + patient.config_path}});
  }
}

// Files and groups of listeners that a start could not use: it would leave the listener closed. Not
// of another machine, whose groups are not here.
void AddListenerFaults(const control::LoadResult& loaded, const Patient& patient, Findings* all) {
  if (patient.machine.Place(patient.config_path) != patient.config_path) return;
  for (const Error& warning : loaded.warnings) {
    const std::string text = warning.ToString();
    if (text.find(" api.") == text.npos || !warning.message.starts_with("cannot be used")) continue;
    all->push_back({false,
                    "the next start would leave a listener closed: " + text,
                    {"fairlead check " + patient.config_path}});
  }
}

}  // namespace

Findings Examine(const Machine& machine, const std::string& config_path) {
  const control::LoadResult loaded = control::LoadConfig(machine.Place(config_path));
  const control::ConfigModel model = loaded ? *loaded.model : control::ConfigModel{};
  const Patient patient{machine, config_path, model, machine.Directors()};
  Findings all = {FindingOf(loaded, config_path)};
  AddListenerFaults(loaded, patient, &all);
  AddSyncFaults(loaded, patient, &all);
  for (Finding& finding : all) finding.check = kConfiguration;
  for (const Check& check : kChecks) {
    for (Finding& finding : check.run(patient)) {
      finding.check = check.name;
      all.push_back(std::move(finding));
    }
  }
  return all;
}

std::vector<std::string_view> CheckNames() {
  std::vector<std::string_view> names = {kConfiguration};
  for (const Check& check : kChecks) names.push_back(check.name);
  return names;
}

Device DeviceOf(const control::PortConfig& port) {
  static const std::regex kPci(
      "(?:([0-9a-fA-F]{4}):)?([0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7])(,.*)?");
  static const std::regex kInterface("net_af_(?:packet|xdp).*,iface=([^,]+).*");
  std::smatch match;
  if (std::regex_match(port.device, match, kPci)) {
    return {.pci = (match[1].matched ? match[1].str() : "0000") + ":" + match[2].str()};
  }
  if (std::regex_match(port.device, match, kInterface)) return {.interface = match[1]};
  return {};
}

std::string InterfaceOf(const Machine& machine, const control::PortConfig& port) {
  const Device device = DeviceOf(port);
  if (device.pci.empty()) return device.interface;
  const auto names = machine.Names("/sys/bus/pci/devices/" + device.pci + "/net");
  return names.empty() ? "" : names[0];
}

std::string TwinOf(const control::PortConfig& port) {
  constexpr size_t kLongest = 15;  // IFNAMSIZ without its end
  return ("fl-" + port.name).substr(0, kLongest);
}

}  // namespace fairlead::cli
