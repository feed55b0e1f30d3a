#include "wire_datagrams.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/ip_address.h"

namespace fairlead::golden::wire {
namespace {

using Bytes = std::vector<uint8_t>;
constexpr uint8_t kUdp = 17, kTcp = 6, kIcmp = 1, kIcmpv6 = 58, kFragmentHeader = 44;

unsigned Word(const Bytes& b, size_t at) { return unsigned{b[at]} << 8 | b[at + 1]; }
bool IsIpv4(const Bytes& ip) { return ip[0] >> 4 == 4; }

Bytes Part(const Bytes& b, size_t from, size_t to) {
  return {b.begin() + static_cast<long>(from), b.begin() + static_cast<long>(to)};
}
std::string Hex(const Bytes& b) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : b) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text;
}

IpAddress AddressAt(const Bytes& ip, bool is_source) {
  if (IsIpv4(ip)) return Ipv4Address::Load(&ip[is_source ? 12 : 16]);
  return Ipv6Address::Load(&ip[is_source ? 8 : 24]);
}
// rs1…rs4: 10.1.0.11…14, fd01::11…14.
bool IsReal(const IpAddress& a) {
  const uint8_t last = a.bytes()[a.is_v4() ? 3 : 15];
  const uint8_t host =
      a.is_v4() ? static_cast<uint8_t>(last - 11) : static_cast<uint8_t>(last - 0x11);
  const bool is_server_link = a.is_v4() ? a.bytes()[0] == 10 && a.bytes()[1] == 1
                                        : a.bytes()[0] == 0xfd && a.bytes()[1] == 1;
  return is_server_link && host < 4;
}
// The director's own: 10.0.0.1, 10.1.0.1, 10.100/24, and the like.
bool IsDirector(const IpAddress& a) {
  const auto& b = a.bytes();
  if (a.is_v4()) return b[0] == 10 && (b[1] == 100 || (b[1] <= 1 && b[3] == 1));
  return b[0] == 0xfd && (b[1] == 0x64 || (b[1] <= 1 && b[15] == 1));
}

