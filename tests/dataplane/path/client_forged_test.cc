// A client cannot say who it is in its own words: whatever made the connection, whatever SYN comes
// later, nothing of the client's stands where a real server looks for its address.
#include "path/client_told_bed.h"

namespace fairlead::dataplane::client_forged_test {
namespace {

using namespace client_told_bed;

class ClientForged : public ClientToldBed {
 protected:
  void BeginByError(const Frame& about) {
    d_.service(service_).policy.schedule_icmp = true;
    d_.Publish();
    const Frame error = ErrorAbout(about, "198.51.100.7", "192.0.2.10", 3, 3, 0, 28);
    ASSERT_EQ(d_.Send(kOutside, error).size(), 1u);
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, ClientForged, testing::Values(1, 2));

const std::string kForged = "fe08000a0a0a0a0a", kGone = "0101010101010101";

// What the director has told is over when another handshake begins, whatever it takes for the
// connection's state: the real may have forgotten the connection in silence.
TEST_P(ClientForged, ToaBeginsAnewWithEachSyn) {
  Serve(ClientAddress::kToa);
  ShakeHands();
  Real({kAck, 5001, 1001, "", "hello"});
  EXPECT_EQ(Client({kSyn, 1000, 0, kForged}), "S 1000 0 [" + kGone + "]");
  EXPECT_EQ(Real({kSynAck, 9000, 1001}), "SA 9000 1001");
  EXPECT_EQ(Client({kAck, 1001, 9001, kForged}), "A 1001 9001 [" + (kToa + kGone) + "]");
}

// No number of the real's counts before its SYN-ACK: of two SYNs it may have taken the other. The
// SYN-ACK to the first is lost here, and its ACK answers the second.
TEST_P(ClientForged, ToaIsNotToldBeforeTheRealHasSaidWhichSynCounts) {
  Serve(ClientAddress::kToa);
  Client({kSyn, 7000});
  Client({kSyn, 1000});
  Real({kAck, 5001, 7001});
  Real({kSynAck, 5000, 7001});
  EXPECT_EQ(Client({kAck, 7001, 5001}), std::string("A 7001 5001 [") + kToa + "]");
}

TEST_P(ClientForged, TheHeaderIsNotToldBeforeTheRealHasSaidWhichSynCounts) {
  Serve(ClientAddress::kProxyV1);
  Client({kSyn, 7000});
  Client({kSyn, 1000});
  Real({kAck, 5001, 7001});
  EXPECT_EQ(Client({kAck, 1001, 5001}), "PA 1001 5001 " + kLine) << "of the SYN that came last";
  Real({kSynAck, 5000, 7001});
  EXPECT_EQ(Client({kAck, 7001, 5001}), "PA 7001 5001 " + kLine);
}

// ---- connections that no SYN has made

TEST_P(ClientForged, ToaIsInAConnectionThatAnAckHasMade) {
  Serve(ClientAddress::kToa);
  d_.service(service_).policy.sloppy_tcp = true;
  d_.Publish();
  EXPECT_EQ(Client({kAck, 2000, 1, kForged}), "A 2000 1 [" + (kToa + kGone) + "]");
  Real({kAck, 1, 2000});
  EXPECT_EQ(Client({kAck, 2000, 1, kForged, "x"}), "A 2000 1 [" + (kToa + kGone) + "] x");
  EXPECT_EQ(Client({kSyn, 1000, 0, kForged}), "S 1000 0 [" + kGone + "]");
  Real({kSynAck, 5000, 1001});
  EXPECT_EQ(Client({kAck, 1001, 5001, kForged}), "A 1001 5001 [" + (kToa + kGone) + "]");
  Real({kAck, 5001, 1001, "", "hello"});
  EXPECT_EQ(Client({kAck, 1001, 5006}), "A 1001 5006");
}

TEST_P(ClientForged, AConnectionThatAnAckHasMadeHasNoPlaceForAHeader) {
  Serve(ClientAddress::kProxyV1);
  d_.service(service_).policy.sloppy_tcp = true;
  d_.Publish();
  const auto sent = d_.Send(kOutside, FrameOf(client_, vip_, {kAck, 2000, 1, "", "PROXY"}));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].port, kOutside) << "a reset";
  EXPECT_EQ(SegmentText(sent[0].frame), "R 1 0");
  EXPECT_EQ(d_.dropped(DropReason::kClientNotTold), 1u);
  // The record is gone with it, and the next SYN begins as any.
  ShakeHands();
  EXPECT_EQ(Client({kAck, 1001, 5001, "", "abc"}),
            "PA 1001 5001 " + kLine + "\nA " + std::to_string(1001 + kLength) + " 5001 abc");
  EXPECT_EQ(d_.CheckConservation(), "");
}

// An ICMP error makes the connection; then the client speaks.
TEST_P(ClientForged, AConnectionThatAnErrorHasMadeHasToa) {
  Serve(ClientAddress::kToa);
  BeginByError(FrameOf(vip_, client_, {kAck, 1, 1}));
  EXPECT_EQ(Client({kAck, 1001, 5001, kForged}), "A 1001 5001 [" + (kToa + kGone) + "]");
  ShakeHands();
  EXPECT_EQ(Client({kAck, 1001, 5001, kForged}), "A 1001 5001 [" + (kToa + kGone) + "]");
}

TEST_P(ClientForged, AConnectionThatAnErrorHasMadeBeginsWithTheHeader) {
  Serve(ClientAddress::kProxyV1);
  BeginByError(FrameOf(vip_, client_, {kAck, 1, 1}));
  ShakeHands();
  EXPECT_EQ(Client({kAck, 1001, 5001}), "PA 1001 5001 " + kLine);
}

TEST_P(ClientForged, DatagramsOfAConnectionThatAnErrorHasMadeAreTold) {
  Serve(ClientAddress::kProxyV2, "192.0.2.10", "10.0.0.11", kProtocolUdp);
  BeginByError(Udp("192.0.2.10", 80, "198.51.100.7", 1234));
  const auto sent = d_.Send(kOutside, Udp("198.51.100.7", 1234, "192.0.2.10", 80));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].frame.size(), 14u + 28 + 28 + 2);
}

