// Changes by hand over the file as it was, over another one, and where both have changed a key.
#include "control/survival/replay.h"

#include <gmock/gmock.h>

#include "control/apply_edit.h"
#include "control/config/dump.h"
#include "control/survival/stored_file.h"
#include "director_fixture.h"

namespace fairlead::control::replay_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kFile = R"(
services:
  - { name: web, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: wrr,
      persistence: { timeout: 5m },
      reals: [ { address: 10.0.0.11, weight: 3 }, { address: 10.0.0.12 } ] }
  - { name: dns, address: 192.0.2.80, protocol: udp, port: 53, reals: [ { address: 10.0.0.13 } ] }
)";

class ReplayTest : public testing::Test {
 protected:
  void Edit(const fairlead::control::Edit& edit) {
    EditResult result = ApplyEdit(edit, intent_, At(0s));
    auto* const edited = std::get_if<Edited>(&result);
    ASSERT_NE(edited, nullptr) << std::get<EditRefusal>(result).errors.front().ToString();
    intent_ = std::move(edited->intent);
  }
  // Written down, and read again over this file.
  Replayed Over(const std::shared_ptr<const ConfigModel>& file,
                ReplayClock clock = {At(9s), true}) {
    StoredIntent stored;
    ChangesByHand().Describe(intent_, &stored);
    const Result<StoredIntent> read = DecodeIntent(EncodeIntent(stored), kIntentFile.version);
    EXPECT_TRUE(read);
    return Replay(*read, file, clock);
  }
  Replayed Over(const std::string& yaml) { return Over(SharedModelOf(yaml)); }

  Intent intent_{SharedModelOf(kFile)};
};

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST_F(ReplayTest, NothingChangedIsTheFile) {
  const auto file = SharedModelOf(kFile);
  const Replayed replayed = Over(file);
  EXPECT_EQ(replayed.intent.model, file);
  EXPECT_EQ(replayed.intent.file, nullptr);
  EXPECT_EQ(replayed.kept, 0u);
}

TEST_F(ReplayTest, OverTheSameFileAllIsAsItWas) {
  Edit(PatchReal{"web", "10.0.0.11", "{ weight: 0 }"});
  Edit(AddReal{"web", "{ address: 10.0.0.19, forward: dr }"});
  Edit(RemoveService{"dns"});
  Edit(AddService{"{ name: two, address: 192.0.2.80, protocol: tcp, port: 2 }"});
  Edit(AddService{"{ name: dns, address: 192.0.2.80, protocol: udp, port: 53 }"});
  Edit(PatchTimeouts{"{ tcp: 7m }"});
  Edit(PatchPolicy{"{ sloppy_tcp: true }"});
  Edit(DrainReal{"web", "10.0.0.12", "{ deadline: 60s, then_remove: true }"});
  const Replayed replayed = Over(kFile);
  EXPECT_THAT(replayed.dropped, IsEmpty());
  EXPECT_EQ(Dump(*replayed.intent.model), Dump(*intent_.model));
  EXPECT_EQ(*replayed.intent.model, *intent_.model);
  ASSERT_NE(replayed.intent.file, nullptr);
  EXPECT_EQ(*replayed.intent.file, *intent_.file);
  EXPECT_EQ(replayed.intent.overlay.drains(), intent_.overlay.drains());
  EXPECT_EQ(replayed.intent.overlay.last_weights(), intent_.overlay.last_weights());
  EXPECT_FALSE(intent_.overlay.last_weights().empty());
}

TEST_F(ReplayTest, SynchronisationThatWasSwitchedByHandStaysSo) {
  const std::string on = std::string(kFile) + "sync: { ipvs: { interface: e9, syncid: 9 } }\n";
  Edit(StartIpvsSync{SyncRole::kMaster, "{ interface: e1 }"});
  Replayed replayed = Over(kFile);
  EXPECT_EQ(replayed.kept, 1u);
  EXPECT_EQ(replayed.intent.model->sync, intent_.model->sync);
  EXPECT_EQ(*replayed.intent.file, *intent_.file);
  replayed = Over(on);
  EXPECT_THAT(replayed.dropped, ElementsAre("sync.ipvs: was changed in the file as well"));
  EXPECT_EQ(replayed.intent.model->sync.ipvs->syncid, 9);
  intent_ = {SharedModelOf(on)};
  Edit(StopIpvsSync{SyncRole::kBackup});
  EXPECT_FALSE(Over(on).intent.model->sync.ipvs);
  EXPECT_EQ(Over(on).kept, 1u);
  replayed = Over(kFile);
  EXPECT_THAT(replayed.dropped, IsEmpty()) << "the file says so too by now";
  EXPECT_FALSE(replayed.intent.model->sync.ipvs);
}

