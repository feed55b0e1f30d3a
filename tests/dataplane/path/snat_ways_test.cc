// The way through source NAT, of both IP versions: what is too long for a link, what routers say of
// it, and what comes in fragments. docs/ways.md names these tests.
#include <gtest/gtest.h>

#include "byte_fragments.h"
#include "snat_bed.h"

namespace fairlead::dataplane::snat_ways_test {
namespace {

using namespace snat_bed;

constexpr uint16_t kNarrow = 1400, kHostPort = 40000, kWorldPort = 443;

struct Side {
  bool is_v4;
  std::string host, world, local;
  std::string ours_inside, ours_outside;  // what the director's own errors come from
  std::string router;                     // in the world
};
const Side kSides[] = {
    {true, kHost, kWorld, kLocal, "10.0.0.1", "192.0.2.2", "198.51.100.1"},
    {false, kHost6, kWorld6, kLocal6, "fd00::1", "2001:db8::2", "2001:db8:7::1"},
};
enum class What { kTcp, kUdp, kPing };

// The IP packet of a frame, as far as errors are sure to quote it.
Frame HeadOf(const Frame& frame, size_t at) {
  const size_t bytes = frame[at] >> 4 == 4 ? 28 : 48;
  return {frame.begin() + static_cast<long>(at), frame.begin() + static_cast<long>(at + bytes)};
}
size_t QuoteAt(const Side& side) { return side.is_v4 ? 42 : 62; }
uint32_t FigureOf(const Side& side, const Frame& error) {
  return Be32::Load(&error[side.is_v4 ? 38 : 58]).host();
}
std::string TooBig(const Side& side) { return side.is_v4 ? " ICMP 3/4 ttl " : " ICMP 2/0 ttl "; }
std::string At(const Side& side, const std::string& address) {
  return side.is_v4 ? address : "[" + address + "]";
}

class SnatWays : public SnatBed {
 protected:
  // An IP packet of so many bytes that may not be cut.
  static Frame Whole(const Side& side, const std::string& from, uint16_t from_port,
                     const std::string& to, uint16_t to_port, What what, size_t bytes) {
    const size_t ip = side.is_v4 ? 20 : 40;
    if (what == What::kTcp) {
      return Tcp(from, from_port, to, to_port, kTcpAck, 64, bytes - ip - 20, true);
    }
    Frame frame = Datagram(from, from_port, to, to_port, std::string(bytes - ip - 8, 'x'));
    if (what == What::kPing) {
      frame = ErrorAbout(frame, from, to, side.is_v4 ? kIcmpRequest : 128, 0,
                         uint32_t{from_port} << 16 | 1, bytes - ip - 8);
    }
    if (side.is_v4) ForbidCutting(&frame);
    return frame;
  }
  static void ForbidCutting(Frame* frame) {
    auto* header = HeaderAt<Ipv4Header>(frame->data(), 14);
    header->fragment = Be16::FromHost(0x4000);
    header->checksum = Be16{};
    header->checksum = Checksum(header, sizeof *header);
  }
  Frame FromHost(const Side& side, What what, size_t bytes) {
    return Whole(side, side.host, kHostPort, side.world, kWorldPort, what, bytes);
  }
  // The flow's port in the world is the host's own.
  void Begin(const Side& side, What what) {
    const auto sent = d_.Send(kInside, FromHost(side, what, 100));
    ASSERT_EQ(sent.size(), 1u);
    ASSERT_EQ(sent[0].port, kOutside);
  }
  void Narrow(PortId port) {
    d_.draft().ports[port.index()].mtu_bytes = kNarrow;
    Publish();
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, SnatWays, testing::Values(1, 2));

// The host is told of the link to the world, and sees its own packet quoted.
TEST_P(SnatWays, WhatIsTooLongIsAnsweredWithWhatFits) {
  Serve();
  Narrow(kOutside);
  uint64_t too_big = 0;
  for (const Side& side : kSides) {
    for (const What what : {What::kTcp, What::kUdp, What::kPing}) {
      SCOPED_TRACE(side.host + " " + std::to_string(static_cast<int>(what)));
      Begin(side, what);
      const auto fits = d_.Send(kInside, FromHost(side, what, kNarrow));
      ASSERT_EQ(fits.size(), 1u);
      EXPECT_EQ(fits[0].port, kOutside);
      EXPECT_EQ(fits[0].frame.size(), 14u + kNarrow);
      const Frame longer = FromHost(side, what, kNarrow + 1);
      const auto more = d_.Send(kInside, longer);
      ASSERT_EQ(Describe(more), "in " + At(side, side.host) + " <- " + At(side, side.ours_inside) +
                                    TooBig(side) + "64\n");
      EXPECT_EQ(FigureOf(side, more[0].frame), kNarrow);
      EXPECT_EQ(HeadOf(more[0].frame, QuoteAt(side)), HeadOf(longer, 14));
      EXPECT_EQ(d_.dropped(DropReason::kTooBig), ++too_big);
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The world is told of the link inside, and sees our address quoted, not the host's.
TEST_P(SnatWays, WhatIsTooLongOfTheWorldIsAnsweredWithWhatFits) {
  Serve();
  Narrow(kInside);
  uint64_t too_big = 0;
  for (const Side& side : kSides) {
    for (const What what : {What::kTcp, What::kUdp}) {
      SCOPED_TRACE(side.host + " " + std::to_string(static_cast<int>(what)));
      Begin(side, what);
      const auto of_world = [&](size_t bytes) {
        return Whole(side, side.world, kWorldPort, side.local, kHostPort, what, bytes);
      };
      const auto fits = d_.Send(kOutside, of_world(kNarrow));
      ASSERT_EQ(fits.size(), 1u);
      EXPECT_EQ(fits[0].port, kInside);
      EXPECT_EQ(fits[0].frame.size(), 14u + kNarrow);
      const Frame longer = of_world(kNarrow + 1);
      const auto more = d_.Send(kOutside, longer);
      ASSERT_EQ(Describe(more), "out " + At(side, side.world) + " <- " +
                                    At(side, side.ours_outside) + TooBig(side) + "64\n");
      EXPECT_EQ(FigureOf(side, more[0].frame), kNarrow);
      EXPECT_EQ(HeadOf(more[0].frame, QuoteAt(side)), HeadOf(longer, 14));
      EXPECT_EQ(d_.dropped(DropReason::kTooBig), ++too_big);
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(SnatWays, WhatMayBeCutIsCut) {
  Serve();
  Narrow(kOutside);
  const auto sent =
      d_.Send(kInside, Datagram(kHost, kHostPort, kWorld, kWorldPort, std::string(1450, 'x')));
  ASSERT_EQ(sent.size(), 2u);
  for (const Sent& piece : sent) EXPECT_LE(piece.frame.size(), 14u + kNarrow);
  EXPECT_EQ(Text(Join({sent[0].frame, sent[1].frame})),
            "203.0.113.9:443 <- 192.0.2.3:40000 UDP ttl 63");
}

// A router on the way says what fits: to the host, about the host's own packet.
TEST_P(SnatWays, WhatARouterOfTheWorldSaysReachesTheHost) {
  Serve();
  for (const Side& side : kSides) {
    for (const What what : {What::kTcp, What::kUdp, What::kPing}) {
      SCOPED_TRACE(side.host + " " + std::to_string(static_cast<int>(what)));
      const Frame packet = FromHost(side, what, 1450);
      const auto sent = d_.Send(kInside, packet);
      ASSERT_EQ(sent.size(), 1u);
      ASSERT_EQ(sent[0].port, kOutside);
      const auto error =
          d_.Send(kOutside, ErrorAbout(sent[0].frame, side.router, side.local, side.is_v4 ? 3 : 2,
                                       side.is_v4 ? 4 : 0, 1300));
      ASSERT_EQ(Describe(error), "in " + At(side, side.host) + " <- " + At(side, side.router) +
                                     TooBig(side) + "63\n");
      EXPECT_EQ(FigureOf(side, error[0].frame), 1300u);
      // But for the TTL, which the director has lowered, with IPv4's checksum, and the transport's
      // sum, which nobody can check of a quotation.
      Frame expected = HeadOf(packet, 14), got = HeadOf(error[0].frame, QuoteAt(side));
      const size_t l4 = side.is_v4 ? 20 : 40;
      for (Frame* frame : {&expected, &got}) {
        (*frame)[side.is_v4 ? 8 : 7] = 0;
        if (side.is_v4) (*frame)[10] = (*frame)[11] = 0;
        if (what == What::kPing) (*frame)[l4 + 2] = (*frame)[l4 + 3] = 0;
        if (what == What::kUdp) (*frame)[l4 + 6] = (*frame)[l4 + 7] = 0;
      }
      EXPECT_EQ(got, expected);
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The last first, so that the others wait for it.
TEST_P(SnatWays, FragmentsGoBothWays) {
  Serve();
  const std::string payload(3000, 'x');
  const auto joined = [&](PortId port, const Frame& whole, uint32_t id) {
    const std::vector<Frame> pieces = Cut(whole, 800, id);
    for (size_t i = pieces.size(); i > 0; --i) d_.Inject(port, pieces[i - 1]);
    std::vector<Frame> out;
    for (const Sent& sent : d_.Settle()) out.push_back(sent.frame);
    const Frame all = Join(out);
    return all.empty() ? std::to_string(out.size()) + " frames" : Text(all);
  };
  for (const Side& side : kSides) {
    const std::string host = At(side, side.host), world = At(side, side.world);
    EXPECT_EQ(joined(kInside, Datagram(side.host, kHostPort, side.world, kWorldPort, payload), 7),
              world + ":443 <- " + At(side, side.local) + ":40000 UDP ttl 63");
    EXPECT_EQ(joined(kOutside, Datagram(side.world, kWorldPort, side.local, kHostPort, payload), 8),
              host + ":40000 <- " + world + ":443 UDP ttl 63");
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::snat_ways_test
