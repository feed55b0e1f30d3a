// fairlead doctor: NUMA, isolated cores, the clock.
#include <algorithm>
#include <map>
#include <set>

#include "cli/doctor/doctor.h"

namespace fairlead::cli {

namespace {

using Cores = std::vector<uint32_t>;

std::map<int64_t, Cores> NodesOf(const Machine& machine) {
  std::map<int64_t, Cores> nodes;
  for (const std::string& name : machine.Names("/sys/devices/system/node")) {
    if (!name.starts_with("node") || name.size() == 4) continue;
    const int64_t number = std::strtoll(name.c_str() + 4, nullptr, 10);
    nodes[number] = CoresIn(machine.Text("/sys/devices/system/node/" + name + "/cpulist"));
  }
  return nodes;
}

// -1: the machine does not say.
int64_t NodeOf(const Machine& machine, const control::PortConfig& port) {
  const Device device = DeviceOf(port);
  const std::string folder = device.pci.empty() ? "/sys/class/net/" + device.interface + "/device"
                                                : "/sys/bus/pci/devices/" + device.pci;
  return machine.Number(folder + "/numa_node").value_or(-1);
}

Cores Without(const Cores& cores, const Cores& others) {
  Cores left;
  for (const uint32_t core : cores) {
    if (std::ranges::find(others, core) == others.end()) left.push_back(core);
  }
  return left;
}

// The cores that workers name; none where the file gives their number alone.
Cores WorkerCores(const control::ConfigModel& config) {
  const control::WorkersConfig& workers = config.director.workers;
  return workers.kind == control::WorkersConfig::Kind::kCores ? workers.cores : Cores{};
}

std::string CoresWord(const Cores& cores) {
  return (cores.size() == 1 ? "core " : "cores ") + JoinedCores(cores);
}

}  // namespace

Findings CheckNuma(const Patient& patient) {
  const std::map<int64_t, Cores> nodes = NodesOf(patient.machine);
  if (nodes.size() < 2) return {{true, "the machine has one node"}};
  const Cores workers = WorkerCores(patient.config);
  if (workers.empty()) return {{true, "workers name no cores"}};
  Findings findings;
  for (const control::PortConfig& port : patient.config.ports) {
    const auto node = nodes.find(NodeOf(patient.machine, port));
    if (node == nodes.end()) continue;
    const Cores far = Without(workers, node->second);
    if (far.empty()) continue;
    Cores near = node->second;
    near.resize(std::min(near.size(), workers.size()));
    findings.push_back(
        {false,
         "port " + port.name + " is on node " + std::to_string(node->first) + ", and " +
             CoresWord(far) + " of the workers on another: each packet crosses between them",
         {"sed -i 's/^\\( *workers:\\).*/\\1 [" + JoinedCores(near) + "]/' " + patient.config_path,
          "systemctl restart fairleadd"}});
  }
  if (findings.empty()) findings.push_back({true, "workers are on the node of their ports"});
  return findings;
}

Findings CheckIsolation(const Patient& patient) {
  const std::string top = "/sys/devices/system/cpu/";
  const Cores workers = WorkerCores(patient.config);
  if (workers.empty()) return {{true, "workers name no cores"}};
  const Cores missing = Without(workers, CoresIn(patient.machine.Text(top + "online")));
  if (!missing.empty()) {
    return {{false,
             "workers name " + CoresWord(missing) + ", which the machine does not have online",
             {"chcpu -e " + JoinedCores(missing, ",")}}};
  }
  if (patient.config.director.idle != control::IdlePolicy::kPoll) {
    return {{true, "not needed: idle: sleep"}};
  }
  const Cores shared = Without(workers, CoresIn(patient.machine.Text(top + "isolated")));
  if (shared.empty()) return {{true, CoresWord(workers) + " is the workers' alone"}};
  const std::string list = JoinedCores(workers, ",");
  return {
      {false,
       CoresWord(shared) + " of the workers also runs other programs, and packets wait for them",
       {"sed -i 's/^GRUB_CMDLINE_LINUX=\"/&isolcpus=" + list + " nohz_full=" + list +
            " rcu_nocbs=" + list + " /' /etc/default/grub",
        "update-grub", "reboot"}}};
}

Findings CheckClock(const Patient& patient) {
  // All are read without a system call.
  static const std::set<std::string> kFast = {"tsc", "kvm-clock", "hyperv_clocksource_tsc_page",
                                              "arch_sys_counter"};
  const std::string folder = "/sys/devices/system/clocksource/clocksource0/";
  const std::string current = patient.machine.Text(folder + "current_clocksource");
  if (current.empty() || kFast.contains(current)) {
    return {{true, current.empty() ? "the machine does not say" : current}};
  }
  const std::string available = " " + patient.machine.Text(folder + "available_clocksource") + " ";
  Finding finding{false, "the kernel's clock is " + current + ", which takes microseconds to read"};
  if (available.find(" tsc ") != std::string::npos) {
    finding.remedy = {"echo tsc > " + folder + "current_clocksource"};
  } else {
    finding.remedy = {"sed -i 's/^GRUB_CMDLINE_LINUX=\"/&tsc=reliable /' /etc/default/grub",
                      "update-grub", "reboot"};
  }
  return {finding};
}

}  // namespace fairlead::cli
