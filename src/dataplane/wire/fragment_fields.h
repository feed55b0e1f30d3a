// What a fragment says of its datagram: which it is, and which bytes of it these are.
//
//   const FragmentFields f = ReadFragment(frame, parsed);   // parsed is kFragment
//   f.id, f.range.begin, f.range.end, f.range.is_last
//
// Bytes are counted from the first behind the IPv4 header (RFC 791 section 3.2), or behind the IPv6
// fragment header (RFC 8200 section 4.5). Threads: pure.
#pragma once

#include <cstdint>

#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

// Bytes of a datagram.
struct FragmentRange {
  uint32_t begin = 0;
  uint32_t end = 0;      // behind the last; at most 65535, above begin
  bool is_last = false;  // the datagram ends here
};

struct FragmentFields {
  uint32_t id = 0;  // 16 bits in IPv4
  FragmentRange range;
};

FragmentFields ReadFragment6(const uint8_t* frame, const ParsedPacket& parsed) noexcept;

// Precondition: ParseFrame said kFragment.
inline FragmentFields ReadFragment(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  if (!parsed.is_v4()) return ReadFragment6(frame, parsed);
  const auto* ip = HeaderAt<Ipv4Header>(frame, parsed.l3_offset);
  const uint16_t field = ip->fragment.get().host();
  const uint32_t begin = (field & Ipv4Header::kOffsetMask) * 8u;
  return {ip->id.get().host(),
          {.begin = begin,
           .end = begin + parsed.l4_length(),
           .is_last = (field & Ipv4Header::kMoreFragments) == 0}};
}

}  // namespace fairlead::dataplane
