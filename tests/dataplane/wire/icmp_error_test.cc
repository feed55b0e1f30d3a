#include "dataplane/wire/icmp_error.h"

#include <gtest/gtest.h>

#include "frames.h"

namespace fairlead::dataplane::test::icmp_error_test {
namespace {

const IpAddress kRouter4 = Address("203.0.113.1");
const IpAddress kRouter6 = Address("2001:db8:ffff::1");

// The first `n` bytes of the IP packet in `frame`.
Bytes Quote(const Bytes& frame, size_t n) {
  return {frame.begin() + 14, frame.begin() + 14 + static_cast<std::ptrdiff_t>(n)};
}

struct Parsed {
  explicit Parsed(const Bytes& frame) : packet(frame) {
    EXPECT_EQ(Parse(packet, &parsed).kind, PacketKind::kIcmp);
    kind = ParseIcmpError(packet.data(), parsed, &quoted);
  }
  BytePacket packet;
  ParsedPacket parsed;
  QuotedPacket quoted;
  IcmpErrorKind kind;
};

IcmpErrorKind KindOf(const Bytes& frame) { return Parsed(frame).kind; }

const Endpoint kClient4 = At("198.51.100.7:51356"), kVip4 = At("192.0.2.10:80"),
               kReal4 = At("10.0.0.11:8080");
const Endpoint kClient6 = At("[2001:db8::7]:51356"), kVip6 = At("[2001:db8:1::10]:80"),
               kReal6 = At("[fd00::11]:8080");

TEST(IcmpError, RelatedTypesOfIpv4) {
  const Bytes quote = Quote(Tcp(kVip4, kClient4, kTcpAck), 28);
  for (int type = 0; type < 256; ++type) {
    const bool is_related = type == 3 || type == 4 || type == 11;
    EXPECT_EQ(KindOf(Icmp(kRouter4, kVip4.address, static_cast<uint8_t>(type), 0, 0, quote)),
              is_related ? IcmpErrorKind::kRelated : IcmpErrorKind::kNotRelated)
        << type;
  }
}

TEST(IcmpError, RelatedTypesOfIpv6) {
  const Bytes quote = Quote(Udp(kVip6, kClient6, Bytes(20)), 68);
  for (int type = 0; type < 256; ++type) {
    EXPECT_EQ(KindOf(Icmp(kRouter6, kVip6.address, static_cast<uint8_t>(type), 0, 0, quote)),
              type < 128 ? IcmpErrorKind::kRelated : IcmpErrorKind::kNotRelated)
        << type;
  }
}

TEST(IcmpError, EveryCutOfAQuotation) {
  const Bytes v4 = Quote(Tcp(kVip4, kClient4, kTcpAck), 40);
  for (size_t n = 0; n <= v4.size(); ++n) {
    const Bytes cut(v4.begin(), v4.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_EQ(KindOf(Icmp(kRouter4, kVip4.address, 3, 1, 0, cut)),
              n < 24 ? IcmpErrorKind::kBad : IcmpErrorKind::kRelated)
        << n;
  }
  const Bytes v6 = Quote(Udp(kVip6, kClient6, {}, {.extensions = Hex("1100010400000000")}), 56);
  for (size_t n = 0; n <= v6.size(); ++n) {
    const Bytes cut(v6.begin(), v6.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_EQ(KindOf(Icmp(kRouter6, kVip6.address, 1, 4, 0, cut)),
              n < 52 ? IcmpErrorKind::kBad : IcmpErrorKind::kRelated)
        << n;
  }
}

TEST(IcmpError, QuotationsThatAreNotFlows) {
  const auto v4 = [](const Bytes& inner) {
    return KindOf(Icmp(kRouter4, kVip4.address, 3, 1, 0, Quote(inner, 28)));
  };
  EXPECT_EQ(v4(Udp(kVip4, kClient4, Bytes(16), {.fragment = 3})), IcmpErrorKind::kNotHandled);
  EXPECT_EQ(v4(Udp(kVip4, kClient4, Bytes(16), {.fragment = 0x2000})), IcmpErrorKind::kRelated);
  EXPECT_EQ(v4(Icmp(kVip4.address, kClient4.address, 0, 0, 0, Bytes(8))),
            IcmpErrorKind::kNotHandled);
  Bytes wrong_version = Tcp(kVip4, kClient4, kTcpAck);
  wrong_version[14] = 0x65;
  EXPECT_EQ(v4(wrong_version), IcmpErrorKind::kBad);
  Bytes short_header = Tcp(kVip4, kClient4, kTcpAck);
  short_header[14] = 0x44;
  EXPECT_EQ(v4(short_header), IcmpErrorKind::kBad);
  Bytes long_header = Tcp(kVip4, kClient4, kTcpAck);
  long_header[14] = 0x4f;
  EXPECT_EQ(v4(long_header), IcmpErrorKind::kBad);
  const Bytes fragment =
      Udp(kVip6, kClient6, Bytes(16), {.extensions = Hex("1100001900000001"), .next_header = 44});
  EXPECT_EQ(KindOf(Icmp(kRouter6, kVip6.address, 1, 4, 0, Quote(fragment, 64))),
            IcmpErrorKind::kNotHandled);
}

TEST(IcmpError, ChecksumIsVerifiedOverTheWholeMessage) {
  for (Bytes frame :
       {Icmp(kRouter4, kVip4.address, 3, 1, 0, Quote(Tcp(kVip4, kClient4, 16), 28)),
        Icmp(kRouter6, kVip6.address, 1, 4, 0, Quote(Tcp(kVip6, kClient6, 16), 60))}) {
    Parsed good(frame);
    EXPECT_TRUE(HasGoodIcmpChecksum(good.packet.data(), good.parsed));
    frame.back() ^= 1;
    Parsed bad(frame);
    EXPECT_FALSE(HasGoodIcmpChecksum(bad.packet.data(), bad.parsed));
  }
}

// One address family's endpoints.
struct Flow {
  Endpoint client, vip, real;
  IpAddress router;
};

// Client → VIP: afterwards it is what a router would have said about the real server's own packet.
template <typename Address>
void ExpectForward(const Flow& f, size_t quoted_bytes) {
  const uint8_t type = Address::kFamily == Family::kIpv4 ? 3 : 2;
  const Bytes data(30, 0x55);
  Parsed error(Icmp(f.router, f.vip.address, type, 4, 1400,
                    Quote(Tcp(f.vip, f.client, kTcpAck, data), quoted_bytes)));
  ASSERT_EQ(error.kind, IcmpErrorKind::kRelated);
  EXPECT_EQ(IpAddress(error.quoted.Source<Address>(error.packet.data())), f.vip.address);
  EXPECT_EQ(IpAddress(error.quoted.Destination<Address>(error.packet.data())), f.client.address);
  EXPECT_EQ(error.quoted.source_port, f.vip.port);
  EXPECT_EQ(error.quoted.destination_port, f.client.port);
  RewriteIcmpForward(error.packet, &error.parsed, error.quoted, f.real.address.As<Address>(),
                     f.real.port);
  EXPECT_EQ(ChecksumProblem(error.packet.frame()), "");
  Bytes inner = Quote(Tcp(f.real, f.client, kTcpAck, data), quoted_bytes);
  // The quoted transport checksum is left as it came; nobody verifies it.
  const size_t sum_at = (Address::kFamily == Family::kIpv4 ? 20 : 40) + 16;
  const Bytes original = Tcp(f.vip, f.client, kTcpAck, data);
  if (quoted_bytes > sum_at) {
    inner[sum_at] = original[14 + sum_at];
    inner[sum_at + 1] = original[14 + sum_at + 1];
  }
  const Bytes expected = Icmp(f.router, f.real.address, type, 4, 1400, inner, 63);
  EXPECT_EQ(IpHex(error.packet), ToHex(expected).substr(28));
}

TEST(IcmpError, ForwardToARealServer) {
  const Flow v4{kClient4, kVip4, kReal4, kRouter4}, v6{kClient6, kVip6, kReal6, kRouter6};
  for (size_t n : {28u, 40u, 55u}) ExpectForward<Ipv4Address>(v4, n);
  for (size_t n : {48u, 60u, 75u}) ExpectForward<Ipv6Address>(v6, n);
}

// Server or router → client: the client must see the VIP as the sender and its own packet quoted.
template <typename Address>
void ExpectReply(const Flow& f, size_t quoted_bytes) {
  const uint8_t type = Address::kFamily == Family::kIpv4 ? 3 : 1;
  Parsed error(Icmp(f.real.address, f.client.address, type, 3, 0,
                    Quote(Udp(f.client, f.real, Hex("68692121")), quoted_bytes)));
  ASSERT_EQ(error.kind, IcmpErrorKind::kRelated);
  EXPECT_EQ(IpAddress(error.quoted.Source<Address>(error.packet.data())), f.client.address);
  EXPECT_EQ(error.quoted.destination_port, f.real.port);
  RewriteIcmpReply(error.packet, &error.parsed, error.quoted, f.vip.address.As<Address>(),
                   f.vip.port);
  EXPECT_EQ(ChecksumProblem(error.packet.frame()), "");
  EXPECT_EQ(error.parsed.source(error.packet.data()), f.vip.address);
  EXPECT_EQ(error.parsed.ttl, 63);
  Parsed again(Bytes(error.packet.frame().begin(), error.packet.frame().end()));
  ASSERT_EQ(again.kind, IcmpErrorKind::kRelated);
  EXPECT_EQ(IpAddress(again.quoted.Source<Address>(again.packet.data())), f.client.address);
  EXPECT_EQ(IpAddress(again.quoted.Destination<Address>(again.packet.data())), f.vip.address);
  EXPECT_EQ(again.quoted.source_port, f.client.port);
  EXPECT_EQ(again.quoted.destination_port, f.vip.port);
}

TEST(IcmpError, ReplyToAClient) {
  ExpectReply<Ipv4Address>({kClient4, kVip4, kReal4, kRouter4}, 28);
  ExpectReply<Ipv4Address>({kClient4, kVip4, kReal4, kRouter4}, 32);
  ExpectReply<Ipv6Address>({kClient6, kVip6, kReal6, kRouter6}, 52);
}

// A quotation that ends on an odd byte still sums rightly.
TEST(IcmpError, OddQuotation) {
  const Flow v4{kClient4, kVip4, kReal4, kRouter4};
  ExpectForward<Ipv4Address>(v4, 41);
}

}  // namespace
}  // namespace fairlead::dataplane::test::icmp_error_test
