// The head of an HTTP/1 answer, from its bytes as they come.
//
//   HttpAnswer answer;
//   answer.Feed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\n");   // kIncomplete
//   answer.Feed("\r\n");                                            // kComplete
//   answer.status();                                                // 200
//
// Interim answers (1xx) are skipped (RFC 9110 section 15.2), but for 101, after which something
// else than HTTP would follow. No reason phrase is needed, a bare LF ends a line (RFC 9112 sections
// 2.2 and 4). Header fields are passed over, 64 KiB of them at most. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fairlead::control {

class HttpAnswer {
 public:
  enum class State : unsigned char { kIncomplete, kComplete, kBad };
  static constexpr size_t kMostHeaderBytes = 65536;
  static constexpr int kMostInterimAnswers = 16;

  // Not after kComplete or kBad.
  State Feed(std::string_view bytes);
  // When kComplete: the status, the final answer's head with its empty line, what has come behind.
  [[nodiscard]] unsigned status() const { return status_; }
  [[nodiscard]] std::string_view head() const { return std::string_view(head_).substr(0, end_); }
  [[nodiscard]] std::string_view rest() const { return std::string_view(head_).substr(end_); }
  // When kBad: "over 64 KiB of headers".
  [[nodiscard]] std::string_view fault() const { return fault_; }
  // What it means that nothing more comes while kIncomplete.
  [[nodiscard]] std::string_view FaultOfEnd() const {
    return head_.empty() ? "closed without an answer" : "closed before the end of its headers";
  }

 private:
  State Bad(std::string_view fault);

  std::string head_;  // of the answer that is being read
  size_t searched_ = 0;
  size_t end_ = 0;  // of the final head
  int interim_answers_ = 0;
  unsigned status_ = 0;
  std::string_view fault_;
};

}  // namespace fairlead::control
