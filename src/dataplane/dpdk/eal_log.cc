#include "dataplane/dpdk/eal_log.h"

#include <rte_log.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <iterator>
#include <mutex>
#include <string_view>

#include "base/log.h"

namespace fairlead::edge {
namespace {

constexpr size_t kKeptErrors = 4;

struct Sink {
  std::mutex mutex;
  std::string line;  // what came without an end yet
  std::deque<std::string> errors;
};

Sink& TheSink() {
  static Sink* sink = new Sink;  // never destroyed: drivers log while the process ends
  return *sink;
}

// DPDK's notices ("Detected CPU lcores") are of interest only when something is being looked for.
LogLevel LevelOf(int dpdk_level) {
  switch (dpdk_level) {
    case RTE_LOG_EMERG:
    case RTE_LOG_ALERT:
    case RTE_LOG_CRIT:
    case RTE_LOG_ERR:
      return LogLevel::kError;
    case RTE_LOG_WARNING:
      return LogLevel::kWarning;
    default:
      return LogLevel::kDebug;
  }
}

// Complaints of net_bonding that are none: of a member without a mode for all multicast (it takes
// all frames then), and that LACP needs workers that call it.
bool IsHarmless(std::string_view line) {
  constexpr std::string_view kHarmless[] = {
      "allmulti mode for port", "Failed to disable promiscuous mode for port", "Using mode 4, "};
  return std::any_of(std::begin(kHarmless), std::end(kHarmless), [line](std::string_view known) {
    return line.find(known) != std::string_view::npos;
  });
}

void TakeLine(Sink& sink, std::string line) {
  if (line.empty()) return;
  const LogLevel level = IsHarmless(line) ? LogLevel::kDebug : LevelOf(rte_log_cur_msg_loglevel());
  Log(level, line, {{"from", "dpdk"}});
  if (level != LogLevel::kError) return;
  sink.errors.push_back(std::move(line));
  if (sink.errors.size() > kKeptErrors) sink.errors.pop_front();
}

ssize_t Write(void*, const char* text, size_t size) {
  Sink& sink = TheSink();
  const std::lock_guard lock(sink.mutex);
  for (const char c : std::string_view(text, size)) {
    if (c != '\n') {
      sink.line += c;
    } else {
      TakeLine(sink, std::move(sink.line));
      sink.line.clear();
    }
  }
  return static_cast<ssize_t>(size);
}

}  // namespace

void SendDpdkLogToOurs() {
  static FILE* stream = nullptr;
  if (stream != nullptr) return;
  stream = fopencookie(nullptr, "w",
                       {.read = nullptr, .write = Write, .seek = nullptr, .close = nullptr});
  if (stream == nullptr) return;
  setvbuf(stream, nullptr, _IOLBF, BUFSIZ);
  rte_openlog_stream(stream);
}

std::string TakeDpdkErrors() {
  Sink& sink = TheSink();
  const std::lock_guard lock(sink.mutex);
  std::string joined;
  for (const std::string& error : sink.errors) joined += (joined.empty() ? "" : "; ") + error;
  sink.errors.clear();
  return joined;
}

}  // namespace fairlead::edge
