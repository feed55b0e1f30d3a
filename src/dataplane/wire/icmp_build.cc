#include "dataplane/wire/icmp_build.h"

#include "base/checksum.h"

namespace fairlead::dataplane {
namespace {

// Precedence "internetwork control", which RFC 1812 section 4.3.2.5 asks of IPv4 errors.
constexpr uint8_t kErrorTos = 0xc0;

struct TypeAndCode {
  uint8_t type;
  uint8_t code;
};

TypeAndCode TypeAndCodeOf(IcmpError error, Family family) {
  const bool is_v4 = family == Family::kIpv4;
  switch (error) {
    case IcmpError::kPortUnreachable:
      return is_v4 ? TypeAndCode{kIcmpUnreachable, 3} : TypeAndCode{kIcmpv6Unreachable, 4};
    case IcmpError::kHostUnreachable:
      return is_v4 ? TypeAndCode{kIcmpUnreachable, 1} : TypeAndCode{kIcmpv6Unreachable, 3};
    case IcmpError::kNetUnreachable:
      return is_v4 ? TypeAndCode{kIcmpUnreachable, 0} : TypeAndCode{kIcmpv6Unreachable, 0};
    case IcmpError::kTooBig:
      return is_v4 ? TypeAndCode{kIcmpUnreachable, 4} : TypeAndCode{kIcmpv6TooBig, 0};
    case IcmpError::kProtocolUnreachable:
      return is_v4 ? TypeAndCode{kIcmpUnreachable, 2} : TypeAndCode{kIcmpv6Unreachable, 3};
    case IcmpError::kAdminProhibited:
      return is_v4 ? TypeAndCode{kIcmpUnreachable, 13} : TypeAndCode{kIcmpv6Unreachable, 1};
    case IcmpError::kTimeExceeded:
      break;
  }
  return is_v4 ? TypeAndCode{kIcmpTimeExceeded, 0} : TypeAndCode{kIcmpv6TimeExceeded, 0};
}

bool IsOneHost(const IpAddress& address) {
  if (address.is_multicast() || address.is_unspecified()) return false;
  return !address.is_v4() || address.v4().value.host() != 0xffffffff;
}

bool IsBetweenHosts(const uint8_t* frame, const ParsedPacket& parsed) {
  return parsed.destination_mac == MacKind::kUnicast && IsOneHost(parsed.source(frame)) &&
         IsOneHost(parsed.destination(frame));
}

// RFC 1122 section 3.2.2 for IPv4; for ICMPv6 every error and the redirect.
bool IsErrorMessage(const ParsedPacket& parsed) {
  if (parsed.is_v4()) {
    if (parsed.protocol != kProtocolIcmp) return false;
    return parsed.icmp_type == kIcmpUnreachable || parsed.icmp_type == kIcmpSourceQuench ||
           parsed.icmp_type == kIcmpRedirect || parsed.icmp_type == kIcmpTimeExceeded ||
           parsed.icmp_type == kIcmpParameterProblem;
  }
  return parsed.protocol == kProtocolIcmpv6 &&
         (parsed.icmp_type < kIcmpv6FirstInformational || parsed.icmp_type == kIcmpv6Redirect);
}

void WriteSwappedEthernet(uint8_t* frame, const EthernetHeader& received, Family family) {
  WriteEthernet(frame, received.destination, received.source, EtherTypeOf(family));
}

// Writes the IP header at the end of the Ethernet header; returns where the transport begins.
uint8_t* WriteIp(uint8_t* frame, const IpAddress& source, const IpAddress& destination,
                 const IpFields& fields) {
  uint8_t* at = frame + kEthernetHeaderLength;
  if (source.is_v4()) {
    WriteIpHeader(at, source.v4(), destination.v4(), fields);
    return at + sizeof(Ipv4Header);
  }
  WriteIpHeader(at, source.v6(), destination.v6(), fields);
  return at + sizeof(Ipv6Header);
}

uint64_t PseudoSum(const IpAddress& source, const IpAddress& destination, uint8_t protocol,
                   uint32_t length) {
  if (source.is_v4()) return PseudoHeaderSum(source.v4(), destination.v4(), protocol, length);
  return PseudoHeaderSum(source.v6(), destination.v6(), protocol, length);
}

void WriteIcmpChecksum(IcmpHeader* icmp, const IpAddress& source, const IpAddress& destination,
                       uint32_t length) {
  const uint64_t pseudo =
      source.is_v4() ? 0 : PseudoSum(source, destination, kProtocolIcmpv6, length);
  icmp->checksum = Be16{};
  icmp->checksum = Checksum(icmp, length, pseudo);
}

uint32_t LengthOfIpHeader(const IpAddress& address) {
  return static_cast<uint32_t>(address.is_v4() ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
}

// The header is all there is; returns the frame's length.
uint32_t FinishReset(TcpHeader* tcp, const IpAddress& source, const IpAddress& destination) {
  tcp->checksum =
      Checksum(tcp, sizeof *tcp, PseudoSum(source, destination, kProtocolTcp, sizeof(TcpHeader)));
  return static_cast<uint32_t>(kEthernetHeaderLength + LengthOfIpHeader(source) +
                               sizeof(TcpHeader));
}

}  // namespace

bool MayAnswerWithError(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  if (parsed.is_fragment && !parsed.is_first_fragment) return false;
  return IsBetweenHosts(frame, parsed) && !IsErrorMessage(parsed);
}

bool MayAnswerWithReset(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  return parsed.protocol == kProtocolTcp && !parsed.is_fragment &&
         (parsed.tcp_flags & kTcpRst) == 0 && IsBetweenHosts(frame, parsed);
}

bool IsEchoRequest(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  const bool is_echo = parsed.is_v4()
                           ? parsed.protocol == kProtocolIcmp && parsed.icmp_type == kIcmpEcho
                           : parsed.protocol == kProtocolIcmpv6 && parsed.icmp_type == kIcmpv6Echo;
  return is_echo && parsed.icmp_code == 0 && !parsed.is_fragment && IsBetweenHosts(frame, parsed);
}

namespace internal {

void WriteIcmpError(uint8_t* frame, uint32_t length, const EthernetHeader& received,
                    const IpAddress& source, const IpAddress& destination, IcmpError error,
                    uint16_t mtu_bytes) noexcept {
  IpFields fields;
  fields.protocol = source.is_v4() ? kProtocolIcmp : kProtocolIcmpv6;
  fields.tos = source.is_v4() ? kErrorTos : uint8_t{0};
  fields.payload_length = length - kEthernetHeaderLength - LengthOfIpHeader(source);
  WriteSwappedEthernet(frame, received, source.family());
  auto* icmp = HeaderAt<IcmpHeader>(WriteIp(frame, source, destination, fields), 0);
  const TypeAndCode what = TypeAndCodeOf(error, source.family());
  icmp->type = what.type;
  icmp->code = what.code;
  // IPv4: 16 bits unused, then the MTU (RFC 1191 section 4). ICMPv6: 32 bits of MTU.
  icmp->rest = Be32::FromHost(error == IcmpError::kTooBig ? mtu_bytes : 0u);
  WriteIcmpChecksum(icmp, source, destination, fields.payload_length);
}

uint32_t WriteReset(uint8_t* frame, const ParsedPacket& parsed) noexcept {
  const auto segment = *HeaderAt<TcpHeader>(frame, parsed.l4_offset);
  const EthernetHeader received = *HeaderAt<EthernetHeader>(frame, 0);
  const IpAddress source = parsed.destination(frame);
  const IpAddress destination = parsed.source(frame);
  uint32_t segment_length = parsed.l4_length() - segment.header_length();
  if ((segment.flags & kTcpSyn) != 0) ++segment_length;
  if ((segment.flags & kTcpFin) != 0) ++segment_length;

  WriteSwappedEthernet(frame, received, parsed.family);
  IpFields fields;
  fields.protocol = kProtocolTcp;
  fields.payload_length = sizeof(TcpHeader);
  auto* tcp = HeaderAt<TcpHeader>(WriteIp(frame, source, destination, fields), 0);
  *tcp = TcpHeader{};
  tcp->source_port = segment.destination_port;
  tcp->destination_port = segment.source_port;
  tcp->data_offset = sizeof(TcpHeader) / 4 << 4;
  if ((segment.flags & kTcpAck) != 0) {
    tcp->sequence = segment.acknowledgement;
    tcp->flags = kTcpRst;
  } else {
    tcp->acknowledgement = Be32::FromHost(segment.sequence.get().host() + segment_length);
    tcp->flags = kTcpRst | kTcpAck;
  }
  return FinishReset(tcp, source, destination);
}

uint32_t WriteResetOnwards(uint8_t* frame, const ParsedPacket& parsed) noexcept {
  const auto segment = *HeaderAt<TcpHeader>(frame, parsed.l4_offset);
  const IpAddress source = parsed.source(frame);
  const IpAddress destination = parsed.destination(frame);
  IpFields fields;
  fields.protocol = kProtocolTcp;
  fields.payload_length = sizeof(TcpHeader);
  auto* tcp = HeaderAt<TcpHeader>(WriteIp(frame, source, destination, fields), 0);
  *tcp = TcpHeader{};
  tcp->source_port = segment.source_port;
  tcp->destination_port = segment.destination_port;
  tcp->data_offset = sizeof(TcpHeader) / 4 << 4;
  tcp->sequence = segment.sequence;
  // A peer still in SYN_SENT believes only a RST that acknowledges (RFC 9293 section 3.10.7.3).
  tcp->acknowledgement = segment.acknowledgement;
  tcp->flags = static_cast<uint8_t>(kTcpRst | (segment.flags & kTcpAck));
  return FinishReset(tcp, source, destination);
}

void WriteEchoReply(uint8_t* frame, uint32_t length, const EthernetHeader& received,
                    const IpAddress& source, const IpAddress& destination, uint8_t tos) noexcept {
  IpFields fields;
  fields.protocol = source.is_v4() ? kProtocolIcmp : kProtocolIcmpv6;
  fields.tos = tos;
  fields.payload_length = length - kEthernetHeaderLength - LengthOfIpHeader(source);
  WriteSwappedEthernet(frame, received, source.family());
  auto* icmp = HeaderAt<IcmpHeader>(WriteIp(frame, source, destination, fields), 0);
  icmp->type = source.is_v4() ? kIcmpEchoReply : kIcmpv6EchoReply;
  WriteIcmpChecksum(icmp, source, destination, fields.payload_length);
}

}  // namespace internal

}  // namespace fairlead::dataplane
