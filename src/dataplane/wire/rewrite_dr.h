// REWRITE for direct routing and for plain forwarding: TTL or hop limit minus one, no more
// (ipvs.md, methods). The Ethernet header is the transmit stage's.
//
//   RewriteDr(packet, &parsed);
//
// Precondition: parsed.ttl > 1. Threads: pure.
#pragma once

#include "dataplane/wire/ip_header.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

template <Packet P>
void RewriteDr(P& packet, ParsedPacket* parsed) noexcept {
  if (parsed->is_v4()) {
    DecrementTtl(HeaderAt<Ipv4Header>(packet.data(), parsed->l3_offset));
  } else {
    DecrementTtl(HeaderAt<Ipv6Header>(packet.data(), parsed->l3_offset));
  }
  --parsed->ttl;
}

}  // namespace fairlead::dataplane
