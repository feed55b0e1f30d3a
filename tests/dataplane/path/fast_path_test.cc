// The fast path against the long way: two directors get the same random packets, and only one of
// them has a fast path. What leaves, what is counted and what is recorded must be the same.
#include "dataplane/path/fast_path.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "byte_director.h"

namespace fairlead::dataplane::fast_path_test {
namespace {

constexpr uint32_t kClients = 24;

struct Pair {
  ByteDirector fast{DirectorSpec{}};
  ByteDirector slow{DirectorSpec{.has_fast_path = false}};

  template <typename What>
  void Both(What what) {
    what(fast);
    what(slow);
  }
};

constexpr Tunnel Gue(TunnelChecksum checksum) {
  return {.type = TunnelType::kGue, .checksum = checksum, .port = 6080};
}
constexpr Tunnel Gre(TunnelChecksum checksum) {
  return {.type = TunnelType::kGre, .checksum = checksum};
}

// How a service reaches its reals: each way once, and NAT more often, since replies pass by it
// alone. `is_mixed`: the real is of the other family.
struct Way {
  ForwardMethod method = ForwardMethod::kTun;
  Tunnel tunnel = {};
  bool is_mixed = false;
};
constexpr std::array kWays = {
    Way{.method = ForwardMethod::kNat},
    Way{.method = ForwardMethod::kNat},
    Way{.method = ForwardMethod::kNat},
    Way{.method = ForwardMethod::kDr},
    Way{.method = ForwardMethod::kFullnat},
    Way{.method = ForwardMethod::kFullnat},
    Way{},
    Way{.tunnel = Gue(TunnelChecksum::kNone)},
    Way{.tunnel = Gue(TunnelChecksum::kFull)},
    Way{.tunnel = Gre(TunnelChecksum::kNone)},
    Way{.tunnel = Gre(TunnelChecksum::kFull)},
    Way{.is_mixed = true},
    Way{.tunnel = Gue(TunnelChecksum::kFull), .is_mixed = true},
    Way{.tunnel = Gre(TunnelChecksum::kNone), .is_mixed = true},
};

// A service of each family and protocol, its reals by NAT, DR and every tunnel.
class FastPathTest : public testing::TestWithParam<uint32_t> {
 protected:
  FastPathTest() : random_(GetParam()) {
    for (const char* vip : {"192.0.2.10", "2001:db8::10"}) {
      for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
        for (const uint32_t seconds : {0u, 300u}) AddService(vip, protocol, seconds);
      }
    }
    pair_.Both([](ByteDirector& d) { d.Publish(); });
  }

  void AddService(const std::string& vip, uint8_t protocol, uint32_t persistence_seconds) {
    const bool is_v4 = vip.find(':') == std::string::npos;
    const auto port = static_cast<uint16_t>(persistence_seconds == 0 ? 80 : 443);
    pair_.Both([&](ByteDirector& d) {
      const ServiceId service = d.AddService({.address = vip,
                                              .port = port,
                                              .protocol = protocol,
                                              .persistence_seconds = persistence_seconds});
      for (const Way& way : kWays) {
        const std::string last = std::to_string(reals_ % 200 + 11);
        d.AddReal(service, (is_v4 != way.is_mixed ? "10.0.0." : "fd00::") + last, 80,
                  {.method = way.method, .tunnel = way.tunnel});
        ++reals_;
      }
      reals_ -= static_cast<uint32_t>(kWays.size());
    });
    reals_ += static_cast<uint32_t>(kWays.size());
  }

  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  template <typename T, size_t kCount>
  T OneOf(const std::array<T, kCount>& values) {
    return values[Below(kCount)];
  }

