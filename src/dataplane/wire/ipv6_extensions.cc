#include "dataplane/wire/ipv6_extensions.h"

#include "dataplane/wire/headers.h"

namespace fairlead::dataplane {
namespace {

bool IsExtension(uint8_t next_header) {
  return next_header == kProtocolHopByHop || next_header == kProtocolRouting ||
         next_header == kProtocolDestinationOptions || next_header == kProtocolFragment;
}

}  // namespace

DropReason WalkIpv6Extensions(const uint8_t* frame, uint32_t offset, uint32_t end,
                              uint8_t next_header, Ipv6Walk* walk) noexcept {
  *walk = Ipv6Walk{};
  for (int walked = 0; IsExtension(next_header) && walk->fragment_offset == 0; ++walked) {
    if (walked == kMaxIpv6Extensions) return DropReason::kIpv6ExtensionTooDeep;
    // RFC 8200 section 4.1: hop-by-hop options come first or not at all.
    if (next_header == kProtocolHopByHop && walked > 0) return DropReason::kBadIpHeader;
    if (end - offset < 8) return DropReason::kBadIpHeader;
    uint32_t length = 8;
    if (next_header == kProtocolFragment) {
      if (walk->has_fragment_header) return DropReason::kBadIpHeader;
      const auto* header = HeaderAt<Ipv6FragmentHeader>(frame, offset);
      const uint16_t fragment = header->fragment.get().host();
      walk->has_fragment_header = true;
      walk->fragment_data = offset + 8;
      walk->fragment_offset = fragment & Ipv6FragmentHeader::kOffsetMask;
      walk->more_fragments = (fragment & Ipv6FragmentHeader::kMoreFragments) != 0;
    } else {
      length = (frame[offset + 1] + 1u) * 8;  // counted in 8 bytes beyond the first 8
    }
    if (end - offset < length) return DropReason::kBadIpHeader;
    next_header = frame[offset];
    offset += length;
  }
  walk->protocol = next_header;
  walk->offset = offset;
  return DropReason::kCount;
}

}  // namespace fairlead::dataplane