TEST_F(ReplayTest, WhatTheFileLeftAloneStaysChanged) {
  Edit(PatchReal{"web", "10.0.0.11", "{ weight: 9 }"});
  Edit(PatchService{"web", "{ persistence: { netmask: 24 } }"});
  Edit(RemoveReal{"web", "10.0.0.12"});
  Edit(AddReal{"dns", "{ address: 10.0.0.14 }"});
  std::string other = Replace(kFile, "scheduler: wrr", "scheduler: mh");
  other = Replace(other, "timeout: 5m", "timeout: 8m");
  other = Replace(other, "{ address: 10.0.0.11, weight: 3 }",
                  "{ address: 10.0.0.10 }, { address: 10.0.0.11, weight: 3, upper_threshold: 7 }");
  const Replayed replayed = Over(other);
  EXPECT_THAT(replayed.dropped, IsEmpty());
  std::string expected = Replace(other, "weight: 3", "weight: 9");
  expected = Replace(expected, ", { address: 10.0.0.12 }", "");
  expected = Replace(expected, "timeout: 8m", "timeout: 8m, netmask: 24");
  expected =
      Replace(expected, "{ address: 10.0.0.13 }", "{ address: 10.0.0.13 }, { address: 10.0.0.14 }");
  EXPECT_EQ(Dump(*replayed.intent.model), Dump(ModelOf(expected)));
}

TEST_F(ReplayTest, WhereBothHaveChangedAKeyTheFileWins) {
  Edit(PatchReal{"web", "10.0.0.11", "{ weight: 9, state: quiesce }"});
  Edit(PatchService{"web", "{ scheduler: rr, persistence: { timeout: 1m } }"});
  Edit(RemoveReal{"web", "10.0.0.12"});
  Edit(AddReal{"web", "{ address: 10.0.0.19, weight: 2 }"});
  Edit(RemoveService{"dns"});
  std::string other = Replace(kFile, "scheduler: wrr", "scheduler: mh");
  other = Replace(other, "timeout: 5m", "timeout: 8m");
  other = Replace(other, "weight: 3", "weight: 4");
  other = Replace(other, "{ address: 10.0.0.12 }",
                  "{ address: 10.0.0.12, weight: 5 }, { address: 10.0.0.19 }");
  other = Replace(other, "{ address: 10.0.0.13 }", "{ address: 10.0.0.13, weight: 6 }");
  const Replayed replayed = Over(other);
  EXPECT_EQ(Dump(*replayed.intent.model),
            Dump(ModelOf(Replace(other, "weight: 4", "weight: 4, state: quiesce"))));
  EXPECT_THAT(
      replayed.dropped,
      ElementsAre("service web: scheduler was changed in the file as well",
                  "service web: persistence.timeout was changed in the file as well",
                  "service web: real 10.0.0.11:80: weight was changed in the file as well",
                  "service web: real 10.0.0.12:80: was removed by hand and changed in the file",
                  "service web: real 10.0.0.19:80: was added in the file as well",
                  "service dns: was removed by hand and changed in the file"));
}

TEST_F(ReplayTest, WhatTheFileHasNoMoreIsGone) {
  Edit(PatchService{"dns", "{ scheduler: rr }"});
  Edit(PatchReal{"web", "10.0.0.12", "{ weight: 7 }"});
  std::string other = Replace(kFile, ", { address: 10.0.0.12 }", "");
  other = other.substr(0, other.find("  - { name: dns"));
  const Replayed replayed = Over(other);
  EXPECT_EQ(Dump(*replayed.intent.model), Dump(ModelOf(other)));
  EXPECT_THAT(replayed.dropped,
              ElementsAre("service web: real 10.0.0.12:80: was removed from the file",
                          "service dns: was removed from the file"));
}

