// service add|edit|remove, real add|set|remove and diff, against a real control core.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

#include "../api/live_director.h"
#include "control/config/yaml_loader.h"
#include "run_cli.h"

namespace fairlead::testing::edit_commands_test {
namespace {

constexpr const char* kOneReal =
    "services:\n"
    "  - { name: web, address: 192.0.2.10, port: 80, protocol: tcp, reals: [ { address: 10.0.0.11, "
    "weight: 2 } ] }\n";

class EditCommandsTest : public LiveApiTest {
 protected:
  // A file is written into over a Unix socket alone.
  EditCommandsTest() { listen_ = {"unix:" + path_ + ".sock", "http://127.0.0.1:0"}; }
  // Exit code, standard output and error: "0 web: tcp …".
  std::string Run(const std::string& words, size_t listener = 0) {
    const std::string at = path_ + ".out";
    const std::string command = std::string(FAIRLEAD_CLI) + " --api " +
                                server_->addresses()[listener] + " " + words + " >" + at + " 2>&1";
    const int status = std::system(command.c_str());
    std::ifstream file(at);
    const std::string out{std::istreambuf_iterator<char>(file), {}};
    std::filesystem::remove(at);
    return std::to_string(WEXITSTATUS(status)) + " " + out;
  }
};

TEST_F(EditCommandsTest, FromNothingToAServiceAndBack) {
  StartLive("");
  EXPECT_EQ(Run("diff"), "0 nothing differs from " + path_ + "\n");
  EXPECT_EQ(Run("service add 192.0.2.10:80/tcp --name web --scheduler wrr "
                "--persistence '{ timeout: 30m, netmask: 24 }' --set 'timeouts={ tcp: 5m }'"),
            "0 web: tcp 192.0.2.10:80, wrr, 0 real servers\n");
  EXPECT_EQ(Run("real add web 10.0.0.11 --weight 3 --forward dr"),
            "0 10.0.0.11:80 of web: dr, weight 3\n");
  EXPECT_EQ(Run("real add web 10.0.0.12:8080 --upper-threshold 100"),
            "0 10.0.0.12:8080 of web: nat, weight 1\n");
  EXPECT_EQ(Run("real set web 10.0.0.11 --weight 0 --state quiesce").substr(0, 42),
            "0 10.0.0.11:80 of web: quiesce, weight 0, ");
  EXPECT_EQ(Run("service edit web --scheduler sh --set scheduler_flags=[sh-port]"),
            "0 web: tcp 192.0.2.10:80, sh, 2 real servers\n");
  const control::ServiceConfig& web = core_->view()->model->services[0];
  EXPECT_EQ(web.timeouts.tcp, std::chrono::minutes(5));
  EXPECT_EQ(web.persistence->mask4, 0xffffff00u);
  EXPECT_TRUE(web.scheduler_flags.port);
  EXPECT_EQ(Run("diff"), "0 service web: added with 2 real servers\n");
  EXPECT_EQ(Run("real remove web 10.0.0.12"), "0 service web: real 10.0.0.12:8080 removed\n");
  EXPECT_EQ(Run("service remove web"), "0 service web: removed\n");
  EXPECT_EQ(Run("service remove --all"), "0 there was nothing to remove\n");
}

TEST_F(EditCommandsTest, ADrainIsShownWaitedForAndTakenBack) {
  StartLive("");
  Run("service add 192.0.2.10:80/tcp --name web");
  Run("real add web 10.0.0.11");
  const std::string none = "10.0.0.11:80 of web: 0 connections left (0 active)";
  EXPECT_EQ(Run("real drain web 10.0.0.11"), "0 " + none + "\n");
  const std::string timed = Run("real drain web 10.0.0.11 --deadline 2h");
  EXPECT_EQ(timed.substr(0, none.size() + 4), "0 " + none + ", ");
  EXPECT_NE(timed.find("until the deadline"), std::string::npos) << timed;
  EXPECT_NE(Run("real list web").find("drain, "), std::string::npos) << Run("real list web");
  // Asked for again it keeps what is not said.
  const std::string again = Run("real drain web 10.0.0.11 --all");
  EXPECT_NE(again.find("until the deadline"), std::string::npos) << again;
  EXPECT_EQ(Run("real enable web 10.0.0.11").substr(0, 26), "0 10.0.0.11:80 of web: up,");
  EXPECT_EQ(
      Run("real drain web 10.0.0.11 --wait"),
      "0 " + none + "\n10.0.0.11:80 of web: drained: 0 connections finished, 0 cut, 0 left\n");
  EXPECT_EQ(Run("real drain web 10.0.0.11 --deadline soon").substr(0, 24),
            "1 fairlead: --deadline: ");
  const std::string removed = Run("real drain web 10.0.0.11 --then-remove --wait");
  EXPECT_TRUE(
      removed.ends_with("10.0.0.11:80 of web: removed: 0 connections finished, 0 cut, 0 left\n"))
      << removed;
  EXPECT_EQ(removed[0], '0');
}

TEST_F(EditCommandsTest, ARealIsShownAndDrainedInEveryServiceThatHasIt) {
  StartLive("");
  Run("service add 192.0.2.10:80/tcp --name web");
  Run("service add 192.0.2.10:443/tcp --name tls");
  Run("service add 192.0.2.11:80/tcp --name other");
  for (const char* real :
       {"web 10.0.0.11", "web 10.0.0.12", "tls 10.0.0.11:8443", "other 10.0.0.13"}) {
    ASSERT_EQ(Run(std::string("real add ") + real)[0], '0');
  }
  const std::string both = Run("-o json real show 10.0.0.11");
  EXPECT_NE(both.find("\"10.0.0.11:80\""), std::string::npos) << both;
  EXPECT_NE(both.find("\"10.0.0.11:8443\""), std::string::npos);
  EXPECT_EQ(both.find("10.0.0.12"), std::string::npos);
  const std::string one = Run("real show 10.0.0.11:8443");
  EXPECT_NE(one.find("\ntls "), std::string::npos) << one;
  EXPECT_EQ(one.find("\nweb "), std::string::npos) << one;

  const std::string none = ": 0 connections left (0 active)\n";
  EXPECT_EQ(Run("real drain --everywhere 10.0.0.11"),
            "0 10.0.0.11:80 of web" + none + "10.0.0.11:8443 of tls" + none);
  const std::string ended = ": drained: 0 connections finished, 0 cut, 0 left\n";
  EXPECT_EQ(Run("real drain 10.0.0.11 --everywhere --wait"),
            "0 10.0.0.11:80 of web" + none + "10.0.0.11:80 of web" + ended +
                "10.0.0.11:8443 of tls" + none + "10.0.0.11:8443 of tls" + ended);
  const auto& services = core_->view()->model->services;
  EXPECT_EQ(services[0].reals[0].state, control::AdminState::kDrain);
  EXPECT_EQ(services[0].reals[1].state, control::AdminState::kUp) << "another machine";
  EXPECT_EQ(services[1].reals[0].state, control::AdminState::kDrain);
  EXPECT_EQ(Run("real enable --everywhere 10.0.0.11:8443").substr(0, 28),
            "0 10.0.0.11:8443 of tls: up,");
  EXPECT_EQ(core_->view()->model->services[0].reals[0].state, control::AdminState::kDrain);
  EXPECT_EQ(Run("real drain --everywhere 10.0.0.99"),
            "1 fairlead: no service has a real server 10.0.0.99; fairlead real list names all\n");
  EXPECT_EQ(Run("real drain --everywhere web")[0], '1');
  EXPECT_EQ(Run("real drain --everywhere web 10.0.0.11")[0], '2');
  EXPECT_EQ(Run("real drain 10.0.0.11")[0], '2');
}

TEST_F(EditCommandsTest, TheConfigurationInForceIsShownWithChangesByHand) {
  StartLive("routes: [ { to: 0.0.0.0/0, via: 192.0.2.2 } ]\n");
  Run("service add 192.0.2.10:80/tcp --name web");
  const std::string shown = Run("config show");
  EXPECT_NE(shown.find("name: web"), std::string::npos) << shown;
  const control::LoadResult loaded = control::LoadConfigText(shown.substr(2), "shown.yaml");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded.model, *core_->view()->model);
  const std::string routes = Run("route list");
  EXPECT_NE(routes.find("\n0.0.0.0/0 "), std::string::npos) << routes;
  EXPECT_NE(routes.find("\n192.0.2.0/24 "), std::string::npos) << routes;
  EXPECT_NE(Run("-o json route list").find("\"via\": \"192.0.2.2\""), std::string::npos);
}

TEST_F(EditCommandsTest, ChangesByHandAreWrittenIntoTheFile) {
  StartLive(
      "services:  # all of them\n"
      "  - { name: web, address: 192.0.2.10, port: 80, protocol: tcp, reals: [\n"
      "      { address: 10.0.0.11, weight: 2 },   # old\n"
      "      { address: 10.0.0.12 } ] }\n");
  const auto text = [this] { return ReadFile(path_); };
  std::string expected = text();
  EXPECT_EQ(Run("config save"), "0 nothing differs from " + path_ + "\n");
  Run("real set web 10.0.0.11 --weight 5");
  EXPECT_EQ(Run("config save --dry-run"), "0 " + path_ + ":6: weight: 2 → 5\n");
  EXPECT_EQ(text(), expected) << "nothing was written";
  EXPECT_EQ(Run("config save"), "0 " + path_ + ":6: weight: 2 → 5\n");
  expected.replace(expected.find("weight: 2"), 9, "weight: 5");
  EXPECT_EQ(text(), expected);
  EXPECT_EQ(Run("diff"), "0 nothing differs from " + path_ + "\n");

  Run("real add web 10.0.0.13");
  Run("service add 192.0.2.11:80/tcp --name shop");
  Run("real add shop 10.0.0.21 --weight 4");
  EXPECT_EQ(Run("config save"), "0 " + path_ + ":7: real 10.0.0.13:80 of service web added\n" +
                                    path_ + ":8: service shop added\n");
  const std::string last = "      { address: 10.0.0.12 } ] }\n";
  expected.replace(expected.find(last), last.size(),
                   "      { address: 10.0.0.12 },\n"
                   "      { address: 10.0.0.13, port: 80, weight: 1 } ] }\n"
                   "  - name: shop\n    address: 192.0.2.11\n    protocol: tcp\n    port: 80\n"
                   "    reals:\n      - { address: 10.0.0.21, port: 80, weight: 4 }\n");
  EXPECT_EQ(text(), expected);
  EXPECT_EQ(Run("diff"), "0 nothing differs from " + path_ + "\n");
  Run("service remove shop");
  Run("real remove web 10.0.0.12");
  EXPECT_EQ(Run("config save"), "0 " + path_ + ":7: real 10.0.0.12:80 of service web removed\n" +
                                    path_ + ":9: service shop removed\n");
  EXPECT_EQ(Run("diff"), "0 nothing differs from " + path_ + "\n");
}

// Taking the file's edits over may not cost the changes by hand, so the way is told.
TEST_F(EditCommandsTest, AFileThatHasChangedMeanwhileIsLoadedFirst) {
  StartLive(kOneReal);
  Run("real set web 10.0.0.11 --weight 9");
  const std::string before = ReadFile(path_);
  std::ofstream(path_, std::ios::app) << "log: { level: debug }\n";
  const std::string refused = Run("config save");
  EXPECT_NE(refused.find("has changed since the director read it"), std::string::npos) << refused;
  EXPECT_NE(refused.find("put on_reload: keep under api:"), std::string::npos) << refused;
  std::ofstream(path_, std::ios::app) << "api: { on_reload: keep }\n";
  const std::string again = Run("config save");
  EXPECT_EQ(again.find("put on_reload: keep"), std::string::npos) << again;
  Run("reload --yes");
  EXPECT_EQ(Run("config save"), "0 " + path_ + ":5: weight: 2 → 9\n");
  EXPECT_EQ(Run("diff"), "0 nothing differs from " + path_ + "\n");
}

// Both have changed one weight: what is about the same key is not the same value.
TEST_F(EditCommandsTest, AnEditOfTheSameValueIsNotWrittenOver) {
  StartLive(kOneReal);
  Run("real set web 10.0.0.11 --weight 5");
  std::string edited = ReadFile(path_);
  edited.replace(edited.find("weight: 2"), 9, "weight: 7");
  std::ofstream(path_) << edited;
  for (const char* words : {"config save", "config save --dry-run"}) {
    const std::string refused = Run(words);
    EXPECT_EQ(refused[0], '1') << refused;
    EXPECT_NE(refused.find("has changed since the director read it (services: web: reals: "
                           "10.0.0.11:80: weight)"),
              std::string::npos)
        << refused;
  }
  EXPECT_EQ(ReadFile(path_), edited);
  EXPECT_EQ(core_->view()->model->services[0].reals[0].weight, 5u) << "nothing was reloaded";
}

TEST_F(EditCommandsTest, AnEditOfTheSameSectionDoesNotComeIntoForceUnseen) {
  StartLive(std::string("defaults: { timeouts: { tcp: 600s, udp: 60s } }\n") + kOneReal);
  ASSERT_EQ(peer->Ask("PATCH /v1/timeouts", R"({"tcp": "700s"})").status, 200);
  std::string edited = ReadFile(path_);
  edited.replace(edited.find("udp: 60s"), 8, "udp: 90s");
  std::ofstream(path_) << edited;
  const std::string refused = Run("config save");
  EXPECT_NE(refused.find("defaults.timeouts: udp"), std::string::npos) << refused;
  EXPECT_EQ(ReadFile(path_), edited);
  EXPECT_EQ(core_->view()->model->defaults.timeouts.udp, std::chrono::seconds(60));
}

// An edited comment is nobody's value, and a value that is in force already nobody else's.
TEST_F(EditCommandsTest, AFileThatHasSomeOfTheChangesIsWritten) {
  StartLive(kOneReal);
  Run("real set web 10.0.0.11 --weight 5");
  Run("service edit web --scheduler rr");
  std::string edited = "# The shop.\n" + ReadFile(path_);
  edited.replace(edited.find("weight: 2"), 9, "weight: 5");
  std::ofstream(path_) << edited;
  const std::string saved = Run("config save");
  EXPECT_EQ(saved, "0 " + path_ + ":6: scheduler: rr\n");
  EXPECT_EQ(Run("diff"), "0 nothing differs from " + path_ + "\n");
  EXPECT_EQ(ReadFile(path_).substr(0, 12), "# The shop.\n");
}

// A reload would not bring it into force, so it is in nobody's way.
TEST_F(EditCommandsTest, WhatWaitsForARestartIsInNoWay) {
  StartLive(kOneReal);
  Run("real set web 10.0.0.11 --weight 5");
  std::ofstream(path_, std::ios::app) << "director: { name: edge-9 }\n";
  EXPECT_EQ(Run("config save"), "0 " + path_ + ":5: weight: 2 → 5\n");
  Run("real set web 10.0.0.11 --weight 6");
  EXPECT_EQ(Run("config save"), "0 " + path_ + ":5: weight: 5 → 6\n");
  EXPECT_NE(ReadFile(path_).find("edge-9"), std::string::npos);
}

TEST_F(EditCommandsTest, TheFileOfAnotherMachineIsNotWritten) {
  StartLive(kOneReal);
  Run("real set web 10.0.0.11 --weight 5");
  const std::string before = ReadFile(path_);
  for (const char* words : {"config save", "config save --dry-run"}) {
    const std::string refused = Run(words, 1);
    EXPECT_EQ(refused.substr(0, 12), "1 fairlead: ") << refused;
    EXPECT_NE(refused.find("--api unix:/run/fairlead/api.sock"), std::string::npos) << refused;
  }
  EXPECT_EQ(ReadFile(path_), before);
  EXPECT_NE(Run("diff").find("weight 2 → 5"), std::string::npos);
}

TEST_F(EditCommandsTest, WhatServicesShareIsSavedToo) {
  StartLive(kOneReal);
  ASSERT_EQ(peer->Ask("PATCH /v1/policy", R"({"nat_icmp_send": true})").status, 200);
  ASSERT_EQ(peer->Ask("PATCH /v1/timeouts", R"({"tcp": "700s"})").status, 200);
  const std::string saved = Run("config save");
  EXPECT_EQ(saved[0], '0') << saved;
  EXPECT_EQ(Run("diff"), "0 nothing differs from " + path_ + "\n");
  EXPECT_NE(ReadFile(path_).find("policy: { nat_icmp_send: true }\n"), std::string::npos);
  EXPECT_NE(ReadFile(path_).find("{ timeouts: { tcp: 700s } }\n"), std::string::npos)
      << ReadFile(path_);
  EXPECT_EQ(core_->view()->model->services[0].timeouts.tcp, std::chrono::seconds(700));
}

// After a reload it would be lost, so there is none.
TEST_F(EditCommandsTest, WhatCannotBeWrittenIsNamedAndStays) {
  StartLive(
      "services:\n  - quorum: 2   # of two\n    name: web\n    address: 192.0.2.10\n    port: 80\n"
      "    protocol: tcp\n    reals: [ { address: 10.0.0.11, weight: 2 } ]\n");
  ASSERT_EQ(peer->Ask("PATCH /v1/services/web", R"({"quorum": 1})").status, 200);
  Run("real set web 10.0.0.11 --weight 5");
  const std::string saved = Run("config save");
  EXPECT_EQ(saved[0], '1') << saved;
  EXPECT_NE(saved.find("weight: 2 → 5"), std::string::npos) << saved;
  EXPECT_NE(saved.find("stay by hand: service web: quorum. "), std::string::npos) << saved;
  EXPECT_NE(ReadFile(path_).find("weight: 5"), std::string::npos);
  EXPECT_EQ(core_->view()->model->services[0].quorum, 1u);
  const std::string again = Run("config save");
  EXPECT_NE(again.find("stay by hand: service web: quorum. "), std::string::npos) << again;
  EXPECT_EQ(again.find("weight"), std::string::npos) << again;
}

TEST_F(EditCommandsTest, WhatACrashHasLeftIsInNoWay) {
  StartLive(kOneReal);
  std::ofstream(path_ + ".new") << "half";
  Run("real set web 10.0.0.11 --weight 5");
  EXPECT_EQ(Run("config save"), "0 " + path_ + ":5: weight: 2 → 5\n");
  EXPECT_EQ(ReadFile(path_ + ".new"), "half") << "somebody else's";
  std::filesystem::remove(path_ + ".new");
}

TEST_F(EditCommandsTest, MarksIpv6AndPortZero) {
  StartLive("classifier: [ { name: seven, mark: 7, destination: \"2001:db8::/32\" } ]\n");
  EXPECT_EQ(Run("service add --mark 7 --family ipv6 --forward dr"),
            "0 mark-7-v6: mark 7 ipv6, wlc, 0 real servers\n");
  EXPECT_EQ(Run("real add mark-7-v6 2001:db8::21"),
            "0 [2001:db8::21]:0 of mark-7-v6: dr, weight 1\n"
            "fairlead: warning: no port's network and no route leads there\n");
  EXPECT_EQ(Run("service add 192.0.2.10:0/udp --allow-any-port --persistence {}"),
            "0 udp-192.0.2.10-0: udp 192.0.2.10:0, wlc, 0 real servers\n");
}

// What the file loader warns of is warned of when it is typed, too.
TEST_F(EditCommandsTest, WarningsAreThoseOfTheFile) {
  StartLive("classifier: [ { name: shop, mark: 7, destination: 192.0.2.10 } ]\n");
  const std::string warning = "warning: no classifier rule sets this mark\n";
  EXPECT_EQ(Run("service add --mark 21"),
            "0 mark-21-v4: mark 21 ipv4, wlc, 0 real servers\nfairlead: " + warning);
  EXPECT_EQ(Run("ipvsadm -A -f 22"), "0 ipvsadm: " + warning);
  EXPECT_EQ(Run("service add --mark 7"), "0 mark-7-v4: mark 7 ipv4, wlc, 0 real servers\n");
  EXPECT_EQ(Run("real add mark-7-v4 172.16.0.1 --forward dr"),
            "0 172.16.0.1:0 of mark-7-v4: dr, weight 1\n"
            "fairlead: warning: no port's network and no route leads there\n");
  EXPECT_EQ(Run("ipvsadm -a -f 7 -r 10.0.0.11 -g"), "0 ");
  EXPECT_NE(Run("-o json service add --mark 23").find("\"warnings\": ["), std::string::npos);
}

TEST_F(EditCommandsTest, IpvsadmNamesTheCause) {
  StartLive("services: [ { name: web, address: 192.0.2.10, protocol: tcp, port: 80 } ]\n");
  EXPECT_EQ(
      Run("ipvsadm -A -t 192.0.2.10:80 -s rr"),
      "255 ipvsadm: There is already the service \"web\" for tcp-192.0.2.10-80; change it, or "
      "remove it first\n");
  EXPECT_EQ(Run("ipvsadm -A -f 7"), "0 ipvsadm: warning: no classifier rule sets this mark\n");
  EXPECT_EQ(Run("ipvsadm -A -f 7").substr(0, 39), "255 ipvsadm: There is already the servi");
  EXPECT_EQ(Run("ipvsadm -a -t 192.0.2.10:80 -r 10.0.0.11 -m"), "0 ");
  EXPECT_EQ(Run("ipvsadm -a -t 192.0.2.10:80 -r 10.0.0.11 -m").substr(0, 60),
            "255 ipvsadm: Service \"web\" has the real 10.0.0.11:80 already");
  EXPECT_EQ(
      Run("ipvsadm -a -t 192.0.2.10:80 -r 127.0.0.1:80 -m"),
      "255 ipvsadm: 127.0.0.1 is the director itself, which cannot be a real server; name the "
      "address of another machine\n");
}

TEST_F(EditCommandsTest, WhatIsWrongIsSaid) {
  StartLive("services: [ { name: web, address: 192.0.2.10, protocol: tcp, port: 80 } ]\n");
  EXPECT_EQ(Run("service add 192.0.2.10:80/tcp"),
            "1 fairlead: There is already the service \"web\" for tcp-192.0.2.10-80; change it, or "
            "remove it first\n");
  const std::string wrong = Run("service edit web --scheduler wcl");
  EXPECT_EQ(wrong.substr(0, 40), "1 fairlead: --scheduler: must be rr, wrr") << wrong;
  const std::string key = Run("service edit web --set timeouts={tcp:0}");
  EXPECT_EQ(key.find("body:"), std::string::npos) << key;
  EXPECT_NE(wrong.find("did you mean \"wlc\"?"), std::string::npos) << wrong;
  EXPECT_EQ(Run("service edit wbe --scheduler rr"),
            "1 fairlead: There is no service \"wbe\"; did you mean \"web\"?\n");
  EXPECT_EQ(Run("real add web 10.0.0.300").substr(0, 41),
            "1 fairlead: \"10.0.0.300\" is not the addre");
  EXPECT_EQ(Run("service add 192.0.2.10").substr(0, 2), "1 ");
  EXPECT_EQ(Run("service remove").substr(0, 2), "2 ");
  EXPECT_EQ(Run("service edit web --set nonsense").substr(0, 2), "2 ");
  EXPECT_EQ(Run("real set web 10.0.0.11").substr(0, 2), "2 ");
}

}  // namespace
}  // namespace fairlead::testing::edit_commands_test
