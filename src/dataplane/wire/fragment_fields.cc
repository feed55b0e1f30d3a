#include "dataplane/wire/fragment_fields.h"

#include "dataplane/wire/ipv6_extensions.h"

namespace fairlead::dataplane {

FragmentFields ReadFragment6(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  const uint32_t packet_end = parsed.l3_offset + parsed.ip_length;
  const auto* ip = HeaderAt<Ipv6Header>(frame, parsed.l3_offset);
  Ipv6Walk walk;
  WalkIpv6Extensions(frame, parsed.l3_offset + static_cast<uint32_t>(sizeof(Ipv6Header)),
                     packet_end, ip->next_header, &walk);
  constexpr auto kHeader = static_cast<uint32_t>(sizeof(Ipv6FragmentHeader));
  const auto* header = HeaderAt<Ipv6FragmentHeader>(frame, walk.fragment_data - kHeader);
  return {header->id.get().host(),
          {.begin = walk.fragment_offset,
           .end = walk.fragment_offset + (packet_end - walk.fragment_data),
           .is_last = !walk.more_fragments}};
}

}  // namespace fairlead::dataplane
