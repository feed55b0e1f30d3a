#include "control/health/http_answer.h"

#include <optional>

#include "base/ascii.h"

namespace fairlead::control {
namespace {

// "HTTP/1.1 200 OK", "HTTP/1.0 200"; RFC 9112 section 4.
std::optional<unsigned> StatusOf(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() < 12 || !line.starts_with("HTTP/") || !IsDigit(line[5]) || line[6] != '.' ||
      !IsDigit(line[7]) || line[8] != ' ') {
    return std::nullopt;
  }
  if (line.size() > 12 && line[12] != ' ') return std::nullopt;
  unsigned status = 0;
  for (const char c : line.substr(9, 3)) {
    if (!IsDigit(c)) return std::nullopt;
    status = status * 10 + static_cast<unsigned>(c - '0');
  }
  if (status < 100) return std::nullopt;
  return status;
}

// Where the empty line that ends the headers is over; npos: not here yet.
size_t EndOfHead(std::string_view head, size_t from) {
  for (size_t at = head.find('\n', from); at != head.npos; at = head.find('\n', at + 1)) {
    const std::string_view rest = head.substr(at + 1);
    if (rest.starts_with('\n')) return at + 2;
    if (rest.starts_with("\r\n")) return at + 3;
  }
  return head.npos;
}

}  // namespace

HttpAnswer::State HttpAnswer::Bad(std::string_view fault) {
  fault_ = fault;
  return State::kBad;
}

HttpAnswer::State HttpAnswer::Feed(std::string_view bytes) {
  head_.append(bytes);
  for (;;) {
    const std::string_view start = std::string_view(head_).substr(0, 5);
    if (!std::string_view("HTTP/").starts_with(start)) return Bad("not an HTTP answer");
    const size_t end = EndOfHead(head_, searched_);
    if (end == head_.npos ? head_.size() > kMostHeaderBytes : end > kMostHeaderBytes) {
      return Bad("over 64 KiB of headers");
    }
    if (end == head_.npos) {
      searched_ = head_.size() < 3 ? 0 : head_.size() - 3;
      return State::kIncomplete;
    }
    const std::optional<unsigned> status =
        StatusOf(std::string_view(head_).substr(0, head_.find('\n')));
    if (!status) return Bad("not an HTTP answer");
    if (*status >= 200 || *status == 101) {
      status_ = *status;
      end_ = end;
      return State::kComplete;
    }
    if (++interim_answers_ > kMostInterimAnswers) return Bad("only interim answers");
    head_.erase(0, end);
    searched_ = 0;
  }
}

}  // namespace fairlead::control