  // Mostly ACKs that nothing is wrong with.
  Frame RandomFrame() {
    const bool is_v4 = Below(3) != 0;
    const std::string vip = is_v4 ? "192.0.2.10" : "2001:db8::10";
    const uint32_t client = Below(kClients);
    const std::string source =
        (is_v4 ? "198.51.100." : "2001:db8:1::") + std::to_string(1 + client);
    const auto source_port = static_cast<uint16_t>(2000 + client);
    const auto port = OneOf<uint16_t>(std::array<uint16_t, 2>{80, 443});
    Frame frame;
    if (Below(4) == 0) {
      frame = Datagram(source, source_port, vip, port, std::string(Below(200), 'x'));
    } else {
      const auto flags = OneOf<uint8_t>(
          std::array<uint8_t, 10>{kTcpAck, kTcpAck, kTcpAck, kTcpAck, kTcpAck | kTcpPsh, kTcpSyn,
                                  kTcpSyn, kTcpAck | kTcpFin, kTcpAck | kTcpRst, 0});
      const auto ttl = OneOf<uint8_t>(std::array<uint8_t, 6>{64, 64, 255, 128, 2, 1});
      const auto payload = OneOf<size_t>(std::array<size_t, 7>{0, 0, 1, 100, 1421, 1440, 1460});
      frame = Tcp(source, source_port, vip, port, flags, ttl, payload, Below(2) == 0);
    }
    frame = To(kOutside, frame);
    if (is_v4 && Below(4) == 0) SetTos(&frame, static_cast<uint8_t>(random_()));
    if (frame.size() < 60) frame.resize(60);  // as Ethernet pads
    return frame;
  }
  // What the real server of some NAT connection answers; empty: the slot drawn is not one.
  template <typename Address>
  Frame RandomReply() {
    auto& table = pair_.fast.worker(0).shard().Connections<Address>();
    if (table.high_water() == 0) return {};
    const Connection<Address>& record = table.at(Below(table.high_water()));
    if (!record.Has(ConnectionFlag::kLive) || !RewritesReplies(record.method)) return {};
    const std::string real = IpAddress(record.real_address).ToString();
    const bool is_fullnat = TranslatesClient(record.method);
    const auto local =
        table.LocalEndpointOf(static_cast<uint32_t>(&record - table.records().data()));
    const std::string client =
        IpAddress(is_fullnat ? local.address : record.client_address).ToString();
    const uint16_t port = (is_fullnat ? local.port : record.client_port).host();
    if (record.protocol == kProtocolUdp) return To(kInside, Datagram(real, 80, client, port, "a"));
    const auto flags = OneOf<uint8_t>(
        std::array<uint8_t, 9>{kTcpAck, kTcpAck, kTcpAck, kTcpAck | kTcpPsh, kTcpSyn | kTcpAck,
                               kTcpSyn | kTcpAck, kTcpAck | kTcpFin, kTcpRst, 0});
    const auto ttl = OneOf<uint8_t>(std::array<uint8_t, 5>{64, 64, 255, 2, 1});
    const auto payload = OneOf<size_t>(std::array<size_t, 4>{0, 1, 1000, 1461});
    return To(kInside, Tcp(real, 80, client, port, flags, ttl, payload, Below(2) == 0));
  }
  // Keeps the header's sum right: the word {version, TOS} changes, the sum by as much.
  static void SetTos(Frame* frame, uint8_t tos) {
    auto* ip = HeaderAt<Ipv4Header>(frame->data(), kEthernetHeaderLength);
    ChecksumDelta delta;
    delta.Replace(Be16::FromHost(ip->tos), Be16::FromHost(tos));
    ip->tos = tos;
    ip->checksum = delta.Apply(ip->checksum);
  }

  void ChangeSomething() {
    const RealId id{Below(reals_)};
    const uint32_t what = Below(7);
    const uint32_t seconds = 1 + Below(1000);
    pair_.Both([&](ByteDirector& d) {
      RealView& real = d.real(id);
      ServiceView& service = d.service(real.service);
      switch (what) {
        case 0:
          d.SetWeight(id, real.weight == 0 ? 1 : 0);
          break;
        case 1:
          real.templates_valid = !real.templates_valid;
          break;
        case 2:
          real.remains = real.remains == Remains::kServe ? Remains::kMove : Remains::kServe;
          break;
        case 3:
          service.timeouts.set_tcp(TicksFromSeconds(seconds));
          service.timeouts.set_udp(TicksFromSeconds(seconds));
          break;
        case 4:
          service.policy.pmtu_disc = !service.policy.pmtu_disc;
          service.policy.expire_nodest_conn = !service.policy.expire_nodest_conn;
          break;
        case 5:
          real.mtu_bytes = real.mtu_bytes == 1500 ? 1300 : 1500;
          break;
        case 6:
          for (PortView& port : d.draft().ports) {
            const PortRole own =
                &port == d.draft().ports.data() ? PortRole::kOutside : PortRole::kInside;
            port.role = port.role == own ? PortRole::kBoth : own;
          }
          break;
        default:
          break;
      }
      d.Publish();
    });
  }

  template <typename Address>
  static std::string Records(ByteDirector& d) {
    std::string text;
    auto& table = d.worker(0).shard().Connections<Address>();
    for (uint32_t slot = 0; slot < table.high_water(); ++slot) {
      Connection<Address> record = table.at(slot);
      text.append(reinterpret_cast<const char*>(&record), sizeof record);
    }
    return text;
  }
  static std::string Counters(ByteDirector& d, uint32_t reals) {
    std::string text;
    for (uint32_t i = 0; i < reals; ++i) {
      const TrafficSum sum = d.fabric().stats.SumTraffic(RealId{i});
      text += std::to_string(sum.connections) + "/" + std::to_string(sum.in_packets) + "/" +
              std::to_string(sum.in_bytes) + "/" + std::to_string(sum.out_packets) + "/" +
              std::to_string(sum.out_bytes) + " ";
    }
    for (size_t reason = 0; reason < kDropReasonCount; ++reason) {
      text += std::to_string(d.dropped(static_cast<DropReason>(reason))) + " ";
    }
    return text;
  }
  void ExpectSameState() {
    ASSERT_EQ(Records<Ipv4Address>(pair_.fast), Records<Ipv4Address>(pair_.slow));
    ASSERT_EQ(Records<Ipv6Address>(pair_.fast), Records<Ipv6Address>(pair_.slow));
    ASSERT_EQ(Counters(pair_.fast, reals_), Counters(pair_.slow, reals_));
    ASSERT_EQ(pair_.fast.CheckConservation(), "");
  }

