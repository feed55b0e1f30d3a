// Any bytes through Parse and everything that trusts what it says.
//
// The first input byte is a set of switches (bit 0: the port says the header checksum is good; bit
// 1: tunnel, bit 2: over IPv4; bit 3: answer with a reset; bit 7: forward, else answer); the rest
// is the frame, copied to a heap block of its exact size, so that the sanitizer sees the first byte
// read behind it. Then the same frame goes through Parse on a packet, and through the rewriting and
// answering that its kind allows, whose preconditions are checked as the pipeline checks them.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "dataplane/wire/arp.h"
#include "dataplane/wire/icmp_build.h"
#include "dataplane/wire/multicast_listener.h"
#include "dataplane/wire/neighbour_discovery.h"
#include "dataplane/wire/parse.h"
#include "dataplane/wire/rewrite_nat.h"
#include "dataplane/wire/rewrite_tun.h"

namespace fairlead::dataplane {
namespace {

constexpr MacAddress kOurMac{{2, 0, 0, 0, 0, 0xd}};
constexpr Ipv4Address kAddress4 = Ipv4Address::FromHost(0x0a00000b);
constexpr Ipv6Address kAddress6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11}};

void Require(bool claim) {
  if (!claim) std::abort();
}

// The invariants that parse.h promises.
void CheckInvariants(const ParsedPacket& p, PacketKind kind, uint32_t length) {
  Require(p.l3_offset + p.ip_length <= length);
  Require(p.l3_offset < p.l4_offset && p.l4_offset <= p.payload_offset);
  Require(p.payload_offset <= p.l3_offset + p.ip_length);
  if (kind == PacketKind::kFlow) {
    Require(p.protocol == kProtocolTcp || p.protocol == kProtocolUdp);
    Require(p.l4_length() >= (p.protocol == kProtocolTcp ? sizeof(TcpHeader) : sizeof(UdpHeader)));
  }
  if (kind == PacketKind::kIcmp) Require(p.l4_length() >= sizeof(IcmpHeader));
  Require((kind == PacketKind::kFragment) == p.is_fragment);
}

// What the director makes is valid in the eyes of its own parser.
void CheckOwn(BytePacket& packet, PacketKind wanted) {
  ParsedPacket p;
  packet.meta().ip_checksum_good = false;
  Require(Parse(packet, &p).kind == wanted);
}

void Forward(BytePacket& packet, ParsedPacket parsed, uint8_t switches) {
  if (parsed.ttl <= 1) return;
  if ((switches & 2) != 0) {
    const bool done = (switches & 4) != 0
                          ? RewriteTun(packet, &parsed, kAddress4, kAddress4, Be16{}, true)
                          : RewriteTun(packet, &parsed, kAddress6, kAddress6, Be16{}, false);
    Require(done);
    return;
  }
  const Be16 port = Be16::FromHost(8080);
  if (parsed.is_v4()) {
    RewriteNat<NatDirection::kForward>(packet, &parsed, kAddress4, port);
    RewriteNat<NatDirection::kReply>(packet, &parsed, kAddress4, port);
  } else {
    RewriteNat<NatDirection::kForward>(packet, &parsed, kAddress6, port);
    RewriteNat<NatDirection::kReply>(packet, &parsed, kAddress6, port);
  }
  // With a header checksum that was only said to be good the result is as wrong as the input.
  if ((switches & 1) == 0) CheckOwn(packet, PacketKind::kFlow);
}

void Answer(BytePacket& packet, ParsedPacket parsed, uint8_t switches) {
  const uint8_t* frame = packet.data();
  if ((switches & 8) != 0 && MayAnswerWithReset(frame, parsed)) {
    BuildReset(packet, &parsed);
    CheckOwn(packet, PacketKind::kFlow);
  } else if (IsEchoRequest(frame, parsed)) {
    if (BuildEchoReply(packet, &parsed)) CheckOwn(packet, PacketKind::kIcmp);
  } else if (IsNeighbourMessage(parsed)) {
    NeighbourMessage message;
    if (ParseNeighbourMessage(frame, parsed, &message) && message.is_solicitation) {
      Require(TurnIntoNeighbourAdvertisement(packet, &parsed, kOurMac));
      Require(parsed.ttl == 255);
    }
  } else if (IsMulticastQuery(parsed)) {
    MulticastQuery query;
    if (ParseMulticastQuery(frame, parsed, &query)) {
      Require(query.group.is_unspecified() || query.group.is_multicast());
    }
  } else if (MayAnswerWithError(frame, parsed)) {
    const IpAddress source = parsed.is_v4() ? IpAddress(kAddress4) : IpAddress(kAddress6);
    Require(
        BuildIcmpError(packet, &parsed, static_cast<IcmpError>((switches >> 4) % 5), source, 1400));
    Require(!MayAnswerWithError(packet.data(), parsed));
    CheckOwn(packet, PacketKind::kIcmp);
  }
}

}  // namespace
}  // namespace fairlead::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fairlead::dataplane;
  if (size < 1 || size > 1 + BytePacket::kRoom) return 0;
  const uint8_t switches = data[0];
  const auto length = static_cast<uint32_t>(size - 1);
  const auto exact = std::make_unique<uint8_t[]>(length);
  if (length > 0) std::memcpy(exact.get(), data + 1, length);
  ParsedPacket parsed;
  const ParseOutcome outcome = ParseFrame(exact.get(), length, (switches & 1) != 0, &parsed);
  if (outcome.kind == PacketKind::kDropped) {
    Require(outcome.reason < DropReason::kCount);
    return 0;
  }

  auto packet = std::make_unique<BytePacket>(std::span(exact.get(), length));
  packet->meta().ip_checksum_good = (switches & 1) != 0;
  ParsedPacket again;
  Require(Parse(*packet, &again).kind == outcome.kind);
  if (outcome.kind == PacketKind::kArp) {
    ArpMessage arp;
    if (ParseArp(packet->data(), packet->length(), &arp) && arp.is_request) {
      TurnIntoArpReply(*packet, kOurMac);
      Require(packet->length() == kArpFrameLength);
    }
    return 0;
  }
  CheckInvariants(parsed, outcome.kind, length);
  Require(packet->length() == parsed.l3_offset + parsed.ip_length);
  if (outcome.kind == PacketKind::kFlow && (switches & 0x80) != 0) {
    Forward(*packet, again, switches);
  } else {
    Answer(*packet, again, switches);
  }
  return 0;
}
