#include "segment.h"

#include <algorithm>

namespace fairlead::golden {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kTcpHeader = 20, kUdpHeader = 8, kIcmpHeader = 8;
constexpr std::pair<uint8_t, char> kLetters[] = {
    {kSyn, 'S'}, {kFin, 'F'}, {kRst, 'R'}, {kPsh, 'P'}, {kAck, 'A'}};

unsigned Get16(std::span<const uint8_t> b, size_t at) { return unsigned{b[at]} << 8 | b[at + 1]; }
uint32_t Get32(std::span<const uint8_t> b, size_t at) {
  return static_cast<uint32_t>(Get16(b, at)) << 16 | Get16(b, at + 2);
}
void Put16(Bytes* b, size_t at, unsigned v) {
  (*b)[at] = static_cast<uint8_t>(v >> 8);
  (*b)[at + 1] = static_cast<uint8_t>(v);
}
void Put32(Bytes* b, size_t at, uint32_t v) {
  Put16(b, at, v >> 16);
  Put16(b, at + 2, v & 0xffff);
}

// RFC 1071, two bytes at a time in network order.
uint16_t Sum(std::span<const uint8_t> data) {
  uint32_t sum = 0;
  for (size_t i = 0; i < data.size(); ++i) sum += i % 2 != 0 ? data[i] : uint32_t{data[i]} << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

void Append(Bytes* to, const IpAddress& address) {
  const auto& bytes = address.bytes();
  to->insert(to->end(), bytes.begin(), bytes.begin() + (address.is_v4() ? 4 : 16));
}

// Over pseudo header and transport; ICMP of IPv4 has no pseudo header.
uint16_t TransportSum(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                      std::span<const uint8_t> transport) {
  Bytes data;
  if (protocol != kIcmp) {
    Append(&data, source);
    Append(&data, destination);
    const auto length = static_cast<unsigned>(transport.size());
    data.insert(data.end(), {0, 0, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length),
                             0, 0, 0, protocol});
  }
  data.insert(data.end(), transport.begin(), transport.end());
  return Sum(data);
}

[[noreturn]] void Fail(const std::string& what) { throw BadPacket(what); }

void ReadTransport(std::span<const uint8_t> l4, bool is_quoted, Segment* s) {
  if (s->protocol == kTcp || s->protocol == kUdp) {
    if (l4.size() < 8) Fail("a packet that ends before its ports");
    s->source.port = Be16::FromHost(static_cast<uint16_t>(Get16(l4, 0)));
    s->destination.port = Be16::FromHost(static_cast<uint16_t>(Get16(l4, 2)));
    if (is_quoted) return;
    if (s->protocol == kTcp && l4.size() < kTcpHeader) Fail("a TCP header that is cut off");
  }
  if (l4.size() < kIcmpHeader) Fail("a transport header that is cut off");
  const bool has_sum = s->protocol != kUdp || Get16(l4, 6) != 0;
  if (has_sum && TransportSum(s->source.address, s->destination.address, s->protocol, l4) != 0) {
    Fail("a wrong checksum in " + Text(*s));
  }
  if (s->protocol == kTcp) {
    const size_t header = (l4[12] >> 4u) * 4u;
    if (header < kTcpHeader || header > l4.size()) Fail("a TCP header of a wrong length");
    s->sequence = Get32(l4, 4);
    s->acknowledged = Get32(l4, 8);
    s->flags = l4[13];
    s->payload.assign(l4.begin() + static_cast<long>(header), l4.end());
  } else if (s->protocol == kUdp) {
    if (Get16(l4, 4) != l4.size()) Fail("a UDP length that is not the datagram's");
    s->payload.assign(l4.begin() + kUdpHeader, l4.end());
  } else {
    s->icmp_type = l4[0];
    s->icmp_code = l4[1];
    s->inner.assign(l4.begin() + kIcmpHeader, l4.end());
  }
}

Bytes WriteTransport(const Segment& s) {
  Bytes l4;
  if (s.protocol == kTcp) {
    l4.resize(kTcpHeader);
    Put32(&l4, 4, s.sequence);
    Put32(&l4, 8, s.acknowledged);
    l4[12] = kTcpHeader / 4 << 4;
    l4[13] = s.flags;
    Put16(&l4, 14, 0xffff);
  } else if (s.protocol == kUdp) {
    l4.resize(kUdpHeader);
    Put16(&l4, 4, static_cast<unsigned>(kUdpHeader + s.payload.size()));
  } else {
    l4.resize(kIcmpHeader);
    l4[0] = s.icmp_type;
    l4[1] = s.icmp_code;
    l4.insert(l4.end(), s.inner.begin(), s.inner.end());
  }
  if (s.protocol == kTcp || s.protocol == kUdp) {
    Put16(&l4, 0, s.source.port.host());
    Put16(&l4, 2, s.destination.port.host());
  }
  l4.insert(l4.end(), s.payload.begin(), s.payload.end());
  const size_t at = s.protocol == kTcp ? 16 : s.protocol == kUdp ? 6 : 2;
  uint16_t sum = TransportSum(s.source.address, s.destination.address, s.protocol, l4);
  if (s.protocol == kUdp && sum == 0) sum = 0xffff;
  Put16(&l4, at, sum);
  return l4;
}

}  // namespace

