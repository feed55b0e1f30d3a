#include "sync/stream/frame.h"

namespace fairlead::sync {

void FrameReader::Feed(std::span<const uint8_t> bytes) {
  bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  if (!is_broken_) bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

bool FrameReader::Next(Frame* frame) noexcept {
  const size_t left = bytes_.size() - at_;
  if (is_broken_ || left < kFrameHeaderBytes) return false;
  const uint8_t* header = bytes_.data() + at_;
  const size_t size = Be16::Load(header).host();
  if (size > kMostBodyBytes) {
    is_broken_ = true;
    return false;
  }
  if (left < kFrameHeaderBytes + size) return false;
  frame->type = header[2];
  frame->is_critical = (header[3] & kCriticalFrame) != 0;
  frame->body = {header + kFrameHeaderBytes, size};
  at_ += kFrameHeaderBytes + size;
  return true;
}

size_t BeginFrame(FrameType type, std::vector<uint8_t>* to) {
  const size_t begin = to->size();
  Append16(to, 0);
  to->push_back(static_cast<uint8_t>(type));
  to->push_back(kCriticalFrame);
  return begin;
}

void EndFrame(size_t begin, std::vector<uint8_t>* to) {
  const size_t size = to->size() - begin - kFrameHeaderBytes;
  Be16::FromHost(static_cast<uint16_t>(size)).Store(to->data() + begin);
}

}  // namespace fairlead::sync
