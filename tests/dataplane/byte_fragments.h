// Datagrams in fragments, cut and put together byte by byte; shares no code with the product.
//
//   std::vector<Frame> pieces = Cut(Datagram(client, 4000, vip, 80, text), 800, 7);
//   EXPECT_EQ(Text(Join(pieces)), …);                     // in any order; empty: not a datagram
#pragma once

#include <vector>

#include "byte_frames.h"

namespace fairlead::dataplane {

// Fragments with `bytes` of payload each (a multiple of 8), the last with what is left.
std::vector<Frame> Cut(const Frame& whole, size_t bytes, uint32_t id);
// The frame that was cut. Empty when pieces overlap, are missing, or are not of one datagram.
Frame Join(std::vector<Frame> pieces);
// Without its outer IP header.
Frame Unwrapped(const Frame& tunnelled);

}  // namespace fairlead::dataplane