uint32_t Sum(const Bytes& b, size_t from, size_t to, uint32_t sum) {
  for (size_t i = from; i < to; ++i) sum += (i - from) % 2 == 0 ? uint32_t{b[i]} << 8 : b[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

struct Shape {
  size_t header = 0;  // bytes, the IPv6 fragment header included
  uint8_t protocol = 0;
  uint32_t id = 0;
  WireCut cut;
};
Shape ShapeOf(const Bytes& ip) {
  Shape s;
  if (IsIpv4(ip)) {
    s.header = (ip[0] & 15u) * 4;
    s.protocol = ip[9];
    s.id = Word(ip, 4);
    const unsigned field = Word(ip, 6);
    s.cut = {.is_fragment = (field & 0x3fff) != 0,
             .is_last = (field & 0x2000) == 0,
             .dont_fragment = (field & 0x4000) != 0,
             .offset = (field & 0x1fff) * 8u};
  } else {
    s.header = 40;
    s.protocol = ip[6];
    if (s.protocol == kFragmentHeader) {
      s.header = 48;
      s.protocol = ip[40];
      s.id = Word(ip, 44) << 16 | Word(ip, 46);
      const unsigned field = Word(ip, 42);
      s.cut = {.is_fragment = (field & 0xfff9) != 0,
               .is_last = (field & 1) == 0,
               .dont_fragment = true,
               .offset = field & 0xfff8u};
    }
  }
  s.cut.bytes = ip.size() - s.header;
  s.cut.protocol = s.protocol;
  s.cut.id = s.id;
  return s;
}

std::string NameOf(const IpAddress& address, const WireView& view) {
  return view.is_any_real && IsReal(address) ? "a real" : address.ToString();
}
std::string Place(const WirePacket& packet, const WireView& view) {
  const bool hides = view.is_any_real && packet.to.starts_with("rs");
  return packet.port + " to " + (hides ? "rs" + packet.to.substr(3) : packet.to);
}
// What all fragments of a datagram have in common.
std::string Common(const WirePacket& packet, const Shape& s, const WireView& view) {
  const Bytes& ip = packet.ip;
  const bool v4 = IsIpv4(ip);
  const unsigned tos = v4 ? ip[1] : Word(ip, 0) >> 4 & 0xff;
  return Place(packet, view) + " " + NameOf(AddressAt(ip, true), view) + " > " +
         NameOf(AddressAt(ip, false), view) + " protocol " + std::to_string(s.protocol) + " tos " +
         std::to_string(tos) + " ttl " + std::to_string(ip[v4 ? 8 : 7]);
}

bool IsTunnel(const Shape& s) { return s.protocol == 4 || s.protocol == 41; }

// The transport's sum and what it says: a text in its place.
std::string Transport(const Bytes& ip, const Shape& s, Bytes data, const WireView& view) {
  const size_t sum_at = s.protocol == kUdp ? 6 : s.protocol == kTcp ? 16 : 0;
  if (sum_at == 0 || data.size() < sum_at + 2) return Hex(data);
  const bool v4 = IsIpv4(ip);
  uint32_t pseudo = s.protocol + static_cast<uint32_t>(data.size() & 0xffff);
  pseudo = Sum(ip, v4 ? 12 : 8, v4 ? 20 : 40, pseudo);
  const bool is_right = Sum(data, 0, data.size(), pseudo) == 0xffff;
  if (view.is_any_real) data[sum_at] = data[sum_at + 1] = 0;
  return Hex(data) + (is_right ? "" : " wrong sum");
}

// The datagram that these fragments make, as one packet; none: not yet.
std::optional<WirePacket> Joined(const std::vector<const WirePacket*>& pieces) {
  std::map<size_t, const WirePacket*> sorted;
  for (const WirePacket* p : pieces) sorted.emplace(ShapeOf(p->ip).cut.offset, p);
  Bytes data;
  bool is_whole = false;
  for (const auto& [offset, p] : sorted) {
    const Shape s = ShapeOf(p->ip);
    if (offset != data.size()) return std::nullopt;
    data.insert(data.end(), p->ip.begin() + static_cast<long>(s.header), p->ip.end());
    is_whole = s.cut.is_last;
  }
  if (!is_whole) return std::nullopt;
  WirePacket whole = *sorted.begin()->second;
  const Shape s = ShapeOf(whole.ip);
  whole.ip.resize(s.header);
  if (IsIpv4(whole.ip)) {
    whole.ip[6] = whole.ip[7] = 0;
  } else {
    whole.ip.resize(40);
    whole.ip[6] = s.protocol;
  }
  whole.ip.insert(whole.ip.end(), data.begin(), data.end());
  return whole;
}

}  // namespace

WireCut CutOf(const Bytes& ip) { return ShapeOf(ip).cut; }

std::string SenderOf(const Bytes& ip) {
  const Shape s = ShapeOf(ip);
  return Endpoint{AddressAt(ip, true), Be16::Load(&ip[s.header])}.ToString();
}

WireError ErrorIn(const WirePacket& packet) {
  const Shape s = ShapeOf(packet.ip);
  const size_t at = s.header;
  if (s.cut.is_fragment || packet.ip.size() < at + 8) return {};
  const int type = packet.ip[at], code = packet.ip[at + 1];
  const bool v4 = s.protocol == kIcmp && (type == 3 || type == 11);
  const bool v6 = s.protocol == kIcmpv6 && type < 128;
  if (!v4 && !v6) return {};
  return {type, code, static_cast<int>(Word(packet.ip, at + 6))};
}

std::string LineOf(const WirePacket& packet, const WireView& view) {
  Bytes ip = packet.ip;
  std::string remark;
  if (IsIpv4(ip)) {
    if (Sum(ip, 0, (ip[0] & 15u) * 4, 0) != 0xffff) remark = " wrong IP sum";
    if (IsDirector(AddressAt(ip, true))) {
      const bool is_made = ShapeOf(ip).protocol == 4 || ShapeOf(ip).protocol == kIcmp;
      if (is_made) ip[4] = ip[5] = 0;
    }
    ip[10] = ip[11] = 0;
  } else if (ip[6] == kFragmentHeader) {
    std::fill_n(ip.begin() + 44, 4, uint8_t{0});  // the kernel makes a new one
  } else if (ShapeOf(ip).protocol == kIcmpv6) {
    ip[1] &= 0xf0;  // the flow label
    ip[2] = ip[3] = 0;
  }
  if (view.is_any_real) {
    const Shape s = ShapeOf(ip);
    const bool v4 = IsIpv4(ip);
    for (const bool is_source : {true, false}) {
      const size_t at = v4 ? (is_source ? 12 : 16) : (is_source ? 8 : 24);
      if (IsReal(AddressAt(ip, is_source)))
        std::fill_n(ip.begin() + static_cast<long>(at), v4 ? 4 : 16, uint8_t{0});
    }
    const size_t sum_at = s.protocol == kUdp ? 6 : s.protocol == kTcp ? 16 : 0;
    if (s.cut.offset == 0 && sum_at != 0 && s.cut.bytes >= sum_at + 2) {
      ip[s.header + sum_at] = ip[s.header + sum_at + 1] = 0;
    }
  }
  return Place(packet, view) + " " + Hex(ip) + remark;
}

std::vector<std::string> TakeWhole(std::vector<WirePacket>* packets, const WireView& view) {
  std::vector<std::string> whole;
  std::vector<WirePacket> work;
  work.swap(*packets);
  std::map<std::string, std::vector<WirePacket>> groups;
  while (!work.empty()) {
    WirePacket packet = std::move(work.back());
    work.pop_back();
    const Shape s = ShapeOf(packet.ip);
    if (s.cut.is_fragment) {
      const std::string name = Common(packet, s, {}) + " id " + std::to_string(s.id);
      auto& group = groups[name];
      group.push_back(std::move(packet));
      std::vector<const WirePacket*> pieces;
      for (const WirePacket& p : group) pieces.push_back(&p);
      if (auto joined = Joined(pieces)) {
        groups.erase(name);
        work.push_back(*std::move(joined));
      }
    } else if (IsTunnel(s)) {
      WirePacket inner = packet;
      inner.to = packet.to + " in " + Common({.port = "", .to = "", .ip = packet.ip}, s, view);
      inner.ip = Part(packet.ip, s.header, packet.ip.size());
      work.push_back(std::move(inner));
    } else {
      const std::string id = IsIpv4(packet.ip) ? " id " + std::to_string(s.id) : "";
      whole.push_back(Common(packet, s, view) + id + " " +
                      Transport(packet.ip, s, Part(packet.ip, s.header, packet.ip.size()), view));
    }
  }
  for (auto& [name, group] : groups) {
    std::move(group.begin(), group.end(), std::back_inserter(*packets));
  }
  return whole;
}

}  // namespace fairlead::golden::wire
