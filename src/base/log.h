// logfmt lines on standard error: what happened, and what to do.
//
//   LogInfo("config applied", {{"generation", 7}, {"services", 3}});
//   time=2026-11-02T10:00:00.000Z level=info msg="config applied" generation=7 services=3
//
// Threads: any, one write(2) a line, and in the daemon none of them waits for it (log_writer.h).
// Never from a worker: a worker counts, the control core speaks.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

namespace fairlead {

enum class LogLevel : unsigned char { kDebug, kInfo, kWarning, kError };

struct LogField {
  std::string_view key;
  std::string value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <typename Number>
  requires(std::integral<Number> || std::floating_point<Number>)
      LogField(std::string_view k, Number v)
      : key(k), value(std::to_string(v)) {}
};

// Lines below this level are not written. Default kInfo. Set before threads start.
void SetLogLevel(LogLevel level);
// Without memory the line is counted as dropped.
void Log(LogLevel level, std::string_view message,
         std::initializer_list<LogField> fields = {}) noexcept;
// The line that Log() writes, newline included.
std::string FormatLogLine(LogLevel level, std::string_view message,
                          std::initializer_list<LogField> fields = {});

inline void LogDebug(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kDebug, m, f);
}
inline void LogInfo(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kInfo, m, f);
}
inline void LogWarning(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kWarning, m, f);
}
inline void LogError(std::string_view m, std::initializer_list<LogField> f = {}) {
  Log(LogLevel::kError, m, f);
}

// A value as logfmt writes it: quoted when it holds a blank, a quote, an equals sign or a control
// byte, or is empty.
std::string QuoteLogfmt(std::string_view value);

}  // namespace fairlead
