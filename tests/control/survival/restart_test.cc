// What a director finds again after its process has died at any moment: names, changes by hand, the
// file in force, health, drains and counters.
#include <gmock/gmock.h>

#include "control/config/dump.h"
#include "control/survival/stored_file.h"
#include "machine.h"

namespace fairlead::control::restart_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kWeb = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wrr, on_remove: reset,
      reals: [ { address: 10.0.0.11, weight: 3, forward: dr }, { address: 10.0.0.12 } ] }
)";
constexpr const char* kTwo = R"(
services:
  - { name: new, address: 192.0.2.80, protocol: tcp, port: 81, reals: [ { address: 10.0.0.21 } ] }
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wrr, on_remove: reset,
      reals: [ { address: 10.0.0.12 } ] }
)";

class Restart : public testing::Test {
 protected:
  Restart() {
    SetLogLevel(LogLevel::kError);
    machine_.Write("a.yaml", kWeb);
    machine_.Start();
  }
  ~Restart() override { SetLogLevel(LogLevel::kInfo); }

  RealId IdOf(const char* address, uint16_t port = 80) {
    for (uint32_t i = 0; i < machine_.ids().reals().size(); ++i) {
      const IdMap::Real& real = machine_.ids().reals()[i];
      if (!real.service.is_none() && real.key == RealIdentity{Ip(address), port}) return RealId{i};
    }
    return {};
  }
  const dataplane::RealView& ViewOf(const char* address) {
    return machine_.snapshot().reals[IdOf(address).index()];
  }
  std::vector<std::string> Differences() { return *machine_.view()->differences; }
  const Restored& Found() { return *machine_.view()->restored; }

  Machine machine_{"restart"};
};

TEST_F(Restart, AnUnchangedFileIsAsItWas) {
  machine_.Change(PatchReal{"web", "10.0.0.11", "{ weight: 7 }"});
  machine_.Change(AddReal{"web", "{ address: 10.0.0.13 }"});
  const std::string before = Dump(*machine_.view()->model);
  const std::vector<std::string> differences = Differences();
  EXPECT_THAT(differences, SizeIs(2));
  machine_.Restart();
  EXPECT_EQ(Dump(*machine_.view()->model), before);
  EXPECT_EQ(Differences(), differences);
  EXPECT_EQ(Found().edits, 1u) << "one service was changed";
  EXPECT_THAT(Found().dropped_edits, IsEmpty());
  EXPECT_THAT(Found().problems, IsEmpty());
  EXPECT_EQ(machine_.snapshot().generation, 1u);
}

TEST_F(Restart, WhoChangedAServiceIsStillNamed) {
  Edit edit = PatchReal{"web", "10.0.0.11", "{ weight: 7 }"};
  edit.author = "ipvs: ipvsadm, pid 814";
  machine_.Change(edit);
  const std::vector<std::string> differences = Differences();
  ASSERT_THAT(differences, SizeIs(1));
  EXPECT_THAT(differences[0], HasSubstr("(by ipvs: ipvsadm, pid 814)"));
  machine_.Restart();
  EXPECT_EQ(Differences(), differences);
}

TEST_F(Restart, AFirstStartFindsNothing) {
  EXPECT_EQ(Found().edits, 0u);
  EXPECT_THAT(Found().problems, IsEmpty());
  EXPECT_THAT(Differences(), IsEmpty());
}

TEST_F(Restart, IdsMeanWhatTheyMeant) {
  machine_.Change(RemoveReal{"web", "10.0.0.11"});
  machine_.Change(AddReal{"web", "{ address: 10.0.0.13 }"});
  const RealId gone = IdOf("10.0.0.11"), second = IdOf("10.0.0.12"), third = IdOf("10.0.0.13");
  machine_.Write("a.yaml", kTwo);
  machine_.Restart();
  EXPECT_EQ(IdOf("10.0.0.11"), gone);
  EXPECT_EQ(IdOf("10.0.0.12"), second);
  EXPECT_EQ(IdOf("10.0.0.13"), third);
  const RealId fresh = IdOf("10.0.0.21", 81);
  for (const RealId id : {gone, second, third}) EXPECT_NE(fresh, id);
  EXPECT_TRUE(machine_.ids().reals()[gone.index()].is_ghost);
  EXPECT_FALSE(machine_.ids().reals()[second.index()].is_ghost);
}

