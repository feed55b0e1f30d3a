#include <gtest/gtest.h>

#include "byte_director.h"
#include "dataplane/worker/commands.h"

namespace fairlead::dataplane::steer_test {
namespace {

const std::string kClient = "198.51.100.7";
const std::string kVip = "192.0.2.10";

// Not IPVS traffic (ipvs.md, new connections): the host's answer, not the scheduler's.
TEST(Steer, TheFtpDataPortIsNeverScheduled) {
  ByteDirector d;
  d.AddReal(d.AddService({.port = 0, .persistence_seconds = 300}), "10.0.0.11", 0);
  d.Publish();
  const auto sent = d.Send(kOutside, Tcp(kClient, 20, kVip, 443, kTcpSyn));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Text(sent[0].frame), "198.51.100.7:20 <- 192.0.2.10:443 TCP AR ttl 64");
  EXPECT_EQ(d.dropped(DropReason::kClosedPort), 1u);
}

// The burst is looked up before its first packet is processed: the second must find what the first
// has made.
TEST(Steer, PacketsOfOneNewFlowInABurstMakeOneConnection) {
  const struct {
    std::string client, vip, real;
  } families[] = {{kClient, kVip, "10.0.0.11"}, {"2001:db8:1::7", "2001:db8::80", "fd00::11"}};
  for (const auto& family : families) {
    ByteDirector d;
    const ServiceId service = d.AddService({.address = family.vip});
    const RealId real = d.AddReal(service, family.real, 8080);
    d.Publish();
    const auto segment = [&](uint8_t flags) {
      return Tcp(family.client, 1234, family.vip, 80, flags);
    };
    d.Send(kOutside, Tcp(family.client, 1, family.vip, 80, kTcpSyn));  // the neighbour is known now
    const Frame burst[] = {segment(kTcpSyn), segment(kTcpSyn), segment(kTcpAck)};
    EXPECT_EQ(d.SendBurstAt(0, kOutside, burst).size(), 3u);
    EXPECT_EQ(d.worker(0).shard().Connections<Ipv4Address>().size() +
                  d.worker(0).shard().Connections<Ipv6Address>().size(),
              2u);
    EXPECT_EQ(d.fabric().stats.traffic(WorkerId{0}, real).connections.value(), 2u);
    EXPECT_EQ(d.CheckConservation(), "");
  }
}

// From the inside port the reply's key is looked up first: the forward one is not ruled out by it.
TEST(Steer, AClientBehindTheInsidePortOpensOneConnectionABurst) {
  ByteDirector d;
  const RealId real = d.AddReal(d.AddService({}), "10.0.0.11", 8080);
  d.Publish();
  d.Send(kInside, Tcp("10.0.0.77", 1, kVip, 80, kTcpSyn));
  const Frame burst[] = {Tcp("10.0.0.77", 1234, kVip, 80, kTcpSyn),
                         Tcp("10.0.0.77", 1234, kVip, 80, kTcpSyn)};
  EXPECT_EQ(d.SendBurstAt(0, kInside, burst).size(), 2u);
  EXPECT_EQ(d.fabric().stats.traffic(WorkerId{0}, real).connections.value(), 2u);
  EXPECT_EQ(d.SendBurstAt(0, kInside, burst).size(), 2u);
  EXPECT_EQ(d.fabric().stats.traffic(WorkerId{0}, real).connections.value(), 2u);
}

// With more busy rings than one turn can take from, the next turn begins where the last one ended.
TEST(Steer, NoWorkersRingIsPassedOver) {
  constexpr size_t kWorkers = 12, kPackets = 4 * kBurst;
  ByteDirector d({.workers = kWorkers});
  d.Publish();
  for (size_t from = 1; from < kWorkers; ++from) {
    for (size_t n = 0; n < kPackets; ++n) d.HandOver(from, 0);
  }
  d.Turn(0);
  d.Turn(0);
  for (uint8_t from = 1; from < kWorkers; ++from) {
    EXPECT_LT(d.fabric().packets(WorkerId{from}, WorkerId{0}).size(), kPackets) << unsigned{from};
  }
  d.Settle();
  EXPECT_EQ(d.dropped(DropReason::kTruncated), (kWorkers - 1) * kPackets);
  EXPECT_EQ(d.CheckConservation(), "");
}

// A peer with two ports hands over two bursts in a turn: they must not pile up.
TEST(Steer, ATurnTakesMoreThanABurstOfOnePeer) {
  ByteDirector d({.workers = 2});
  d.Publish();
  for (size_t n = 0; n < 3 * kBurst; ++n) d.HandOver(1, 0);
  d.Turn(0);
  EXPECT_EQ(d.fabric().packets(WorkerId{1}, WorkerId{0}).size(), 0u);
  EXPECT_EQ(d.worker(0).counters().handed_in.value(), 3 * kBurst);
  EXPECT_EQ(d.CheckConservation(), "");
}

uint16_t PortOwnedBy(ByteDirector& d, const std::string& client, size_t worker) {
  const Ipv4Address address = IpAddress::Parse(client)->v4();
  uint16_t port = 1024;
  while (d.fabric().steering.ConnectionOwner(address, Be16::FromHost(port)).index() != worker) {
    ++port;
  }
  return port;
}

// After a burst of other workers' packets a worker asks whose the next are before it looks them up:
// the owner's packets and those of nobody's service go the same way as before.
// Answers fill no room of the turn's output, so that alone would never end it.
TEST(Steer, ATurnTakesNoMoreThanSomeBurstsOfOnePeer) {
  ByteDirector d({.workers = 2, .ring_packets = 1024});
  const ServiceId web = d.AddService({.persistence_seconds = 300});
  d.AddReal(web, "10.0.0.11", 80);
  d.Publish();
  WorkerCounters& asker = d.worker(1).counters();
  for (uint32_t i = 0; asker.handed_off.value() < 640; ++i) {
    const std::string client = IpAddress(Ipv4Address::FromHost(0xc6330000 + i)).ToString();
    d.SendAt(1, kOutside, Tcp(client, 1024, "192.0.2.10", 80, kTcpSyn));
  }
  d.Turn(0);
  EXPECT_EQ(d.worker(0).counters().handed_in.value(), 8 * kBurst);
  d.Settle();
  EXPECT_GE(d.worker(0).counters().handed_in.value(), 640u);
  EXPECT_EQ(d.dropped(DropReason::kHandOffRingFull), 0u);
  EXPECT_EQ(d.CheckConservation(), "");
}

TEST(Steer, AskingTheOwnerFirstChangesNoPacketsWay) {
  ByteDirector d({.workers = 2});
  d.AddReal(d.AddService({}), "10.0.0.11", 80);
  d.Publish();
  const uint16_t mine = PortOwnedBy(d, kClient, 0), others = PortOwnedBy(d, kClient, 1);
  EXPECT_FALSE(d.worker(0).shard().asks_owner_first);
  d.SendAt(0, kOutside, Tcp(kClient, others, kVip, 80, kTcpSyn));
  d.Settle();
  EXPECT_TRUE(d.worker(0).shard().asks_owner_first);
  EXPECT_EQ(d.worker(1).counters().connections.value(), 1u);

  d.SendAt(0, kOutside, Tcp(kClient, others, kVip, 80, kTcpAck));
  EXPECT_EQ(d.worker(0).counters().handed_off.value(), 2u);
  EXPECT_EQ(d.Settle().size(), 1u);
  EXPECT_TRUE(d.worker(0).shard().asks_owner_first);

  // A connection of its own, and a destination without a service.
  EXPECT_EQ(d.SendAt(0, kOutside, Tcp(kClient, mine, kVip, 80, kTcpSyn)).size(), 1u);
  EXPECT_FALSE(d.worker(0).shard().asks_owner_first);
  d.worker(0).shard().asks_owner_first = true;
  d.SendAt(0, kOutside, Tcp(kClient, others, "10.0.0.99", 80, kTcpSyn));
  EXPECT_EQ(d.worker(0).counters().handed_off.value(), 2u);
  EXPECT_EQ(d.CheckConservation(), "");
}

// The client of a connection may be what a rule gives a mark as a destination: then a packet to it
// may be a reply, and is looked up where it is.
TEST(Steer, AReplyToAClientThatIsAServiceIsNotHandedOn) {
  ByteDirector d({.workers = 2});
  const RealId real = d.AddReal(d.AddService({}), "10.0.0.11", 80);
  const uint16_t port = PortOwnedBy(d, kClient, 0);
  ClassifierBuilder rules;
  rules.AddRule({.protocol = kProtocolTcp, .destination_ports = {{port, port}}, .mark = 7});
  d.draft().classifier = rules.Build();
  d.AddReal(d.AddService({.mark = 7}), "10.0.0.12", 80);
  d.Publish();
  EXPECT_EQ(d.SendAt(0, kInside, Tcp(kClient, port, kVip, 80, kTcpSyn)).size(), 1u);
  const uint64_t handed = d.worker(0).counters().handed_off.value();
  d.worker(0).shard().asks_owner_first = true;
  d.SendAt(0, kOutside, Tcp("10.0.0.11", 80, kClient, port, kTcpAck));
  EXPECT_EQ(d.worker(0).counters().handed_off.value(), handed);
  EXPECT_EQ(d.fabric().stats.traffic(WorkerId{0}, real).out_packets.value(), 1u);
  EXPECT_EQ(d.CheckConservation(), "");
}

// A connection whose owner is not the owner of its template, with the message ring between them
// full.
class FullMessageRing : public testing::Test {
 protected:
  FullMessageRing() : d_({.workers = 2, .ring_packets = 4}) {
    d_.AddReal(d_.AddService({.persistence_seconds = 600}), "10.0.0.11", 80);
    d_.Publish();
    d_.Send(kOutside, Tcp(kClient, 1, kVip, 80, kTcpSyn));
    template_owner_ = d_.worker(0).shard().templates().size() == 1 ? 0 : 1;
    owner_ = 1 - template_owner_;
    const Ipv4Address client = IpAddress::Parse(kClient)->v4();
    do ++port_;
    while (d_.fabric().steering.ConnectionOwner(client, Be16::FromHost(port_)).index() != owner_);
    d_.Send(kOutside, Tcp(kClient, port_, kVip, 80, kTcpSyn));
    // Stale references: their owner ignores them.
    const WorkerId from{static_cast<uint8_t>(owner_)}, to{static_cast<uint8_t>(template_owner_)};
    while (d_.fabric().messages(from, to).Push({TemplateMessage::Kind::kRelease, {0, 0, to}})) {
    }
  }

