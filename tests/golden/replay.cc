#include "replay.h"

#include "case_run.h"

namespace fairlead::golden {

Report Replay(const Recording& recording, const ReplayOptions& options) {
  Report report;
  std::vector<MarkRule> rules;
  for (size_t i = 0; i < recording.cases.size(); ++i) {
    if (recording.cases[i].title.find(options.only) == std::string::npos) continue;
    try {
      CaseRun(recording, i, options, &rules, &report).Play();
    } catch (const std::exception& e) {
      ++report.observations;
      report.failures.push_back(PlaceOf(recording, i, 0) + ": " + e.what());
    }
  }
  return report;
}

}  // namespace fairlead::golden
