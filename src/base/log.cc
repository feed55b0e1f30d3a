#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <ctime>

#include "base/log_level.h"
#include "base/log_writer.h"

namespace fairlead {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};

std::string Timestamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char text[40];
  const size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + n, sizeof text - n, ".%03ldZ", now.tv_nsec / 1000000);
  return text;
}

const char* Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

}  // namespace

void SetLogLevel(LogLevel level) { g_level = level; }
LogLevel CurrentLogLevel() { return g_level; }

std::string QuoteLogfmt(std::string_view value) {
  bool plain = !value.empty();
  for (const char c : value) {
    plain = plain && static_cast<unsigned char>(c) > ' ' && c != '"' && c != '=' && c != '\\' &&
            c != '\x7f';
  }
  if (plain) return std::string(value);
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      quoted += '?';
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string FormatLogLine(LogLevel level, std::string_view message,
                          std::initializer_list<LogField> fields) {
  std::string line =
      "time=" + Timestamp() + " level=" + Name(level) + " msg=" + QuoteLogfmt(message);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    line += QuoteLogfmt(field.value);
  }
  line += '\n';
  return line;
}

// A log that cannot be written must not stop the director.
void Log(LogLevel level, std::string_view message,
         std::initializer_list<LogField> fields) noexcept {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  try {
    WriteLogLine(FormatLogLine(level, message, fields));
  } catch (...) {
    CountDroppedLogLine();
  }
}

}  // namespace fairlead
