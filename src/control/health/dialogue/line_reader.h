// Lines out of bytes as they come; CR LF or LF alone ends one.
//
//   LineReader lines(2048);
//   lines.Feed("220 mail\r\n250");
//   lines.Next();          // "220 mail"
//   lines.Next();          // nullopt: more bytes are needed, or is_too_long()
//
// Keeps what is not taken yet: the caller takes all lines before it feeds again. Threads: a value.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::control {

class LineReader {
 public:
  explicit LineReader(size_t most_bytes) : most_bytes_(most_bytes) {}

  void Feed(std::string_view bytes) { bytes_.append(bytes); }
  std::optional<std::string> Next() {
    const size_t end = bytes_.find('\n', searched_);
    if (end == bytes_.npos || end > most_bytes_) {
      searched_ = bytes_.size();
      is_too_long_ = bytes_.size() > most_bytes_;
      return std::nullopt;
    }
    std::string line = bytes_.substr(0, end);
    if (line.ends_with('\r')) line.pop_back();
    bytes_.erase(0, end + 1);
    searched_ = 0;
    return line;
  }
  // The line that is being read is longer than allowed.
  [[nodiscard]] bool is_too_long() const { return is_too_long_; }
  // Of a line without an end.
  [[nodiscard]] std::string_view rest() const { return bytes_; }

 private:
  size_t most_bytes_;
  std::string bytes_;
  size_t searched_ = 0;
  bool is_too_long_ = false;
};

}  // namespace fairlead::control