TEST_F(Restart, AGhostGoesOnAsItDid) {
  machine_.Change(PatchService{"web", "{ on_remove: null }"});
  machine_.Change(RemoveReal{"web", "10.0.0.11"});
  EXPECT_EQ(ViewOf("10.0.0.11").remains, dataplane::Remains::kHold) << "as ipvsadm -d";
  machine_.Restart();
  const dataplane::RealView& ghost = ViewOf("10.0.0.11");
  EXPECT_EQ(ghost.remains, dataplane::Remains::kHold);
  EXPECT_EQ(ghost.address, Ip("10.0.0.11"));
  EXPECT_EQ(ghost.port.host(), 80);
  EXPECT_EQ(ghost.method, ForwardMethod::kDr);
  EXPECT_FALSE(ghost.is_available);
}

TEST_F(Restart, WhatTheNewFileDropsIsRemovedAsByAReload) {
  machine_.Write("a.yaml", kTwo);
  machine_.Restart();
  EXPECT_EQ(ViewOf("10.0.0.11").remains, dataplane::Remains::kReset) << "on_remove";
  machine_.Write("a.yaml", "services: []");
  machine_.Restart();
  EXPECT_EQ(ViewOf("10.0.0.12").remains, dataplane::Remains::kReset) << "of a service that is gone";
  EXPECT_EQ(ViewOf("10.0.0.11").remains, dataplane::Remains::kReset);
}

TEST_F(Restart, AChangedFileWinsAndEditsStayWhereItIsSilent) {
  machine_.Change(PatchReal{"web", "10.0.0.12", "{ weight: 5 }"});
  machine_.Change(PatchReal{"web", "10.0.0.11", "{ weight: 7 }"});
  machine_.Write("a.yaml", kTwo);
  machine_.Restart();
  EXPECT_THAT(Differences(), ElementsAre("service web: real 10.0.0.12:80 weight 1 → 5"));
  EXPECT_THAT(Found().dropped_edits,
              ElementsAre("service web: real 10.0.0.11:80: was removed from the file"));
}

TEST_F(Restart, WhatAReloadTookAwayStaysAway) {
  machine_.Change(PatchReal{"web", "10.0.0.12", "{ weight: 5 }"});
  machine_.Reload("a.yaml");
  machine_.Restart();
  EXPECT_THAT(Differences(), IsEmpty());
}

// ---- a reload that keeps changes by hand --------------------------------------------------------

TEST_F(Restart, AReloadKeepsChangesByHandWhenTheFileSaysSo) {
  constexpr const char* kKeep = "api: { on_reload: keep }\n";
  machine_.Write("a.yaml", std::string(kKeep) + kWeb);
  machine_.Restart();
  machine_.Change(
      AddService{"{ name: shop, address: 192.0.2.80, protocol: tcp, port: 90, reals: [ "
                 "{ address: 10.0.0.31 } ] }"});
  machine_.Change(PatchReal{"web", "10.0.0.12", "{ weight: 7 }"});
  const RealId kept = IdOf("10.0.0.31", 90);
  ASSERT_FALSE(kept.is_none());
  const std::vector<std::string> differences = Differences();
  EXPECT_THAT(differences, SizeIs(2));
  machine_.Write("a.yaml", std::string(kKeep) + kTwo);
  machine_.Reload("a.yaml");
  EXPECT_EQ(machine_.view()->model->services.size(), 3U);
  EXPECT_EQ(IdOf("10.0.0.31", 90), kept);
  EXPECT_FALSE(IdOf("10.0.0.21", 81).is_none()) << "what the file adds is there";
  EXPECT_THAT(Differences(), SizeIs(2)) << "by hand is still by hand";
  const auto before = machine_.view()->generation;
  machine_.Reload("a.yaml");
  EXPECT_EQ(machine_.view()->generation, before) << "the same again is no change";
  machine_.Restart();
  EXPECT_EQ(machine_.view()->model->services.size(), 3U);
  // The file has the last word about what it changes itself, and about keeping.
  machine_.Write("a.yaml", kTwo);
  machine_.Reload("a.yaml");
  EXPECT_EQ(machine_.view()->model->services.size(), 2U);
  EXPECT_THAT(Differences(), IsEmpty());
}

