// Walks the extension headers between an IPv6 header and its transport (RFC 8200 section 4).
//
//   Ipv6Walk walk;
//   if (DropReason bad = WalkIpv6Extensions(frame, 54, end, ip->next_header, &walk);
//       bad != DropReason::kCount) …
//
// Hop-by-hop options, routing, destination options and the fragment header are walked, at most
// kMaxIpv6Extensions of them. The walk stops behind the fragment header of a later fragment, where
// the bytes are no header. Threads: pure.
#pragma once

#include <cstdint>

#include "dataplane/wire/drop_reason.h"

namespace fairlead::dataplane {

inline constexpr int kMaxIpv6Extensions = 8;

struct Ipv6Walk {
  uint32_t offset = 0;           // where the walk stopped, from the start of the frame
  uint32_t fragment_offset = 0;  // bytes into the datagram
  uint32_t fragment_data = 0;    // behind the fragment header, with has_fragment_header
  uint8_t protocol = 0;          // what begins (or, in a later fragment, began) there
  bool has_fragment_header = false;
  bool more_fragments = false;

  [[nodiscard]] bool is_fragment() const noexcept { return fragment_offset > 0 || more_fragments; }
};

// Headers lie in [offset, end). DropReason::kCount: all is well.
DropReason WalkIpv6Extensions(const uint8_t* frame, uint32_t offset, uint32_t end,
                              uint8_t next_header, Ipv6Walk* walk) noexcept;

}  // namespace fairlead::dataplane
