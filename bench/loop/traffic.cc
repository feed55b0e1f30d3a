#include "traffic.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <random>

#include "base/checksum.h"
#include "dataplane/shard/steering.h"
#include "dataplane/wire/arp.h"
#include "dataplane/wire/headers.h"
#include "pcap_file.h"

namespace fairlead::bench {
namespace {

using namespace dataplane;

constexpr uint64_t kSeed = 20;
constexpr uint32_t kIpv4FrameBytes = 60;  // without the frame check sequence
constexpr uint8_t kSyn = 0x02, kAck = 0x10;

uint16_t ClientPort(uint32_t flow) { return static_cast<uint16_t>(1024 + flow * 40503u % 60000); }

struct TcpEnds {
  IpAddress from, to;
  uint16_t from_port = 0, to_port = 0;
};

template <typename Address>
void WriteTcp(uint8_t* at, uint32_t length, const TcpEnds& ends, uint8_t flags) {
  auto* tcp = HeaderAt<TcpHeader>(at, 0);
  tcp->source_port = Be16::FromHost(ends.from_port);
  tcp->destination_port = Be16::FromHost(ends.to_port);
  tcp->data_offset = 5 << 4;
  tcp->flags = flags;
  tcp->window = Be16::FromHost(64240);
  tcp->checksum = Checksum(tcp, length,
                           PseudoHeaderSum(ends.from.template As<Address>(),
                                           ends.to.template As<Address>(), kProtocolTcp, length));
}

std::vector<uint8_t> BuildFrame(MacAddress destination, MacAddress source, const TcpEnds& ends,
                                uint8_t flags) {
  const bool is_v4 = ends.from.is_v4();
  constexpr auto kIpv6FrameBytes =
      static_cast<uint32_t>(kEthernetHeaderLength + sizeof(Ipv6Header) + sizeof(TcpHeader));
  std::vector<uint8_t> frame(is_v4 ? kIpv4FrameBytes : kIpv6FrameBytes);
  auto* ethernet = HeaderAt<EthernetHeader>(frame.data(), 0);
  ethernet->destination = destination;
  ethernet->source = source;
  ethernet->ethertype = Be16::FromHost(is_v4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  const uint32_t ip_length = static_cast<uint32_t>(frame.size()) - kEthernetHeaderLength;
  if (is_v4) {
    auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
    ip->version_and_length = 0x45;
    ip->total_length = Be16::FromHost(static_cast<uint16_t>(ip_length));
    // As nearly all TCP: without DF, FULLNAT gives each packet a new identification.
    ip->fragment = Be16::FromHost(Ipv4Header::kDontFragment);
    ip->ttl = 64;
    ip->protocol = kProtocolTcp;
    ip->source = ends.from.v4();
    ip->destination = ends.to.v4();
    ip->checksum = Checksum(ip, sizeof *ip);
    WriteTcp<Ipv4Address>(frame.data() + kEthernetHeaderLength + sizeof *ip,
                          ip_length - static_cast<uint32_t>(sizeof *ip), ends, flags);
  } else {
    auto* ip = HeaderAt<Ipv6Header>(frame.data(), kEthernetHeaderLength);
    ip->version_class_flow = Be32::FromHost(6u << 28);
    ip->payload_length = Be16::FromHost(sizeof(TcpHeader));
    ip->next_header = kProtocolTcp;
    ip->hop_limit = 64;
    ip->source = ends.from.v6();
    ip->destination = ends.to.v6();
    WriteTcp<Ipv6Address>(frame.data() + kEthernetHeaderLength + sizeof *ip, sizeof(TcpHeader),
                          ends, flags);
  }
  return frame;
}

std::vector<uint8_t> FromClient(const Traffic& traffic, uint32_t flow, uint8_t flags) {
  std::vector<uint8_t> frame = BuildFrame(
      traffic.director, kGatewayMac,
      {ClientAddress(traffic.family, flow), VipAddress(traffic.family), ClientPort(flow), kHttp},
      flags);
  if (traffic.vlan == 0) return frame;
  const uint8_t tag[] = {0x81, 0x00, static_cast<uint8_t>(traffic.vlan >> 8),
                         static_cast<uint8_t>(traffic.vlan)};
  frame.insert(frame.begin() + 2 * sizeof(MacAddress), std::begin(tag), std::end(tag));
  return frame;
}

// The two fragments of a segment of 24 bytes and 8 more. The sum is nobody's to look at here.
void AddFragments(const Traffic& traffic, uint32_t flow, edge::PcapWriter* out) {
  for (const bool is_first : {true, false}) {
    std::vector<uint8_t> frame = FromClient(traffic, flow, kAck);
    auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
    ip->total_length = Be16::FromHost(is_first ? 44 : 28);
    ip->id = Be16::FromHost(static_cast<uint16_t>(flow));
    ip->fragment = Be16::FromHost(is_first ? Ipv4Header::kMoreFragments : uint16_t{24 / 8});
    ip->checksum = Be16{};
    ip->checksum = Checksum(ip, sizeof *ip);
    out->Add(frame);
  }
}

std::vector<uint8_t> Announcement(const MacAddress& mac, Ipv4Address address) {
  std::vector<uint8_t> frame(kIpv4FrameBytes);
  BuildGratuitousArp(frame.data(), mac, address);
  return frame;
}

std::vector<uint8_t> FromReal(Family family, uint32_t flow, uint32_t real, uint8_t flags) {
  return BuildFrame(
      PortMac(kInside), RealMac(real),
      {RealAddress(family, real), ClientAddress(family, flow), kHttp, ClientPort(flow)}, flags);
}

std::vector<uint32_t> FlowsOf(const Traffic& traffic) {
  std::vector<uint32_t> flows(traffic.flows);
  std::iota(flows.begin(), flows.end(), 0u);
  if (traffic.workers == 1) return flows;
  const Steering steering(traffic.workers);
  std::erase_if(flows, [&](uint32_t flow) {
    const IpAddress client = ClientAddress(traffic.family, flow);
    const Be16 port = Be16::FromHost(ClientPort(flow));
    const WorkerId owner = client.is_v4() ? steering.ConnectionOwner(client.v4(), port)
                                          : steering.ConnectionOwner(client.v6(), port);
    return owner.value() != traffic.worker;
  });
  return flows;
}

// The clients' packets, with the SYNs of other flows spread evenly among them.
class ClientWriter {
 public:
  ClientWriter(const Traffic& traffic, edge::PcapWriter* out) : traffic_(traffic), out_(out) {}

  void Add(uint32_t flow, uint8_t flags) {
    out_->Add(FromClient(traffic_, flow, flags));
    // Of 100 packets so many are new: one for every (100 - n) / n old ones.
    for (due_ += traffic_.new_percent; due_ >= 100 - traffic_.new_percent && due_ > 0;
         due_ -= 100 - traffic_.new_percent) {
      out_->Add(FromClient(traffic_, next_new_++, kSyn));
    }
  }

 private:
  const Traffic& traffic_;
  edge::PcapWriter* out_;
  uint32_t due_ = 0;
  uint32_t next_new_ = kFirstNewFlow;
};

}  // namespace

uint32_t NewFlows(const Traffic& traffic) {
  return static_cast<uint32_t>(uint64_t{2} * traffic.flows * traffic.new_percent /
                               (100 - traffic.new_percent));
}

IpAddress ClientAddress(Family family, uint32_t flow) {
  // 100.0.0.0/8: 2^23 flows that stay, and as many that come once.
  if (family == Family::kIpv4) return Ipv4Address::FromHost(0x64000000u | flow);
  Ipv6Address address = Prefix::Parse("2001:db8:c::/64")->network().v6();
  Be32::FromHost(flow).Store(address.bytes.data() + 12);
  return address;
}

bool WriteTraffic(const Traffic& traffic, const std::string& path) {
  edge::PcapWriter writer(path);
  ClientWriter clients(traffic, &writer);
  std::vector<uint32_t> order = FlowsOf(traffic);
  std::mt19937_64 random(kSeed);
  std::shuffle(order.begin(), order.end(), random);
  if (traffic.kind == TrafficKind::kReplies) {
    // Round robin gives the n-th flow its real; the replies then come in orders of their own.
    std::vector<uint32_t> real_of(traffic.flows);
    for (size_t n = 0; n < order.size(); ++n) real_of[order[n]] = RoundRobinReal(n);
    std::mt19937_64 other(kSeed + 1);
    for (int round = 0; round < 2; ++round) {
      std::shuffle(order.begin(), order.end(), other);
      for (const uint32_t flow : order) {
        writer.Add(FromReal(traffic.family, flow, real_of[flow], kAck));
      }
    }
    return writer.Close();
  }
  if (traffic.has_neighbours) {
    for (uint32_t i = 0; i < kReals; ++i) {
      writer.Add(Announcement(RealMac(i), RealAddress(Family::kIpv4, i).v4()));
    }
    writer.Add(Announcement(kGatewayMac, Ipv4Address::FromHost(0xc0000201)));  // 192.0.2.1
  }
  if (traffic.kind == TrafficKind::kFragments) {
    for (const uint32_t flow : order) AddFragments(traffic, flow, &writer);
    return writer.Close();
  }
  const bool begins_by_syn = traffic.kind == TrafficKind::kSyns || traffic.has_neighbours;
  for (const uint32_t flow : order) clients.Add(flow, begins_by_syn ? kSyn : kAck);
  if (traffic.kind == TrafficKind::kClients) {
    std::shuffle(order.begin(), order.end(), random);
    for (const uint32_t flow : order) clients.Add(flow, kAck);
  }
  return writer.Close();
}

}  // namespace fairlead::bench