Segment Read(std::span<const uint8_t> ip, bool is_quoted) {
  if (ip.size() < 20) Fail("a packet shorter than an IP header");
  const bool v4 = ip[0] >> 4u == 4;
  const size_t header = v4 ? (ip[0] & 15u) * 4u : 40;
  if (ip.size() < header) Fail("a packet shorter than its IP header");
  const size_t length = v4 ? Get16(ip, 2) : 40 + Get16(ip, 4);
  if (length > ip.size() && !is_quoted) Fail("a packet shorter than its length field says");
  if (v4 && Sum(ip.first(header)) != 0 && !is_quoted) Fail("a wrong IPv4 header checksum");
  Segment s;
  s.protocol = ip[v4 ? 9 : 6];
  s.ttl = ip[v4 ? 8 : 7];
  if (v4) {
    s.source.address = Ipv4Address::Load(&ip[12]);
    s.destination.address = Ipv4Address::Load(&ip[16]);
  } else {
    s.source.address = Ipv6Address::Load(&ip[8]);
    s.destination.address = Ipv6Address::Load(&ip[24]);
  }
  const auto l4 = ip.subspan(header, std::min(length, ip.size()) - header);
  switch (s.protocol) {
    case kIpip:
    case kIpv6:
      s.inner.assign(l4.begin(), l4.end());
      break;
    case kTcp:
    case kUdp:
    case kIcmp:
    case kIcmpv6:
      ReadTransport(l4, is_quoted, &s);
      break;
    default:
      Fail("a packet of protocol " + std::to_string(s.protocol));
  }
  return s;
}

std::vector<uint8_t> Write(const Segment& s) {
  const Bytes l4 = WriteTransport(s);
  Bytes ip;
  if (s.source.address.is_v4()) {
    ip = {0x45, 0, 0, 0, 0, 0, 0x40, 0, s.ttl, s.protocol, 0, 0};  // DF, as TCP stacks set it
    Put16(&ip, 2, static_cast<unsigned>(20 + l4.size()));
  } else {
    ip = {0x60, 0, 0, 0, 0, 0, s.protocol, s.ttl};
    Put16(&ip, 4, static_cast<unsigned>(l4.size()));
  }
  Append(&ip, s.source.address);
  Append(&ip, s.destination.address);
  if (s.source.address.is_v4()) Put16(&ip, 10, Sum(ip));
  ip.insert(ip.end(), l4.begin(), l4.end());
  return ip;
}

Segment PortUnreachable(const Segment& about, std::span<const uint8_t> ip) {
  const bool v4 = about.source.address.is_v4();
  Segment s;
  s.source.address = about.destination.address;
  s.destination.address = about.source.address;
  s.protocol = v4 ? kIcmp : kIcmpv6;
  s.icmp_type = v4 ? 3 : 1;
  s.icmp_code = v4 ? 3 : 4;
  s.inner.assign(ip.begin(), ip.end());
  return s;
}

bool IsPortUnreachable(const Segment& s) {
  return (s.protocol == kIcmp && s.icmp_type == 3 && s.icmp_code == 3) ||
         (s.protocol == kIcmpv6 && s.icmp_type == 1 && s.icmp_code == 4);
}

std::string Text(const Segment& s) {
  std::string text = s.source.ToString() + " > " + s.destination.ToString();
  if (s.protocol == kUdp) return text + " UDP";
  if (s.protocol != kTcp) {
    return text + " protocol " + std::to_string(s.protocol) + " type " +
           std::to_string(s.icmp_type) + "/" + std::to_string(s.icmp_code);
  }
  text += " TCP ";
  for (const auto& [bit, letter] : kLetters) {
    if ((s.flags & bit) != 0) text += letter;
  }
  return text;
}

uint8_t FlagsOf(const std::string& letters) {
  uint8_t flags = 0;
  for (const char letter : letters) {
    const auto* it =
        std::ranges::find(kLetters, letter, [](const auto& known) { return known.second; });
    if (it == std::end(kLetters)) {
      throw std::invalid_argument("\"" + letters + "\" has a letter that is none of S A F R P");
    }
    flags |= it->first;
  }
  return flags;
}

}  // namespace fairlead::golden
