// golden_replay [--workers N] [--case TEXT] FILE…
//
// Plays recordings of a real IPVS (format 2) against the control and packet code and compares all
// that was observed (docs/testing.md). Exit code 0: all equal; 1: something differs, or a file
// cannot be read; 2: the command line is wrong.

#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "replay.h"

namespace {

using namespace fairlead::golden;

int Usage() {
  std::fputs("usage: golden_replay [--workers N] [--case TEXT] FILE…\n", stderr);
  return 2;
}

// True: everything was equal.
bool PlayFile(const std::string& path, const ReplayOptions& options, std::set<Exception>* used) {
  Report report;
  try {
    report = Replay(ReadRecording(path), options);
  } catch (const BadRecording& e) {
    std::printf("%s\n", e.what());
    return false;
  }
  for (const std::string& failure : report.failures) std::printf("%s\n", failure.c_str());
  std::string exceptions;
  for (const auto& [exception, count] : report.exceptions) {
    exceptions += ", exception " + std::string(TextOf(exception).name) + " used " +
                  std::to_string(count) + " times";
    used->insert(exception);
  }
  std::printf("%s: %zu cases, %zu steps, %zu observations compared, %zu differ%s\n", path.c_str(),
              report.cases, report.steps, report.observations, report.failures.size(),
              exceptions.c_str());
  return report.failures.empty() && report.observations > 0;
}

}  // namespace

int main(int argc, char** argv) {
  ReplayOptions options;
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--workers" || word == "--case") {
      if (++i == argc) return Usage();
      if (word == "--case") {
        options.only = argv[i];
      } else {
        options.workers = static_cast<size_t>(std::atoi(argv[i]));
        if (options.workers < 1 || options.workers > 16) return Usage();
      }
    } else if (word.starts_with("-")) {
      return Usage();
    } else {
      files.push_back(word);
    }
  }
  if (files.empty()) return Usage();
  fairlead::SetLogLevel(fairlead::LogLevel::kError);
  bool is_equal = true;
  std::set<Exception> used;
  for (const std::string& file : files) is_equal &= PlayFile(file, options, &used);
  for (const Exception exception : used) {
    std::printf("exception %s: %s\n", std::string(TextOf(exception).name).c_str(),
                std::string(TextOf(exception).reason).c_str());
  }
  return is_equal ? 0 : 1;
}
