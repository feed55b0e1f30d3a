// Tunnel packets of any shape to a port where tunnels end, through a whole director of two workers:
// nothing is read behind a packet, and none is lost or sent twice in the books.
//
// The first byte: bits 0-1 the protocol behind the outer header (IPv4, IPv6, GRE, GUE), bit 2 an
// IPv6 outer header, bit 3 checksums are made right, bits 4-6 which types end here. The rest
// follows the outer IP header.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../dataplane/byte_director.h"

namespace {

using namespace fairlead;             // NOLINT
using namespace fairlead::dataplane;  // NOLINT

void Require(bool claim, const std::string& what) {
  if (claim) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

Frame FrameOf(uint8_t what, const uint8_t* data, size_t size) {
  constexpr uint8_t kProtocols[] = {kProtocolIpip, kProtocolIpv6, kProtocolGre, kProtocolUdp};
  const bool is_v6 = (what & 4) != 0;
  Frame frame = is_v6 ? Udp("fd00::7", 1, "fd00::11", 2) : Udp("10.0.0.7", 1, "10.0.0.11", 2);
  const uint32_t header = is_v6 ? 54 : 34;
  frame.resize(header);
  frame.insert(frame.end(), data, data + size);
  if (is_v6) {
    auto* ip = HeaderAt<Ipv6Header>(frame.data(), 14);
    ip->next_header = kProtocols[what & 3];
    ip->payload_length = Be16::FromHost(static_cast<uint16_t>(size));
  } else {
    auto* ip = HeaderAt<Ipv4Header>(frame.data(), 14);
    ip->protocol = kProtocols[what & 3];
    ip->total_length = Be16::FromHost(static_cast<uint16_t>(20 + size));
    ip->checksum = Be16{};
    ip->checksum = Checksum(ip, 20);
  }
  if ((what & 3) == 3 && size >= 8) {
    Be16::FromHost(kGuePort).Store(&frame[header + 2]);
    Be16::FromHost(static_cast<uint16_t>(size)).Store(&frame[header + 4]);
    if ((what & 8) != 0) Be16{}.Store(&frame[header + 6]);
  }
  if ((what & 3) == 2 && (what & 8) != 0 && size >= 8 && (frame[header] & 0x80) != 0) {
    Be16{}.Store(&frame[header + 4]);
    Checksum(&frame[header], size).Store(&frame[header + 4]);
  }
  return frame;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 2000) return 0;
  ByteDirector director({.workers = 2, .connections = 64, .templates = 64});
  for (const char* vip : {"192.0.2.10", "2001:db8::10"}) {
    const bool v4 = vip[0] == '1';
    director.AddReal(director.AddService({.address = vip}), v4 ? "10.0.0.55" : "fd00::55", 8080);
  }
  for (const char* address : {"10.0.0.11", "fd00::11"}) {
    director.draft().local_addresses[*IpAddress::Parse(address)] = {.is_vip = false,
                                                                    .port = kInside};
  }
  director.draft().ports[kInside.index()].decapsulates = static_cast<uint8_t>(data[0] >> 4 & 7);
  director.Publish();
  Frame frame = FrameOf(data[0], data + 1, size - 1);
  PortMac(kInside).Store(frame.data());
  director.Send(kInside, frame);
  Require(director.CheckConservation().empty(), director.CheckConservation());
  return 0;
}
