#include "control/health/dialogue/http_body.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "base/ascii.h"

namespace fairlead::control {
namespace {

constexpr uint64_t kMostLength = uint64_t{1} << 60;

bool EqualNoCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view Trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<uint64_t> NumberOf(std::string_view digits, unsigned base) {
  if (digits.empty()) return std::nullopt;
  uint64_t number = 0;
  for (const char c : digits) {
    const auto digit = static_cast<unsigned>(HexDigit(c));  // of no digit: far above any base
    if (digit >= base || number > kMostLength) return std::nullopt;
    number = number * base + digit;
  }
  return number;
}

}  // namespace

HttpBody::HttpBody(std::string_view head, unsigned status, bool is_head_request) {
  // RFC 9112 section 6.3: no body, whatever the fields say.
  if (is_head_request || status < 200 || status == 204 || status == 304) {
    state_ = State::kComplete;
    return;
  }
  ReadFields(head);
  if (state_ == State::kIncomplete && framing_ == Framing::kLength && left_ == 0) {
    state_ = State::kComplete;
  }
}

void HttpBody::ReadFields(std::string_view head) {
  bool is_chunked = false, is_coded = false;
  for (size_t at = head.find('\n'); at != head.npos && at + 1 < head.size();) {
    const size_t end = std::min(head.find('\n', at + 1), head.size());
    const std::string_view line = head.substr(at + 1, end - at - 1);
    at = end;
    const size_t colon = line.find(':');
    if (colon == line.npos) continue;
    const std::string_view value = Trimmed(line.substr(colon + 1));
    if (EqualNoCase(line.substr(0, colon), "transfer-encoding")) {
      is_coded = true;
      // The last coding counts; another one than chunked lasts until the end.
      const size_t comma = value.rfind(',');
      is_chunked =
          EqualNoCase(Trimmed(comma == value.npos ? value : value.substr(comma + 1)), "chunked");
    } else if (EqualNoCase(line.substr(0, colon), "content-length")) {
      OnLength(value);
    }
  }
  if (!is_coded) return;
  // It overrides a length (RFC 9112 section 6.3), a bad one too.
  state_ = State::kIncomplete;
  framing_ = is_chunked ? Framing::kChunks : Framing::kUntilEnd;
}

// "5", and "5, 5" of a server that says it twice.
void HttpBody::OnLength(std::string_view value) {
  for (;;) {
    const size_t comma = value.find(',');
    const std::optional<uint64_t> length = NumberOf(Trimmed(value.substr(0, comma)), 10);
    if (!length) {
      Bad("a Content-Length that is no number");
      return;
    }
    if (has_length_ && *length != left_) {
      Bad("contradictory Content-Length");
      return;
    }
    has_length_ = true;
    framing_ = Framing::kLength;
    left_ = *length;
    if (comma == value.npos) return;
    value.remove_prefix(comma + 1);
  }
}

HttpBody::State HttpBody::Bad(std::string_view fault) {
  fault_ = fault;
  return state_ = State::kBad;
}

HttpBody::State HttpBody::Feed(std::string_view bytes, const Content& content) {
  if (state_ != State::kIncomplete) return state_;
  switch (framing_) {
    case Framing::kUntilEnd:
      content(bytes);
      return state_;
    case Framing::kLength: {
      const std::string_view piece = bytes.substr(0, std::min<uint64_t>(left_, bytes.size()));
      content(piece);
      left_ -= piece.size();
      return state_ = left_ == 0 ? State::kComplete : State::kIncomplete;
    }
    case Framing::kChunks:
      return FeedChunks(bytes, content);
  }
  return state_;
}

HttpBody::State HttpBody::FeedChunks(std::string_view bytes, const Content& content) {
  while (!bytes.empty() && state_ == State::kIncomplete) {
    if (part_ == Part::kData) {
      const std::string_view piece = bytes.substr(0, std::min<uint64_t>(left_, bytes.size()));
      content(piece);
      bytes.remove_prefix(piece.size());
      left_ -= piece.size();
      if (left_ == 0) part_ = Part::kDataEnd;
      continue;
    }
    if (!TakeLine(&bytes)) {
      if (line_.size() > kMostLine) return Bad("a chunk's line of more than 4 KiB");
      break;
    }
    switch (part_) {
      case Part::kSize:
        OnSizeLine();
        break;
      case Part::kDataEnd:
        if (!line_.empty()) return Bad("a chunk that is longer than it says");
        part_ = Part::kSize;
        break;
      case Part::kTrailers:
        trailer_bytes_ += line_.size() + 1;
        if (trailer_bytes_ > kMostTrailers) return Bad("over 64 KiB of trailers");
        if (line_.empty()) state_ = State::kComplete;
        break;
      case Part::kData:
        break;
    }
  }
  return state_;
}

bool HttpBody::TakeLine(std::string_view* bytes) {
  if (std::exchange(is_line_over_, false)) line_.clear();
  const size_t end = bytes->find('\n');
  const size_t most = kMostLine + 1 - std::min(line_.size(), kMostLine + 1);
  line_.append(bytes->substr(0, std::min(end, most)));
  if (end == bytes->npos || line_.size() > kMostLine) {
    bytes->remove_prefix(bytes->size());
    return false;
  }
  bytes->remove_prefix(end + 1);
  if (line_.ends_with('\r')) line_.pop_back();
  is_line_over_ = true;
  return true;
}

HttpBody::State HttpBody::OnSizeLine() {
  const std::string_view line(line_);
  const std::optional<uint64_t> size = NumberOf(Trimmed(line.substr(0, line.find(';'))), 16);
  if (!size) return Bad("a chunk without a size");
  left_ = *size;
  part_ = left_ == 0 ? Part::kTrailers : Part::kData;
  return state_;
}

HttpBody::State HttpBody::End() {
  if (state_ != State::kIncomplete) return state_;
  if (framing_ == Framing::kUntilEnd) return state_ = State::kComplete;
  return Bad("closed before the end of its body");
}

}  // namespace fairlead::control
