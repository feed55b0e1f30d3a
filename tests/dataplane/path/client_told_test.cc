// A real server is told who its client is: every segment of a connection's beginning, there and
// back, with what is lost and sent again.
#include <gtest/gtest.h>

#include <set>

#include "path/client_told_bed.h"

namespace fairlead::dataplane::client_told_test {
namespace {

using namespace client_told_bed;

class ClientTold : public ClientToldBed {
 protected:
  uint64_t LeftOut() {
    uint64_t sum = 0;
    for (size_t w = 0; w < d_.worker_count(); ++w) {
      sum += d_.fabric().stats.worker(WorkerId{static_cast<uint8_t>(w)}).toa_left_out.value();
    }
    return sum;
  }
  // What the client hears when a router behind us says this of a packet to the real.
  uint32_t MtuToClient(const Frame& about, const std::string& router, uint8_t type, uint8_t code,
                       uint32_t mtu) {
    const auto sent =
        d_.Send(kInside, ErrorAbout(about, router, local_.address.ToString(), type, code, mtu));
    if (sent.size() != 1 || sent[0].port != kOutside) return 0;
    EXPECT_EQ(test::ChecksumProblem(sent[0].frame), "");
    return Be32::Load(&sent[0].frame[sent[0].frame[14] >> 4 == 4 ? 38 : 58]).host();
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, ClientTold, testing::Values(1, 2));

TEST_P(ClientTold, NothingIsAddedWhereNothingIsAsked) {
  Serve(ClientAddress::kNone);
  EXPECT_EQ(Client({kSyn, 1000, 0, kMss}), "S 1000 0 [020405b4]");
  EXPECT_EQ(Real({kSynAck, 5000, 1001, kMss}), "SA 5000 1001 [020405b4]");
  EXPECT_EQ(Client({kAck, 1001, 5001, "", "hi"}), "A 1001 5001 hi");
}

// ---- TOA

TEST_P(ClientTold, ToaIsInAllSegmentsUntilOneHasCounted) {
  Serve(ClientAddress::kToa);
  EXPECT_EQ(Client({kSyn, 1000, 0, kMss}), "S 1000 0 [020405b4]");
  EXPECT_EQ(Real({kSynAck, 5000, 1001, kMss}), "SA 5000 1001 [020405ac]") << "8 bytes less";
  const std::string option = std::string("[") + kToa + "]";
  EXPECT_EQ(Client({kAck, 1001, 5001}), "A 1001 5001 " + option);
  // An ACK alone may come from a real that still waits for the handshake's end.
  EXPECT_EQ(Real({kAck, 5001, 1001}), "A 5001 1001");
  EXPECT_EQ(Client({kAck, 1001, 5001, "01010101", "abc"}),
            "A 1001 5001 [fe0804d2c633640701010101] abc");
  EXPECT_EQ(Client({kRst, 1001, 5001}), "RA 1001 5001") << "a reset makes no connection";
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(ClientTold, ToaEndsWithWhatOnlyAConnectionSends) {
  for (const Sending& shows : {Sending{kAck, 5001, 1004}, Sending{kAck, 5001, 1001, "", "hello"},
                               Sending{kFinAck, 5001, 1001}}) {
    Serve(ClientAddress::kToa);
    ShakeHands();
    ASSERT_EQ(Client({kAck, 1001, 5001, "", "abc"}), std::string("A 1001 5001 [") + kToa + "] abc");
    Real(shows);
    EXPECT_EQ(Client({kAck, 1004, 5001, "", "d"}), "A 1004 5001 d");
    EXPECT_EQ(Client({kAck, 1001, 5001, "", "abc"}), "A 1001 5001 abc");
    Client({kRst, 1005, 5001});
    d_.Advance(11);
  }
}

TEST_P(ClientTold, AClientDoesNotSayWhoItIs) {
  Serve(ClientAddress::kToa);
  const std::string forged = "fe08000a0a0a0a0a", gone = "0101010101010101";
  EXPECT_EQ(Client({kSyn, 1000, 0, forged + kMss}), "S 1000 0 [" + gone + kMss + "]");
  Real({kSynAck, 5000, 1001});
  EXPECT_EQ(Client({kAck, 1001, 5001, forged}), "A 1001 5001 [" + (kToa + gone) + "]");
  const std::string full(72, '0');  // 36 bytes
  EXPECT_EQ(Client({kAck, 1001, 5001, forged + std::string(56, '0') + "00000000"}),
            "A 1001 5001 [" + gone + std::string(64, '0') + "]")
      << "there is no room to say it rightly either";
}

TEST_P(ClientTold, WhatDoesNotFitGoesWithout) {
  Serve(ClientAddress::kToa);
  ShakeHands();
  const std::string fits(1500 - 40 - 8, 'a');
  EXPECT_EQ(Client({kAck, 1001, 5001, "", fits}),
            std::string("A 1001 5001 [") + kToa + "] " + fits);
  EXPECT_EQ(LeftOut(), 0u);
  EXPECT_EQ(Client({kAck, 1001, 5001, "", fits + "b"}), "A 1001 5001 " + fits + "b");
  EXPECT_EQ(LeftOut(), 1u);
  const std::string full(66, '0');  // 33 bytes
  Client({kAck, 1001, 5001, "fd21" + full.substr(4) + "01010101"});
  EXPECT_EQ(LeftOut(), 2u) << "its options leave no room";
  Real({kAck, 5001, 1001, "", "hello"});
  Client({kAck, 1001, 5001, "", fits + "b"});
  EXPECT_EQ(LeftOut(), 2u) << "nothing was to be in it";
}

// The client is told what it may send, and the director adds to that.
TEST_P(ClientTold, APathMtuIsToldLessTheOption) {
  Serve(ClientAddress::kToa);
  ShakeHands();
  const auto at_real = d_.Send(kOutside, FrameOf(client_, vip_, {kAck, 1001, 5001, "", "abc"}));
  ASSERT_EQ(at_real.size(), 1u);
  EXPECT_EQ(MtuToClient(at_real[0].frame, "10.0.0.9", 3, 4, 1400), 1392u);
  Real({kAck, 5001, 1004});
  EXPECT_EQ(MtuToClient(at_real[0].frame, "10.0.0.9", 3, 4, 1400), 1400u) << "it has none any more";
}

TEST_P(ClientTold, ToaOfIpv6) {
  Serve(ClientAddress::kToa, "2001:db8::10", "fd00::11");
  Client({kSyn, 1000});
  EXPECT_EQ(Real({kSynAck, 5000, 1001, kMss}), "SA 5000 1001 [020405a0]");
  EXPECT_EQ(Client({kAck, 1001, 5001}), "A 1001 5001 [fe1404d220010db8000700000000000000000007]");
}

// ---- PROXY

TEST_P(ClientTold, TheHeaderComesWithTheHandshakesThirdSegment) {
  Serve(ClientAddress::kProxyV1);
  EXPECT_EQ(Client({kSyn, 1000, 0, kMss}), "S 1000 0 [020405b4]");
  EXPECT_EQ(Real({kSynAck, 5000, 1001, kMss}), "SA 5000 1001 [020405b4]");
  EXPECT_EQ(Client({kAck, 1001, 5001}), "PA 1001 5001 " + kLine);
  const auto at = [](uint32_t number) { return std::to_string(number + kLength); };
  EXPECT_EQ(Real({kAck, 5001, 1001 + kLength}), "A 5001 1001");
  EXPECT_EQ(Client({kAck, 1001, 5001, "", "abc"}), "A " + at(1001) + " 5001 abc");
  EXPECT_EQ(Real({kAck, 5001, 1004 + kLength, "", "hello"}), "A 5001 1004 hello");
  EXPECT_EQ(Client({kFinAck, 1004, 5006}), "FA " + at(1004) + " 5006");
  EXPECT_EQ(Real({kFinAck, 5006, 1005 + kLength}), "FA 5006 1005");
  EXPECT_EQ(Client({kAck, 1005, 5007}), "A " + at(1005) + " 5007");
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(ClientTold, WhatIsLostIsMadeAgain) {
  Serve(ClientAddress::kProxyV1);
  ShakeHands();  // the header is lost
  EXPECT_EQ(Real({kSynAck, 5000, 1001}), "SA 5000 1001") << "so the real sends this again";
  EXPECT_EQ(Client({kAck, 1001, 5001}), "PA 1001 5001 " + kLine);
  const std::string front = "PA 1001 5001 " + kLine + "\n";
  const auto at = [](uint32_t number) { return std::to_string(number + kLength); };
  EXPECT_EQ(Client({kAck, 1001, 5001, "", "abc"}), front + "A " + at(1001) + " 5001 abc");
  EXPECT_EQ(Client({kAck, 1004, 5001, "", "def"}), "A " + at(1004) + " 5001 def");
  // The header was lost, and what came after it was not.
  std::string block = "000003e9000003ef";
  EXPECT_EQ(Real({kAck, 5001, 1001, kSack + std::string("0000041500000418")}),
            "A 5001 1001 [010101010101010101010101]");
  EXPECT_EQ(Real({kAck, 5001, 1010}), "A 5001 1001") << "some of the header";
  EXPECT_EQ(Client({kAck, 1001, 5001, "", "abc"}), front + "A " + at(1001) + " 5001 abc");
  EXPECT_EQ(Real({kAck, 5001, 1004 + kLength}), "A 5001 1004");
  EXPECT_EQ(Client({kAck, 1001, 5001, "", "abc"}), "A " + at(1001) + " 5001 abc") << "it has it";
  EXPECT_EQ(Client({kAck, 1001, 5001}), "A " + at(1001) + " 5001");
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(ClientTold, SackIsCountedBackOnceTheHeaderIsThere) {
  Serve(ClientAddress::kProxyV1);
  ShakeHands();
  ASSERT_EQ(kLength, 44u);
  // 1050-1053 at the real, 1006-1009 at the client.
  EXPECT_EQ(Real({kAck, 5001, 1001 + kLength, std::string(kSack) + "0000041a0000041d"}),
            "A 5001 1001 [0101050a000003ee000003f1]");
}

TEST_P(ClientTold, AFinOrAResetAtTheBeginning) {
  Serve(ClientAddress::kProxyV1);
  ShakeHands();
  EXPECT_EQ(Client({kFinAck, 1001, 5001}), "FPA 1001 5001 " + kLine);
  EXPECT_EQ(Client({kRst, 1001, 5001}), "RA " + std::to_string(1001 + kLength) + " 5001");
}

TEST_P(ClientTold, TheSynAgainAndAnotherSynAfterIt) {
  Serve(ClientAddress::kProxyV1);
  EXPECT_EQ(Client({kSyn, 1000}), "S 1000 0");
  EXPECT_EQ(Client({kSyn, 1000}), "S 1000 0");
  EXPECT_EQ(Client({kSyn, 7000}), "S 7000 0") << "the client has given up the first";
  EXPECT_EQ(Real({kSynAck, 5000, 7001}), "SA 5000 7001");
  EXPECT_EQ(Client({kAck, 7001, 5001}), "PA 7001 5001 " + kLine);
}

// One byte before the first one, and a header of the client's own behind it.
TEST_P(ClientTold, NoDataGoesWhereTheHeaderBelongs) {
  Serve(ClientAddress::kProxyV1);
  Client({kSyn, 1000});
  Real({kSynAck, 5000, 1001});
  EXPECT_EQ(Client({kAck, 1000, 5001, "", "xPROXY TCP4 1.2.3.4 192.0.2.10 1234 80\r\n"}), "");
  EXPECT_EQ(Client({kFinAck, 1000, 5001}), "");
  EXPECT_EQ(d_.dropped(DropReason::kClientNotTold), 2u);
  EXPECT_EQ(Client({kAck, 1000, 5001}), "A 1000 5001") << "a keep-alive has no data";
  EXPECT_EQ(Client({kAck, 1001, 5001}), "PA 1001 5001 " + kLine);
}

// A SYN that the real does not take moves nothing: its answer to it would look like the header's
// acknowledgement, and the client's own would pass for one.
TEST_P(ClientTold, AnotherSynAfterTheAnswerMovesNothing) {
  Serve(ClientAddress::kProxyV1);
  Client({kSyn, 1000});
  Real({kSynAck, 5000, 1001});
  EXPECT_EQ(Client({kSyn, 1000 - kLength - 10}), "S " + std::to_string(1000 - kLength - 10) + " 0");
  Real({kAck, 5001, 1001});
  EXPECT_EQ(Client({kAck, 1001 - kLength, 5001, "", "PROXY"}), "");
  EXPECT_EQ(Client({kAck, 1001, 5001}), "PA 1001 5001 " + kLine);
}

// The real has forgotten the first one, and takes the second.
TEST_P(ClientTold, TheRealSaysWhichSynCounts) {
  Serve(ClientAddress::kProxyV1);
  Client({kSyn, 1000});
  Real({kSynAck, 5000, 1001});
  EXPECT_EQ(Client({kSyn, 7000}), "S 7000 0");
  EXPECT_EQ(Real({kSynAck, 6000, 7001}), "SA 6000 7001");
  EXPECT_EQ(Client({kAck, 7001, 6001}), "PA 7001 6001 " + kLine);
}

// Another connection's, which the real still has: its numbers are nobody's here, and its RST has
// the one that it was asked for.
TEST_P(ClientTold, AnOldConnectionOfTheRealsIsNoAnswer) {
  for (const uint32_t old : {900u, 1001u + kLength + 7, 0x8000'0500u}) {
    Serve(ClientAddress::kProxyV1);
    Client({kSyn, 1000});
    const Endpoint local = local_;
    std::string seen = Real({kAck, 4000, old});
    seen = seen.substr(seen.rfind(' ') + 1);  // the acknowledgement
    EXPECT_EQ(Client({kTcpRst, static_cast<uint32_t>(std::stoul(seen))}),
              "R " + std::to_string(old) + " 0");
    EXPECT_EQ(Client({kSyn, 1000}), "S 1000 0");
    EXPECT_EQ(local_, local);
    EXPECT_EQ(Real({kSynAck, 5000, 1001}), "SA 5000 1001");
    EXPECT_EQ(Client({kAck, 1001, 5001}), "PA 1001 5001 " + kLine);
    Client({kRst, 1001, 5001});
    d_.Advance(11);
  }
}

TEST_P(ClientTold, NoDataBeforeTheHeaderByFastOpen) {
  for (const ClientAddress how : {ClientAddress::kProxyV1, ClientAddress::kToa}) {
    Serve(how);
    EXPECT_EQ(Client({kSyn, 1000, 0, "220a010203040506070801 01"}),
              "S 1000 0 [010101010101010101010101]");
    Client({kRst, 1001});
    d_.Advance(11);
  }
}

TEST_P(ClientTold, Version2AndIpv6) {
  Serve(ClientAddress::kProxyV2, "2001:db8::10", "fd00::11");
  Client({kSyn, 1000});
  Real({kSynAck, 5000, 1001});
  const std::string sent = Client({kAck, 1001, 5001});
  ASSERT_EQ(sent.size(), std::string("PA 1001 5001 ").size() + 52);
  EXPECT_EQ(test::ToHex(BytesOf(sent.substr(13))),
            "0d0a0d0a000d0a515549540a21210024"
            "20010db8000700000000000000000007"
            "20010db8000000000000000000000010"
            "04d20050");
  EXPECT_EQ(Real({kAck, 5001, 1053}), "A 5001 1001");
}

TEST_P(ClientTold, TwoGigabytesLaterNumbersAreStillRight) {
  Serve(ClientAddress::kProxyV1);
  ShakeHands();
  Real({kAck, 5001, 1001 + kLength});
  for (uint32_t number = 1001; number < 0xf000'0000; number += 0x1000'0000) {
    ASSERT_EQ(Client({kAck, number, 5001, "", "x"}),
              "A " + std::to_string(number + kLength) + " 5001 x");
    ASSERT_EQ(Real({kAck, 5001, number + kLength + 1}), "A 5001 " + std::to_string(number + 1));
  }
}

TEST_P(ClientTold, ARealThatGoesResetsBothSidesByTheirOwnNumbers) {
  Serve(ClientAddress::kProxyV1);
  ShakeHands();
  Real({kAck, 5001, 1001 + kLength});
  d_.RemoveReal(real_id_, Remains::kReset);
  d_.Publish();
  std::set<std::string> seen;
  for (const Sent& sent : d_.Send(kOutside, FrameOf(client_, vip_, {kAck, 1001, 5001}))) {
    seen.insert((sent.port == kInside ? "in " : "out ") + SegmentText(sent.frame));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"in RA " + std::to_string(1001 + kLength) + " 5001",
                                         "out R 5001 0"}));
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(ClientTold, AnErrorAboutAShiftedSegmentQuotesTheClientsNumber) {
  Serve(ClientAddress::kProxyV1);
  ShakeHands();
  Real({kAck, 5001, 1001 + kLength});
  const auto at_real = d_.Send(kOutside, FrameOf(client_, vip_, {kAck, 1001, 5001, "", "abc"}));
  ASSERT_EQ(at_real.size(), 1u);
  constexpr uint8_t kUnreachable = 3, kFragmentationNeeded = 4;
  const Frame error = ErrorAbout(at_real[0].frame, "10.0.0.9", local_.address.ToString(),
                                 kUnreachable, kFragmentationNeeded, 1400);
  const auto at_client = d_.Send(kInside, error);
  ASSERT_EQ(at_client.size(), 1u);
  EXPECT_EQ(test::ChecksumProblem(at_client[0].frame), "");
  EXPECT_EQ(Be32::Load(&at_client[0].frame[14 + 20 + 8 + 20 + 4]).host(), 1001u);
}

// ---- UDP

TEST_P(ClientTold, EachDatagramBeginsWithTheHeader) {
  Serve(ClientAddress::kProxyV2, "192.0.2.10", "10.0.0.11", kProtocolUdp);
  const std::string header = "0d0a0d0a000d0a515549540a2112000cc6336407c000020a04d20050";
  for (int i = 0; i < 3; ++i) {
    const auto sent =
        d_.Send(kOutside, Datagram("198.51.100.7", 1234, "192.0.2.10", 80, "question"));
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(test::ChecksumProblem(sent[0].frame), "");
    EXPECT_EQ(test::ToHex(std::span(sent[0].frame).subspan(42)),
              header + test::ToHex(BytesOf("question")));
    const Endpoint local = SourceOf(sent[0].frame);
    const auto back = d_.Send(kInside, Datagram("10.0.0.11", 8080, local.address.ToString(),
                                                local.port.host(), "answer"));
    ASSERT_EQ(back.size(), 1u);
    EXPECT_EQ(test::ToHex(std::span(back[0].frame).subspan(42)), test::ToHex(BytesOf("answer")));
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(ClientTold, ADatagramThatIsTooLongWithItIsAnswered) {
  Serve(ClientAddress::kProxyV2, "2001:db8::10", "fd00::11", kProtocolUdp);
  const auto send = [&](size_t bytes) {
    return d_.Send(kOutside,
                   Datagram("2001:db8:7::7", 1234, "2001:db8::10", 80, std::string(bytes, 'a')));
  };
  ASSERT_EQ(send(1500 - 48 - 52).size(), 1u);
  EXPECT_EQ(d_.dropped(DropReason::kTooBig), 0u);
  const auto answer = send(1500 - 48 - 52 + 1);
  EXPECT_EQ(d_.dropped(DropReason::kTooBig), 1u);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer[0].port, kOutside);
  EXPECT_EQ(Be32::Load(&answer[0].frame[54 + 4]).host(), 1448u);
}

TEST_P(ClientTold, APathMtuIsToldLessTheHeader) {
  for (const bool is_v4 : {true, false}) {
    const std::string client = is_v4 ? "198.51.100.7" : "2001:db8:7::7";
    const std::string vip = is_v4 ? "192.0.2.10" : "2001:db8::10";
    Serve(ClientAddress::kProxyV2, vip, is_v4 ? "10.0.0.11" : "fd00::11", kProtocolUdp);
    const auto at_real = d_.Send(kOutside, Datagram(client, 1234, vip, 80, "question"));
    ASSERT_EQ(at_real.size(), 1u);
    local_ = SourceOf(at_real[0].frame);
    const std::string router = is_v4 ? "10.0.0.9" : "fd00::9";
    const uint8_t type = is_v4 ? 3 : 2, code = is_v4 ? 4 : 0;
    EXPECT_EQ(MtuToClient(at_real[0].frame, router, type, code, 1400), is_v4 ? 1372u : 1348u);
    EXPECT_EQ(MtuToClient(at_real[0].frame, router, type, code, 1300), is_v4 ? 1272u : 1280u);
    EXPECT_EQ(MtuToClient(at_real[0].frame, router, is_v4 ? 3 : 1, 3, 1400), 1400u) << "no MTU";
  }
}

// 1280 bytes are always taken; on a narrow link header and datagram go in two fragments.
TEST_P(ClientTold, OnANarrowIpv6LinkTheLeastIsCut) {
  Serve(ClientAddress::kProxyV2, "2001:db8::10", "fd00::11", kProtocolUdp);
  d_.real(real_id_).mtu_bytes = 1300;
  d_.Publish();
  const auto send = [&](size_t bytes) {
    return d_.Send(kOutside,
                   Datagram("2001:db8:7::7", 1234, "2001:db8::10", 80, std::string(bytes, 'a')));
  };
  EXPECT_EQ(send(1300 - 48 - 52).size(), 1u);
  const auto pieces = send(1280 - 48);
  ASSERT_EQ(pieces.size(), 2u);
  std::vector<Frame> frames;
  for (const Sent& piece : pieces) {
    EXPECT_EQ(piece.port, kInside);
    EXPECT_LE(piece.frame.size(), 14u + 1300);
    frames.push_back(piece.frame);
  }
  const Frame whole = Join(frames);
  ASSERT_EQ(whole.size(), 14u + 1280 + 52);
  EXPECT_EQ(test::ChecksumProblem(whole), "");
  EXPECT_EQ(whole[62], 0x0d) << "the header comes first";
  const auto answer = send(1280 - 48 + 1);
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer[0].port, kOutside);
  EXPECT_EQ(Be32::Load(&answer[0].frame[54 + 4]).host(), 1280u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::client_told_test
