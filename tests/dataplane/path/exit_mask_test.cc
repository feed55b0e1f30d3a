// The one exit of the fast path: a record with a flag of kLeavesFastPath goes the long way,
// whatever its transport, its method and the packet's direction; and who sets such a flag, and how
// long.
#include <gtest/gtest.h>

#include "byte_director.h"
#include "dataplane/path/fast_path.h"

namespace fairlead::dataplane::exit_mask_test {
namespace {

constexpr const char* kClient = "198.51.100.7";
constexpr const char* kVip = "192.0.2.10";
constexpr const char* kReal = "10.0.0.11";
constexpr uint16_t kClientPort = 1234;

// A director with one flow of a persistent service, in slot 0 of one worker.
class Flow {
 public:
  Flow(Transport transport, ForwardMethod method) : transport_(transport), method_(method) {
    const ServiceId service =
        d_.AddService({.protocol = static_cast<uint8_t>(transport), .persistence_seconds = 300});
    d_.AddReal(service, kReal, 80, {.method = method});
    d_.Publish();
  }

  size_t SendFromClient(uint8_t flags = kTcpAck) { return Send(kOutside, FromClient(flags)); }
  size_t SendFromReal(uint8_t flags = kTcpAck) { return Send(kInside, FromReal(flags)); }
  // As far as the director can see it: a reply passes here only if it is rewritten.
  void Establish() {
    SendFromClient(kTcpSyn);
    if (RewritesReplies(method_)) SendFromReal(kTcpSyn | kTcpAck);
    SendFromClient();
  }
  bool TakesFromClient() { return IsTaken(kOutside, FromClient(kTcpAck), Direction::kForward); }
  bool TakesFromReal() { return IsTaken(kInside, FromReal(kTcpAck), Direction::kReply); }

  Connection4& record() { return d_.worker(0).shard().Connections<Ipv4Address>().at(0); }
  bool IsTemplateAssured() {
    const TemplateRecord& record = d_.worker(0).shard().templates().at(0);
    return record.state == TemplateState::kAssured;
  }

 private:
  [[nodiscard]] Frame FromClient(uint8_t flags) const {
    return FrameOf(kClient, kClientPort, kVip, 80, flags);
  }
  [[nodiscard]] Frame FromReal(uint8_t flags) {
    if (TranslatesClient(method_)) {
      const auto local = d_.worker(0).shard().Connections<Ipv4Address>().LocalEndpointOf(0);
      return FrameOf(kReal, 80, IpAddress(local.address).ToString().c_str(), local.port.host(),
                     flags);
    }
    return FrameOf(RewritesReplies(method_) ? kReal : kVip, 80, kClient, kClientPort, flags);
  }
  [[nodiscard]] Frame FrameOf(const char* source, uint16_t source_port, const char* destination,
                              uint16_t port, uint8_t flags) const {
    switch (transport_) {
      case Transport::kTcp:
        return Tcp(source, source_port, destination, port, flags);
      case Transport::kUdp:
        return Udp(source, source_port, destination, port);
    }
    return {};
  }
  size_t Send(PortId port, const Frame& frame) { return d_.Send(port, To(port, frame)).size(); }
  bool IsTaken(PortId port, const Frame& frame, Direction direction) {
    BytePacket packet(To(port, frame), port);
    ParsedPacket parsed;
    EXPECT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
    Output<BytePacket> out;
    Turn<BytePacket> turn{d_.worker(0).shard(), d_.draft(), held_, &out};
    FastPath<Ipv4Address, BytePacket> fast(turn);
    const bool is_taken = direction == Direction::kForward ? fast.Forward(&packet, &parsed, 0)
                                                           : fast.Return(&packet, &parsed, 0);
    EXPECT_EQ(out.count, is_taken ? 1u : 0u);
    return is_taken;
  }

