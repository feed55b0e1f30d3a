#include "byte_frames.h"

#include <algorithm>
#include <utility>

#include "dataplane/wire/headers.h"

namespace fairlead::dataplane {
namespace {

// Byte by byte, in host order; shares nothing with base/checksum.h.
uint16_t SlowSum(const std::vector<uint8_t>& data) {
  uint32_t sum = 0;
  for (size_t i = 0; i < data.size(); ++i) sum += i % 2 ? data[i] : uint32_t{data[i]} << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

void Put16(Frame* f, size_t at, unsigned v) {
  (*f)[at] = static_cast<uint8_t>(v >> 8);
  (*f)[at + 1] = static_cast<uint8_t>(v);
}
unsigned Get16(const Frame& f, size_t at) { return unsigned{f[at]} << 8 | f[at + 1]; }

// The transport's checksum over pseudo header and segment; 0 when the one in place is right.
uint16_t TransportSum(const Frame& f, size_t l3, size_t l4, uint8_t protocol, size_t end) {
  const bool v4 = f[l3] >> 4 == 4;
  std::vector<uint8_t> data(f.begin() + static_cast<long>(l3 + (v4 ? 12 : 8)),
                            f.begin() + static_cast<long>(l3 + (v4 ? 20 : 40)));
  const auto length = static_cast<unsigned>(end - l4);
  data.insert(data.end(), {0, 0, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length), 0,
                           0, 0, protocol});
  data.insert(data.end(), f.begin() + static_cast<long>(l4), f.begin() + static_cast<long>(end));
  return SlowSum(data);
}

Frame IpFrame(const std::string& source, const std::string& destination, uint8_t protocol,
              uint8_t ttl, const std::vector<uint8_t>& l4, bool dont_fragment) {
  const IpAddress s = *IpAddress::Parse(source), d = *IpAddress::Parse(destination);
  const bool v4 = s.is_v4();
  const size_t header = v4 ? 20 : 40;
  Frame f(14 + header + l4.size());
  Put16(&f, 12, v4 ? 0x0800 : 0x86dd);
  f[6] = 0x02;
  f[11] = 0xcc;  // some client's MAC
  if (v4) {
    f[14] = 0x45;
    Put16(&f, 16, static_cast<unsigned>(header + l4.size()));
    if (dont_fragment) f[20] = 0x40;
    f[22] = ttl;
    f[23] = protocol;
    std::copy_n(s.bytes().begin(), 4, f.begin() + 26);
    std::copy_n(d.bytes().begin(), 4, f.begin() + 30);
    Put16(&f, 24, SlowSum(Frame(f.begin() + 14, f.begin() + 34)));
  } else {
    f[14] = 0x60;
    Put16(&f, 18, static_cast<unsigned>(l4.size()));
    f[20] = protocol;
    f[21] = ttl;
    std::copy_n(s.bytes().begin(), 16, f.begin() + 22);
    std::copy_n(d.bytes().begin(), 16, f.begin() + 38);
  }
  std::copy(l4.begin(), l4.end(), f.begin() + static_cast<long>(14 + header));
  const size_t sum_at = 14 + header + (protocol == kProtocolTcp ? 16 : 6);
  Put16(&f, sum_at, TransportSum(f, 14, 14 + header, protocol, f.size()));
  return f;
}

std::string Flags(uint8_t flags) {
  std::string text;
  for (const auto& [bit, letter] :
       {std::pair{kTcpSyn, 'S'}, {kTcpAck, 'A'}, {kTcpFin, 'F'}, {kTcpRst, 'R'}, {kTcpPsh, 'P'}}) {
    if (flags & bit) text += letter;
  }
  return text;
}

std::string IpText(const Frame& f, size_t l3) {
  const bool v4 = f[l3] >> 4 == 4;
  const size_t l4 = l3 + (v4 ? (f[l3] & 15u) * 4 : 40);
  const uint8_t protocol = f[l3 + (v4 ? 9 : 6)];
  const size_t end = l3 + (v4 ? Get16(f, l3 + 2) : 40 + Get16(f, l3 + 4));
  if (end > f.size()) return "TRUNCATED";
  const auto address = [&](size_t v4_at, size_t v6_at) {
    return v4 ? IpAddress(Ipv4Address::Load(&f[l3 + v4_at])).ToString()
              : "[" + IpAddress(Ipv6Address::Load(&f[l3 + v6_at])).ToString() + "]";
  };
  const std::string source = address(12, 8), destination = address(16, 24);
  std::string ttl = " ttl " + std::to_string(f[l3 + (v4 ? 8 : 7)]);
  if (v4 &&
      SlowSum(Frame(f.begin() + static_cast<long>(l3), f.begin() + static_cast<long>(l4))) != 0) {
    ttl += " BAD IP SUM";
  }
  if (protocol == kProtocolIpip || protocol == kProtocolIpv6) {
    return destination + " <- " + source + " IPIP" + ttl + " { " + IpText(f, l4) + " }";
  }
  if (protocol == kProtocolIcmp || protocol == kProtocolIcmpv6) {
    const bool good = protocol == kProtocolIcmp
                          ? SlowSum(Frame(f.begin() + static_cast<long>(l4),
                                          f.begin() + static_cast<long>(end))) == 0
                          : TransportSum(f, l3, l4, protocol, end) == 0;
    return destination + " <- " + source + " ICMP " + std::to_string(f[l4]) + "/" +
           std::to_string(f[l4 + 1]) + ttl + (good ? "" : " BAD SUM");
  }
  std::string text = destination + ":" + std::to_string(Get16(f, l4 + 2)) + " <- " + source + ":" +
                     std::to_string(Get16(f, l4));
  text += protocol == kProtocolTcp ? " TCP " + Flags(f[l4 + 13]) : " UDP";
  const bool has_sum = protocol == kProtocolTcp || Get16(f, l4 + 6) != 0;
  return text + ttl + (has_sum && TransportSum(f, l3, l4, protocol, end) != 0 ? " BAD SUM" : "");
}

}  // namespace

MacAddress PortMac(PortId port) { return MacAddress::FromNumber(0x020000000001u + port.value()); }
MacAddress HostMac(const std::string& address) {
  return MacAddress::FromNumber(0x020000000000u |
                                (std::hash<IpAddress>{}(*IpAddress::Parse(address)) & 0xffffffff) |
                                0x80000000u);
}

Frame Tcp(const std::string& source, uint16_t source_port, const std::string& destination,
          uint16_t destination_port, uint8_t flags, uint8_t ttl, size_t payload,
          bool dont_fragment) {
  std::vector<uint8_t> l4(20 + payload, 0x5a);
  std::fill_n(l4.begin(), 20, uint8_t{0});
  Put16(&l4, 0, source_port);
  Put16(&l4, 2, destination_port);
  l4[12] = 0x50;
  l4[13] = flags;
  return IpFrame(source, destination, kProtocolTcp, ttl, l4, dont_fragment);
}

Frame Udp(const std::string& source, uint16_t source_port, const std::string& destination,
          uint16_t destination_port) {
  return Datagram(source, source_port, destination, destination_port, "hi");
}

Frame Datagram(const std::string& source, uint16_t source_port, const std::string& destination,
               uint16_t destination_port, const std::string& payload) {
  std::vector<uint8_t> l4(8, 0);
  Put16(&l4, 0, source_port);
  Put16(&l4, 2, destination_port);
  Put16(&l4, 4, static_cast<unsigned>(8 + payload.size()));
  l4.insert(l4.end(), payload.begin(), payload.end());
  return IpFrame(source, destination, kProtocolUdp, 64, l4, false);
}

Frame ErrorAbout(const Frame& about, const std::string& from, const std::string& to, uint8_t type,
                 uint8_t code, uint32_t rest, size_t quoted) {
  const bool v4 = about[14] >> 4 == 4;
  Frame f = v4 ? Udp(from, 0, to, 0) : Udp(from, 0, to, 0);
  const size_t l4 = v4 ? 34 : 54;
  f.resize(l4);
  f.insert(f.end(), {type, code, 0, 0});
  f.resize(l4 + 8);
  Be32::FromHost(rest).Store(&f[l4 + 4]);
  f.insert(f.end(), about.begin() + 14,
           about.begin() + 14 + static_cast<long>(std::min(quoted, about.size() - 14)));
  if (v4) {
    auto* ip = HeaderAt<Ipv4Header>(f.data(), 14);
    ip->protocol = kProtocolIcmp;
    ip->total_length = Be16::FromHost(static_cast<uint16_t>(f.size() - 14));
    ip->checksum = Be16{};
    ip->checksum = Be16::FromHost(SlowSum(Frame(f.begin() + 14, f.begin() + 34)));
  } else {
    auto* ip = HeaderAt<Ipv6Header>(f.data(), 14);
    ip->next_header = kProtocolIcmpv6;
    ip->payload_length = Be16::FromHost(static_cast<uint16_t>(f.size() - 54));
  }
  Put16(&f, l4 + 2,
        v4 ? SlowSum(Frame(f.begin() + static_cast<long>(l4), f.end()))
           : TransportSum(f, 14, l4, kProtocolIcmpv6, f.size()));
  return f;
}

Frame To(PortId port, Frame frame) {
  if (MacAddress::Load(frame.data()) == MacAddress{}) PortMac(port).Store(frame.data());
  return frame;
}

Frame Tagged(Frame frame, uint16_t word, uint16_t ethertype) {
  frame.insert(frame.begin() + 12, 4, 0);
  Put16(&frame, 12, ethertype);
  Put16(&frame, 14, word);
  return frame;
}

std::string Text(const Frame& f) { return f.size() < 34 ? "short" : IpText(f, 14); }

}  // namespace fairlead::dataplane
