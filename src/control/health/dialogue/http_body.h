// The content of an HTTP/1 answer out of its framing (RFC 9112 section 6): a length, chunks, or
// until the connection ends.
//
//   HttpBody body(answer.head(), answer.status(), false);
//   body.Feed("4\r\nwell\r\n0\r\n\r\n", [&](std::string_view piece) { … });   // kComplete
//
// Keeps nothing of the content, and at most kMostLine bytes of framing. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace fairlead::control {

class HttpBody {
 public:
  enum class State : uint8_t { kIncomplete, kComplete, kBad };
  using Content = std::function<void(std::string_view)>;
  static constexpr size_t kMostLine = 4096;       // of a chunk's size with its extensions
  static constexpr size_t kMostTrailers = 65536;  // bytes

  // `head` as HttpAnswer has found it. `is_head_request`: HEAD, whose answer has no body.
  HttpBody(std::string_view head, unsigned status, bool is_head_request);

  [[nodiscard]] State state() const { return state_; }
  // Not after kComplete or kBad.
  State Feed(std::string_view bytes, const Content& content);
  // The server has closed its side.
  State End();
  // When kBad: "contradictory Content-Length".
  [[nodiscard]] std::string_view fault() const { return fault_; }

 private:
  enum class Framing : uint8_t { kUntilEnd, kLength, kChunks };
  enum class Part : uint8_t { kSize, kData, kDataEnd, kTrailers };

  void ReadFields(std::string_view head);
  void OnLength(std::string_view value);
  State Bad(std::string_view fault);
  State FeedChunks(std::string_view bytes, const Content& content);
  // True: line_ is one, without its end.
  bool TakeLine(std::string_view* bytes);
  State OnSizeLine();

  State state_ = State::kIncomplete;
  Framing framing_ = Framing::kUntilEnd;
  Part part_ = Part::kSize;
  uint64_t left_ = 0;  // of the content, or of the chunk
  bool has_length_ = false;
  std::string line_;
  bool is_line_over_ = false;
  size_t trailer_bytes_ = 0;
  std::string_view fault_;
};

}  // namespace fairlead::control
