#include "dataplane/wire/translate_error.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/wire/translate_family.h"
#include "dataplane/wire/tunnel_mtu.h"

namespace fairlead::dataplane {
namespace {

constexpr uint8_t kIcmpv6ParameterProblem = 4;

struct ErrorWords {
  uint8_t type = 0, code = 0;
  uint32_t rest = 0;
};

// ---- 4 → 6

// What fits, where an old router does not say it: the next plateau below what did not (RFC 1191
// section 7).
uint32_t PlateauBelow(uint32_t length) noexcept {
  constexpr std::array<uint32_t, 11> kPlateaus = {65535, 32000, 17914, 8166, 4352, 2002,
                                                  1492,  1006,  508,   296,  68};
  for (const uint32_t plateau : kPlateaus) {
    if (plateau < length) return plateau;
  }
  return kPlateaus.back();
}

bool MapUnreachable4(const uint8_t* frame, const QuotedPacket& quoted, uint8_t code, uint32_t mtu,
                     ErrorWords* to) noexcept {
  constexpr uint8_t kNoRoute = 0, kProhibited = 1, kPort = 4, kUnknownNextHeader = 1;
  to->type = kIcmpv6Unreachable;
  switch (code) {
    case 0:
    case 1:
    case 5:
    case 6:
    case 7:
    case 8:
    case 11:
    case 12:
      to->code = kNoRoute;
      return true;
    case 2:  // the protocol: the IPv6 header's next header is at 6
      *to = {kIcmpv6ParameterProblem, kUnknownNextHeader, 6};
      return true;
    case 3:
      to->code = kPort;
      return true;
    case 4: {
      const auto* inner = HeaderAt<Ipv4Header>(frame, quoted.l3_offset);
      if (mtu == 0) mtu = PlateauBelow(inner->total_length.get().host());
      *to = {kIcmpv6TooBig, 0, std::max(kLeastIpv6Mtu, mtu + kHeaderDifference)};
      return true;
    }
    case 9:
    case 10:
    case 13:
    case 15:
      to->code = kProhibited;
      return true;
    default:
      return false;
  }
}

// ---- 6 → 4

// Where a field of the IPv6 header is in the IPv4 header; 255: nowhere.
uint8_t PointerIn4(uint32_t pointer) noexcept {
  constexpr uint8_t kTtl = 8, kProtocol = 9, kSource = 12, kDestination = 16, kLength = 2;
  if (pointer <= 1) return static_cast<uint8_t>(pointer);
  if (pointer == 4 || pointer == 5) return kLength;
  if (pointer == 6) return kProtocol;
  if (pointer == 7) return kTtl;
  if (pointer >= 8 && pointer < 24) return kSource;
  return pointer >= 24 && pointer < 40 ? kDestination : uint8_t{255};
}

bool MapProblem6(uint8_t code, uint32_t pointer, ErrorWords* to) noexcept {
  constexpr uint8_t kProtocolUnreachable = 2;
  if (code == 1) {
    *to = {kIcmpUnreachable, kProtocolUnreachable, 0};
    return true;
  }
  const uint8_t at = PointerIn4(pointer);
  if (code != 0 || at == 255) return false;
  *to = {kIcmpParameterProblem, 0, static_cast<uint32_t>(at) << 24};
  return true;
}

bool Map6(uint8_t type, uint8_t code, uint32_t rest, ErrorWords* to) noexcept {
  constexpr uint8_t kHost = 1, kPort = 3, kFragNeeded = 4, kProhibited = 10;
  switch (type) {
    case kIcmpv6Unreachable:
      if (code > 4) return false;
      *to = {kIcmpUnreachable, code == 4 ? kPort : code == 1 ? kProhibited : kHost, 0};
      return true;
    case kIcmpv6TooBig: {
      const uint32_t mtu = std::min<uint32_t>(rest, 65535);
      *to = {kIcmpUnreachable, kFragNeeded,
             std::max(kLeastIpv4Mtu, mtu - std::min(mtu, kHeaderDifference))};
      return true;
    }
    case kIcmpv6TimeExceeded:
      *to = {kIcmpTimeExceeded, code, 0};
      return true;
    case kIcmpv6ParameterProblem:
      return MapProblem6(code, rest, to);
    default:
      return false;
  }
}

// False: the other version has no such error.
bool MapError(const uint8_t* frame, const ParsedPacket& parsed, const QuotedPacket& quoted,
              ErrorWords* to) noexcept {
  const uint32_t rest = HeaderAt<IcmpHeader>(frame, parsed.l4_offset)->rest.get().host();
  if (!parsed.is_v4()) return Map6(parsed.icmp_type, parsed.icmp_code, rest, to);
  if (parsed.icmp_type == kIcmpTimeExceeded) {
    *to = {kIcmpv6TimeExceeded, parsed.icmp_code, 0};
    return true;
  }
  return parsed.icmp_type == kIcmpUnreachable &&
         MapUnreachable4(frame, quoted, parsed.icmp_code, rest & 0xffff, to);
}

// Where the quotation ends and extensions begin (RFC 4884 section 5): a length in words of 4 bytes,
// in IPv6 of 8; 0: there are none.
uint32_t EndOfQuotation(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  const uint32_t end = parsed.l3_offset + parsed.ip_length;
  const bool has_length = parsed.icmp_type == kIcmpTimeExceeded ||
                          parsed.icmp_type == kIcmpUnreachable || !parsed.is_v4();
  if (!has_length || parsed.icmp_type == kIcmpv6TooBig) return end;
  const uint32_t words = frame[parsed.l4_offset + (parsed.is_v4() ? 5u : 4u)];
  const uint32_t bytes = words * (parsed.is_v4() ? 4 : 8);
  return bytes == 0 ? end : std::min(end, parsed.payload_offset + bytes);
}

// What the quoted header says, and how long its packet was without it.
IpFields QuotedFields(const uint8_t* frame, const ParsedPacket& parsed,
                      const QuotedPacket& quoted) noexcept {
  IpFields fields;
  fields.protocol = quoted.protocol;
  const uint32_t header = quoted.l4_offset - quoted.l3_offset;
  uint32_t total = 0;
  if (parsed.is_v4()) {
    const auto* ip = HeaderAt<Ipv4Header>(frame, quoted.l3_offset);
    fields.tos = ip->tos;
    fields.ttl = ip->ttl;
    total = ip->total_length.get().host();
  } else {
    const auto* ip = HeaderAt<Ipv6Header>(frame, quoted.l3_offset);
    fields.tos = ip->traffic_class();
    fields.ttl = ip->hop_limit;
    total = sizeof(Ipv6Header) + ip->payload_length.get().host();
  }
  fields.payload_length = total - std::min(total, header);
  fields.dont_fragment = fields.payload_length + sizeof(Ipv4Header) > kLeastTranslatedMtu;
  return fields;
}

uint8_t* WriteEither(uint8_t* at, const IpAddress& source, const IpAddress& destination,
                     const IpFields& fields) noexcept {
  if (source.is_v4()) {
    WriteIpHeader(at, source.v4(), destination.v4(), fields);
    return at + sizeof(Ipv4Header);
  }
  WriteIpHeader(at, source.v6(), destination.v6(), fields);
  return at + sizeof(Ipv6Header);
}

}  // namespace

uint32_t TranslateIcmpError(const uint8_t* frame, const ParsedPacket& parsed,
                            const QuotedPacket& quoted, const Endpoint& from, const Endpoint& to,
                            uint8_t* made) noexcept {
  ErrorWords words;
  if (!MapError(frame, parsed, quoted, &words)) return 0;
  const bool to_v4 = to.address.is_v4();
  const uint32_t header = to_v4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  const uint32_t most = (to_v4 ? kMaxIcmpErrorBytes : kMaxIcmpv6ErrorBytes) - 2 * header -
                        static_cast<uint32_t>(sizeof(IcmpHeader));
  const uint32_t end = EndOfQuotation(frame, parsed);
  constexpr uint32_t kBothPorts = 4;
  if (end < quoted.l4_offset + kBothPorts) return 0;
  const uint32_t quoted_bytes = std::min(end - quoted.l4_offset, most);
  const auto message = static_cast<uint32_t>(sizeof(IcmpHeader)) + header + quoted_bytes;

  IpFields outer;
  outer.protocol = to_v4 ? kProtocolIcmp : kProtocolIcmpv6;
  outer.ttl = static_cast<uint8_t>(parsed.ttl - 1);
  outer.tos = parsed.tos;
  outer.payload_length = message;
  uint8_t* at = WriteEither(made + kEthernetHeaderLength, from.address, to.address, outer);
  auto* icmp = HeaderAt<IcmpHeader>(at, 0);
  icmp->type = words.type;
  icmp->code = words.code;
  icmp->rest = Be32::FromHost(words.rest);
  uint8_t* inner = WriteEither(at + sizeof(IcmpHeader), to.address, from.address,
                               QuotedFields(frame, parsed, quoted));
  std::memcpy(inner, frame + quoted.l4_offset, quoted_bytes);
  to.port.Store(inner);
  from.port.Store(inner + 2);
  icmp->checksum = Be16{};
  const uint64_t pseudo =
      to_v4 ? 0 : PseudoHeaderSum(from.address.v6(), to.address.v6(), kProtocolIcmpv6, message);
  icmp->checksum = Checksum(icmp, message, pseudo);
  return kEthernetHeaderLength + header + message;
}

}  // namespace fairlead::dataplane
