#include "byte_fragments.h"

#include <algorithm>

namespace fairlead::dataplane {
namespace {

constexpr size_t kL3 = 14;

unsigned WordAt(const Frame& f, size_t at) { return unsigned{f[at]} << 8 | f[at + 1]; }
void SetWord(Frame* f, size_t at, size_t v) {
  (*f)[at] = static_cast<uint8_t>(v >> 8);
  (*f)[at + 1] = static_cast<uint8_t>(v);
}
bool IsIpv4(const Frame& f) { return f[kL3] >> 4 == 4; }

void SumIpv4(Frame* f) {
  SetWord(f, kL3 + 10, 0);
  uint32_t sum = 0;
  for (size_t i = kL3; i < kL3 + 20; i += 2) sum += WordAt(*f, i);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  SetWord(f, kL3 + 10, ~sum & 0xffff);
}

// Where its bytes of the datagram begin, in the frame and in the datagram.
struct Place {
  size_t at, offset;
  bool more;
};
Place PlaceIn(const Frame& f) {
  if (IsIpv4(f)) {
    const unsigned field = WordAt(f, kL3 + 6);
    return {kL3 + 20, (field & 0x1fff) * 8u, (field & 0x2000) != 0};
  }
  const unsigned field = WordAt(f, kL3 + 42);
  return {kL3 + 48, field & 0xfff8u, (field & 1) != 0};
}

// All of the header that pieces have in common.
Frame CommonHeader(const Frame& f) {
  Frame header(f.begin(), f.begin() + static_cast<long>(kL3 + (IsIpv4(f) ? 20 : 48)));
  if (IsIpv4(f)) {
    SetWord(&header, kL3 + 2, 0);
    SetWord(&header, kL3 + 6, 0);
    SetWord(&header, kL3 + 10, 0);
  } else {
    SetWord(&header, kL3 + 4, 0);
    SetWord(&header, kL3 + 42, 0);
  }
  return header;
}

}  // namespace

std::vector<Frame> Cut(const Frame& whole, size_t bytes, uint32_t id) {
  const bool v4 = IsIpv4(whole);
  const size_t header = kL3 + (v4 ? 20 : 40);
  std::vector<Frame> pieces;
  for (size_t at = 0; header + at < whole.size(); at += bytes) {
    const size_t length = std::min(bytes, whole.size() - header - at);
    const bool more = header + at + length < whole.size();
    Frame piece(whole.begin(), whole.begin() + static_cast<long>(header));
    if (v4) {
      SetWord(&piece, kL3 + 2, 20 + length);
      SetWord(&piece, kL3 + 4, id);
      SetWord(&piece, kL3 + 6, at / 8 | (more ? 0x2000u : 0u));
      SumIpv4(&piece);
    } else {
      SetWord(&piece, kL3 + 4, 8 + length);
      piece.insert(piece.end(), {whole[kL3 + 6], 0, 0, 0, 0, 0, 0, 0});
      piece[kL3 + 6] = 44;
      SetWord(&piece, kL3 + 42, at | (more ? 1u : 0u));
      SetWord(&piece, kL3 + 44, id >> 16);
      SetWord(&piece, kL3 + 46, id & 0xffff);
    }
    const auto from = whole.begin() + static_cast<long>(header + at);
    piece.insert(piece.end(), from, from + static_cast<long>(length));
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

Frame Join(std::vector<Frame> pieces) {
  if (pieces.empty()) return {};
  std::sort(pieces.begin(), pieces.end(),
            [](const Frame& a, const Frame& b) { return PlaceIn(a).offset < PlaceIn(b).offset; });
  const bool v4 = IsIpv4(pieces[0]);
  const size_t header = kL3 + (v4 ? 20 : 40);
  Frame whole(pieces[0].begin(), pieces[0].begin() + static_cast<long>(header));
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Place place = PlaceIn(pieces[i]);
    if (CommonHeader(pieces[i]) != CommonHeader(pieces[0]) ||
        place.offset != whole.size() - header || place.more != (i + 1 < pieces.size())) {
      return {};
    }
    whole.insert(whole.end(), pieces[i].begin() + static_cast<long>(place.at), pieces[i].end());
  }
  if (v4) {
    SetWord(&whole, kL3 + 2, whole.size() - kL3);
    SetWord(&whole, kL3 + 6, 0);
    SumIpv4(&whole);
  } else {
    SetWord(&whole, kL3 + 4, whole.size() - header);
    whole[kL3 + 6] = pieces[0][kL3 + 40];
  }
  return whole;
}

Frame Unwrapped(const Frame& tunnelled) {
  Frame inner(tunnelled);
  const auto from = inner.begin() + static_cast<long>(kL3);
  inner.erase(from, from + (IsIpv4(tunnelled) ? 20 : 40));
  return inner;
}

}  // namespace fairlead::dataplane
