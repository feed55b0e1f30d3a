#include "frames.h"

#include <algorithm>

#include "base/checksum.h"
#include "dataplane/wire/headers.h"

namespace fairlead::edge {

using namespace dataplane;

namespace {
constexpr uint32_t kShortest = kEthernetHeaderLength + sizeof(Ipv4Header) + sizeof(TcpHeader);
}  // namespace

std::vector<uint8_t> BuildTcp(const TcpFrame& f) {
  std::vector<uint8_t> frame(std::max(f.length, kShortest));
  auto* ethernet = HeaderAt<EthernetHeader>(frame.data(), 0);
  ethernet->destination = f.destination;
  ethernet->source = f.source;
  ethernet->ethertype = Be16::FromHost(kEtherTypeIpv4);

  const auto ip_length = static_cast<uint32_t>(frame.size()) - kEthernetHeaderLength;
  const uint32_t tcp_length = ip_length - static_cast<uint32_t>(sizeof(Ipv4Header));
  auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
  ip->version_and_length = 0x45;
  ip->total_length = Be16::FromHost(static_cast<uint16_t>(ip_length));
  ip->ttl = 64;
  ip->protocol = kProtocolTcp;
  ip->source = Ipv4Address::FromHost(f.from);
  ip->destination = Ipv4Address::FromHost(f.to);
  ip->checksum = Checksum(ip, sizeof *ip);

  auto* tcp = HeaderAt<TcpHeader>(frame.data(), kEthernetHeaderLength + sizeof *ip);
  tcp->source_port = Be16::FromHost(f.from_port);
  tcp->destination_port = Be16::FromHost(f.to_port);
  tcp->data_offset = 5 << 4;
  tcp->flags = f.flags;
  tcp->window = Be16::FromHost(64240);
  tcp->checksum =
      Checksum(tcp, tcp_length,
               PseudoHeaderSum(ip->source.get(), ip->destination.get(), kProtocolTcp, tcp_length));
  return frame;
}

}  // namespace fairlead::edge