TEST_F(Restart, AReloadThatKeepsSaysWhatTheFileTakesAway) {
  machine_.Change(PatchReal{"web", "10.0.0.11", "{ weight: 7 }"});
  machine_.Change(PatchReal{"web", "10.0.0.12", "{ weight: 8 }"});
  std::string other = std::string("api: { on_reload: keep }\n") + kWeb;
  other.replace(other.find("weight: 3"), 9, "weight: 5");
  machine_.Write("a.yaml", other);
  std::optional<ReloadOutcome> outcome;
  machine_.director().Reload(machine_.PathOf("a.yaml"),
                             [&outcome](ReloadOutcome answer) { outcome = std::move(answer); });
  machine_.Turn(3);
  ASSERT_TRUE(outcome && outcome->ok);
  EXPECT_THAT(outcome->warnings,
              ElementsAre(HasSubstr("a change by hand is dropped, the file wins: service web")));
  EXPECT_THAT(outcome->losses.edits, SizeIs(1));
  EXPECT_THAT(outcome->losses.services, IsEmpty());
  EXPECT_THAT(Differences(), ElementsAre(HasSubstr("10.0.0.12:80 weight 1 → 8")));
}

TEST_F(Restart, AReloadThatKeepsTakesNothingAwayWhereTheFileChangesAnotherKey) {
  machine_.Change(PatchPolicy{"{ expire_nodest_conn: true }"});
  machine_.Write("a.yaml",
                 std::string("api: { on_reload: keep }\npolicy: { sloppy_tcp: true }\n") + kWeb);
  const ReloadOutcome outcome = machine_.director().PreviewReload(machine_.PathOf("a.yaml"));
  EXPECT_TRUE(outcome.losses.empty());
  EXPECT_THAT(outcome.warnings, IsEmpty());
  machine_.Reload("a.yaml");
  EXPECT_TRUE(machine_.view()->model->policy.service.expire_nodest_conn);
  EXPECT_TRUE(machine_.view()->model->policy.service.sloppy_tcp);
}

TEST_F(Restart, WhatWasAddedByHandFollowsThePolicyOfANewFile) {
  machine_.Change(
      AddService{"{ name: shop, address: 192.0.2.80, protocol: tcp, port: 90, "
                 "policy: { sloppy_tcp: true }, reals: [ { address: 10.0.0.31 } ] }"});
  machine_.Write("a.yaml", std::string("api: { on_reload: keep }\n"
                                       "policy: { expire_nodest_conn: true, announce: never }\n"
                                       "defaults: { timeouts: { udp: 77s } }\n") +
                               kWeb);
  machine_.Reload("a.yaml");
  const ServiceConfig& shop = machine_.view()->model->services.back();
  EXPECT_EQ(shop.name, "shop");
  EXPECT_TRUE(shop.policy.expire_nodest_conn);
  EXPECT_TRUE(shop.policy.sloppy_tcp) << "its own";
  EXPECT_EQ(shop.announce, Announce::kNever);
  EXPECT_EQ(shop.timeouts.udp, 77s);
}

