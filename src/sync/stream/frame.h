// Frames of the stream between directors: cut from its bytes, and begun and ended in them.
//
//   FrameReader reader;
//   reader.Feed(bytes);                       // what came, in pieces of any size
//   Frame frame;
//   while (reader.Next(&frame)) Handle(frame.type, frame.body);
//   if (reader.is_broken()) …                 // larger than any frame may be:
//   StreamRefusal::kFrameSize
//
//   const size_t begin = BeginFrame(FrameType::kAcknowledge, &out);
//   Append64(&out, sequence);
//   EndFrame(begin, &out);
//
// A body is valid until the next Feed. Keeps at most one frame beyond what was fed. Threads: one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sync/stream/wire.h"

namespace fairlead::sync {

struct Frame {
  uint8_t type = 0;  // FrameType, or one that is not known here
  bool is_critical = false;
  std::span<const uint8_t> body;
};

class FrameReader {
 public:
  void Feed(std::span<const uint8_t> bytes);
  // False: the next frame is not complete, or the reader is broken.
  bool Next(Frame* frame) noexcept;
  [[nodiscard]] bool is_broken() const noexcept { return is_broken_; }

 private:
  std::vector<uint8_t> bytes_;
  size_t at_ = 0;
  bool is_broken_ = false;
};

// Returns what EndFrame needs. Precondition of EndFrame: the body has kMostBodyBytes at the most.
size_t BeginFrame(FrameType type, std::vector<uint8_t>* to);
void EndFrame(size_t begin, std::vector<uint8_t>* to);

}  // namespace fairlead::sync
