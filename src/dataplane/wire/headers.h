// The headers on the wire, as structs laid over packet bytes.
//
//   const auto* ip = HeaderAt<Ipv4Header>(frame, 14);
//   Ipv4Address client = ip->source;                 // Wire<T> loads …
//   header->destination_port = Be16::FromHost(80);   // … and stores, at any alignment
//
// An Ethernet header is 14 bytes, so everything after it is unaligned. Each field is therefore a
// Wire<T>: bytes with alignment 1 that load and store a T; the compiler makes one move of it. Every
// struct has alignment 1 and a size assert. Threads: plain bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/byte_order.h"
#include "base/ip_address.h"
#include "base/transport.h"

namespace fairlead::dataplane {

// A T as it lies in a packet.
template <typename T>
class Wire {
 public:
  operator T() const noexcept { return T::Load(bytes_); }  // NOLINT: reads as the field it is
  Wire& operator=(const T& value) noexcept {
    value.Store(bytes_);
    return *this;
  }
  [[nodiscard]] T get() const noexcept { return T::Load(bytes_); }

 private:
  uint8_t bytes_[sizeof(T)];
};

// Precondition: sizeof(Header) bytes lie at `offset`.
template <typename Header>
Header* HeaderAt(uint8_t* frame, uint32_t offset) noexcept {
  return reinterpret_cast<Header*>(frame + offset);
}
template <typename Header>
const Header* HeaderAt(const uint8_t* frame, uint32_t offset) noexcept {
  return reinterpret_cast<const Header*>(frame + offset);
}

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;         // 802.1Q
inline constexpr uint16_t kEtherTypeServiceVlan = 0x88a8;  // 802.1ad

struct EthernetHeader {
  Wire<MacAddress> destination;
  Wire<MacAddress> source;
  Wire<Be16> ethertype;
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);
inline constexpr uint32_t kEthernetHeaderLength = sizeof(EthernetHeader);

// IANA protocol numbers; an IPv6 next header uses the same list.
inline constexpr uint8_t kProtocolHopByHop = 0;
inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolIpip = 4;
inline constexpr auto kProtocolTcp = static_cast<uint8_t>(Transport::kTcp);
inline constexpr auto kProtocolUdp = static_cast<uint8_t>(Transport::kUdp);
inline constexpr uint8_t kProtocolIpv6 = 41;
inline constexpr uint8_t kProtocolRouting = 43;
inline constexpr uint8_t kProtocolFragment = 44;
inline constexpr uint8_t kProtocolGre = 47;
inline constexpr uint8_t kProtocolIcmpv6 = 58;
inline constexpr uint8_t kProtocolDestinationOptions = 60;

// RFC 791 section 3.1.
struct Ipv4Header {
  static constexpr Family kFamily = Family::kIpv4;
  static constexpr uint16_t kDontFragment = 0x4000;
  static constexpr uint16_t kMoreFragments = 0x2000;
  static constexpr uint16_t kOffsetMask = 0x1fff;  // units of 8 bytes

  uint8_t version_and_length;  // 0x4_, header length in 4-byte words
  uint8_t tos;                 // DSCP 6 bits, ECN 2 bits
  Wire<Be16> total_length;     // bytes, header included
  Wire<Be16> id;
  Wire<Be16> fragment;  // flags 3 bits, offset 13 bits
  uint8_t ttl;
  uint8_t protocol;
  Wire<Be16> checksum;
  Wire<Ipv4Address> source;
  Wire<Ipv4Address> destination;

  [[nodiscard]] uint32_t header_length() const noexcept { return (version_and_length & 15u) * 4; }
};
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);

// RFC 8200 section 3.
struct Ipv6Header {
  static constexpr Family kFamily = Family::kIpv6;

  Wire<Be32> version_class_flow;  // version 4 bits, traffic class 8 bits, flow label 20 bits
  Wire<Be16> payload_length;      // bytes after this header
  uint8_t next_header;
  uint8_t hop_limit;
  Wire<Ipv6Address> source;
  Wire<Ipv6Address> destination;

  [[nodiscard]] uint8_t traffic_class() const noexcept {
    return static_cast<uint8_t>(version_class_flow.get().host() >> 20);
  }
};
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);

// RFC 8200 section 4.5.
struct Ipv6FragmentHeader {
  static constexpr uint16_t kMoreFragments = 1;
  static constexpr uint16_t kOffsetMask = 0xfff8;  // bytes

  uint8_t next_header;
  uint8_t reserved;
  Wire<Be16> fragment;  // offset 13 bits, reserved 2 bits, more 1 bit
  Wire<Be32> id;
};
static_assert(sizeof(Ipv6FragmentHeader) == 8);

inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpPsh = 0x08;
inline constexpr uint8_t kTcpAck = 0x10;

// RFC 9293 section 3.1.
struct TcpHeader {
  Wire<Be16> source_port;
  Wire<Be16> destination_port;
  Wire<Be32> sequence;
  Wire<Be32> acknowledgement;
  uint8_t data_offset;  // high 4 bits, in 4-byte words
  uint8_t flags;
  Wire<Be16> window;
  Wire<Be16> checksum;
  Wire<Be16> urgent;

