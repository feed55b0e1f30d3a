#include "control/snapshot_builder.h"

#include <set>

#include "control/config/keys.h"
#include "control/worker_views.h"
#include "snapshot_builder_fixture.h"

namespace fairlead::control::snapshot_builder_test {
namespace {

using namespace std::chrono_literals;

TEST_F(SnapshotBuilderTest, LaterRealsStandFirst) {
  const auto s = Build(ModelOf(WebOf(kThree)));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.13=1 10.0.0.12=2 10.0.0.11=3 ");
}

TEST_F(SnapshotBuilderTest, PolicyReachesTheWorkers) {
  ConfigModel model = ModelOf(WebOf(kThree,
                                    "scheduler: lblcr, policy: { lblcr_expiration: 1h, "
                                    "drop_packet: 3, unknown_connections: drop },"));
  model.policy.drop_entry = DefenceMode::kAuto;
  model.policy.am_droprate = 7;
  model.policy.amemthresh = 30;
  const auto s = Build(model);
  EXPECT_EQ(s->defence,
            (dataplane::DefenceView{.drop_entry = 1, .am_droprate = 7, .amemthresh_percent = 30}));
  EXPECT_EQ(Web(*s).policy.drop_packet, 3);
  EXPECT_EQ(Web(*s).policy.secure_tcp, 0);
  EXPECT_EQ(Web(*s).policy.unknown_connections, UnknownConnections::kDrop);
  EXPECT_EQ(Web(*s).plan.flags().destination_lifetime, TicksFromSeconds(3600));
}

TEST_F(SnapshotBuilderTest, WorkersHaveTheDefaultsOfTheModel) {
  const PolicyConfig policy;
  EXPECT_EQ(PolicyFrom(policy.service, policy.no_listener), dataplane::PolicyView{});
  const auto s = Build(ModelOf(WebOf(kThree)));
  EXPECT_EQ(s->policy, dataplane::PolicyView{});
  EXPECT_EQ(s->defence, dataplane::DefenceView{});
  EXPECT_EQ(Web(*s).policy, dataplane::PolicyView{});
  EXPECT_EQ(Web(*s).timeouts, dataplane::Timeouts{});
}

// Every key with another value than its default.
constexpr ServicePolicy kOtherPolicy{.cache_bypass = true,
                                     .conn_reuse_mode = 2,
                                     .drop_packet = DefenceMode::kAlways,
                                     .expire_nodest_conn = true,
                                     .expire_quiescent_template = true,
                                     .lblc_expiration = 1h,
                                     .lblcr_expiration = 2h,
                                     .nat_icmp_send = true,
                                     .pmtu_disc = false,
                                     .schedule_icmp = true,
                                     .secure_tcp = DefenceMode::kAuto,
                                     .sloppy_tcp = true,
                                     .unknown_connections = UnknownConnections::kDrop};

// Each alone changes what workers see: of a service that has it and, but for what only a scheduler
// asks, of the director's policy.
TEST_F(SnapshotBuilderTest, EveryPolicyKeyReachesTheWorkers) {
  const auto build = [this](const ServicePolicy& policy, const char* scheduler) {
    ConfigModel model = ModelOf(WebOf(kThree, scheduler));
    model.policy.service = policy;
    model.services.Edit(0).policy = policy;
    return Build(model);
  };
  for (const ConfigKey<ServicePolicy>& key : kServicePolicyKeys) {
    ASSERT_FALSE(key.is_equal(kOtherPolicy, {})) << "kOtherPolicy lacks " << key.name;
    ServicePolicy one;
    key.assign(kOtherPolicy, one);
    bool is_seen = false;
    for (const char* scheduler : {"scheduler: lblc,", "scheduler: lblcr,"}) {
      const auto before = build({}, scheduler), after = build(one, scheduler);
      EXPECT_EQ(after->policy, Web(*after).policy) << key.name;
      is_seen |= Web(*after).policy != Web(*before).policy ||
                 !(Web(*after).plan.flags() == Web(*before).plan.flags());
    }
    EXPECT_TRUE(is_seen) << "no worker sees " << key.name;
  }
}

TEST_F(SnapshotBuilderTest, TheNetmaskASchedulerHashesUnderReachesTheWorkers) {
  const auto whole = Build(ModelOf(WebOf(kThree, "scheduler: mh,")));
  EXPECT_FALSE(Web(*whole).hashes_network);
  const std::string flags = "scheduler: mh, scheduler_flags: [mh-netmask],";
  const auto own = Build(ModelOf(WebOf(kThree, flags + " netmask: 24, netmask6: 64,")));
  EXPECT_TRUE(Web(*own).hashes_network);
  EXPECT_EQ(Web(*own).persistence.clients.mask4.host(), 0xffffff00u);
  EXPECT_EQ(Web(*own).persistence.clients.prefix_length6, 64);
  const auto persistent = Build(ModelOf(WebOf(kThree, flags + " persistence: { netmask: 20 },")));
  EXPECT_TRUE(Web(*persistent).hashes_network);
  EXPECT_EQ(Web(*persistent).persistence.clients.mask4.host(), 0xfffff000u);
}

TEST_F(SnapshotBuilderTest, ReloadEqualsRestart) {
  const std::string final_reals =
      "{ address: 10.0.0.13, weight: 2 }, { address: 10.0.0.11 }, { address: 10.0.0.14, weight: 0 "
      "}";
  for (const char* scheduler : {"rr", "wrr", "mh", "sh"}) {
    const std::string more = "scheduler: " + std::string(scheduler) + ",";
    Build(ModelOf(WebOf(kThree, more)));
    Build(ModelOf(WebOf("{ address: 10.0.0.14, weight: 5 }", more)));
    const auto reloaded = Build(ModelOf(WebOf(final_reals, more)));

    dataplane::Fabric fresh_fabric{SmallFabric()};
    const IdMap fresh_ids{64};
    SnapshotBuilder fresh;
    const HealthOf healthy = [](const auto&, const auto&) { return RealHealth{}; };
    const InternNeighbour intern = [&](PortId port, const IpAddress& address) {
      return fresh_fabric.neighbours.Intern(port, address);
    };
    const ConfigModel model = ModelOf(WebOf(final_reals, more));
    const Result<IdPlan> plan = PlanIds(model, fresh_ids);
    ASSERT_TRUE(plan);
    const auto restarted = fresh.Build({.model = model,
                                        .ports = ports_,
                                        .overlay = {},
                                        .health = healthy,
                                        .intern_neighbour = intern},
                                       PlannedIds(fresh_ids, *plan));
    EXPECT_EQ(AddressesOf(*reloaded, Web(*reloaded)), AddressesOf(*restarted, Web(*restarted)));
    EXPECT_EQ(Web(*reloaded).plan.tables().slots, Web(*restarted).plan.tables().slots) << scheduler;
  }
}

TEST_F(SnapshotBuilderTest, UnchangedServiceKeepsItsIdsAndItsEditCount) {
  const auto first = Build(ModelOf(WebOf(kThree)));
  const auto second = Build(ModelOf(WebOf(kThree)));
  EXPECT_EQ(Web(*first).id, Web(*second).id);
  EXPECT_EQ(Web(*first).plan.edit_count(), Web(*second).plan.edit_count());
  EXPECT_EQ(Web(*first).plan.real(0).id, Web(*second).plan.real(0).id);
  const auto third = Build(ModelOf(WebOf("{ address: 10.0.0.11, weight: 9 }")));
  EXPECT_EQ(Web(*third).plan.edit_count(), Web(*first).plan.edit_count() + 1);
}

// A Maglev table is built for the service that changed; the others take theirs over, the same
// memory.
TEST_F(SnapshotBuilderTest, PlansAreBuiltOnlyForWhatChanged) {
  const auto two = [](const std::string& reals, const std::string& more) {
    return ModelOf(WebOf(reals, "scheduler: mh, ") +
                   "  - { name: mail, address: 192.0.2.25, protocol: tcp, port: 25, " + more +
                   " scheduler: mh, reals: [{ address: 10.0.0.21 }, { address: 10.0.0.22 }] }\n");
  };
  const auto mail = [](const dataplane::Snapshot& s) -> const sched::Plan& {
    return s.services[s.FindService(0, {Ip("192.0.2.25"), Be16::FromHost(25), 6}).index()].plan;
  };
  const auto table = [](const sched::Plan& plan) { return plan.tables().slots.data(); };
  const auto first = Build(two(kThree, ""));
  const auto second = Build(two(kThree, ""));
  EXPECT_EQ(table(Web(*first).plan), table(Web(*second).plan));
  const auto fewer = Build(two("{ address: 10.0.0.11, weight: 9 }", "one_packet: false,"));
  EXPECT_NE(table(Web(*fewer).plan), table(Web(*first).plan));
  EXPECT_EQ(table(mail(*fewer)), table(mail(*first)));
  down_.insert(Ip("10.0.0.21"));
  const auto sick = Build(two("{ address: 10.0.0.11, weight: 9 }", ""));
  EXPECT_EQ(table(Web(*sick).plan), table(Web(*fewer).plan));
  EXPECT_NE(table(mail(*sick)), table(mail(*first)));
  EXPECT_EQ(mail(*sick).tables().slots.size(), sched::kMaglevSlots);
}

TEST_F(SnapshotBuilderTest, AnEditToTheSameValuesIsAnEdit) {
  const ConfigModel model = ModelOf(WebOf(kThree));
  const auto before = Build(model);
  overlay_.NoteEdit(KeyOf(model.services[0]));
  const auto after = Build(model);
  EXPECT_EQ(AddressesOf(*before, Web(*before)), AddressesOf(*after, Web(*after)));
  EXPECT_EQ(Web(*after).plan.edit_count(), Web(*before).plan.edit_count() + 1);
}

TEST_F(SnapshotBuilderTest, RemovedRealAndServiceStayAsGhosts) {
  const auto before = Build(ModelOf(WebOf(kThree)));
  const RealId gone = Web(*before).plan.real(2).id;
  const auto after = Build(ModelOf(WebOf("{ address: 10.0.0.12, forward: dr }")));
  EXPECT_FALSE(after->reals[gone.index()].is_available);
  EXPECT_EQ(after->reals[gone.index()].service, Web(*before).id);
  EXPECT_EQ(after->reals[gone.index()].address, Ip("10.0.0.11"));
  const auto empty = Build(ModelOf(""));
  EXPECT_TRUE(empty->services[Web(*before).id.index()].id.is_none());
  EXPECT_FALSE(empty->reals[gone.index()].is_available);
  EXPECT_TRUE(empty->service_index.empty());
}

// A ghost that goes on keeps its method and finds its next hop anew; one that holds has none.
TEST_F(SnapshotBuilderTest, AGhostRemainsAsItsServiceSays) {
  using dataplane::Remains;
  const auto removed = [this](const std::string& key, bool by_hand) {
    Build(ModelOf(WebOf(kThree, key)));
    is_by_hand_ = by_hand;
    auto s = Build(ModelOf(WebOf("{ address: 10.0.0.12, forward: dr }", key)));
    is_by_hand_ = false;
    return Real(*s, "10.0.0.11");
  };
  EXPECT_EQ(removed("", false).remains, Remains::kLeave);
  EXPECT_FALSE(removed("", false).next_hop.is_none());
  EXPECT_EQ(removed("", true).remains, Remains::kHold);
  EXPECT_TRUE(removed("", true).next_hop.is_none());
  EXPECT_EQ(removed("on_remove: drain,", true).remains, Remains::kContinue);
  EXPECT_EQ(removed("on_remove: drain,", false).remains, Remains::kContinue);
  EXPECT_EQ(removed("on_remove: reset,", false).remains, Remains::kReset);
  EXPECT_FALSE(removed("on_remove: reset,", false).next_hop.is_none());
  EXPECT_EQ(removed("policy: { expire_nodest_conn: true },", false).remains, Remains::kExpire);
  EXPECT_EQ(removed("policy: { expire_nodest_conn: true }, on_remove: hold,", true).remains,
            Remains::kHold);
}

// UDP flows of a real that a reload drops move once another takes new ones, and only then.
TEST_F(SnapshotBuilderTest, FlowsOfADroppedRealWaitForOneThatTakesThem) {
  using dataplane::Remains;
  const auto left = [this](const std::string& reals) {
    Build(ModelOf(WebOf("{ address: 10.0.0.11 }, { address: 10.0.0.12 }")));
    return Real(*Build(ModelOf(WebOf(reals))), "10.0.0.11").remains;
  };
  EXPECT_EQ(left("{ address: 10.0.0.12 }"), Remains::kLeave);
  EXPECT_EQ(left("{ address: 10.0.0.12, weight: 0 }"), Remains::kContinue);
  EXPECT_EQ(left("{ address: 10.0.0.12, state: drain }"), Remains::kContinue);
  const auto later = Build(ModelOf(WebOf("{ address: 10.0.0.12, weight: 1 }")));
  EXPECT_EQ(Real(*later, "10.0.0.11").remains, Remains::kLeave);
  const auto nobody = Build(ModelOf(""));
  EXPECT_EQ(Real(*nobody, "10.0.0.11").remains, Remains::kContinue);
}

// Messages of another director name it (docs/sync.md): its connections go on whatever policies say
// of removed reals, and its replies are looked for.
TEST_F(SnapshotBuilderTest, AnUnknownRealGoesOnByTheMethodThatWasTold) {
  const auto first = Build(ModelOf(WebOf(kThree, "on_remove: reset,")));
  const auto add = [this](const char* service, const char* real, ForwardMethod method) {
    return ids_.AddUnknown({.protocol = 6, .address = Ip(service), .port = 80}, {Ip(real), 8080},
                           method, fabric_.stats, At(9s));
  };
  const RealId of_web = add("192.0.2.80", "10.0.0.21", ForwardMethod::kNat);
  const RealId of_nobody = add("192.0.2.99", "10.0.0.22", ForwardMethod::kTun);
  is_by_hand_ = true;
  const auto s = Build(ModelOf(WebOf(kThree, "on_remove: reset,")));
  const dataplane::RealView& known = s->reals[of_web.index()];
  EXPECT_EQ(known.service, Web(*s).id);
  EXPECT_EQ(known.remains, dataplane::Remains::kContinue);
  EXPECT_FALSE(known.next_hop.is_none());
  EXPECT_FALSE(known.is_available);
  EXPECT_TRUE(s->nat_sources.contains({Ip("10.0.0.21"), Be16::FromHost(8080), 6}));
  const dataplane::RealView& other = s->reals[of_nobody.index()];
  EXPECT_EQ(other.method, ForwardMethod::kTun);
  EXPECT_EQ(other.remains, dataplane::Remains::kContinue);
  EXPECT_TRUE(s->services[other.service.index()].id.is_none());
  EXPECT_EQ(s->services[other.service.index()].timeouts, s->timeouts);
  EXPECT_EQ(Web(*s).plan.reals().size(), 3u) << "nothing new is scheduled to it";
}

// Removing by hand what was drained before does not cut what is left (two-step shutdown).
TEST_F(SnapshotBuilderTest, ADrainedRealGoesOnDrainingAfterItsRemoval) {
  Build(ModelOf(WebOf("{ address: 10.0.0.11, state: drain }, { address: 10.0.0.12 }")));
  is_by_hand_ = true;
  const auto s = Build(ModelOf(WebOf("{ address: 10.0.0.12 }")));
  EXPECT_EQ(Real(*s, "10.0.0.11").remains, dataplane::Remains::kContinue);
}

// The service goes too: what it said of its reals still holds.
TEST_F(SnapshotBuilderTest, GhostsOfARemovedServiceKeepItsPolicy) {
  Build(ModelOf(WebOf(kThree, "on_remove: reset,")));
  auto s = Build(ModelOf(""));
  EXPECT_EQ(Real(*s, "10.0.0.11").remains, dataplane::Remains::kReset);
  Build(ModelOf(WebOf(kThree)));
  is_by_hand_ = true;
  s = Build(ModelOf(""));
  EXPECT_EQ(Real(*s, "10.0.0.11").remains, dataplane::Remains::kHold);
  is_by_hand_ = false;
  s = Build(ModelOf(""));
  EXPECT_EQ(Real(*s, "10.0.0.11").remains, dataplane::Remains::kHold) << "as it was removed";
}

TEST_F(SnapshotBuilderTest, FlowsOfADeadRealMoveOnlyWhereTheyCan) {
  using dataplane::Remains;
  const std::string yaml = WebOf(kThree, "health: { type: tcp },");
  down_ = {Ip("10.0.0.12")};
  EXPECT_EQ(Real(*Build(ModelOf(yaml)), "10.0.0.12").remains, Remains::kMove);
  down_ = {Ip("10.0.0.11"), Ip("10.0.0.12"), Ip("10.0.0.13")};
  EXPECT_EQ(Real(*Build(ModelOf(yaml)), "10.0.0.12").remains, Remains::kServe);
}

TEST_F(SnapshotBuilderTest, EffectOfAFailedCheckIsAsConfigured) {
  down_ = {Ip("10.0.0.12")};
  const auto health = [](const char* on_fail) {
    return "health: { type: tcp, on_fail: " + std::string(on_fail) + " },";
  };
  auto s = Build(ModelOf(WebOf(kThree, health("drain"))));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.13=1 10.0.0.12=0 10.0.0.11=3 ");
  EXPECT_TRUE(Real(*s, "10.0.0.12").is_available);
  EXPECT_FALSE(Real(*s, "10.0.0.12").templates_valid);
  s = Build(ModelOf(WebOf(kThree, health("quiesce"))));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.13=1 10.0.0.12=0 10.0.0.11=3 ");
  EXPECT_TRUE(Real(*s, "10.0.0.12").templates_valid);
  s = Build(ModelOf(WebOf(kThree, health("remove"))));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.13=1 10.0.0.11=3 ");
  EXPECT_FALSE(Real(*s, "10.0.0.12").is_available);
}

TEST_F(SnapshotBuilderTest, FallbackJoinsWhileNobodyCanTakeConnections) {
  const std::string yaml =
      WebOf("{ address: 10.0.0.11 }", "health: { type: tcp }, fallback: { address: 10.0.0.99 },");
  auto s = Build(ModelOf(yaml));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.11=1 ");
  EXPECT_FALSE(Real(*s, "10.0.0.99").templates_valid);
  down_ = {Ip("10.0.0.11")};
  s = Build(ModelOf(yaml));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.99=1 10.0.0.11=0 ");
  EXPECT_TRUE(Real(*s, "10.0.0.99").templates_valid);
  down_.clear();
  s = Build(ModelOf(yaml));
  EXPECT_EQ(AddressesOf(*s, Web(*s)), "10.0.0.11=1 ");
  EXPECT_TRUE(Real(*s, "10.0.0.99").is_available);  // its connections end in their own time
  EXPECT_FALSE(Real(*s, "10.0.0.99").templates_valid);
}

TEST_F(SnapshotBuilderTest, AQuiescedRealKeepsTheMaglevTable) {
  const auto slots = [](const dataplane::Snapshot& s) { return Web(s).plan.tables().slots; };
  const auto before = Build(ModelOf(WebOf(kThree, "scheduler: mh, health: { type: tcp },")));
  down_ = {Ip("10.0.0.12")};
  const auto after = Build(ModelOf(WebOf(kThree, "scheduler: mh, health: { type: tcp },")));
  EXPECT_EQ(slots(*before), slots(*after));
}

TEST_F(SnapshotBuilderTest, NextHopsFollowTheRoutes) {
  const auto s = Build(ModelOf(WebOf("{ address: 10.0.0.11 }, { address: 198.51.100.9 }")));
  const auto& on_link = Real(*s, "10.0.0.11");
  EXPECT_EQ(on_link.output, PortId{1});
  EXPECT_EQ(on_link.mtu_bytes, 1400);
  EXPECT_EQ(on_link.next_hop, fabric_.neighbours.Find(PortId{1}, Ip("10.0.0.11")));
  EXPECT_EQ(on_link.tunnel_source, Ip("10.0.0.1"));
  const auto& routed = Real(*s, "198.51.100.9");
  EXPECT_EQ(routed.output, PortId{0});
  EXPECT_EQ(routed.next_hop, fabric_.neighbours.Find(PortId{0}, Ip("192.0.2.254")));
  EXPECT_EQ(routed.next_hop_address, Ip("192.0.2.254"));
}

TEST_F(SnapshotBuilderTest, RepliesOfNatRealsAreIndexed) {
  const auto s = Build(ModelOf(R"(
classifier:
  - { name: a, mark: 7, protocol: tcp, destination: 192.0.2.90 }
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, reals: [ { address: 10.0.0.11 } ] }
  - { name: dns, address: 192.0.2.80, protocol: udp, port: 53, forward: dr, reals: [ { address: 10.0.0.12 } ] }
  - { name: any, mark: 7, reals: [ { address: 10.0.0.13 } ] }
  - { name: all, address: 192.0.2.81, protocol: tcp, port: 0, allow_any_port: true, persistence: {},
      reals: [ { address: 10.0.0.14, port: 80 } ] }
)"));
  EXPECT_TRUE(s->nat_sources.contains({Ip("10.0.0.11"), Be16::FromHost(80), 6}));
  const auto has_any_port = [&s](const char* real, uint8_t protocol) {
    return s->nat_sources.contains({Ip(real), Be16{}, protocol});
  };
  EXPECT_EQ(s->nat_sources.size(), 5u);
  EXPECT_FALSE(s->IsNatAddress(Ip("10.0.0.12")));
  EXPECT_TRUE(s->IsNatAddress(Ip("10.0.0.11")));
  EXPECT_TRUE(s->nat_addresses.at(Ip("10.0.0.13")));  // any port
  EXPECT_TRUE(has_any_port("10.0.0.13", 6));
  EXPECT_TRUE(has_any_port("10.0.0.13", 17)) << "a mark is of both protocols";
  EXPECT_TRUE(s->nat_addresses.at(Ip("10.0.0.14"))) << "its own port is only a name";
  EXPECT_TRUE(has_any_port("10.0.0.14", 6));
  EXPECT_FALSE(has_any_port("10.0.0.14", 17)) << "the service is of TCP";
  EXPECT_FALSE(s->FindMark(7, Family::kIpv4).is_none());
  ASSERT_NE(s->FindLocal(Ip("192.0.2.90")), nullptr);  // the rule's destination
  EXPECT_TRUE(s->FindLocal(Ip("192.0.2.90"))->is_vip);
  EXPECT_EQ(s->FindLocal(Ip("10.0.0.1"))->port, PortId{1});
}

// Source NAT asks whether a real answers clients from there, which those of FULLNAT do not.
TEST_F(SnapshotBuilderTest, OfSeveralRealsWithOneEndpointThoseThatAnswerClientsStandForAll) {
  const auto yaml = [](const char* first, const char* second) {
    return std::string(
               "services:\n"
               "  - { name: a, address: 192.0.2.80, protocol: tcp, port: 80, forward: ") +
           first + ", reals: [ { address: 10.0.0.11, port: 8080 } ] }\n" +
           "  - { name: b, address: 192.0.2.81, protocol: tcp, port: 80, forward: " + second +
           ", reals: [ { address: 10.0.0.11, port: 8080 } ] }\n";
  };
  const auto service_of = [&](const dataplane::Snapshot& s) {
    const auto found = s.nat_sources.find({Ip("10.0.0.11"), Be16::FromHost(8080), 6});
    const auto& real = s.reals[found->second.index()];
    return s.services[real.service.index()].address.ToString();
  };
  constexpr const char* kFullnat = "{ method: fullnat, local_addresses: [10.0.0.200] }";
  EXPECT_EQ(service_of(*Build(ModelOf(yaml("nat", "nat")))), "192.0.2.80") << "the first";
  EXPECT_EQ(service_of(*Build(ModelOf(yaml(kFullnat, "nat")))), "192.0.2.81");
  EXPECT_EQ(service_of(*Build(ModelOf(yaml(kFullnat, kFullnat)))), "192.0.2.80");
}

TEST_F(SnapshotBuilderTest, RepliesOfOnePacketServicesAreIndexed) {
  const auto yaml = [](const char* first, const char* second) {
    return std::string(
               "services:\n"
               "  - { name: a, address: 192.0.2.80, protocol: udp, port: 53, ") +
           first + " reals: [ { address: 10.0.0.11, port: 5353 } ] }\n" +
           "  - { name: b, address: 192.0.2.81, protocol: udp, port: 53, " + second +
           " reals: [ { address: 10.0.0.11, port: 5353 }, { address: 10.0.0.12 } ] }\n";
  };
  constexpr const char* kOne = "one_packet: true,";
  const dataplane::ServiceKey shared{Ip("10.0.0.11"), Be16::FromHost(5353), 17};
  const auto service_of = [&](const dataplane::Snapshot& s) {
    const auto found = s.one_packet_sources.find(shared);
    if (found == s.one_packet_sources.end()) return std::string();
    const auto& real = s.reals[found->second.index()];
    return s.services[real.service.index()].address.ToString();
  };
  auto s = Build(ModelOf(yaml(kOne, kOne)));
  EXPECT_EQ(service_of(*s), "192.0.2.80") << "the first";
  EXPECT_TRUE(s->one_packet_sources.contains({Ip("10.0.0.12"), Be16::FromHost(53), 17}));
  EXPECT_EQ(s->one_packet_sources.size(), 2u);
  EXPECT_EQ(service_of(*Build(ModelOf(yaml("", kOne)))), "192.0.2.81");
  EXPECT_EQ(Build(ModelOf(yaml("", "")))->one_packet_sources.size(), 0u);
  EXPECT_EQ(Build(ModelOf("services: [{ address: 192.0.2.85, protocol: udp, port: 53, one_packet: "
                          "true, forward: dr, reals: [{ address: 10.0.0.15 }] }]\n"))
                ->one_packet_sources.size(),
            0u);
}

// Sources that no packet from outside has, and addresses that must not be routed back.
TEST_F(SnapshotBuilderTest, WorkersKnowWhatAddressesAreOurs) {
  const auto before = Build(ModelOf(R"(
classifier:
  - { mark: 7, protocol: tcp, destination: [203.0.113.0/24, 192.0.2.90] }
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, reals: [ { address: 10.0.0.11 } ] }
  - { name: any, mark: 7, reals: [ { address: 10.0.0.13 } ] }
)"));
  for (const char* own : {"192.0.2.1", "10.0.0.1", "2001:db8::1", "192.0.2.80", "192.0.2.90",
                          "192.0.2.255", "10.0.0.255"}) {
    EXPECT_TRUE(before->IsForgedSource(Ip(own))) << own;
  }
  for (const char* other : {"192.0.2.254", "10.0.0.11", "203.0.113.5", "2001:db8::ff"}) {
    EXPECT_FALSE(before->IsForgedSource(Ip(other))) << other;
  }
  ASSERT_NE(before->virtual_ranges, nullptr);
  EXPECT_EQ(before->virtual_ranges->Find(Ip("203.0.113.5"))->length, 24);
  EXPECT_EQ(before->routes.Find(Ip("10.0.0.77"))->length, 24);
  EXPECT_EQ(before->routes.Find(Ip("203.0.113.5"))->length, 0);
  const auto after = Build(ModelOf("services: []\n"));
  EXPECT_FALSE(after->IsForgedSource(Ip("192.0.2.80")));
  ASSERT_NE(after->virtual_ranges, nullptr);
  EXPECT_TRUE(after->virtual_ranges->Find(Ip("192.0.2.80"))->is_gone);
}

}  // namespace
}  // namespace fairlead::control::snapshot_builder_test
