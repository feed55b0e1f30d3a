// fairlead doctor: drivers of the ports' devices, routes, receive queues, MTU.
#include <algorithm>
#include <map>
#include <set>

#include "cli/doctor/doctor.h"
#include "control/config/machine_warnings.h"

namespace fairlead::cli {

namespace {

const std::string kNet = "/sys/class/net/";

// Ports that share a device (VLANs) are one device: the first stands for all. Of a bond each
// member.
std::vector<control::PortConfig> DevicesOf(const control::ConfigModel& config) {
  std::set<std::string> seen;
  std::vector<control::PortConfig> devices;
  for (const control::PortConfig& port : config.ports) {
    if (!seen.insert(port.device).second) continue;
    if (!port.bond) devices.push_back(port);
    for (const std::string& member : port.bond ? port.bond->members : std::vector<std::string>()) {
      devices.push_back(port);
      devices.back().device = member;
    }
  }
  return devices;
}

bool IsUp(const Machine& machine, const std::string& interface) {
  constexpr uint64_t kUp = 1;  // IFF_UP
  const std::string flags = machine.Text(kNet + interface + "/flags");
  return (std::strtoull(flags.c_str(), nullptr, 16) & kUp) != 0;
}

// Whether a process of that user may open it for reading and writing.
bool IsOpenTo(const Machine& machine, const std::string& path, const std::string& group) {
  const auto rights = machine.RightsOf(path);
  if (!rights) return true;  // without it there is something else to say
  if ((rights->mode & 0006) == 0006) return true;
  for (const std::string& line : machine.Lines("/etc/group")) {
    if (!line.starts_with(group + ":")) continue;
    const size_t number = line.find(':', group.size() + 1);
    if (number == std::string::npos) continue;
    const uint64_t gid = std::strtoull(line.c_str() + number + 1, nullptr, 10);
    return rights->group == gid && (rights->mode & 0060) == 0060;
  }
  return false;
}

Finding OfVfio(const Machine& machine, const std::string& pci) {
  const std::string iommu = machine.LinkEnd("/sys/bus/pci/devices/" + pci + "/iommu_group");
  if (iommu.empty()) {
    return {false,
            pci + " is bound to vfio-pci, but no IOMMU guards the machine from it",
            {"sed -i 's/^GRUB_CMDLINE_LINUX=\"/&intel_iommu=on iommu=pt /' /etc/default/grub",
             "update-grub", "reboot"}};
  }
  const std::string device = "/dev/vfio/" + iommu;
  if (!IsOpenTo(machine, device, "fairlead")) {
    return {false,
            "the user fairlead may not open " + device + ", the group of " + pci,
            {"echo 'SUBSYSTEM==\"vfio\", GROUP=\"fairlead\", MODE=\"0660\"' > "
             "/etc/udev/rules.d/60-fairlead.rules",
             "udevadm control --reload", "chgrp fairlead " + device, "chmod 660 " + device}};
  }
  return {true, pci + " is bound to vfio-pci"};
}

Finding OfPci(const Machine& machine, const std::string& pci, const std::string& port) {
  static const std::set<std::string> kUserSpace = {"igb_uio", "uio_pci_generic", "mlx4_core",
                                                   "mlx5_core"};
  const std::string folder = "/sys/bus/pci/devices/" + pci;
  if (!machine.Has(folder)) {
    return {false,
            "port " + port + ": the machine has no device " + pci,
            {"dpdk-devbind.py --status-dev net"}};
  }
  const std::string kind = machine.Text(folder + "/class");
  if (!kind.empty() && !kind.starts_with("0x02")) {  // PCI's class of network controllers
    return {
        false, "port " + port + ": " + pci + " is no NIC", {"dpdk-devbind.py --status-dev net"}};
  }
  const std::string driver = machine.LinkEnd(folder + "/driver");
  if (driver == "vfio-pci") return OfVfio(machine, pci);
  if (kUserSpace.contains(driver)) return {true, pci + " is bound to " + driver};
  return {false,
          "port " + port + ": " + pci + " is bound to " + (driver.empty() ? "no driver" : driver) +
              ", and DPDK cannot drive it",
          {"modprobe vfio-pci", "dpdk-devbind.py -b vfio-pci " + pci}};
}

Finding OfInterface(const Machine& machine, const std::string& interface, const std::string& port) {
  if (!machine.Has(kNet + interface)) {
    return {
        false, "port " + port + ": the machine has no interface " + interface, {"ip -brief link"}};
  }
  if (!IsUp(machine, interface)) {
    return {false,
            "port " + port + ": interface " + interface + " is down",
            {"ip link set dev " + interface + " up"}};
  }
  return {true, interface + " is up"};
}

// 0: as many as the machine has cores.
size_t WorkersOf(const control::ConfigModel& config) {
  const control::WorkersConfig& workers = config.director.workers;
  using Kind = control::WorkersConfig::Kind;
  if (workers.kind == Kind::kCores) return workers.cores.size();
  return workers.kind == Kind::kCount ? workers.count : 0;
}

}  // namespace

Findings CheckDrivers(const Patient& patient) {
  Findings findings;
  for (const control::PortConfig& port : DevicesOf(patient.config)) {
    const Device device = DeviceOf(port);
    if (!device.pci.empty()) {
      findings.push_back(OfPci(patient.machine, device.pci, port.name));
    } else if (!device.interface.empty()) {
      findings.push_back(OfInterface(patient.machine, device.interface, port.name));
    }
  }
  if (findings.empty()) findings.push_back({true, "no port has a NIC"});
  return findings;
}

Findings CheckRoutes(const Patient& patient) {
  Findings findings;
  for (const Error& warning : control::WarningsOfWaysBack(patient.config)) {
    findings.push_back({false, warning.message, {"editor " + patient.config_path}});
  }
  if (findings.empty()) findings.push_back({true, "of answers lead to the clients"});
  return findings;
}

// A virtual interface has no queues that could be divided among cores.
Findings CheckQueues(const Patient& patient) {
  const size_t workers = WorkersOf(patient.config);
  Findings findings;
  for (const control::PortConfig& port : DevicesOf(patient.config)) {
    const std::string interface = InterfaceOf(patient.machine, port);
    if (interface.empty() || !patient.machine.Has(kNet + interface + "/device")) continue;
    const auto names = patient.machine.Names(kNet + interface + "/queues");
    const size_t queues = static_cast<size_t>(std::ranges::count_if(
        names, [](const std::string& name) { return name.starts_with("rx-"); }));
    const size_t wanted = port.queues ? *port.queues : workers;
    if (queues == 0 || queues >= wanted) continue;
    findings.push_back({false,
                        interface + " divides what it receives (RSS) among " +
                            std::to_string(queues) + " of " + std::to_string(wanted) +
                            " queues: the other workers get nothing from it, or one core of the "
                            "kernel does all of it",
                        {"ethtool -L " + interface + " combined " + std::to_string(wanted)}});
  }
  if (findings.empty()) findings.push_back({true, "no NIC has fewer than there are workers"});
  return findings;
}

// The director sets the MTU when it starts; who lowers it afterwards makes it lose large packets.
Findings CheckMtu(const Patient& patient) {
  if (patient.directors.empty()) return {{true, "a director sets it at its start"}};
  std::map<std::string, uint16_t> wanted;
  for (const control::PortConfig& port : patient.config.ports) {
    const std::string interface = InterfaceOf(patient.machine, port);
    for (const std::string& name : {interface, TwinOf(port)}) {
      if (!name.empty()) wanted[name] = std::max(wanted[name], port.mtu);
    }
  }
  Findings findings;
  for (const auto& [interface, mtu] : wanted) {
    const auto is = patient.machine.Number(kNet + interface + "/mtu");
    if (!is || *is >= mtu) continue;
    findings.push_back({false,
                        interface + " takes packets of " + std::to_string(*is) +
                            " bytes, and its port of " + std::to_string(mtu) +
                            ": larger ones are lost",
                        {"ip link set dev " + interface + " mtu " + std::to_string(mtu)}});
  }
  if (findings.empty()) findings.push_back({true, "interfaces have that of their ports"});
  return findings;
}

}  // namespace fairlead::cli