// A reload has the real told from now on. What runs goes on untold; what begins on its record does
// not.
TEST_P(ClientForged, ASynOnAnUntoldConnectionBeginsTelling) {
  Serve(ClientAddress::kNone);
  ShakeHands();
  d_.real(real_id_).client_address = ClientAddress::kProxyV1;
  d_.Publish();
  EXPECT_EQ(Client({kAck, 1001, 5001, "", "abc"}), "A 1001 5001 abc");
  EXPECT_EQ(Client({kSyn, 7000}), "S 7000 0");
  EXPECT_EQ(Real({kAck, 5001, 1004}), "A 5001 1004") << "it has the connection";
  EXPECT_EQ(Client({kAck, 1004, 5001, "", "def"}), "A 1004 5001 def");
  EXPECT_EQ(Client({kSyn, 8000}), "S 8000 0");
  EXPECT_EQ(Real({kSynAck, 9000, 8001}), "SA 9000 8001") << "it has lost it";
  EXPECT_EQ(Client({kAck, 8001, 9001, "", "PROXY"}),
            "PA 8001 9001 " + kLine + "\nA " + std::to_string(8001 + kLength) + " 9001 PROXY");
}

// The same for one that was told, and whose client begins with the same number again.
TEST_P(ClientForged, TheHeaderComesAgainAfterASynWithTheSameNumber) {
  Serve(ClientAddress::kProxyV1);
  ShakeHands();
  Real({kAck, 5001, 1001 + kLength});
  Real({kSynAck, 5000, 1001});  // an old one
  EXPECT_EQ(Client({kAck, 1001, 5001, "", "abc"}),
            "A " + std::to_string(1001 + kLength) + " 5001 abc");
  Client({kSyn, 1000});
  Real({kSynAck, 9000, 1001});
  EXPECT_EQ(Client({kAck, 1001 - kLength, 9001, "", "PROXY"}), "");
  EXPECT_EQ(Client({kAck, 1001, 9001}), "PA 1001 9001 " + kLine);
}

// Without a cookie, as some reals take it.
TEST_P(ClientForged, NoDataInASynBeforeTheHeader) {
  Serve(ClientAddress::kProxyV1);
  EXPECT_EQ(Client({kSyn | kTcpPsh, 1000, 0, kMss, "PROXY"}), "S 1000 0 [020405b4]");
  EXPECT_EQ(Client({kSyn | kTcpFin, 1000, 0, "", "odd"}), "S 1000 0");
  Real({kSynAck, 5000, 1001});
  EXPECT_EQ(Client({kAck, 1001, 5001, "", "PROXY"}),
            "PA 1001 5001 " + kLine + "\nA " + std::to_string(1001 + kLength) + " 5001 PROXY");
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(ClientForged, NoDataInASynBeforeToa) {
  Serve(ClientAddress::kToa);
  EXPECT_EQ(Client({kSyn, 1000, 0, kForged, "GET"}), "S 1000 0 [" + kGone + "]");
}

}  // namespace
}  // namespace fairlead::dataplane::client_forged_test
