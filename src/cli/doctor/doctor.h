// `fairlead doctor`: what about this machine keeps a director from starting, or from being fast or
// safe, and the command that mends it.
//
//   for (const Finding& finding : Examine(Machine(""), "/etc/fairlead/fairlead.yaml")) …
//
// A check is a function of the machine and the configuration that returns findings; a new one is a
// function, a line in doctor.cc and a row in docs/doctor.md, which a test compares. None changes
// anything. Threads: pure functions, but for what they read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/doctor/machine.h"
#include "control/config/model.h"

namespace fairlead::cli {

struct Finding {
  bool is_good = true;
  std::string what;                   // a sentence: what is so
  std::vector<std::string> remedy{};  // not good: commands for root, in order
  std::string check{};                // filled in by Examine
};
using Findings = std::vector<Finding>;

// The machine as the checks see it.
struct Patient {
  const Machine& machine;
  const std::string config_path;
  const control::ConfigModel& config;        // the defaults where the file cannot be read
  const std::vector<std::string> directors;  // process ids
};

// Findings of all checks, at least one of each.
Findings Examine(const Machine& machine, const std::string& config_path);
// Their names, in their order.
std::vector<std::string_view> CheckNames();

// ---- memory_checks.cc ----
Findings CheckHugepages(const Patient& patient);
Findings CheckShmem(const Patient& patient);
// ---- core_checks.cc ----
Findings CheckNuma(const Patient& patient);
Findings CheckIsolation(const Patient& patient);
Findings CheckClock(const Patient& patient);
// ---- device_checks.cc ----
Findings CheckDrivers(const Patient& patient);
Findings CheckRoutes(const Patient& patient);
Findings CheckQueues(const Patient& patient);
Findings CheckMtu(const Patient& patient);
// ---- twin_checks.cc ----
Findings CheckTwins(const Patient& patient);
Findings CheckNeighbours(const Patient& patient);
Findings CheckRpFilter(const Patient& patient);
// ---- rights_checks.cc ----
Findings CheckPermissions(const Patient& patient);
Findings CheckPing(const Patient& patient);
Findings CheckLimits(const Patient& patient);

// ---- what several of them ask ----

// A port's device, taken apart.
struct Device {
  std::string pci{};         // "0000:3b:00.0", or empty
  std::string interface {};  // of a packet socket or XDP: "eth1", or empty
};
Device DeviceOf(const control::PortConfig& port);
// The interface that the kernel has on a port's device: its own, or that of a driver that stays in
// the kernel.
std::string InterfaceOf(const Machine& machine, const control::PortConfig& port);
// "fl-outside", the name of a port's kernel twin.
std::string TwinOf(const control::PortConfig& port);

}  // namespace fairlead::cli
