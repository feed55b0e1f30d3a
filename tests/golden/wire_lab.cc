#include "wire_lab.h"

#include <optional>
#include <utility>

#include "dataplane/wire/arp.h"
#include "dataplane/wire/neighbour_discovery.h"

namespace fairlead::golden::wire {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr const char* kNetwork = R"(
ports:
  - { name: outside, device: net_null0, role: outside, addresses: [10.0.0.1/24, "fd00::1/64", 10.100.0.1/32, "fd64::1/128"] }
  - { name: inside, device: net_null1, role: inside, addresses: [ADDRESSES], mtu: MTU }
routes:
  - { to: 10.8.0.0/16, via: 10.0.0.2 }
  - { to: 10.9.0.0/16, via: 10.0.0.2 }
  - { to: "fd09::/64", via: "fd00::2" }
  - { to: 10.3.0.0/16, via: 10.1.0.9 }
)";

// ---- the hosts around the director

struct Host {
  const char *name, *v4, *v6;
  PortId port;
  uint8_t number;
};
constexpr Host kHosts[] = {{"client", "10.0.0.2", "fd00::2", kOutside, 0x10},
                           {"rs1", "10.1.0.11", "fd01::11", kInside, 0x21},
                           {"rs2", "10.1.0.12", "fd01::12", kInside, 0x22},
                           {"rs3", "10.1.0.13", "fd01::13", kInside, 0x23},
                           {"rs4", "10.1.0.14", "fd01::14", kInside, 0x24},
                           {"gw", "10.1.0.9", "fd01::9", kInside, 0x29}};
MacAddress MacOf(const Host& host) { return MacAddress::FromNumber(0x020000000100u + host.number); }

const Host* HostAt(const IpAddress& address) {
  for (const Host& host : kHosts) {
    if (address == IpAddress::Parse(host.v4) || address == IpAddress::Parse(host.v6)) return &host;
  }
  return nullptr;
}

}  // namespace

std::string WireNetwork(uint16_t mtu) {
  std::string text = kNetwork;
  text.replace(text.find("MTU"), 3, std::to_string(mtu));
  // IPv6 needs 1280 bytes (RFC 8200 section 5); those cases have none.
  const bool has_v6 = mtu >= 1280;
  if (has_v6) text += "  - { to: \"fd03::/64\", via: \"fd01::9\" }\n";
  return text.replace(text.find("ADDRESSES"), 9,
                      has_v6 ? "10.1.0.1/24, \"fd01::1/64\"" : "10.1.0.1/24");
}

Bytes FromHex(const std::string& hex) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

void WireLab::Receive(const std::string& link, const std::vector<uint8_t>& ip) {
  const PortId port = link == "client" ? kOutside : kInside;
  const bool v4 = ip[0] >> 4 == 4;
  // Whoever sends on the server's link; the director does not ask which it was.
  const Host& from = port == kOutside ? kHosts[0] : kHosts[1];
  Frame frame(14);
  PortMac(port).Store(frame.data());
  MacOf(from).Store(&frame[6]);
  frame[12] = v4 ? 0x08 : 0x86;
  frame[13] = v4 ? 0x00 : 0xdd;
  frame.insert(frame.end(), ip.begin(), ip.end());
  director_.Receive(port, frame);
  Gather();
}

// What has come out; whoever is asked for is told at once.
void WireLab::Gather() {
  std::vector<Sent> sent = director_.TakeSent();
  for (const Sent& s : sent) {
    if (AnswersNeighbour(s)) continue;
    const auto to = MacAddress::Load(s.frame.data());
    std::string name = "nobody";
    for (const Host& host : kHosts) {
      if (to == MacOf(host)) name = host.name;
    }
    out_.push_back({.port = s.port == kOutside ? "client" : "server",
                    .to = name,
                    .ip = Bytes(s.frame.begin() + 14, s.frame.end())});
  }
}
bool WireLab::AnswersNeighbour(const Sent& s) {
  dataplane::BytePacket packet(s.frame, s.port);
  dataplane::ArpMessage arp;
  if (dataplane::ParseArp(packet.data(), packet.length(), &arp)) {
    const Host* host = arp.is_request ? HostAt(arp.target) : nullptr;
    if (host == nullptr) return true;
    dataplane::TurnIntoArpReply(packet, MacOf(*host));
  } else {
    dataplane::ParsedPacket parsed;
    dataplane::NeighbourMessage message;
    const auto kind = dataplane::ParseFrame(packet.data(), packet.length(), true, &parsed).kind;
    if (kind != dataplane::PacketKind::kIcmp) return false;
    if (dataplane::IsMulticastQuery(parsed) || parsed.icmp_type == 143) return true;
    if (!dataplane::IsNeighbourMessage(parsed)) return false;
    if (!dataplane::ParseNeighbourMessage(packet.data(), parsed, &message)) return false;
    const Host* host = message.is_solicitation ? HostAt(message.target) : nullptr;
    if (host == nullptr) return true;
    if (!dataplane::TurnIntoNeighbourAdvertisement(packet, &parsed, MacOf(*host))) return false;
  }
  const auto answer = packet.frame();
  director_.Receive(s.port, Frame(answer.begin(), answer.end()));
  Gather();
  return true;
}

std::vector<WirePacket> WireLab::Take() {
  Gather();
  return std::exchange(out_, {});
}

}  // namespace fairlead::golden::wire