TEST_F(Restart, AnotherFileInForceStaysInForce) {
  machine_.Write("b.yaml", kTwo);
  machine_.Reload("b.yaml");
  machine_.Change(PatchReal{"web", "10.0.0.12", "{ weight: 5 }"});
  machine_.Restart();
  EXPECT_EQ(machine_.view()->config_path, machine_.PathOf("b.yaml"));
  EXPECT_EQ(machine_.view()->model->services.size(), 2u);
  EXPECT_THAT(Differences(), SizeIs(1));

  machine_.Restart("b.yaml");  // another -c
  EXPECT_EQ(machine_.view()->config_path, machine_.PathOf("b.yaml"));
  EXPECT_THAT(Differences(), SizeIs(1));
}

TEST_F(Restart, AChangedFileOfTheStartWinsOverTheOneInForce) {
  machine_.Write("b.yaml", kTwo);
  machine_.Reload("b.yaml");
  machine_.Write("a.yaml", std::string(kWeb) + "# edited\n");
  machine_.Restart();
  EXPECT_EQ(machine_.view()->config_path, machine_.PathOf("a.yaml"));
  EXPECT_EQ(machine_.view()->model->services.size(), 1u);
}

TEST_F(Restart, AFileInForceThatIsGoneIsSaid) {
  machine_.Write("b.yaml", kTwo);
  machine_.Reload("b.yaml");
  std::filesystem::remove(machine_.PathOf("b.yaml"));
  machine_.Restart();
  EXPECT_EQ(machine_.view()->config_path, machine_.PathOf("a.yaml"));
  ASSERT_THAT(Found().problems, SizeIs(1));
  EXPECT_THAT(Found().problems[0], HasSubstr("cannot be loaded any more"));
}

TEST_F(Restart, WhatOnlyAStartReadsIsTheStartFiles) {
  machine_.Write("b.yaml", std::string("director: { name: other }\n") + kTwo);
  machine_.Reload("b.yaml");
  machine_.Write("a.yaml", kWeb);
  machine_.Restart();
  EXPECT_EQ(machine_.view()->config_path, machine_.PathOf("b.yaml"));
  EXPECT_EQ(machine_.view()->director_name, "fairlead");
}

TEST_F(Restart, NamesAreWrittenBeforeTheSnapshotThatUsesThem) {
  machine_.director().Change(AddReal{"web", "{ address: 10.0.0.13 }"}, [](const EditOutcome&) {});
  AdoptAll(machine_.fabric());
  machine_.director().Turn(machine_.now += 5ms);  // published, adopted by nobody
  ASSERT_EQ(machine_.snapshot().generation, 2u);
  const RealId id = IdOf("10.0.0.13");
  const KeptState state = ReadState(machine_.directory(), 64);
  ASSERT_TRUE(state.names);
  EXPECT_TRUE(std::ranges::any_of(state.names->reals, [&](const StoredNames::Real& real) {
    return real.id == id && real.key == RealIdentity{Ip("10.0.0.13"), 80};
  }));
  ASSERT_TRUE(state.intent);
  EXPECT_THAT(state.intent->services, SizeIs(1)) << "and so is the change, before it is answered";
}

TEST_F(Restart, NamesAreWrittenOnlyWhenTheyChange) {
  const auto written = [&] {
    return std::filesystem::last_write_time(machine_.directory() + "/names");
  };
  const auto old = written() - 1h;
  std::filesystem::last_write_time(machine_.directory() + "/names", old);
  machine_.Change(PatchReal{"web", "10.0.0.11", "{ weight: 7 }"});
  machine_.Turn(100);
  EXPECT_EQ(written(), old);
  machine_.Change(PatchReal{"web", "10.0.0.11", "{ forward: nat }"});
  EXPECT_NE(written(), old) << "its connections would go on in another way";
}

