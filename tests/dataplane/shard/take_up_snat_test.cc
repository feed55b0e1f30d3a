// Flows of source NAT outlive the process (docs/take_up.md): what goes on, what is dropped and why,
// and what another number of workers makes of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "byte_director.h"
#include "dataplane/shard/take_up.h"
#include "director_memory.h"
#include "store_watch.h"
#include "take_up_bed.h"

namespace fairlead::dataplane::take_up_snat_test {
namespace {

const std::string kHost = "10.0.0.50", kWorld = "203.0.113.9", kLocal = "192.0.2.3";
const std::string kHost6 = "fd00::50", kWorld6 = "2001:db8:9::9", kLocal6 = "2001:db8::3";

IpAddress A(const std::string& text) { return *IpAddress::Parse(text); }

std::shared_ptr<const SnatView> Rules(const std::vector<std::string>& locals) {
  auto view = std::make_shared<SnatView>();
  for (const std::string& local : locals) {
    SnatRule& rule = view->rules.emplace_back();
    rule.source = *Prefix::Parse(A(local).is_v4() ? "10.0.0.0/24" : "fd00::/64");
    rule.addresses = {A(local)};
    rule.slot = static_cast<uint16_t>(view->rules.size() - 1);
    view->addresses.insert(A(local));
  }
  return view;
}

// A director whose flows lie in `memory`, from `start` on.
class Process {
 public:
  Process(const DirectorMemory& memory, Tick start, std::shared_ptr<const SnatView> rules)
      : d({.workers = memory.workers(), .memory = memory.tables(), .start = start}),
        rules_(std::move(rules)) {
    for (const std::string& host : {kHost, kHost6}) {
      d.SetNeighbour(kInside, host, NeighbourState::kReachable);
    }
  }
  void Begin() {
    d.draft().snat = rules_;
    for (const IpAddress& local : rules_->addresses) {
      d.draft().local_addresses[local] = {.is_vip = true, .port = {}, .is_announced = true};
    }
    d.Publish();
  }
  std::string Send(PortId port, const Frame& frame) {
    std::string text;
    for (const Sent& sent : d.Send(port, frame)) text += Text(sent.frame) + "\n";
    return text;
  }
  // What each flow of Open's gets from the world, and sends to it.
  std::string GoOn() {
    std::string text;
    for (uint16_t port = 40000; port < 40010; ++port) {
      text += Send(kOutside, Tcp(kWorld, 443, kLocal, port, kTcpAck));
      text += Send(kInside, Tcp(kHost, port, kWorld, 443, kTcpAck));
      text += Send(kOutside, Udp(kWorld6, 53, kLocal6, port));
    }
    return text;
  }
  void Open() {
    for (uint16_t port = 40000; port < 40010; ++port) {
      d.Send(kInside, Tcp(kHost, port, kWorld, 443, kTcpSyn));
      d.Send(kOutside, Tcp(kWorld, 443, kLocal, port, kTcpSyn | kTcpAck));
      d.Send(kInside, Tcp(kHost, port, kWorld, 443, kTcpAck));
      d.Send(kInside, Udp(kHost6, port, kWorld6, 53));
    }
  }
  uint64_t flows(size_t slot) { return d.fabric().stats.SumSnat(slot).flows; }

  ByteDirector d;