TEST_F(ReplayTest, WhatTheFileHasByNowIsNoConflict) {
  Edit(PatchReal{"web", "10.0.0.11", "{ weight: 9 }"});
  Edit(AddService{"{ name: two, address: 192.0.2.80, protocol: tcp, port: 2 }"});
  const Replayed replayed = Over(std::make_shared<const ConfigModel>(*intent_.model));
  EXPECT_THAT(replayed.dropped, IsEmpty());
  EXPECT_EQ(*replayed.intent.model, *intent_.model);
}

TEST_F(ReplayTest, PoliciesAreMergedByKey) {
  Edit(PatchPolicy{"{ sloppy_tcp: true, am_droprate: 5 }"});
  Edit(PatchTimeouts{"{ tcp: 7m }"});
  const Replayed replayed = Over(std::string("policy: { am_droprate: 6, schedule_icmp: true }\n") +
                                 "defaults: { timeouts: { udp: 9m } }" + kFile);
  EXPECT_THAT(replayed.dropped, ElementsAre("policy: am_droprate was changed in the file as well"));
  const ConfigModel& model = *replayed.intent.model;
  EXPECT_EQ(model.policy.am_droprate, 6u);
  EXPECT_TRUE(model.policy.service.sloppy_tcp && model.policy.service.schedule_icmp);
  EXPECT_EQ(model.services[0].timeouts.tcp, 7min);
  EXPECT_EQ(model.services[0].timeouts.udp, 9min);
  EXPECT_TRUE(model.services[1].policy.sloppy_tcp && model.services[1].policy.schedule_icmp);
}

TEST_F(ReplayTest, WhatWouldBeRefusedIsTheFiles) {
  Edit(PatchService{"web", "{ name: shop }"});
  const std::string other = Replace(kFile, "scheduler: wrr", "scheduler: rr") +
                            "  - { name: shop, address: 192.0.2.80, protocol: tcp, port: 9 }\n";
  const Replayed replayed = Over(other);
  EXPECT_THAT(replayed.dropped, ElementsAre("service shop: another service has this name"));
  EXPECT_EQ(Dump(*replayed.intent.model), Dump(ModelOf(other)));
}

// The list may have become shorter with the restart that it asks for.
TEST_F(ReplayTest, ACommandThatMayNoLongerBeNamedIsNotRun) {
  const std::string listed = "director: { scripts: [/bin/true] }\n" + std::string(kFile);
  intent_ = Intent{SharedModelOf(listed)};
  Edit(
      AddService{"{ name: two, address: 192.0.2.80, protocol: tcp, port: 2, "
                 "health: { type: script, command: [/bin/true] } }"});
  EXPECT_THAT(Over(listed).dropped, IsEmpty());
  const Replayed replayed = Over(kFile);
  ASSERT_EQ(replayed.dropped.size(), 1u);
  EXPECT_THAT(replayed.dropped[0], testing::HasSubstr("may not be named from here"));
  EXPECT_EQ(replayed.intent.model->services.size(), 2u);
}

TEST_F(ReplayTest, AClientGroupThatIsGoneTakesItsServiceWithIt) {
  const std::string groups = "client_groups: [ { name: campus, source: 198.51.100.0/24 } ]";
  intent_ = {SharedModelOf(groups + kFile)};
  Edit(PatchService{"web", "{ persistence: { client_groups: [campus] } }"});
  const Replayed replayed = Over(kFile);
  ASSERT_EQ(replayed.dropped.size(), 1u);
  EXPECT_THAT(replayed.dropped[0], testing::StartsWith("service web: "));
  EXPECT_EQ(Dump(*replayed.intent.model), Dump(ModelOf(kFile)));
}

TEST_F(ReplayTest, DeadlinesEndWithTheMachine) {
  Edit(DrainReal{"web", "10.0.0.12", "{ deadline: 60s }"});
  const Overlay::Key key{KeyOf(intent_.model->services[0]), {Ip("10.0.0.12"), 80}};
  const auto until = [&](const Replayed& replayed) {
    return *replayed.intent.overlay.FindDrain(key)->until;
  };
  EXPECT_EQ(until(Over(SharedModelOf(kFile), {At(9s), true})), At(60s));
  EXPECT_EQ(until(Over(SharedModelOf(kFile), {At(9s), false})), At(9s));
}

TEST_F(ReplayTest, ADrainGoesWithItsState) {
  Edit(DrainReal{"web", "10.0.0.12", "{ deadline: 60s }"});
  const Replayed replayed =
      Over(Replace(kFile, "{ address: 10.0.0.12 }", "{ address: 10.0.0.12, state: down }"));
  EXPECT_THAT(replayed.dropped,
              ElementsAre("service web: real 10.0.0.12:80: state was changed in the file as well"));
  EXPECT_TRUE(replayed.intent.overlay.drains().empty());
}