TEST_F(Restart, NamesThatCannotBeWrittenAreRemoved) {
  std::filesystem::create_directory(machine_.directory() + "/names.new");
  EXPECT_FALSE(machine_.Change(AddReal{"web", "{ address: 10.0.0.13 }"}).refusal);
  EXPECT_FALSE(std::filesystem::exists(machine_.directory() + "/names"));
  EXPECT_THAT(machine_.view()->keep_problem, HasSubstr("names.new: cannot remove"));
  std::filesystem::remove(machine_.directory() + "/names.new");
  machine_.Turn(3, 1s);
  EXPECT_TRUE(std::filesystem::exists(machine_.directory() + "/names"));
  EXPECT_EQ(machine_.view()->keep_problem, "");
}

TEST_F(Restart, DamagedFilesMeanAnHonestStart) {
  machine_.Change(PatchReal{"web", "10.0.0.11", "{ weight: 7 }"});
  machine_.Kill();
  for (const char* name : {"names", "intent", "health"}) {
    std::ofstream(machine_.directory() + "/" + name) << "?";
  }
  SetLogLevel(static_cast<LogLevel>(9));
  machine_.Start();
  SetLogLevel(LogLevel::kError);
  EXPECT_THAT(Found().problems, SizeIs(3));
  EXPECT_THAT(Differences(), IsEmpty());
  machine_.Change(PatchReal{"web", "10.0.0.11", "{ weight: 8 }"});
  machine_.Restart();
  EXPECT_THAT(Differences(), SizeIs(1)) << "good files are there again";
  EXPECT_THAT(Found().problems, IsEmpty());
}

TEST_F(Restart, EmptyTablesNeedNoNames) {
  machine_.Change(RemoveReal{"web", "10.0.0.11"});
  const std::vector<std::string> differences = Differences();
  machine_.is_fresh = true;
  machine_.Restart();
  EXPECT_EQ(machine_.ids().reals().size(), 1u) << "no ghosts";
  EXPECT_EQ(Differences(), differences) << "what was changed by hand holds all the same";
}

// ---- health -----------------------------------------------------------------------------------

constexpr const char* kChecked = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80,
      health: { type: tcp, interval: 2s, timeout: 1s, fall: 3, rise: 2 },
      reals: [ { address: 10.0.0.11 }, { address: 10.0.0.12 } ] }
)";

class RestartWithChecks : public Restart {
 protected:
  RestartWithChecks() {
    machine_.Write("a.yaml", kChecked);
    machine_.Reload("a.yaml");
  }
  // So many answers of each check.
  void Answer(bool is_ok, int times) {
    const size_t wanted = machine_.prober().asked + 2u * static_cast<size_t>(times);
    machine_.prober().is_ok = is_ok;
    for (int i = 0; i < 4000 && machine_.prober().asked < wanted; ++i) machine_.Turn();
    machine_.prober().is_ok.reset();
    machine_.Turn(60);  // written within a quarter of a second
  }
  int32_t Weight() { return ViewOf("10.0.0.11").weight; }
};

TEST_F(RestartWithChecks, ADeadRealStaysDeadUntilACheckSaysOtherwise) {
  SetLogLevel(static_cast<LogLevel>(9));
  Answer(false, 3);
  ASSERT_EQ(Weight(), 0);
  machine_.Restart();
  EXPECT_EQ(Weight(), 0) << "in the first snapshot";
  EXPECT_EQ(machine_.snapshot().generation, 1u);
  Answer(true, 2);
  EXPECT_EQ(Weight(), 1);
  machine_.Restart();
  EXPECT_EQ(Weight(), 1);
}

TEST_F(RestartWithChecks, AnswersInARowGoOn) {
  SetLogLevel(static_cast<LogLevel>(9));
  Answer(false, 2);
  machine_.Restart();
  EXPECT_EQ(Weight(), 1);
  Answer(false, 1);
  EXPECT_EQ(Weight(), 0) << "the third in a row";
}