 private:
  std::shared_ptr<const SnatView> rules_;
};

TEST(TakeUpSnat, FlowsGoOn) {
  for (const size_t workers : {1u, 2u}) {
    SCOPED_TRACE(workers);
    const DirectorMemory memory(workers, {});
    std::string before;
    Tick end;
    {
      Process first(memory, {1000}, Rules({kLocal, kLocal6}));
      first.Begin();
      first.Open();
      before = first.GoOn();
      end = first.d.now();
    }
    EXPECT_EQ(std::count(before.begin(), before.end(), '\n'), 30);
    Process next(memory, end + TicksFromSeconds(5), Rules({kLocal, kLocal6}));
    const TakeUpReport report = TakeUp(next.d.shards(), {}, next.d.now());
    EXPECT_EQ(Losses(report), "");
    EXPECT_EQ(report.snat_flows, 20u);
    next.Begin();
    EXPECT_EQ(next.flows(0), 10u);
    EXPECT_EQ(next.flows(1), 10u);
    EXPECT_EQ(next.GoOn(), before);
    // A port in use is given to nobody else.
    EXPECT_EQ(next.Send(kInside, Tcp("10.0.0.51", 40000, kWorld, 443, kTcpSyn)).find(":40000 TCP"),
              std::string::npos);
    next.d.Advance(1000);
    EXPECT_EQ(next.flows(0) + next.flows(1), 0u);
    EXPECT_EQ(next.d.CheckConservation(), "");
  }
}

// Other workers and capacities: each flow goes to its owner.
TEST(TakeUpSnat, OtherWorkersTakeThem) {
  for (const auto& [from, to] : {std::pair<size_t, size_t>{1, 3}, {3, 2}, {2, 1}}) {
    SCOPED_TRACE(std::to_string(from) + " " + std::to_string(to));
    const DirectorMemory memory(from, {});
    Process first(memory, {1000}, Rules({kLocal, kLocal6}));
    first.Begin();
    first.Open();
    const std::string before = first.GoOn();
    const DirectorMemory moved(to, {.snat4 = 40, .snat6 = 40});
    Process next(moved, first.d.now(), Rules({kLocal, kLocal6}));
    const TakeUpReport report = TakeUpFrom(memory.tables(), next.d.shards(), {}, next.d.now());
    EXPECT_EQ(Losses(report), "");
    EXPECT_EQ(report.snat_flows, 20u);
    next.Begin();
    EXPECT_EQ(next.GoOn(), before);
    next.d.Advance(1000);
    EXPECT_EQ(next.flows(0) + next.flows(1), 0u);
  }
}

TEST(TakeUpSnat, WhatHasNoRoomIsDropped) {
  const DirectorMemory memory(1, {});
  Process first(memory, {1000}, Rules({kLocal, kLocal6}));
  first.Begin();
  first.Open();
  const DirectorMemory moved(1, {.snat4 = 4, .snat6 = 40});
  Process next(moved, first.d.now(), Rules({kLocal, kLocal6}));
  EXPECT_EQ(Losses(TakeUpFrom(memory.tables(), next.d.shards(), {}, next.d.now())), "no_room 6; ");
}

TEST(TakeUpSnat, ThoseWhoseTimeIsOverAreNot) {
  const DirectorMemory memory(1, {});
  Process first(memory, {1000}, Rules({kLocal, kLocal6}));
  first.Begin();
  first.Open();
  Process next(memory, first.d.now() + TicksFromSeconds(60), Rules({kLocal, kLocal6}));
  const TakeUpReport report = TakeUp(next.d.shards(), {}, next.d.now());
  EXPECT_EQ(Losses(report), "expired 10; ");  // UDP that nobody had answered
  EXPECT_EQ(report.snat_flows, 10u);
  next.Begin();
  EXPECT_EQ(next.flows(0), 10u);
  EXPECT_EQ(next.flows(1), 0u);
}

// The rules in force say whose a flow is: their order may be another one, and a rule may be gone.
TEST(TakeUpSnat, FlowsAreCountedForTheRulesInForce) {
  const DirectorMemory memory(1, {});
  Process first(memory, {1000}, Rules({kLocal, kLocal6}));
  first.Begin();
  first.Open();
  Process next(memory, first.d.now(), Rules({"192.0.2.4", kLocal}));
  TakeUp(next.d.shards(), {}, next.d.now());
  next.Begin();
  EXPECT_EQ(next.flows(0), 0u);
  EXPECT_EQ(next.flows(1), 10u);
  EXPECT_NE(next.Send(kOutside, Tcp(kWorld, 443, kLocal, 40000, kTcpAck)), "");
  EXPECT_EQ(next.d.fabric().stats.SumSnat(1).in_packets, 1u);
  next.d.Advance(1000);
  EXPECT_EQ(next.flows(0), 0u);
  EXPECT_EQ(next.flows(1), 0u);
}

struct Damage {
  const char* name;
  TakeUpCause cause;
  std::function<void(SnatFlow<Ipv4Address>&)> damage;
};
class DamagedFlow : public testing::TestWithParam<Damage> {};

TEST_P(DamagedFlow, IsDroppedByName) {
  const DirectorMemory memory(1, {});
  Process first(memory, {1000}, Rules({kLocal, kLocal6}));
  first.Begin();
  first.Open();
  GetParam().damage(memory.tables()[0].snat4[3]);
  Process next(memory, first.d.now(), Rules({kLocal, kLocal6}));
  const TakeUpReport report = TakeUp(next.d.shards(), {}, next.d.now());
  EXPECT_EQ(Losses(report), std::string(CauseName(GetParam().cause)) + " 1; ");
  EXPECT_EQ(report.snat_flows, 19u);
  next.Begin();
  next.Open();  // the place is free again
  EXPECT_EQ(next.flows(0), 10u);
}
using Flow4 = SnatFlow<Ipv4Address>;
INSTANTIATE_TEST_SUITE_P(
    TakeUp, DamagedFlow,
    testing::Values(
        Damage{"protocol", TakeUpCause::kProtocol, [](Flow4& f) { f.protocol = 132; }},
        Damage{"ping6", TakeUpCause::kProtocol, [](Flow4& f) { f.protocol = kProtocolIcmpv6; }},
        Damage{"tcpstate", TakeUpCause::kState, [](Flow4& f) { f.state = kTcpStateCount; }},
        Damage{"udpstate", TakeUpCause::kState, [](Flow4& f) { f.protocol = 17; }},
        Damage{"answered", TakeUpCause::kFlags, [](Flow4& f) { f.is_answered = 2; }},
        Damage{"client", TakeUpCause::kEndpoint, [](Flow4& f) { f.client = {}; }},
        Damage{"local", TakeUpCause::kEndpoint, [](Flow4& f) { f.local = {}; }},
        Damage{"remote", TakeUpCause::kEndpoint,
               [](Flow4& f) { f.remote = Ipv4Address::FromHost(0xe000'0001); }},
        Damage{"pingport", TakeUpCause::kEndpoint,
               [](Flow4& f) {
                 f.protocol = kProtocolIcmp;
                 f.state = 0;
               }},
        Damage{"timeout", TakeUpCause::kTime, [](Flow4& f) { f.timeout = kMaxTimeout + 1; }},
        Damage{"deadline", TakeUpCause::kTime,
               [](Flow4& f) { f.deadline = Tick{1000} + kMaxTimeout + 100'000; }},
        Damage{"duplicate", TakeUpCause::kDuplicate,
               [](Flow4& f) { f.client_port = Be16::FromHost(40009); }},
        Damage{"sameport", TakeUpCause::kDuplicate,
               [](Flow4& f) { f.local_port = Be16::FromHost(40009); }}),
    [](const auto& one) { return one.param.name; });

TEST(TakeUpSnat, AnotherWorkersFlowIsDropped) {
  const DirectorMemory memory(2, {});
  Process first(memory, {1000}, Rules({kLocal, kLocal6}));
  first.Begin();
  first.Open();
  auto tables = memory.tables();
  const size_t from = tables[0].snat4[0].protocol != 0 ? 0 : 1;
  std::swap(tables[from].snat4[0], tables[1 - from].snat4[0]);
  Process next(memory, first.d.now(), Rules({kLocal, kLocal6}));
  EXPECT_EQ(Losses(TakeUp(next.d.shards(), {}, next.d.now())), "owner 1; ");
}

// After each store of a flow's life what is in use is whole.
TEST(TakeUpSnat, AFlowIsWholeWhenItIsInUse) {
  const DirectorMemory memory(1, {});
  Process d(memory, {1000}, Rules({kLocal, kLocal6}));
  d.Begin();
  d.Open();
  d.d.Advance(1000);  // places that were used before
  const auto flows = memory.tables()[0].snat4;
  const Ipv4Address host = A(kHost).v4(), local = A(kLocal).v4(), remote = A(kWorld).v4();
  uint32_t stores = 0, torn = 0;
  WatchStores(
      memory.bytes(),
      [&](const std::byte*) {
        ++stores;
        for (const Flow4& flow : flows) {
          const bool is_whole = flow.client == host && flow.local == local &&
                                flow.remote == remote && !flow.client_port.is_zero() &&
                                !flow.local_port.is_zero() && flow.timeout != 0 &&
                                flow.deadline.value > 1000;
          torn += flow.protocol != 0 && !is_whole ? 1 : 0;
        }
      },
      [&] {
        d.Open();
        d.d.Advance(1000);
      });
  EXPECT_GT(stores, 100u);
  EXPECT_EQ(torn, 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::take_up_snat_test
