// Any quotation inside an ICMP error, parsed and rewritten both ways.
//
// Input: one byte of switches (bit 0: IPv6), the ICMP type, then the quotation. The target puts a
// valid frame around it, checksums included, so that the fuzzer's work goes into the quotation.
// Checked: no read or write behind the frame, and the ICMP checksum is right after each rewriting.
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "dataplane/wire/icmp_error.h"
#include "dataplane/wire/ip_header.h"

namespace fairlead::dataplane {
namespace {

constexpr Ipv4Address kFrom4 = Ipv4Address::FromHost(0xcb007101);
constexpr Ipv4Address kTo4 = Ipv4Address::FromHost(0xc000020a);
constexpr Ipv4Address kReal4 = Ipv4Address::FromHost(0x0a00000b);
constexpr Ipv6Address kFrom6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}};
constexpr Ipv6Address kTo6{{0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10}};
constexpr Ipv6Address kReal6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11}};

void Require(bool claim) {
  if (!claim) std::abort();
}

uint64_t Pseudo(Ipv4Address, Ipv4Address, uint32_t) { return 0; }
uint64_t Pseudo(const Ipv6Address& from, const Ipv6Address& to, uint32_t length) {
  return PseudoHeaderSum(from, to, kProtocolIcmpv6, length);
}

template <typename Address>
void Run(const Address& from, const Address& to, const Address& real, uint8_t type,
         const uint8_t* quotation, uint32_t size) {
  const auto l4 = static_cast<uint32_t>(kEthernetHeaderLength + sizeof(IpHeader<Address>));
  const uint32_t length = l4 + static_cast<uint32_t>(sizeof(IcmpHeader)) + size;
  const auto frame = std::make_unique<uint8_t[]>(length);  // its exact size
  WriteEthernet(frame.get(), {}, {}, Address::kFamily == Family::kIpv4 ? 0x0800 : 0x86dd);
  IpFields fields;
  fields.protocol = Address::kFamily == Family::kIpv4 ? kProtocolIcmp : kProtocolIcmpv6;
  fields.payload_length = length - l4;
  WriteIpHeader(frame.get() + kEthernetHeaderLength, from, to, fields);
  auto* icmp = HeaderAt<IcmpHeader>(frame.get(), l4);
  icmp->type = type;
  if (size > 0) std::memcpy(frame.get() + l4 + sizeof(IcmpHeader), quotation, size);
  icmp->checksum = Checksum(icmp, length - l4, Pseudo(from, to, length - l4));

  ParsedPacket parsed;
  Require(ParseFrame(frame.get(), length, false, &parsed).kind == PacketKind::kIcmp);
  QuotedPacket quoted;
  if (ParseIcmpError(frame.get(), parsed, &quoted) != IcmpErrorKind::kRelated) return;
  Require(quoted.l3_offset < quoted.l4_offset && quoted.l4_offset + 4u <= length);
  Require(HasGoodIcmpChecksum(frame.get(), parsed));
  RewriteIcmpBytes<true>(frame.get(), parsed, quoted, real, Be16::FromHost(8080));
  Require(HasGoodIcmpChecksum(frame.get(), parsed));
  Require(quoted.Source<Address>(frame.get()) == real);
  RewriteIcmpBytes<false>(frame.get(), parsed, quoted, to, Be16::FromHost(80));
  Require(HasGoodIcmpChecksum(frame.get(), parsed));
  Require(ParseFrame(frame.get(), length, false, &parsed).kind == PacketKind::kIcmp);
}

}  // namespace
}  // namespace fairlead::dataplane

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fairlead::dataplane;
  if (size < 2 || size > 1500) return 0;
  const auto quoted = static_cast<uint32_t>(size - 2);
  if ((data[0] & 1) == 0) {
    Run(kFrom4, kTo4, kReal4, data[1], data + 2, quoted);
  } else {
    Run(kFrom6, kTo6, kReal6, data[1], data + 2, quoted);
  }
  return 0;
}
