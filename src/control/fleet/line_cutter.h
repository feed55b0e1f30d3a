// Cuts what comes from the network at the ends of lines: each message of a stream is one.
//
//   LineCutter cutter(kMostLineBytes);
//   if (!cutter.Feed(bytes, [](std::string_view line) { … })) …longer than allowed…
//
// Empty lines are none. Threads: one.
#pragma once

#include <string>
#include <string_view>

namespace fairlead::control {

class LineCutter {
 public:
  explicit LineCutter(size_t most_bytes) : most_bytes_(most_bytes) {}

  // False: a line has more bytes than allowed, and nothing more is taken.
  template <typename Take>
  bool Feed(std::string_view bytes, Take take) {
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      const std::string_view part = bytes.substr(0, end);
      if (part.size() > most_bytes_ - line_.size()) return false;
      line_.append(part);
      if (end == std::string_view::npos) return true;
      bytes.remove_prefix(end + 1);
      if (line_.empty()) continue;
      std::string line;
      line.swap(line_);
      take(std::string_view(line));
    }
    return true;
  }

 private:
  const size_t most_bytes_;
  std::string line_;
};

}  // namespace fairlead::control
