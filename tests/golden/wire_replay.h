// Plays a recording of packets (format 3): each packet in, each packet out. That of fragments so
// far.
//
//   WireReport report = ReplayWire(path, {.workers = 2});
//   report.observations, report.failures       // each a sentence with file, case and step
//
// What comes out of a step is compared packet by packet. Where that differs, it is compared as its
// receivers see it: taken out of tunnels and put together, over all steps of the case; and a named
// exception is used. Threads: one.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace fairlead::golden::wire {

struct WireReplayOptions {
  size_t workers = 1;
  std::string only{};  // cases whose title contains this
};

struct WireReport {
  size_t cases = 0, steps = 0;
  size_t observations = 0;  // compared, the failed ones included
  std::vector<std::string> failures;
  std::map<std::string, size_t> exceptions;  // reason → how often it was used
};

// Whether the file is such a recording.
bool IsWireRecording(const std::string& path);
// Throws std::runtime_error when the file cannot be read.
WireReport ReplayWire(const std::string& path, const WireReplayOptions& options);

}  // namespace fairlead::golden::wire