  const Transport transport_;
  const ForwardMethod method_;
  ByteDirector d_;
  HeldQueue<BytePacket> held_;
};

TEST(ExitMask, EachFlagLeavesTheFastPath) {
  int cases = 0;
  for (const Transport transport : kTransports) {
    for (const ForwardMethod method : kForwardMethods) {
      for (unsigned flag = 1; flag <= 0x8000; flag <<= 1) {
        if ((kLeavesFastPath & flag) == 0) continue;
        SCOPED_TRACE(testing::Message() << TraitsOf(transport).word << " " << TraitsOf(method).word
                                        << ", flag " << std::hex << flag);
        Flow flow(transport, method);
        flow.Establish();
        ASSERT_TRUE(flow.TakesFromClient());
        ASSERT_EQ(flow.TakesFromReal(), RewritesReplies(method));
        const uint16_t flags = flow.record().flags;
        flow.record().flags = static_cast<uint16_t>(flags | flag);
        EXPECT_FALSE(flow.TakesFromClient());
        EXPECT_FALSE(flow.TakesFromReal());
        EXPECT_EQ(flow.SendFromClient(), 1u) << "the long way";
        flow.record().flags = flags;
        EXPECT_TRUE(flow.TakesFromClient());
        ++cases;
      }
    }
  }
  EXPECT_EQ(cases, 4 * 2 * 4);
}

// A reply that nobody expected changes the record; a packet of the client does not.
TEST(ExitMask, TheFirstReplyOfASilentRealLeavesToo) {
  for (const Transport transport : kTransports) {
    Flow flow(transport, ForwardMethod::kNat);
    flow.Establish();
    flow.record().Set(ConnectionFlag::kNoOutput);
    EXPECT_TRUE(flow.TakesFromClient());
    EXPECT_FALSE(flow.TakesFromReal());
  }
}

// Who establishes a connection is seen on the long way, which tells the template's owner.
TEST(ExitMask, AConnectionOwesUntilItIsEstablished) {
  for (const ForwardMethod method : kForwardMethods) {
    SCOPED_TRACE(TraitsOf(method).word);
    Flow flow(Transport::kTcp, method);
    flow.SendFromClient(kTcpSyn);
    EXPECT_TRUE(flow.record().Has(ConnectionFlag::kOwesTemplate));
    EXPECT_FALSE(flow.IsTemplateAssured());
    flow.Establish();
    EXPECT_FALSE(flow.record().Has(ConnectionFlag::kOwesTemplate));
    EXPECT_TRUE(flow.IsTemplateAssured());
  }
}

TEST(ExitMask, DatagramsOweUntilTheReply) {
  Flow flow(Transport::kUdp, ForwardMethod::kNat);
  flow.SendFromClient();
  EXPECT_FALSE(flow.TakesFromClient());
  EXPECT_FALSE(flow.TakesFromReal());
  EXPECT_EQ(flow.SendFromReal(), 1u);
  EXPECT_TRUE(flow.IsTemplateAssured());
  EXPECT_TRUE(flow.TakesFromClient());
  EXPECT_TRUE(flow.TakesFromReal());
}

// Nothing is to be waited for where replies go past the director; one that comes by counts.
TEST(ExitMask, DatagramsThatAreAnsweredPastTheDirectorOweNothing) {
  for (const ForwardMethod method : {ForwardMethod::kDr, ForwardMethod::kTun}) {
    SCOPED_TRACE(TraitsOf(method).word);
    Flow flow(Transport::kUdp, method);
    flow.SendFromClient();
    EXPECT_TRUE(flow.TakesFromClient());
    EXPECT_FALSE(flow.IsTemplateAssured());
    EXPECT_EQ(flow.SendFromReal(), 1u);
    EXPECT_TRUE(flow.IsTemplateAssured());
    EXPECT_FALSE(flow.record().Has(ConnectionFlag::kOwesTemplate));
    EXPECT_TRUE(flow.TakesFromClient());
  }
}

}  // namespace
}  // namespace fairlead::dataplane::exit_mask_test
