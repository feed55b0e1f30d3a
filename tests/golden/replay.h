// Plays a recording against a director and compares everything that was seen.
//
//   Report report = Replay(ReadRecording(path), {.workers = 1});
//   report.observations, report.failures          // each a sentence with file, case and step
//
// Threads: one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "exceptions.h"
#include "recording.h"

namespace fairlead::golden {

struct ReplayOptions {
  size_t workers = 1;
  bool is_through_netlink = false;  // what ipvsadm says goes as its messages, not over the API
  std::string only;                 // cases whose title contains this
};

struct Report {
  size_t cases = 0, steps = 0;
  size_t observations = 0;  // compared, the failed ones included
  std::vector<std::string> failures;
  std::map<Exception, size_t> exceptions;  // how often each was used
};

Report Replay(const Recording& recording, const ReplayOptions& options);

}  // namespace fairlead::golden
