// Plays recordings of the kernel's sync protocol (format 3, sync_*.json) both ways: what a master
// sends for the same packets, and what a backup makes of the same datagrams.
//
//   SyncReport report = ReplaySync(path, {.workers = 1});
//   report.observations, report.failures       // each a sentence with file, case and step
//
// The datagrams that a backup hears are the recorded ones, not ours. Threads: one.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace fairlead::sync {

struct SyncReplayOptions {
  size_t workers = 1;
  std::string only{};  // cases whose title contains this
};

struct SyncReport {
  size_t cases = 0, steps = 0;
  size_t observations = 0;  // compared, the failed ones included
  std::vector<std::string> failures;
  std::map<std::string, size_t> exceptions;  // reason → how often it was used
};

// Whether the file is such a recording.
bool IsSyncRecording(const std::string& path);
// Throws std::runtime_error when the file cannot be read.
SyncReport ReplaySync(const std::string& path, const SyncReplayOptions& options);

}  // namespace fairlead::sync
