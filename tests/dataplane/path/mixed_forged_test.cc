// A client whose real server is of the other IP version does not get past what tells of it: what
// the director would answer with an error, were both of one version, leaves when it is translated.
#include <gtest/gtest.h>

#include "mixed_bed.h"
#include "wire/frames.h"

namespace fairlead::dataplane::mixed_forged_test {
namespace {

using namespace fullnat_bed;

constexpr uint8_t kSynAck = kTcpSyn | kTcpAck;
const std::string kForged = "PROXY TCP4 10.9.9.9 192.0.2.10 1 80\r\n";

class MixedForged : public MixedBed {
 protected:
  void ServeTelling(const Ends& ends, ClientAddress how, uint8_t protocol = kProtocolTcp) {
    Serve(ends, {.protocol = protocol}, {.client_address = how});
    client_ = {*IpAddress::Parse(ends.client), Be16::FromHost(1234)};
    vip_ = {*IpAddress::Parse(ends.vip), Be16::FromHost(80)};
    server_ = {*IpAddress::Parse(ends.real), Be16::FromHost(8080)};
  }
  static Frame Segment(const Endpoint& from, const Endpoint& to, uint8_t flags, uint32_t sequence,
                       uint32_t acknowledgement, const std::string& data = "") {
    Frame frame =
        test::Tcp(from, to, flags, {data.begin(), data.end()}, sequence, acknowledgement, {});
    std::fill_n(frame.begin(), 6, uint8_t{0});  // the port's MAC goes there
    return frame;
  }
  // DF, and four bytes of options, which translation leaves out.
  static Frame WithOptions(Frame frame) {
    frame.insert(frame.begin() + 34, 4, uint8_t{1});
    auto* ip = HeaderAt<Ipv4Header>(frame.data(), 14);
    frame[14] = 0x46;
    ip->total_length = Be16::FromHost(static_cast<uint16_t>(frame.size() - 14));
    ip->fragment = Be16::FromHost(Ipv4Header::kDontFragment);
    ip->checksum = Be16{};
    ip->checksum = Checksum(ip, 24);
    return frame;
  }
  // The data of all TCP segments or datagrams that the real gets, in order.
  std::string AtReal(const Frame& frame) {
    std::string data;
    for (const Sent& sent : d_.Send(kOutside, frame)) {
      if (sent.port != kInside) continue;
      const Frame& f = sent.frame;
      EXPECT_EQ(test::ChecksumProblem(f), "");
      const uint32_t l4 = f[14] >> 4 == 4 ? 34 : 54;
      const bool is_tcp = f[f[14] >> 4 == 4 ? 23 : 20] == kProtocolTcp;
      local_ = SourceOf(f);
      data.append(f.begin() + l4 + (is_tcp ? (f[l4 + 12] >> 4) * 4u : 8u), f.end());
    }
    return data;
  }
  void Handshake() {
    EXPECT_EQ(AtReal(Segment(client_, vip_, kTcpSyn, 1000, 0)), "");
    ASSERT_EQ(d_.Send(kInside, Segment(server_, local_, kSynAck, 5000, 1001)).size(), 1u);
  }

  Endpoint client_, vip_, server_, local_;
};
INSTANTIATE_TEST_SUITE_P(Workers, MixedForged, testing::Values(1, 2));

TEST_P(MixedForged, ASegmentWithOptionsComesBehindTheHeader) {
  ServeTelling(kEnds46, ClientAddress::kProxyV1);
  Handshake();
  const std::string data = kForged + std::string(1440 - kForged.size(), 'a');
  const Frame frame = WithOptions(Segment(client_, vip_, kTcpAck, 1001, 5001, data));
  ASSERT_EQ(frame.size(), 14u + 1484u);  // 1480 of IPv4 without options fill the link
  const std::string got = AtReal(frame);
  EXPECT_EQ(got.substr(0, 24), "PROXY TCP4 198.51.100.7 ");
  EXPECT_EQ(got.size(),
            std::string("PROXY TCP4 198.51.100.7 192.0.2.10 1234 80\r\n").size() + 1440);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(MixedForged, ADatagramWithOptionsIsToldOrAnswered) {
  ServeTelling(kEnds46, ClientAddress::kProxyV2, kProtocolUdp);
  std::string data = kForged + std::string(1452 - kForged.size(), 'a');
  Frame frame = Datagram(ends_.client, 1234, ends_.vip, 80, data);
  EXPECT_EQ(AtReal(WithOptions(frame)), "");  // with the header it is too long
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The link to the real has room for 800 bytes. An IPv6 sender need not send less than 1280, so the
// director cuts as IPv4 does, and what is cut is shifted and told as all else.
TEST_P(MixedForged, WhatIsCutIsToldToo) {
  ServeTelling(kEnds64, ClientAddress::kProxyV1);
  d_.real(real_).mtu_bytes = 800;
  d_.Publish();
  Handshake();
  const std::string line = "PROXY TCP6 2001:db8:7::7 2001:db8::10 1234 80\r\n";
  EXPECT_EQ(AtReal(Segment(client_, vip_, kTcpAck, 1001, 5001)), line);
  const auto told = static_cast<uint32_t>(1001 + line.size());
  ASSERT_EQ(d_.Send(kInside, Segment(server_, local_, kTcpAck, 5001, told)).size(), 1u);
  const auto sent =
      d_.Send(kOutside, Segment(client_, vip_, kTcpAck, 1001, 5001, std::string(1200, 'a')));
  ASSERT_EQ(sent.size(), 2u);
  const uint32_t sequence = Be32::Load(&sent[0].frame[34 + 4]).host();
  EXPECT_EQ(sequence, told);
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::mixed_forged_test