  std::mt19937 random_;
  uint32_t reals_ = 0;
  Pair pair_;
};

TEST_P(FastPathTest, DoesWhatTheLongWayDoes) {
  size_t sent = 0;
  for (int step = 0; step < 4000; ++step) {
    SCOPED_TRACE(testing::Message() << "seed " << GetParam() << ", step " << step);
    if (Below(50) == 0) ChangeSomething();
    if (Below(20) == 0) {
      const double seconds = Below(40);
      pair_.Both([&](ByteDirector& d) { d.Advance(seconds); });
    }
    Frame frame = Below(2) == 0   ? RandomFrame()
                  : Below(3) == 0 ? RandomReply<Ipv6Address>()
                                  : RandomReply<Ipv4Address>();
    if (frame.empty()) continue;
    const PortId port = frame[5] == PortMac(kInside).bytes[5] ? kInside : kOutside;
    const std::vector<Sent> by_fast = pair_.fast.Send(port, frame);
    const std::vector<Sent> by_slow = pair_.slow.Send(port, frame);
    ASSERT_EQ(by_fast.size(), by_slow.size());
    for (size_t i = 0; i < by_fast.size(); ++i) {
      ASSERT_EQ(by_fast[i].port, by_slow[i].port);
      ASSERT_EQ(by_fast[i].frame, by_slow[i].frame) << Text(by_fast[i].frame) << "\ninstead of\n"
                                                    << Text(by_slow[i].frame);
    }
    sent += by_fast.size();
    if (step % 100 == 0) ExpectSameState();
  }
  ExpectSameState();
  EXPECT_GT(sent, 1000u);
  uint64_t replies = 0;
  for (uint32_t i = 0; i < reals_; ++i) {
    replies += pair_.fast.fabric().stats.SumTraffic(RealId{i}).out_packets;
  }
  EXPECT_GT(replies, 200u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FastPathTest, testing::Range(1u, 9u));

// The test above says nothing if no packet takes the fast path.
TEST(FastPath, TakesAPlainAckAndLeavesTheRest) {
  ByteDirector d;
  const ServiceId web = d.AddService({});
  const RealId real = d.AddReal(web, "10.0.0.11", 80, {.method = ForwardMethod::kDr});
  d.Publish();
  const auto send = [&](uint8_t flags) {
    return d.Send(kOutside, Tcp("198.51.100.7", 1234, "192.0.2.10", 80, flags)).size();
  };
  ASSERT_EQ(send(kTcpSyn) + send(kTcpAck), 2u);

  Worker<BytePacket>& worker = d.worker(0);
  HeldQueue<BytePacket> held;
  const auto forward = [&](const Snapshot& snapshot, uint8_t flags) {
    BytePacket packet(To(kOutside, Tcp("198.51.100.7", 1234, "192.0.2.10", 80, flags)), kOutside);
    ParsedPacket parsed;
    EXPECT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
    Output<BytePacket> out;
    Turn<BytePacket> turn{worker.shard(), snapshot, held, &out};
    const bool is_taken = FastPath<Ipv4Address, BytePacket>(turn).Forward(&packet, &parsed, 0);
    EXPECT_EQ(out.count, is_taken ? 1u : 0u);
    return is_taken;
  };
  const uint64_t counted = d.fabric().stats.SumTraffic(real).in_packets;
  EXPECT_TRUE(forward(d.draft(), kTcpAck));
  EXPECT_FALSE(forward(d.draft(), kTcpSyn));
  EXPECT_EQ(d.fabric().stats.SumTraffic(real).in_packets, counted + 1);
  EXPECT_FALSE(forward(d.draft(), kTcpAck | kTcpFin));
  EXPECT_EQ(d.fabric().stats.SumTraffic(real).in_packets, counted + 1);
  Snapshot elsewhere = d.draft();
  elsewhere.reals[real.index()].remains = Remains::kMove;
  FinishSnapshot(&elsewhere);
  EXPECT_FALSE(forward(elsewhere, kTcpAck));
  EXPECT_EQ(d.fabric().stats.SumTraffic(real).in_packets, counted + 1);
}

}  // namespace
}  // namespace fairlead::dataplane::fast_path_test
