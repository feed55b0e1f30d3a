// FULLNAT beside its plain packets: ICMP errors from both sides, fragments, path MTU, and whom the
// director answers for its local addresses.
#include <gtest/gtest.h>

#include <algorithm>

#include "byte_fragments.h"
#include "dataplane/path/local_input.h"
#include "fullnat_bed.h"

namespace fairlead::dataplane::fullnat_icmp_test {
namespace {

using namespace fullnat_bed;

class FullnatIcmp : public FullnatBed {
 protected:
  // What an error quotes.
  static std::string Quoted(const Frame& f) {
    const int before = f[14] >> 4 == 4 ? 28 : 48;
    return Text(Frame(f.begin() + before, f.end()));
  }
  static std::string Bare(const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
  }
  // So many bytes of an IP packet, all headers included, that may not be cut.
  [[nodiscard]] Frame Long(const std::string& from, uint16_t from_port, const std::string& to,
                           uint16_t to_port, size_t bytes) const {
    const size_t ip = from.find(':') == std::string::npos ? 20 : 40;
    if (protocol_ == kProtocolTcp) {
      return Tcp(from, from_port, to, to_port, kTcpAck, 64, bytes - ip - 20, true);
    }
    const Frame frame = Datagram(from, from_port, to, to_port, Payload(bytes - ip - 8));
    constexpr uint8_t kDontFragment = 0x40;
    return ip == 20 ? WithIpv4Byte(frame, 6, kDontFragment) : frame;
  }
  std::string Joined(PortId port, std::vector<Frame> pieces, bool is_shuffled) {
    for (size_t i = pieces.size(); is_shuffled && i > 1; --i) {
      std::swap(pieces[i - 1], pieces[d_.Random(static_cast<uint32_t>(i))]);
    }
    for (const Frame& piece : pieces) d_.Inject(port, piece);
    std::vector<Frame> frames;
    for (const Sent& sent : d_.Settle()) frames.push_back(sent.frame);
    last_ = Join(frames);
    return last_.empty() ? "no datagram" : Text(last_);
  }

  Frame last_;
};
INSTANTIATE_TEST_SUITE_P(Workers, FullnatIcmp, testing::Values(1, 2, 3));

TEST_P(FullnatIcmp, AnErrorOfTheClientsSideReachesTheRealFromItsLocalEndpoint) {
  for (const Ends& ends : {kEnds4, kEnds6}) {
    SCOPED_TRACE(ends.vip);
    Serve(ends);
    const Endpoint local = Open(1234);
    const bool is_v4 = local.address.is_v4();
    const Frame seen = Tcp(ends.vip, 80, ends.client, 1234, kTcpAck);
    const auto sent = d_.Send(kOutside, ErrorAbout(seen, is_v4 ? "203.0.113.1" : "2001:db8:9::1",
                                                   ends.vip, is_v4 ? 3 : 2, is_v4 ? 4 : 0, 1400));
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].port, kInside);
    EXPECT_EQ(Text(sent[0].frame), Bare(ends.real) + " <- " + Bare(local.address.ToString()) +
                                       (is_v4 ? " ICMP 3/4 ttl 63" : " ICMP 2/0 ttl 63"));
    const std::string quoted = local.ToString() + " <- " + Written(ends.real, 8080) + " TCP A";
    EXPECT_EQ(Quoted(sent[0].frame).substr(0, quoted.size()), quoted);
    EXPECT_EQ(Rest(sent[0].frame), 1400u);
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FullnatIcmp, AnErrorFromBehindReachesTheClientFromTheService) {
  for (const Ends& ends : {kEnds4, kEnds6}) {
    SCOPED_TRACE(ends.vip);
    Serve(ends);
    const Endpoint local = Open(1234);
    const bool is_v4 = local.address.is_v4();
    const std::string to = local.address.ToString();
    const Frame seen = Tcp(to, local.port.host(), ends.real, 8080, kTcpAck);
    const auto sent = d_.Send(kInside, ErrorAbout(seen, is_v4 ? "10.0.0.150" : "fd00::150", to,
                                                  is_v4 ? 3 : 1, is_v4 ? 1 : 3));
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].port, kOutside);
    EXPECT_EQ(Text(sent[0].frame), Bare(ends.client) + " <- " + Bare(ends.vip) +
                                       (is_v4 ? " ICMP 3/1 ttl 63" : " ICMP 1/3 ttl 63"));
    const std::string quoted = Written(ends.vip, 80) + " <- " + Written(ends.client, 1234) + " TCP";
    EXPECT_EQ(Quoted(sent[0].frame).substr(0, quoted.size()), quoted);
    EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).out_packets, 1u);
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// By hand a service can come on a local address. Errors about what leaves from there still find
// their connection, at whatever worker they come in.
TEST_P(FullnatIcmp, ALocalAddressMayBeAVirtualOneToo) {
  for (const char* const address : {"10.0.0.201", "10.0.0.202"}) {
    d_.AddReal(d_.AddService({.address = address, .port = 443}), "10.0.0.12", 443);
  }
  Serve(kEnds4);
  for (uint16_t port = 1200; port < 1220; ++port) {
    const Endpoint local = Open(port);
    const std::string to = local.address.ToString();
    const Frame seen = Tcp(to, local.port.host(), ends_.real, 8080, kTcpAck);
    EXPECT_EQ(Send(kInside, ErrorAbout(seen, "10.0.0.150", to, 3, 1)),
              "out 198.51.100.7 <- 192.0.2.10 ICMP 3/1 ttl 63");
  }
}