TEST_F(ReplayTest, TextsThatAreNoServiceAreDropped) {
  Edit(PatchReal{"web", "10.0.0.11", "{ weight: 9 }"});
  StoredIntent stored;
  ChangesByHand().Describe(intent_, &stored);
  stored.services[0].text.running = "{ nonsense: 1 }";
  stored.policy = {"[]", "{"};
  const Replayed replayed = Replay(stored, SharedModelOf(kFile), {});
  EXPECT_EQ(replayed.dropped.size(), 2u);
  EXPECT_EQ(Dump(*replayed.intent.model), Dump(ModelOf(kFile)));
  EXPECT_EQ(replayed.kept, 0u);
}

std::string Pool(const std::string& addresses) {
  return "forward: { method: fullnat, local_addresses: " + addresses + " }";
}

// The file has given away what a change by hand speaks from, or the other way round.
TEST_F(ReplayTest, ALocalAddressThatIsSomebodyElsesByNowIsDropped) {
  Edit(AddService{"{ name: one, address: 192.0.2.1, protocol: tcp, port: 1 }"});
  Edit(AddService{"{ name: full, address: 192.0.2.2, protocol: tcp, port: 1, " +
                  Pool("10.0.0.64/30") + ", reals: [{ address: 10.0.0.11 }] }"});
  Edit(PatchReal{"dns", "10.0.0.13", "{ " + Pool("10.0.0.70") + " }"});
  Edit(PatchReal{"web", "10.0.0.11", "{ weight: 9 }"});
  EXPECT_THAT(Over(kFile).dropped, IsEmpty());
  const Replayed replayed = Over(
      Replace(kFile, "{ address: 10.0.0.12 }", "{ address: 10.0.0.65 }, { address: 10.0.0.70 }"));
  EXPECT_THAT(
      replayed.dropped,
      ElementsAre(
          "service dns: stored: services[1].reals[0].forward.local_addresses: contains 10.0.0.70, "
          "a "
          "real server of service \"web\"; local addresses must be nobody else's",
          "service full: stored: services[3].forward.local_addresses: contains 10.0.0.65, a real "
          "server of service \"web\"; local addresses must be nobody else's"));
  EXPECT_EQ(replayed.kept, 2u);
  const ConfigModel& model = *replayed.intent.model;
  ASSERT_EQ(model.services.size(), 3u);
  EXPECT_EQ(model.services[0].reals[0].weight, 9u);
  EXPECT_TRUE(model.services[1] == ModelOf(kFile).services[1]);
  EXPECT_EQ(model.services[2].name, "one");
}

TEST_F(ReplayTest, AnAddedServiceMayNotHaveALocalAddressOfTheFile) {
  Edit(AddService{"{ name: one, address: 10.0.0.64, protocol: tcp, port: 1 }"});
  const Replayed replayed = Over(Replace(kFile, "scheduler: wrr", Pool("10.0.0.64")));
  EXPECT_THAT(
      replayed.dropped,
      ElementsAre("service one: stored: services[0].forward.local_addresses: contains 10.0.0.64, "
                  "the address of service \"one\"; local addresses must be nobody else's"));
  EXPECT_EQ(replayed.kept, 0u);
  EXPECT_EQ(replayed.intent.model->services.size(), 2u);
}

TEST_F(ReplayTest, ARealThatHasAnAddressOfSourceNatByNowIsDropped) {
  Edit(AddReal{"web", "{ address: 192.0.2.200 }"});
  Edit(PatchReal{"dns", "10.0.0.13", "{ weight: 9 }"});
  const Replayed replayed =
      Over(std::string(kFile) + "snat: [{ source: 10.0.0.0/24, addresses: [192.0.2.200] }]\n");
  EXPECT_THAT(replayed.dropped,
              ElementsAre("service web: stored: snat[0].addresses: contain 192.0.2.200, a real "
                          "server of service \"web\"; source NAT needs addresses that nobody "
                          "else has"));
  EXPECT_EQ(replayed.kept, 1u);
  EXPECT_TRUE(replayed.intent.model->services[0] == ModelOf(kFile).services[0]);
}

}  // namespace
}  // namespace fairlead::control::replay_test
