// A real server that is told who its client is, in every pair of IP versions: fragments, and errors
// of the client's side. docs/ways.md names these tests.
#include <gtest/gtest.h>

#include "mixed_told_bed.h"

namespace fairlead::dataplane::told_ways_test {
namespace {

using namespace fullnat_bed;
using client_told_bed::kAck, client_told_bed::kSyn, client_told_bed::kSynAck;
using client_told_bed::SegmentText;

const Ends kAllEnds[] = {kEnds4, kEnds6, kEnds64, kEnds46};

class ToldWays : public MixedToldBed {
 protected:
  [[nodiscard]] bool is_client_v4() const { return vip_.address.is_v4(); }
  [[nodiscard]] std::string Line() const {
    return is_client_v4() ? "PROXY TCP4 198.51.100.7 192.0.2.10 1234 80\r\n"
                          : "PROXY TCP6 2001:db8:7::7 2001:db8::10 1234 80\r\n";
  }
  // A segment of the client's first data, cut.
  [[nodiscard]] std::vector<Frame> FirstData() {
    return Cut(Segment(client_, vip_, {kAck, 1001, 5001, "", Payload(1000)}), 512, next_id_++);
  }
  [[nodiscard]] std::string InOnePiece(const std::vector<Frame>& pieces, bool is_reversed) {
    const std::string text = Joined(kOutside, pieces, is_reversed);
    return joined_.empty() ? text : SegmentText(joined_);
  }
  uint64_t LeftOut() {
    uint64_t sum = 0;
    for (size_t w = 0; w < d_.worker_count(); ++w)
      sum += d_.worker(w).counters().toa_left_out.value();
    return sum;
  }
  static std::string Bare(const std::string& address) {
    return address.find(':') == std::string::npos ? address : "[" + address + "]";
  }

  uint32_t next_id_ = 70'000;
};
INSTANTIATE_TEST_SUITE_P(Workers, ToldWays, testing::Values(1, 2));

TEST_P(ToldWays, ADatagramInFragmentsIsDropped) {
  uint64_t datagrams = 0;
  for (const Ends& ends : kAllEnds) {
    SCOPED_TRACE(ends.vip + " " + ends.real);
    ServeTelling(ends, ClientAddress::kProxyV2, kProtocolUdp);
    const Frame whole = Datagram(ends.client, 1234, ends.vip, 80, Payload(3000));
    for (const Frame& piece : Cut(whole, 800, 7)) EXPECT_EQ(d_.Send(kOutside, piece).size(), 0u);
    ++datagrams;
    EXPECT_EQ(d_.dropped(DropReason::kClientNotTold), datagrams);
    EXPECT_EQ(d_.dropped(DropReason::kFragmentRefused), 3 * datagrams) << "the others follow";
    d_.Advance(400);
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// The handshake's third segment was lost, and the client's first data come in fragments. When the
// real has the header, all of them reach it.
TEST_P(ToldWays, AHeaderIsNotPassedByFragments) {
  uint64_t dropped = 0;
  for (const Ends& ends : kAllEnds) {
    for (const bool is_reversed : {false, true}) {
      SCOPED_TRACE(ends.vip + " " + ends.real);
      ServeTelling(ends, ClientAddress::kProxyV1);
      Client({kSyn, 1000});
      Real({kSynAck, 5000, 1001});
      EXPECT_EQ(InOnePiece(FirstData(), is_reversed), "no datagram of 0");
      EXPECT_EQ(d_.dropped(DropReason::kClientNotTold), ++dropped);
      EXPECT_EQ(d_.dropped(DropReason::kFragmentRefused), dropped);
      EXPECT_EQ(Real({kSynAck, 5000, 1001}), "SA 5000 1001");
      EXPECT_EQ(Client({kAck, 1001, 5001}), "PA 1001 5001 " + Line());
      const auto after = static_cast<uint32_t>(1001 + Line().size());
      Real({kAck, 5001, after});
      EXPECT_EQ(InOnePiece(FirstData(), is_reversed),
                "A " + std::to_string(after) + " 5001 " + Payload(1000));
      Client({kTcpRst, 2001});
      d_.Advance(11);
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(ToldWays, FragmentsGoWithoutTheOption) {
  uint64_t left_out = 0;
  for (const Ends& ends : {kEnds4, kEnds6, kEnds64}) {
    SCOPED_TRACE(ends.vip + " " + ends.real);
    ServeTelling(ends, ClientAddress::kToa);
    Client({kSyn, 1000});
    Real({kSynAck, 5000, 1001});
    EXPECT_EQ(InOnePiece(FirstData(), true), "A 1001 5001 " + Payload(1000));
    EXPECT_EQ(LeftOut(), ++left_out);
    EXPECT_NE(Client({kAck, 1001, 5001}), "A 1001 5001") << "the next segment has it";
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// A router between the client and us complains of what the client was sent: the real hears of the
// segment that it has sent itself, whose numbers nobody has shifted.
TEST_P(ToldWays, AnErrorOfTheClientsSideReachesTheReal) {
  for (const Ends& ends : kAllEnds) {
    for (const ClientAddress how : {ClientAddress::kProxyV1, ClientAddress::kToa}) {
      SCOPED_TRACE(ends.vip + " " + ends.real);
      ServeTelling(ends, how);
      const bool is_real_v4 = server_.address.is_v4();
      // Refused at loading.
      if (how == ClientAddress::kToa && is_client_v4() && !is_real_v4) continue;
      Client({kSyn, 1000});
      Real({kSynAck, 5000, 1001});
      Client({kAck, 1001, 5001});
      const bool has_header = how == ClientAddress::kProxyV1;
      const auto next = static_cast<uint32_t>(has_header ? 1001 + Line().size() : 1001);
      const auto at_client =
          d_.Send(kInside, Segment(server_, local_, {kAck, 5001, next, "", "hello"}));
      ASSERT_EQ(at_client.size(), 1u);
      ASSERT_EQ(SegmentText(at_client[0].frame), "A 5001 1001 hello");
      const auto at_real = d_.Send(
          kOutside, ErrorAbout(at_client[0].frame, is_client_v4() ? "203.0.113.1" : "2001:db8:9::1",
                               ends.vip, is_client_v4() ? 3 : 2, is_client_v4() ? 4 : 0, 1300));
      ASSERT_EQ(at_real.size(), 1u);
      EXPECT_EQ(at_real[0].port, kInside);
      const Frame& error = at_real[0].frame;
      EXPECT_EQ(Text(error), Bare(ends.real) + " <- " + Bare(local_.address.ToString()) +
                                 (is_real_v4 ? " ICMP 3/4 ttl 63" : " ICMP 2/0 ttl 63"));
      EXPECT_EQ(Rest(error), is_client_v4() == is_real_v4 ? 1300u : is_client_v4() ? 1320u : 1280u);
      const size_t quoted = is_real_v4 ? 14 + 20 + 8 : 14 + 40 + 8;
      const std::string sender = local_.ToString() + " <- " + server_.ToString();
      EXPECT_EQ(Text(Frame(error.begin() + static_cast<long>(quoted) - 14, error.end()))
                    .substr(0, sender.size()),
                sender);
      EXPECT_EQ(Be32::Load(&error[quoted + (is_real_v4 ? 20 : 40) + 4]).host(), 5001u);
      Client({kTcpRst, 1001});
      d_.Advance(11);
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::told_ways_test