  Shard& shard() { return d_.worker(owner_).shard(); }
  const TemplateRecord& Template() { return d_.worker(template_owner_).shard().templates().at(0); }

  ByteDirector d_;
  size_t owner_ = 0, template_owner_ = 0;
  uint16_t port_ = 1;
};

// ESTABLISHED for one packet only: the template learns of it with the release at the latest.
TEST_F(FullMessageRing, AssuredIsNotLost) {
  d_.SendAt(owner_, kOutside, Tcp(kClient, port_, kVip, 80, kTcpAck));
  d_.SendAt(owner_, kOutside, Tcp(kClient, port_, kVip, 80, kTcpFin | kTcpAck));
  EXPECT_EQ(Template().state, TemplateState::kNone);
  d_.Advance(130);
  EXPECT_EQ(Template().state, TemplateState::kAssured);
  d_.Advance(600);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

// While the template's owner is to be told, packets go the long way, and each tries again.
TEST_F(FullMessageRing, AssuredIsToldByALaterPacket) {
  auto& table = shard().Connections<Ipv4Address>();
  uint32_t slot = table.NextLive(0, 16);
  while (table.at(slot).client_port.host() != port_) slot = table.NextLive(slot + 1, 16);
  const auto owes = [&] { return table.at(slot).Has(ConnectionFlag::kOwesTemplate); };
  const Frame ack = Tcp(kClient, port_, kVip, 80, kTcpAck);
  d_.SendAt(owner_, kOutside, ack);
  EXPECT_TRUE(owes());
  d_.Advance(1);  // the ring is read: there is room again
  EXPECT_EQ(Template().state, TemplateState::kNone);
  d_.SendAt(owner_, kOutside, ack);
  EXPECT_FALSE(owes());
  d_.Advance(1);
  EXPECT_EQ(Template().state, TemplateState::kAssured);
}

// A record that only waits for its release to be queued is a connection no more.
TEST_F(FullMessageRing, ADeadConnectionIsNotListed) {
  const auto list_size = [this] {
    ListConnections list;
    list.rows.reserve(list.limit);
    RunListConnections(shard(), &list);
    return list.rows.size();
  };
  const size_t before = list_size();
  const uint32_t slot = shard().Connections<Ipv4Address>().NextLive(0, 16);
  shard().Destroy<Ipv4Address>(slot);
  EXPECT_EQ(list_size(), before - 1);
  EXPECT_TRUE(shard().Connections<Ipv4Address>().at(slot).Has(ConnectionFlag::kReleasePending));
}

}  // namespace
}  // namespace fairlead::dataplane::steer_test
