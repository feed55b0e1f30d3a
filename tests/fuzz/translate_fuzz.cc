// Any packet and any ICMP error, translated into the other IP version and, where that can be, back.
//
// Input: one byte (bit 0: the port says the header checksum is good), then the frame. Checked: no
// read or write behind it; what comes out is a packet in the eyes of the parser, with the fields
// that the translation claims, and a transport checksum that was right is right; of an error the
// checksum is right, and it quotes a flow.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "dataplane/wire/translate_error.h"
#include "dataplane/wire/translate_family.h"

namespace fairlead::dataplane {
namespace {

constexpr auto kReal4 = Ipv4Address::FromHost(0x0a00000b);
constexpr auto kLocal4 = Ipv4Address::FromHost(0x0a0000c9);
constexpr Ipv6Address kReal6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11}};
constexpr Ipv6Address kLocal6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1}};

void Require(bool claim) {
  if (!claim) std::abort();
}

Endpoint Local(bool is_v4) {
  return {is_v4 ? IpAddress(kLocal4) : IpAddress(kLocal6), Be16::FromHost(4000)};
}
Endpoint Real(bool is_v4) {
  return {is_v4 ? IpAddress(kReal4) : IpAddress(kReal6), Be16::FromHost(8080)};
}

// The sum over pseudo header and all that follows; a UDP checksum of 0 is none.
bool HasGoodSum(const uint8_t* frame, const ParsedPacket& p) {
  const uint64_t pseudo =
      p.is_v4() ? PseudoHeaderSum(p.Source<Ipv4Address>(frame), p.Destination<Ipv4Address>(frame),
                                  p.protocol, p.l4_length())
                : PseudoHeaderSum(p.Source<Ipv6Address>(frame), p.Destination<Ipv6Address>(frame),
                                  p.protocol, p.l4_length());
  return Checksum(frame + p.l4_offset, p.l4_length(), pseudo).is_zero();
}

bool IsUdpWithoutSum(const uint8_t* frame, const ParsedPacket& p) {
  return p.protocol == kProtocolUdp &&
         HeaderAt<UdpHeader>(frame, p.l4_offset)->checksum.get().is_zero();
}

// As path/translate.h does it. False: it has no form in the other version.
bool Translate(BytePacket& packet, ParsedPacket* parsed, PacketKind kind) {
  const bool to_v4 = !parsed->is_v4();
  const bool is_later = parsed->is_fragment && !parsed->is_first_fragment;
  const bool was_good = !parsed->is_fragment && !IsUdpWithoutSum(packet.data(), *parsed) &&
                        HasGoodSum(packet.data(), *parsed);
  const uint32_t length = TranslatedLength(*parsed);
  if (length > 0xffff) return false;
  const Endpoint local = Local(to_v4), real = Real(to_v4);
  if (!TranslateTransport(packet.data(), *parsed, local, real)) return false;
  if (!TranslateHeader(packet, parsed, local.address, real.address, 7)) return false;
  if (!is_later) {
    parsed->source_port = local.port;
    parsed->destination_port = real.port;
  }
  Require(packet.length() == kEthernetHeaderLength + length);
  WriteEthernet(packet.data(), {}, {}, parsed->ethertype);
  parsed->destination_mac = MacKind::kUnicast;
  ParsedPacket seen;
  packet.meta().ip_checksum_good = false;
  const ParseOutcome outcome = Parse(packet, &seen);
  if (parsed->is_fragment && outcome.kind == PacketKind::kDropped) return false;
  Require(outcome.kind == kind && seen == *parsed);
  Require(!was_good || HasGoodSum(packet.data(), seen));
  return true;
}

void TranslateError(const uint8_t* frame, const ParsedPacket& parsed) {
  QuotedPacket quoted;
  if (ParseIcmpError(frame, parsed, &quoted) != IcmpErrorKind::kRelated) return;
  const bool to_v4 = !parsed.is_v4();
  const auto made = std::make_unique<uint8_t[]>(kMaxTranslatedError);  // its exact size
  const uint32_t length =
      TranslateIcmpError(frame, parsed, quoted, Local(to_v4), Real(to_v4), made.get());
  if (length == 0) return;
  WriteEthernet(made.get(), {}, {}, EtherTypeOf(to_v4 ? Family::kIpv4 : Family::kIpv6));
  ParsedPacket seen;
  Require(ParseFrame(made.get(), length, false, &seen).kind == PacketKind::kIcmp);
  Require(seen.l3_offset + seen.ip_length == length);
  Require(HasGoodIcmpChecksum(made.get(), seen));
  // IPv4 has errors that are not followed, such as a parameter problem.
  const IcmpErrorKind kind = ParseIcmpError(made.get(), seen, &quoted);
  Require(kind == IcmpErrorKind::kRelated || (to_v4 && kind == IcmpErrorKind::kNotRelated));
  if (kind != IcmpErrorKind::kRelated) return;
  Require(quoted.source_port == Real(to_v4).port && quoted.destination_port == Local(to_v4).port);
}

}  // namespace
}  // namespace fairlead::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fairlead::dataplane;
  if (size < 1 || size > 4000) return 0;
  const auto packet = std::make_unique<BytePacket>(std::span(data + 1, size - 1));
  packet->meta().ip_checksum_good = (data[0] & 1) != 0;
  ParsedPacket parsed;
  const PacketKind kind = Parse(*packet, &parsed).kind;
  if (parsed.ttl <= 2) return 0;
  if (kind == PacketKind::kIcmp) {
    const auto frame = std::make_unique<uint8_t[]>(packet->length());
    std::memcpy(frame.get(), packet->data(), packet->length());
    TranslateError(frame.get(), parsed);
    return 0;
  }
  if (kind != PacketKind::kFlow && kind != PacketKind::kFragment) return 0;
  if (Translate(*packet, &parsed, kind)) Translate(*packet, &parsed, kind);
  return 0;
}
