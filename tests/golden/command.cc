#include "command.h"

#include <cstdlib>
#include <optional>
#include <set>

#include "base/log.h"
#include "replay.h"
#include "sync_replay.h"
#include "wire_replay.h"

namespace fairlead::golden {
namespace {

constexpr size_t kMaxWorkers = 16;

struct CommandLine {
  ReplayOptions options;
  std::vector<std::string> files;
};

std::optional<CommandLine> ReadWords(const std::vector<std::string>& words) {
  CommandLine line;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--workers" || word == "--case") {
      if (++i == words.size()) return std::nullopt;
      if (word == "--case") {
        line.options.only = words[i];
        continue;
      }
      const int workers = std::atoi(words[i].c_str());
      if (workers < 1 || static_cast<size_t>(workers) > kMaxWorkers) return std::nullopt;
      line.options.workers = static_cast<size_t>(workers);
    } else if (word == "--through-netlink") {
      line.options.is_through_netlink = true;
    } else if (word.starts_with("-")) {
      return std::nullopt;
    } else {
      line.files.push_back(word);
    }
  }
  if (line.files.empty()) return std::nullopt;
  return line;
}

// True: everything was equal, and there was something.
bool PlayFile(const std::string& path, const ReplayOptions& options, std::ostream& out,
              std::set<Exception>* used) {
  Report report;
  try {
    report = Replay(ReadRecording(path), options);
  } catch (const BadRecording& e) {
    out << e.what() << '\n';
    return false;
  }
  for (const std::string& failure : report.failures) out << failure << '\n';
  out << path << ": " << report.cases << " cases, " << report.steps << " steps, "
      << report.observations << " observations compared, " << report.failures.size() << " differ";
  for (const auto& [exception, count] : report.exceptions) {
    out << ", exception " << TextOf(exception).name << " used " << count << " times";
    used->insert(exception);
  }
  out << '\n';
  return report.failures.empty() && report.observations > 0;
}

// The same for a recording of format 3.
template <typename WireOrSync>
bool Tell(const std::string& path, const WireOrSync& report, std::ostream& out,
          std::set<std::string>* used) {
  for (const std::string& failure : report.failures) out << failure << '\n';
  out << path << ": " << report.cases << " cases, " << report.steps << " steps, "
      << report.observations << " observations compared, " << report.failures.size() << " differ";
  size_t exceptions = 0;
  for (const auto& [reason, count] : report.exceptions) {
    exceptions += count;
    used->insert(reason);
  }
  out << ", exceptions used " << exceptions << " times\n";
  return report.failures.empty() && report.observations > 0;
}

}  // namespace

int RunGoldenReplay(const std::vector<std::string>& words, std::ostream& out, std::ostream& err) {
  const std::optional<CommandLine> line = ReadWords(words);
  if (!line) {
    err << "usage: golden_replay [--workers N] [--case TEXT] [--through-netlink] FILE…\n";
    return 2;
  }
  SetLogLevel(LogLevel::kError);
  bool is_equal = true;
  std::set<Exception> used;
  std::set<std::string> sync_used;
  for (const std::string& file : line->files) {
    const size_t workers = line->options.workers;
    if (sync::IsSyncRecording(file)) {
      is_equal &=
          Tell(file, sync::ReplaySync(file, {workers, line->options.only}), out, &sync_used);
    } else if (wire::IsWireRecording(file)) {
      is_equal &=
          Tell(file, wire::ReplayWire(file, {workers, line->options.only}), out, &sync_used);
    } else {
      is_equal &= PlayFile(file, line->options, out, &used);
    }
  }
  for (const std::string& reason : sync_used) out << "exception: " << reason << '\n';
  for (const Exception exception : used) {
    out << "exception " << TextOf(exception).name << ": " << TextOf(exception).reason << '\n';
  }
  return is_equal ? 0 : 1;
}

}  // namespace fairlead::golden