TEST_P(FullnatIcmp, AnErrorAboutNobodysPortGoesNowhere) {
  Serve(kEnds4);
  const Frame seen = Tcp("10.0.0.201", 5000, ends_.real, 8080, kTcpAck);
  EXPECT_EQ(Send(kInside, ErrorAbout(seen, "10.0.0.150", "10.0.0.201", 3, 1)), "");
  EXPECT_EQ(d_.dropped(DropReason::kIcmpNoConnection), 1u);
}

// The error that a real's packet earns goes to the real, from an address of ours there.
TEST_P(FullnatIcmp, WhatIsTooLongIsAnsweredToItsSender) {
  for (const Ends& ends : {kEnds4, kEnds6}) {
    const bool is_v4 = ends.vip == kEnds4.vip;
    const std::string to_client =
        "out " + Bare(ends.client) + " <- " + Bare(is_v4 ? "192.0.2.2" : "2001:db8::2") + " ICMP ";
    const std::string to_real =
        "in " + Bare(ends.real) + " <- " + Bare(is_v4 ? "10.0.0.1" : "fd00::1") + " ICMP ";
    const std::string too_big = is_v4 ? "3/4 ttl 64 " : "2/0 ttl 64 ";
    for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
      SCOPED_TRACE(ends.vip + " " + std::to_string(protocol));
      Serve(ends, {.protocol = protocol});
      const Endpoint local = Open(1234);
      d_.real(real_).mtu_bytes = 1300;
      d_.draft().ports[kOutside.index()].mtu_bytes = 1400;
      d_.Publish();
      const std::string tail = protocol == kProtocolTcp ? " TCP A ttl 63 " : " UDP ttl 63 ";
      const auto of_client = [&](size_t bytes) {
        return SendForFigure(kOutside, Long(ends.client, 1234, ends.vip, 80, bytes));
      };
      EXPECT_EQ(of_client(1300),
                "in " + Written(ends.real, 8080) + " <- " + local.ToString() + tail + "1300");
      EXPECT_EQ(of_client(1301), to_client + too_big + "1300");
      const auto of_real = [&](size_t bytes) {
        return SendForFigure(
            kInside, Long(ends.real, 8080, local.address.ToString(), local.port.host(), bytes));
      };
      EXPECT_EQ(of_real(1400), "out " + Written(ends.client, 1234) + " <- " +
                                   Written(ends.vip, 80) + tail + "1400");
      EXPECT_EQ(of_real(1401), to_real + too_big + "1400");
    }
    Serve(ends);
    const Endpoint local = Open(4321);
    EXPECT_EQ(Send(kInside,
                   Tcp(ends.real, 8080, local.address.ToString(), local.port.host(), kTcpAck, 1)),
              to_real + (is_v4 ? "11/0 ttl 64" : "3/0 ttl 64"));
  }
  EXPECT_EQ(d_.dropped(DropReason::kTooBig), 8u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FullnatIcmp, FragmentsFollowTheFirst) {
  for (const Ends& ends : {kEnds4, kEnds6}) {
    SCOPED_TRACE(ends.vip);
    Serve(ends, {.protocol = kProtocolUdp});
    for (uint16_t i = 0; i < 40; ++i) {
      const auto port = static_cast<uint16_t>(4000 + i);
      const Frame request = Datagram(ends.client, port, ends.vip, 80, Payload(3000));
      const std::string text = Joined(kOutside, Cut(request, 800, i), i % 2 == 1);
      const std::string to_real = Written(ends.real, 8080) + " <- ";
      ASSERT_EQ(text.substr(0, to_real.size()), to_real);
      ASSERT_EQ(text.find("BAD"), std::string::npos) << text;
      const Endpoint local = SourceOf(last_);
      ASSERT_GE(local.port.host(), 1024);
      const Frame reply =
          Datagram(ends.real, 8080, local.address.ToString(), local.port.host(), Payload(3000));
      EXPECT_EQ(Joined(kInside, Cut(reply, 1000, 77u * i), i % 2 == 1),
                Written(ends.client, port) + " <- " + Written(ends.vip, 80) + " UDP ttl 63");
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// A packet that is cut here, on its way to either side.
TEST_P(FullnatIcmp, FragmentsAreMadeOfWhatMayBeCut) {
  Serve(kEnds4, {.protocol = kProtocolUdp});
  const Endpoint local = Open(1234);
  d_.real(real_).mtu_bytes = 1000;
  d_.draft().ports[kOutside.index()].mtu_bytes = 900;
  d_.Publish();
  EXPECT_EQ(Joined(kOutside, {Datagram(ends_.client, 1234, ends_.vip, 80, Payload(1200))}, false),
            "10.0.0.11:8080 <- " + local.ToString() + " UDP ttl 63");
  EXPECT_EQ(Joined(kInside,
                   {Datagram(ends_.real, 8080, local.address.ToString(), local.port.host(),
                             Payload(1200))},
                   false),
            "198.51.100.7:1234 <- 192.0.2.10:80 UDP ttl 63");
}

TEST_P(FullnatIcmp, RealServersLearnTheMacOfLocalAddressesAndClientsDoNot) {
  Serve(kEnds4);
  const IpAddress local = *IpAddress::Parse("10.0.0.201");
  EXPECT_NE(AnsweredAddress(d_.draft(), local, kInside), nullptr);
  EXPECT_EQ(AnsweredAddress(d_.draft(), local, kOutside), nullptr);
  EXPECT_EQ(AnsweredAddress(d_.draft(), *IpAddress::Parse("10.0.0.203"), kInside), nullptr);
  d_.draft().ports[kOutside.index()].role = PortRole::kBoth;
  EXPECT_NE(AnsweredAddress(d_.draft(), local, kOutside), nullptr);
}

}  // namespace
}  // namespace fairlead::dataplane::fullnat_icmp_test
