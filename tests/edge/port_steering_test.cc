// Whether packets reach their owner by what ports are told: with a hash over one side, with flow
// rules, and with neither.
#include "dataplane/dpdk/port_steering.h"

#include <gtest/gtest.h>

#include <random>

#include "loop_rig.h"
#include "told_nic.h"

namespace fairlead::edge::port_steering_test {
namespace {

ToeplitzKey RandomKey(std::mt19937& random) {
  ToeplitzKey key;
  for (uint8_t& byte : key) byte = static_cast<uint8_t>(random());
  return key;
}

// A flow's two directions at the director: from its client on the outside, back to it on the
// inside.
struct Flow {
  FlowFrame in, back;
  size_t owner = 0;
};

Flow RandomFlow(std::mt19937& random, const dataplane::Steering& steering) {
  const auto bytes = [&random](size_t count) {
    std::vector<uint8_t> all(count);
    for (uint8_t& byte : all) byte = static_cast<uint8_t>(random());
    return all;
  };
  const size_t length = random() % 2 == 0 ? 4 : 16;
  const std::vector<uint8_t> client = bytes(length), vip = bytes(length), real = bytes(length);
  const auto port = static_cast<uint16_t>(random());
  const uint8_t protocol = random() % 2 == 0 ? 6 : 17;
  Flow flow{.in = {client, vip, port, 80, protocol}, .back = {real, client, 8080, port, protocol}};
  const Be16 client_port = Be16::FromHost(port);
  flow.owner =
      (length == 4 ? steering.ConnectionOwner(Ipv4Address::Load(client.data()), client_port)
                   : steering.ConnectionOwner(Ipv6Address::Load(client.data()), client_port))
          .index();
  return flow;
}

// Of 400 packets of random flows, those that come to another worker than their owner.
size_t Astray(const FakeNic& outside, const FakeNic& inside, const SteeringWish& wish,
              std::mt19937& random, uint16_t outside_vlan = 0, uint16_t inside_vlan = 0) {
  const dataplane::Steering steering(wish.workers, wish.key);
  size_t astray = 0;
  for (int n = 0; n < 200; ++n) {
    Flow flow = RandomFlow(random, steering);
    flow.in.vlan = outside_vlan;
    flow.back.vlan = inside_vlan;
    const uint16_t queues[] = {outside.QueueOf(BytesOf(flow.in)),
                               inside.QueueOf(BytesOf(flow.back))};
    for (const uint16_t queue : queues) {
      EXPECT_LT(queue, wish.rx_queues);
      astray += queue != flow.owner ? 1 : 0;
    }
  }
  return astray;
}

struct Case {
  const char* name;
  FakeNicOptions nic;
  PortSteering steering;
  size_t rules;  // with one port
};

const Case kGood[] = {
    {"one-sided RSS", {.can = kHashesOneSide}, PortSteering::kHardware, 0},
    {"one-sided RSS, and rules that are not needed",
     {.can = kHashesOneSide, .takes_rules = true},
     PortSteering::kHardware,
     0},
    {"rules with a key", {.can = kHashesBothEnds, .takes_rules = true}, PortSteering::kRules, 4},
    {"rules, and no RSS but by them", {.takes_rules = true}, PortSteering::kRules, 4},
    {"rules that only say what is hashed",
     {.can = kHashesBothEnds, .takes_rules = true, .takes_key_in_rule = false},
     PortSteering::kRules,
     4},
    {"a longer key and a larger table",
     {.can = {kHashTypes, 512, 52}, .takes_rules = true, .takes_key_in_rule = false},
     PortSteering::kRules,
     4},
    {"one-sided RSS refused, rules taken",
     {.can = kHashesOneSide, .refuses_own_key = true, .takes_rules = true},
     PortSteering::kRules,
     4},
    {"the table refused, rules taken",
     {.can = kHashesOneSide, .refuses_table = true, .takes_rules = true},
     PortSteering::kRules,
     4},
};

TEST(PortSteeringTest, BothDirectionsOfEachFlowComeToTheirOwner) {
  std::mt19937 random(11);
  for (const Case& c : kGood) {
    for (const size_t workers : {2u, 3u, 4u, 7u}) {
      SCOPED_TRACE(std::string(c.name) + ", workers " + std::to_string(workers));
      const SteeringWish out = WishOf({{0, ClientSide::kSource}}, workers, RandomKey(random));
      const SteeringWish in = WishOf({{0, ClientSide::kDestination}}, workers, out.key);
      FakeNic outside(c.nic, out.rx_queues), inside(c.nic, in.rx_queues);
      for (const RssPlan& plan : {Tell(outside, out), Tell(inside, in)}) {
        EXPECT_EQ(NameOf(plan.steering), NameOf(c.steering));
        EXPECT_EQ(plan.why_not, "");
      }
      EXPECT_EQ(outside.rules(), c.rules);
      EXPECT_EQ(Astray(outside, inside, out, random), 0u);
    }
  }
}

// A rule names each queue once only where that is the same as our table.
TEST(PortSteeringTest, QueuesAreRepeatedOnlyWhereTheWorkersAreNoPowerOfTwo) {
  std::mt19937 random(12);
  const FakeNicOptions options{.takes_rules = true, .takes_repeated_queues = false};
  for (const size_t workers : {2u, 3u, 4u}) {
    const SteeringWish wish = WishOf({{0, ClientSide::kSource}}, workers, RandomKey(random));
    FakeNic nic(options, wish.rx_queues);
    const RssPlan plan = Tell(nic, wish);
    if (workers != 3) {
      EXPECT_EQ(plan.steering, PortSteering::kRules);
    } else {
      EXPECT_EQ(plan.steering, PortSteering::kSoftware);
      EXPECT_EQ(plan.why_not,
                "the port has no RSS, and the driver refused a flow rule for TCP over IPv4 (a "
                "queue is there twice)");
    }
  }
}

TEST(PortSteeringTest, VlansOfOneDeviceMayHaveDifferentRoles) {
  std::mt19937 random(13);
  const FakeNicOptions options{.can = kHashesOneSide, .takes_rules = true};
  for (const auto& [outside_vlan, inside_vlan] :
       {std::pair<uint16_t, uint16_t>{120, 130}, {0, 130}, {120, 0}}) {
    const SteeringWish wish =
        WishOf({{outside_vlan, ClientSide::kSource}, {inside_vlan, ClientSide::kDestination}}, 3,
               RandomKey(random));
    FakeNic nic(options, wish.rx_queues);
    EXPECT_EQ(Tell(nic, wish).steering, PortSteering::kRules);
    EXPECT_EQ(nic.rules(), 8u);
    EXPECT_EQ(Astray(nic, nic, wish, random, outside_vlan, inside_vlan), 0u);
  }
}

struct Refused {
  const char* name;
  FakeNicOptions nic;
  std::vector<VlanSide> sides;
  PortSteering steering;
  const char* why_not;
};

const Refused kRefused[] = {
    {"neither",
     {.can = kHashesBothEnds},
     {{0, ClientSide::kSource}},
     PortSteering::kRss,
     "the port does not hash one side only, and the driver takes no flow rules"},
    {"nothing at all",
     {},
     {{0, ClientSide::kSource}},
     PortSteering::kSoftware,
     "the port has no RSS, and the driver takes no flow rules"},
    {"clients on either side: no rule is tried",
     {.can = kHashesBothEnds, .takes_rules = true},
     {{0, ClientSide::kBoth}},
     PortSteering::kRss,
     "the port's role is both: clients are on either side"},
    {"one VLAN with clients on either side",
     {.can = kHashesBothEnds, .takes_rules = true},
     {{120, ClientSide::kSource}, {130, ClientSide::kBoth}},
     PortSteering::kRss,
     "the port's role is both: clients are on either side"},
    {"rules that cannot tell VLANs apart",
     {.can = kHashesOneSide, .takes_rules = true, .takes_vlans = false},
     {{120, ClientSide::kSource}, {130, ClientSide::kDestination}},
     PortSteering::kRss,
     "the device's VLANs have different roles, and the driver refused a flow rule for TCP over "
     "IPv4 of VLAN 120 (VLAN item is not supported)"},
    {"room for half of the rules",
     {.can = kHashesBothEnds, .takes_rules = true, .rules_it_has_room_for = 2},
     {{0, ClientSide::kSource}},
     PortSteering::kRss,
     "the port does not hash one side only, and the driver did not make a flow rule that it had "
     "found good (no space left)"},
    {"a rule that brings the driver's own key back",
     {.can = kHashesBothEnds,
      .takes_rules = true,
      .takes_key_in_rule = false,
      .forgets_key_with_rule = true},
     {{0, ClientSide::kSource}},
     PortSteering::kRss,
     "the port does not hash one side only, and the driver refused a flow rule for TCP over IPv4 "
     "(a key is not supported)"},
};

TEST(PortSteeringTest, WhatIsRefusedLeavesNoRuleAndIsTold) {
  std::mt19937 random(14);
  for (const Refused& c : kRefused) {
    SCOPED_TRACE(c.name);
    const SteeringWish wish = WishOf(c.sides, 2, RandomKey(random));
    FakeNic nic(c.nic, wish.rx_queues);
    const RssPlan plan = Tell(nic, wish);
    EXPECT_EQ(NameOf(plan.steering), NameOf(c.steering));
    EXPECT_EQ(plan.why_not, c.why_not);
    EXPECT_EQ(nic.rules(), 0u);
    EXPECT_GT(Astray(nic, nic, wish, random), 100u) << "workers hand over";
  }
}

TEST(PortSteeringTest, FewerQueuesThanWorkersAskForNoRules) {
  SteeringWish wish = WishOf({{0, ClientSide::kSource}}, 4, kDefaultToeplitzKey);
  wish.rx_queues = 2;
  FakeNic nic({.can = kHashesBothEnds, .takes_rules = true}, wish.rx_queues);
  EXPECT_EQ(Tell(nic, wish).why_not, "fewer receive queues than workers");
  EXPECT_EQ(nic.rules(), 0u);
}

// Requests by queues that the outside chose and replies by those of the inside, through a director.
uint64_t HandedOff(const FakeNicOptions& options, PortSteering steering) {
  Rig rig({.workers = 2, .director = {.method = ForwardMethod::kNat}});
  const ToeplitzKey& key = rig.fabric().steering.key();
  FakeNic outside(options, 2), inside(options, 2);
  EXPECT_EQ(Tell(outside, WishOf({{0, ClientSide::kSource}}, 2, key)).steering, steering);
  EXPECT_EQ(Tell(inside, WishOf({{0, ClientSide::kDestination}}, 2, key)).steering, steering);
  constexpr uint16_t kFlows = 100;
  for (uint16_t port = 2000; port < 2000 + kFlows; ++port) {
    const std::vector<uint8_t> request = FromClient(port);
    EXPECT_TRUE(rig.outside().Put(request, outside.QueueOf(request)));
    rig.TurnUntilQuiet();
    const Frames forwarded = rig.inside().Take();
    EXPECT_EQ(forwarded.size(), 1u);
    if (forwarded.empty()) continue;
    const uint32_t real = forwarded[0][33] - (kFirstReal & 0xff);  // of its destination address
    const std::vector<uint8_t> reply = FromReal(real, port);
    EXPECT_TRUE(rig.inside().Put(reply, inside.QueueOf(reply)));
    rig.TurnUntilQuiet();
    EXPECT_EQ(rig.outside().Take().size(), 1u);
  }
  rig.ExpectNothingLost();
  EXPECT_EQ(rig.Sum(&dataplane::WorkerCounters::sent), 2 * kFlows);
  return rig.Sum(&dataplane::WorkerCounters::handed_off);
}

TEST(PortSteeringTest, NoPacketIsHandedOverWhereThePortSteers) {
  EXPECT_EQ(HandedOff({.can = kHashesOneSide}, PortSteering::kHardware), 0u);
  EXPECT_EQ(HandedOff({.can = kHashesBothEnds, .takes_rules = true}, PortSteering::kRules), 0u);
  EXPECT_GT(HandedOff({.can = kHashesBothEnds}, PortSteering::kRss), 50u);
}

}  // namespace
}  // namespace fairlead::edge::port_steering_test
