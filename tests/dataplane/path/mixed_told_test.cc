// A real server of the other IP version than its client is told who that is: the client and the
// service in the client's version, in packets of the real's.
#include <gtest/gtest.h>

#include "mixed_told_bed.h"

namespace fairlead::dataplane::mixed_told_test {
namespace {

using namespace fullnat_bed;
using client_told_bed::kAck, client_told_bed::kSyn, client_told_bed::kSynAck;

class MixedTold : public MixedToldBed {};
INSTANTIATE_TEST_SUITE_P(Workers, MixedTold, testing::Values(1, 2));

TEST_P(MixedTold, TheHeaderIsOfTheClientsVersion) {
  for (const Ends& ends : {kEnds64, kEnds46}) {
    SCOPED_TRACE(ends.vip);
    ServeTelling(ends, ClientAddress::kProxyV1);
    const std::string line = ends.client[0] == '1'
                                 ? "PROXY TCP4 198.51.100.7 192.0.2.10 1234 80\r\n"
                                 : "PROXY TCP6 2001:db8:7::7 2001:db8::10 1234 80\r\n";
    const auto length = static_cast<uint32_t>(line.size());
    EXPECT_EQ(Client({kSyn, 1000}), "S 1000 0");
    EXPECT_EQ(Real({kSynAck, 5000, 1001}), "SA 5000 1001");
    EXPECT_EQ(Client({kAck, 1001, 5001}), "PA 1001 5001 " + line);
    EXPECT_EQ(Real({kAck, 5001, 1001 + length}), "A 5001 1001");
    EXPECT_EQ(Client({kAck, 1001, 5001, "", "abc"}),
              "A " + std::to_string(1001 + length) + " 5001 abc");
    EXPECT_EQ(Real({kAck, 5001, 1004 + length, "", "hello"}), "A 5001 1004 hello");
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Once it is told, an IPv6 client's packets still are translated.
TEST_P(MixedTold, ToaIsTheClientsInAnIpv4Segment) {
  ServeTelling(kEnds64, ClientAddress::kToa);
  const std::string option = "[fe1404d220010db8000700000000000000000007]";
  EXPECT_EQ(Client({kSyn, 1000}), "S 1000 0");
  EXPECT_EQ(Real({kSynAck, 5000, 1001, "020405b4"}), "SA 5000 1001 [020405a0]") << "20 bytes less";
  EXPECT_EQ(Client({kAck, 1001, 5001}), "A 1001 5001 " + option);
  EXPECT_EQ(Client({kAck, 1001, 5001, "", "abc"}), "A 1001 5001 " + option + " abc");
  EXPECT_EQ(Real({kAck, 5001, 1004, "", "hello"}), "A 5001 1004 hello");
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Client({kAck, 1004, 5006, "", "more"}), "A 1004 5006 more");
  EXPECT_EQ(local_.address.family(), Family::kIpv4);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The segment fills the client's link; the option fits, since the IPv4 header is shorter.
TEST_P(MixedTold, ToaFitsWhereTheHeadersDifferByIt) {
  ServeTelling(kEnds64, ClientAddress::kToa);
  Client({kSyn, 1000});
  Real({kSynAck, 5000, 1001});
  const std::string full(1500 - 60, 'a');
  EXPECT_EQ(Client({kAck, 1001, 5001, "", full}),
            "A 1001 5001 [fe1404d220010db8000700000000000000000007] " + full);
}

TEST_P(MixedTold, EachDatagramBeginsWithTheHeader) {
  for (const Ends& ends : {kEnds64, kEnds46}) {
    SCOPED_TRACE(ends.vip);
    ServeTelling(ends, ClientAddress::kProxyV2, kProtocolUdp);
    const std::string header = ends.client[0] == '1'
                                   ? "0d0a0d0a000d0a515549540a2112000cc6336407c000020a04d20050"
                                   : "0d0a0d0a000d0a515549540a21220024"
                                     "20010db8000700000000000000000007"
                                     "20010db8000000000000000000000010"
                                     "04d20050";
    for (int i = 0; i < 2; ++i) {
      const auto sent = d_.Send(kOutside, Datagram(ends.client, 1234, ends.vip, 80, "question"));
      ASSERT_EQ(sent.size(), 1u);
      EXPECT_EQ(test::ChecksumProblem(sent[0].frame), "");
      EXPECT_EQ(test::ToHex(std::span(sent[0].frame).subspan(is_46() ? 62 : 42)),
                header + "7175657374696f6e");
      const Endpoint local = SourceOf(sent[0].frame);
      EXPECT_EQ(Send(kInside, FromReal(local, 0)), "out " + AtClient(1234) + " UDP ttl 63");
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(MixedTold, ADatagramThatIsTooLongWithTheHeaderIsAnswered) {
  ServeTelling(kEnds64, ClientAddress::kProxyV2, kProtocolUdp);
  const auto send = [&](size_t bytes) {
    return SendForFigure(kOutside,
                         Datagram(ends_.client, 1234, ends_.vip, 80, std::string(bytes, 'a')));
  };
  // 1520 bytes of IPv6 would fit, and the header has 52.
  EXPECT_EQ(send(1520 - 48 - 52).substr(0, 2), "in");
  EXPECT_EQ(send(1520 - 48 - 52 + 1), "out [2001:db8:7::7] <- [2001:db8::2] ICMP 2/0 ttl 64 1468");
}

TEST_P(MixedTold, AnErrorQuotesTheClientsNumber) {
  for (const Ends& ends : {kEnds64, kEnds46}) {
    SCOPED_TRACE(ends.vip);
    ServeTelling(ends, ClientAddress::kProxyV2);
    Client({kSyn, 1000});
    Real({kSynAck, 5000, 1001});
    Client({kAck, 1001, 5001});
    Real({kAck, 5001, 1001 + (is_46() ? 28u : 52u)});
    const auto at_real = d_.Send(kOutside, Segment(client_, vip_, {kAck, 1001, 5001, "", "abc"}));
    ASSERT_EQ(at_real.size(), 1u);
    const Frame error =
        ErrorAbout(at_real[0].frame, is_46() ? "fd00::9" : "10.0.0.9", local_.address.ToString(),
                   is_46() ? 2 : 3, is_46() ? 0 : 4, 1400);
    const auto at_client = d_.Send(kInside, error);
    ASSERT_EQ(at_client.size(), 1u);
    EXPECT_EQ(test::ChecksumProblem(at_client[0].frame), "");
    const size_t number = is_46() ? 14 + 20 + 8 + 20 + 4 : 14 + 40 + 8 + 40 + 4;
    EXPECT_EQ(Be32::Load(&at_client[0].frame[number]).host(), 1001u);
  }
}

}  // namespace
}  // namespace fairlead::dataplane::mixed_told_test