TEST_F(RestartWithChecks, AChangedCheckBeginsWithWhatWasKnown) {
  SetLogLevel(static_cast<LogLevel>(9));
  Answer(false, 3);
  std::string other = kChecked;
  other.replace(other.find("type: tcp,"), 10, "type: http, path: /up,");
  machine_.Write("a.yaml", other);
  machine_.Restart();
  EXPECT_EQ(Weight(), 0);
}

// ---- drains, weights and counters -------------------------------------------------------------

TEST_F(Restart, ADrainEndsWhenItWouldHave) {
  machine_.Change(DrainReal{"web", "10.0.0.11", "{ deadline: 60s, then_remove: true, all: true }"});
  const RealId id = IdOf("10.0.0.11");
  machine_.take_up = [id](dataplane::Fabric& fabric) {
    fabric.loads.AddInactive(WorkerId{0}, id, 1);
  };
  machine_.now += 50s;
  machine_.Restart();
  machine_.Turn(20, 100ms);
  EXPECT_EQ(machine_.view()->model->services[0].reals.size(), 2u);
  machine_.Turn(120, 100ms);
  EXPECT_EQ(machine_.view()->model->services[0].reals.size(), 1u);
}

TEST_F(Restart, TheLastWeightIsRemembered) {
  machine_.Change(PatchService{"web", "{ scheduler: mh }"});
  machine_.Change(PatchReal{"web", "10.0.0.11", "{ weight: 0 }"});
  const auto slots = machine_.snapshot().services[0].plan.tables().slots;
  machine_.Restart();
  EXPECT_EQ(machine_.snapshot().services[0].plan.tables().slots, slots);
}

TEST_F(Restart, CountersOnlyRise) {
  const RealId id = IdOf("10.0.0.11");
  const auto count = [id](uint64_t n) {
    return [id, n](dataplane::Fabric& fabric) {
      fabric.stats.traffic(WorkerId{0}, id).in_packets.Add(n);
    };
  };
  count(100)(machine_.fabric());
  ASSERT_TRUE(machine_.director().Zero("web"));
  machine_.Turn();
  machine_.take_up = count(130);
  machine_.Restart();
  const ServiceInfo& web = machine_.view()->services[0];
  const auto& real = web.reals.back();
  EXPECT_EQ(real.id, id);
  EXPECT_EQ(TrafficOf(machine_.ids(), machine_.fabric().stats, id).in_packets, 130u);
  EXPECT_EQ(real.zero.in_packets, 100u);
  EXPECT_EQ(web.zero.in_packets, 100u);
  EXPECT_EQ(real.rate.in_packets, 0u) << "what came before is no rate";
}

TEST_F(Restart, CountersThatAreGoneDoNotRunBackwards) {
  const RealId id = IdOf("10.0.0.11");
  machine_.fabric().stats.traffic(WorkerId{0}, id).in_packets.Add(100);
  ASSERT_TRUE(machine_.director().Zero(""));
  machine_.Turn();
  machine_.Restart();
  const ServiceInfo& web = machine_.view()->services[0];
  EXPECT_EQ(web.zero.in_packets, 0u);
  EXPECT_EQ(web.reals.back().zero.in_packets, 0u);
  EXPECT_EQ(machine_.view()->total_zero.in_packets, 0u);
}

TEST_F(Restart, MainSaysWhatItTookUp) {
  machine_.Change(PatchReal{"web", "10.0.0.11", "{ weight: 7 }"});
  machine_.Restart();
  machine_.director().SetRestored(
      {.reason = "crash", .kept = {{"connections", 3}}, .dropped = {{"expired", 1}}});
  machine_.Turn(1, 2s);
  EXPECT_EQ(Found().records.reason, "crash");
  EXPECT_EQ(Found().edits, 1u);
}

}  // namespace
}  // namespace fairlead::control::restart_test