  [[nodiscard]] uint32_t header_length() const noexcept { return (data_offset >> 4) * 4u; }
};
static_assert(sizeof(TcpHeader) == 20 && alignof(TcpHeader) == 1);

// RFC 768.
struct UdpHeader {
  Wire<Be16> source_port;
  Wire<Be16> destination_port;
  Wire<Be16> length;    // bytes, header included
  Wire<Be16> checksum;  // 0: none
};
static_assert(sizeof(UdpHeader) == 8 && alignof(UdpHeader) == 1);

// RFC 2784 section 2: version 0 without key and sequence number. With kChecksum a checksum and two
// zero bytes follow.
struct GreHeader {
  static constexpr uint16_t kChecksum = 0x8000;

  Wire<Be16> flags;
  Wire<Be16> ethertype;
};
static_assert(sizeof(GreHeader) == 4 && alignof(GreHeader) == 1);

// Generic UDP encapsulation, variant of the IETF draft that Linux speaks: version 0, no control
// message.
struct GueHeader {
  uint8_t version_and_options;  // version 2 bits, control 1 bit, words of options 5 bits
  uint8_t protocol;             // of IANA, as in an IP header
  Wire<Be16> flags;
};
static_assert(sizeof(GueHeader) == 4 && alignof(GueHeader) == 1);

// The header struct of a transport. All begin with the same two ports, and who reads only those
// relies on it.
template <Transport kTransport>
struct TransportHeaderOf;
template <>
struct TransportHeaderOf<Transport::kTcp> {
  using Type = TcpHeader;
};
template <>
struct TransportHeaderOf<Transport::kUdp> {
  using Type = UdpHeader;
};
template <Transport kTransport>
using TransportHeader = typename TransportHeaderOf<kTransport>::Type;

template <size_t... kPlaces>
constexpr bool BeginWithPorts(std::index_sequence<kPlaces...>) noexcept {
  return ((offsetof(TransportHeader<kTransports[kPlaces]>, source_port) == 0 &&
           offsetof(TransportHeader<kTransports[kPlaces]>, destination_port) == 2) &&
          ...);
}
static_assert(BeginWithPorts(std::make_index_sequence<kTransports.size()>{}));

// RFC 792 and RFC 4443: the eight bytes every message begins with. `rest` is {identifier, sequence}
// of an echo, {unused, MTU} of frag needed, the MTU of ICMPv6 packet too big.
struct IcmpHeader {
  uint8_t type;
  uint8_t code;
  Wire<Be16> checksum;
  Wire<Be32> rest;
};
static_assert(sizeof(IcmpHeader) == 8 && alignof(IcmpHeader) == 1);

// ICMP (v4) types.
inline constexpr uint8_t kIcmpEchoReply = 0;
inline constexpr uint8_t kIcmpUnreachable = 3;
inline constexpr uint8_t kIcmpSourceQuench = 4;
inline constexpr uint8_t kIcmpRedirect = 5;
inline constexpr uint8_t kIcmpEcho = 8;
inline constexpr uint8_t kIcmpTimeExceeded = 11;
inline constexpr uint8_t kIcmpParameterProblem = 12;
// ICMPv6 types.
inline constexpr uint8_t kIcmpv6Unreachable = 1;
inline constexpr uint8_t kIcmpv6TooBig = 2;
inline constexpr uint8_t kIcmpv6TimeExceeded = 3;
inline constexpr uint8_t kIcmpv6FirstInformational = 128;  // all below are errors
inline constexpr uint8_t kIcmpv6Echo = 128;
inline constexpr uint8_t kIcmpv6EchoReply = 129;
inline constexpr uint8_t kIcmpv6NeighbourSolicitation = 135;
inline constexpr uint8_t kIcmpv6NeighbourAdvertisement = 136;
inline constexpr uint8_t kIcmpv6Redirect = 137;

// RFC 826 for Ethernet and IPv4.
struct ArpHeader {
  static constexpr uint16_t kRequest = 1;
  static constexpr uint16_t kReply = 2;

  Wire<Be16> hardware_type;  // 1: Ethernet
  Wire<Be16> protocol_type;  // 0x0800
  uint8_t hardware_length;   // 6
  uint8_t protocol_length;   // 4
  Wire<Be16> operation;
  Wire<MacAddress> sender_mac;
  Wire<Ipv4Address> sender_ip;
  Wire<MacAddress> target_mac;
  Wire<Ipv4Address> target_ip;
};
static_assert(sizeof(ArpHeader) == 28 && alignof(ArpHeader) == 1);

// RFC 4861 sections 4.3 and 4.4: solicitation and advertisement share the shape. `icmp.rest` holds
// the advertisement's flags.
struct NeighbourMessageHeader {
  IcmpHeader icmp;
  Wire<Ipv6Address> target;
};
static_assert(sizeof(NeighbourMessageHeader) == 24);

// The header struct of an address type.
template <typename Address>
struct IpHeaderOf;
template <>
struct IpHeaderOf<Ipv4Address> {
  using Type = Ipv4Header;
};
template <>
struct IpHeaderOf<Ipv6Address> {
  using Type = Ipv6Header;
};
template <typename Address>
using IpHeader = typename IpHeaderOf<Address>::Type;

}  // namespace fairlead::dataplane
