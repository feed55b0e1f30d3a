// A file keeps its comments and its layout where a value is changed.
#include "cli/config_edit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <random>

#include "control/config/dump.h"
#include "control/config/yaml_loader.h"

namespace fairlead::cli::config_edit_test {
namespace {

constexpr const char* kFile = R"(# The shop's director.
version: 1
ports:
  - { name: outside, device: net_null0, addresses: [192.0.2.1/24, 10.0.0.1/24] }
services:
  - name: web   # what the world sees
    address: 192.0.2.80
    protocol: tcp
    port: 80
    scheduler: wrr      # until the new machines come
    health: { type: tcp, interval: 2s }   # cheap
    reals:
      - { address: 10.0.0.11, weight: 3 }   # the big one
      - { address: 10.0.0.12 }

      - address: 10.0.0.13   # on loan
        weight: 2
  - { name: mail, address: 192.0.2.80, protocol: tcp, port: 25, reals: [{ address: 10.0.0.21 }] }
)";

const std::string kStart =
    "version: 1\nports: [ { name: p, device: net_null0, addresses: [192.0.2.1/24] } ]\n";

using control::ConfigModel;
using control::RealConfig;
using control::ServiceConfig;

class ConfigEditTest : public ::testing::Test {
 protected:
  ConfigEditTest() : model(*control::LoadConfigText(kFile, "t.yaml").model), to(model) {}

  // The file with those lines instead of others, after a look that it says what it should.
  void ExpectEdit(const std::string& from, const std::string& into) {
    const ConfigEdit edit = EditServices(kFile, model, to);
    std::string expected = kFile;
    const size_t at = expected.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    EXPECT_EQ(edit.text, expected.replace(at, from.size(), into));
    EXPECT_EQ(edit.left, std::vector<std::string>{});
    ExpectModel(edit.text, to);
  }
  static void ExpectModel(const std::string& text, const ConfigModel& wanted) {
    const auto loaded = control::LoadConfigText(text, "t.yaml");
    ASSERT_TRUE(loaded) << loaded.errors.front().ToString() << "\n" << text;
    EXPECT_EQ(*loaded.model, wanted) << text;
  }
  // A file of other services, whose model is changed by `change`: the text that comes out.
  template <typename Change>
  static std::string TextAfter(const std::string& text, Change change) {
    const auto loaded = control::LoadConfigText(text, "t.yaml");
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.errors.front().ToString());
    if (!loaded) return "";
    ConfigModel wanted = *loaded.model;
    change(wanted);
    const ConfigEdit edit = EditServices(text, *loaded.model, wanted);
    EXPECT_EQ(edit.left, std::vector<std::string>{}) << text;
    ExpectModel(edit.text, wanted);
    return edit.text;
  }
  static RealConfig Real(const std::string& address, uint32_t weight = 1) {
    return {.address = *IpAddress::Parse(address), .port = 80, .weight = weight};
  }
  static ServiceConfig Service(const std::string& name, uint16_t port) {
    ServiceConfig service;
    service.name = name;
    service.address = *IpAddress::Parse("192.0.2.80");
    service.port = port;
    return service;
  }

  const ConfigModel model;
  ConfigModel to;
};

TEST_F(ConfigEditTest, NothingChangedIsTheSameFile) {
  const ConfigEdit edit = EditServices(kFile, model, to);
  EXPECT_EQ(edit.text, kFile);
  EXPECT_TRUE(edit.changes.empty());
}

TEST_F(ConfigEditTest, AValueIsChangedWhereItStands) {
  to.services.Edit(0).reals[0].weight = 5;
  ExpectEdit("weight: 3 }   # the big one", "weight: 5 }   # the big one");
  EXPECT_EQ(EditServices(kFile, model, to).changes, std::vector<std::string>{"13: weight: 3 → 5"});
}

TEST_F(ConfigEditTest, AKeyIsAddedInBraces) {
  to.services.Edit(0).reals[1].weight = 0;
  to.services.Edit(0).reals[1].state = control::AdminState::kDrain;
  ExpectEdit("{ address: 10.0.0.12 }", "{ weight: 0, state: drain, address: 10.0.0.12 }");
}

TEST_F(ConfigEditTest, AKeyIsAddedAsALine) {
  to.services.Edit(0).reals[2].upper_threshold = 100;
  ExpectEdit("# on loan\n", "# on loan\n        upper_threshold: 100\n");
}

TEST_F(ConfigEditTest, AServiceKeepsItsComments) {
  to.services.Edit(0).scheduler = control::SchedulerKind::kWlc;
  to.services.Edit(0).health[0].interval = std::chrono::seconds(5);
  ExpectEdit(
      "scheduler: wrr      # until the new machines come\n    health: { type: tcp, interval: 2s }",
      "scheduler: wlc      # until the new machines come\n    health: { type: tcp, interval: 5s }");
}

TEST_F(ConfigEditTest, AMapThatTheFileLeavesOutIsAddedWithWhatDiffers) {
  to.services.Edit(1).timeouts.tcp = std::chrono::minutes(5);
  ExpectEdit("- { name: mail", "- { timeouts: { tcp: 5m }, name: mail");
}

// ---- reals ------------------------------------------------------------------------------------

TEST_F(ConfigEditTest, ARealIsAddedBehindTheLastInItsLayout) {
  to.services.Edit(0).reals.push_back(Real("10.0.0.14", 4));
  ExpectEdit("        weight: 2\n",
             "        weight: 2\n"
             "      - address: 10.0.0.14\n        port: 80\n        weight: 4\n");
  EXPECT_EQ(EditServices(kFile, model, to).changes,
            std::vector<std::string>{"18: real 10.0.0.14:80 of service web added"});
}

TEST_F(ConfigEditTest, ARealIsAddedInBraces) {
  to.services.Edit(1).reals.push_back(Real("10.0.0.22"));
  to.services.Edit(1).reals.push_back(Real("10.0.0.23"));
  ExpectEdit("reals: [{ address: 10.0.0.21 }] }",
             "reals: [{ address: 10.0.0.21 }, { address: 10.0.0.22, port: 80, weight: 1 }, "
             "{ address: 10.0.0.23, port: 80, weight: 1 }] }");
}

TEST_F(ConfigEditTest, ARealIsCutWithItsLinesAndNoOthers) {
  auto& reals = to.services.Edit(0).reals;
  reals.erase(reals.begin());
  ExpectEdit("      - { address: 10.0.0.11, weight: 3 }   # the big one\n", "");
  EXPECT_EQ(EditServices(kFile, model, to).changes,
            std::vector<std::string>{"13: real 10.0.0.11:80 of service web removed"});
  to = model;
  to.services.Edit(0).reals.pop_back();
  ExpectEdit("      - address: 10.0.0.13   # on loan\n        weight: 2\n", "");
}

TEST_F(ConfigEditTest, ARealIsReplacedAndAnotherChanged) {
  auto& reals = to.services.Edit(0).reals;
  reals[0] = reals[1];
  reals[0].weight = 7;
  reals[1] = reals[2];
  reals[2] = Real("10.0.0.99");
  const ConfigEdit edit = EditServices(kFile, model, to);
  ExpectModel(edit.text, to);
  EXPECT_NE(edit.text.find(
                "- { weight: 7, address: 10.0.0.12 }\n\n      - address: 10.0.0.13   # on loan"),
            std::string::npos)
      << edit.text;
}

TEST_F(ConfigEditTest, TheOrderOfRealsIsThatInForce) {
  auto& reals = to.services.Edit(0).reals;
  std::rotate(reals.begin(), reals.begin() + 1, reals.end());  // taken out and added again
  const ConfigEdit edit = EditServices(kFile, model, to);
  ExpectModel(edit.text, to);
  EXPECT_EQ(edit.changes, (std::vector<std::string>{"13: real 10.0.0.11:80 of service web removed",
                                                    "18: real 10.0.0.11:80 of service web added"}));
}

TEST_F(ConfigEditTest, AllRealsGoAndTheFirstComes) {
  to.services.Edit(0).reals.clear();
  to.services.Edit(1).reals.clear();
  const ConfigEdit edit = EditServices(kFile, model, to);
  ExpectModel(edit.text, to);
  EXPECT_NE(edit.text.find("    reals: []\n\n  - { name: mail"), std::string::npos) << edit.text;
  EXPECT_NE(edit.text.find("reals: [] }\n"), std::string::npos) << edit.text;

  const std::string start =
      kStart +
      "services:\n  - name: web\n    address: 192.0.2.80\n    port: 80\n    protocol: tcp\n";
  const auto add = [](ConfigModel& m) { m.services.Edit(0).reals.push_back(Real("10.0.0.1")); };
  const std::string real = "      - { address: 10.0.0.1, port: 80, weight: 1 }";
  EXPECT_EQ(TextAfter(start + "    reals: []   # none yet\nlog: { level: info }\n", add),
            start + "    reals:   # none yet\n" + real + "\nlog: { level: info }\n");
  EXPECT_EQ(TextAfter(start, add), start + "    reals:\n" + real + "\n");
  EXPECT_EQ(TextAfter(start + "    reals: [\n      # one day\n    ]\n", add).find("none"),
            std::string::npos);
}

// ---- services ---------------------------------------------------------------------------------

TEST_F(ConfigEditTest, AServiceIsAddedWithWhatIsNotTheDefault) {
  ServiceConfig service = Service("shop", 8080);
  service.scheduler = control::SchedulerKind::kSh;
  service.scheduler_flags.port = true;
  service.persistence.emplace().timeout = std::chrono::minutes(5);
  service.timeouts.tcp = std::chrono::minutes(1);
  service.reals = {Real("10.0.0.31"), Real("10.0.0.32", 5)};
  service.reals[1].forward = ForwardMethod::kDr;
  service.reals[1].port = 8080;
  to.services.push_back(service);
  const std::string last = "reals: [{ address: 10.0.0.21 }] }\n";
  ExpectEdit(last, last + R"(  - name: shop
    address: 192.0.2.80
    protocol: tcp
    port: 8080
    scheduler: sh
    scheduler_flags: [sh-port]
    persistence: { timeout: 5m }
    timeouts: { tcp: 1m }
    reals:
      - { address: 10.0.0.31, port: 80, weight: 1 }
      - { address: 10.0.0.32, port: 8080, weight: 5, forward: dr }
)");
  EXPECT_EQ(EditServices(kFile, model, to).changes,
            std::vector<std::string>{"19: service shop added"});
}

TEST_F(ConfigEditTest, AServiceIsCutAndTheOthersKeepTheirComments) {
  to.services.Remove(0);
  const std::string text = kFile;
  const size_t web = text.find("  - name: web"), mail = text.find("  - { name: mail");
  ExpectEdit(text.substr(web, mail - web), "");
  to = model;
  to.services.Remove(1);
  ExpectEdit(text.substr(mail), "");
}

TEST_F(ConfigEditTest, AllServicesGoAndTheFirstComes) {
  to.services = {};
  const ConfigEdit edit = EditServices(kFile, model, to);
  ExpectModel(edit.text, to);
  EXPECT_TRUE(edit.text.ends_with("services: []\n")) << edit.text;
  const auto add = [](ConfigModel& m) { m.services.push_back(Service("a", 1)); };
  const std::string item =
      "\n  - name: a\n    address: 192.0.2.80\n    protocol: tcp\n    port: 1\n";
  EXPECT_EQ(TextAfter(kStart + "log: { level: info }  # x\n", add),
            kStart + "log: { level: info }  # x\nservices:" + item);
  EXPECT_EQ(TextAfter(kStart + "services: []  # no\n", add), kStart + "services:  # no" + item);
}

TEST_F(ConfigEditTest, ListsInBracketsOverLines) {
  const std::string head = kStart + "services: [\n";
  const std::string a = "  { name: a, address: 192.0.2.80, port: 1, protocol: tcp }";
  const std::string b = "  { name: b, address: 192.0.2.80, port: 2, protocol: tcp }";
  const std::string c = "\n  { name: c, address: 192.0.2.80, protocol: tcp, port: 3 }";
  const auto add = [](ConfigModel& m) { m.services.push_back(Service("c", 3)); };
  EXPECT_EQ(TextAfter(head + a + ",  # x\n" + b + "  # it's y, [\n]\n", add),
            head + a + ",  # x\n" + b + ",  # it's y, [" + c + "\n]\n");
  EXPECT_EQ(TextAfter(head + a + ",  # x\n" + b + ",  # y\n]\n", add),
            head + a + ",  # x\n" + b + "," + c + ",  # y\n]\n");
  const auto cut_first = [](ConfigModel& m) { m.services.Remove(0); };
  EXPECT_EQ(TextAfter(head + a + ",  # x\n" + b + "  # y\n]\n", cut_first),
            head + b + "  # y\n]\n");
  const auto cut_last = [](ConfigModel& m) { m.services.Remove(1); };
  EXPECT_EQ(TextAfter(head + a + ",  # x\n" + b + "  # y\n]\n", cut_last), head + a + "  # x\n]\n");
  EXPECT_EQ(TextAfter(head + a + ",\n" + b + ",\n]\n", cut_last), head + a + ",\n]\n");
  const auto replace = [](ConfigModel& m) {
    m.services = {};
    m.services.push_back(Service("d", 4));
    m.services.push_back(Service("e", 5));
  };
  TextAfter(head + a + ",\n" + b + ",\n]\n", replace);
}

TEST_F(ConfigEditTest, JsonStaysJson) {
  const std::string text = R"({
  "version": 1, "ports": [{"name": "p", "device": "net_null0"}],
  "services": [
    {"name": "a", "address": "192.0.2.80", "port": 1, "protocol": "tcp", "scheduler": "rr",
     "reals": [{"address": "10.0.0.1"}]}
  ]
}
)";
  const std::string after = TextAfter(text, [](ConfigModel& m) {
    m.services.push_back(Service("b", 2));
    m.services.Edit(0).scheduler = control::SchedulerKind::kLc;
    m.services.Edit(0).quorum = 2;
    m.services.Edit(0).reals.push_back(Real("10.0.0.2"));
  });
  boost::system::error_code ec;
  const boost::json::value document = boost::json::parse(after, ec);
  ASSERT_FALSE(ec) << after;
  EXPECT_EQ(document.at("services").as_array().size(), 2u);
  EXPECT_EQ(document.at("services").at(0).at("reals").at(1).at("port").as_int64(), 80);
}

// ---- keys -------------------------------------------------------------------------------------

TEST_F(ConfigEditTest, KeysComeAndGo) {
  const std::string head = kStart +
                           "services:\n  - quorum: 2   # of three\n    name: a\n    address: "
                           "192.0.2.80\n    port: 1\n    protocol: tcp\n";
  const auto change = [](ConfigModel& m) {
    m.services.Edit(0).persistence.reset();
    m.services.Edit(0).on_remove.reset();
    m.services.Edit(0).health.clear();
    m.services.Edit(0).on_up = {"/bin/true", "x"};
  };
  EXPECT_EQ(TextAfter(head + "    persistence:   # sticky\n      timeout: 5m\n      netmask: 24\n"
                             "    on_remove: hold\n    health: { type: tcp }\n",
                      change),
            kStart +
                "services:\n  - quorum: 2   # of three\n    on_up: [/bin/true, x]\n    name: a\n   "
                " address: 192.0.2.80\n    port: 1\n    protocol: tcp\n");
  const std::string flow = kStart +
                           "services: [ { name: a, address: 192.0.2.80, port: 1, protocol: tcp, "
                           "persistence: { timeout: 5m }, health: { type: tcp } } ]\n";
  EXPECT_EQ(TextAfter(flow,
                      [](ConfigModel& m) {
                        m.services.Edit(0).persistence.reset();
                        m.services.Edit(0).health.clear();
                      }),
            kStart + "services: [ { name: a, address: 192.0.2.80, port: 1, protocol: tcp } ]\n");
}

// The first key stands behind the dash, with a comment that would be lost.
TEST_F(ConfigEditTest, WhatCannotBeCutIsNamedAndTheRestIsDone) {
  const std::string text =
      kStart +
      "services:\n  - quorum: 2   # of three\n    name: a\n    address: 192.0.2.80\n"
      "    port: 1\n    protocol: tcp\n    scheduler: rr\n";
  const auto from = control::LoadConfigText(text, "t.yaml");
  ASSERT_TRUE(from) << from.errors.front().ToString();
  ConfigModel wanted = *from.model;
  wanted.services.Edit(0).quorum = 1;
  wanted.services.Edit(0).scheduler = control::SchedulerKind::kLc;
  const ConfigEdit edit = EditServices(text, *from.model, wanted);
  EXPECT_EQ(edit.left, std::vector<std::string>{"service a: quorum"});
  EXPECT_EQ(edit.changes, std::vector<std::string>{"9: scheduler: rr → lc"});
}

TEST_F(ConfigEditTest, WhatServicesShareIsWrittenOnce) {
  to.policy.service.nat_icmp_send = true;
  to.defaults.timeouts.tcp = std::chrono::minutes(5);
  const ConfigEdit edit = EditShared(kFile, model, to);
  EXPECT_EQ(edit.left, std::vector<std::string>{});
  std::string expected = kFile;
  const std::string first = "version: 1\n";
  expected.replace(
      expected.find(first), first.size(),
      first + "policy: { nat_icmp_send: true }\ndefaults: { timeouts: { tcp: 5m } }\n");
  EXPECT_EQ(edit.text, expected);
  const auto loaded = control::LoadConfigText(edit.text, "t.yaml");
  ASSERT_TRUE(loaded) << loaded.errors.front().ToString();
  EXPECT_EQ(loaded.model->policy, to.policy);
  EXPECT_EQ(loaded.model->defaults, to.defaults);
}

// Services and reals at random taken out, put in and moved, in every layout: the file that comes
// out says what is in force, and has lost no line that is a comment.
TEST_F(ConfigEditTest, WhateverHappensTheFileSaysIt) {
  const std::string files[] = {
      kFile,
      kStart +
          "services: [ { name: web, address: 192.0.2.80, protocol: tcp, port: 80, reals: [ { "
          "address: 10.0.0.11 }, { address: 10.0.0.12 } ] } ]\n",
      "# a\n" + kStart +
          "services:\n- name: web\n  address: 192.0.2.80\n  protocol: tcp\n  port: 80\n  reals:\n  "
          "- address: 10.0.0.11\n  # b\n  - address: 10.0.0.12\n# c\n- name: b\n  address: "
          "192.0.2.80\n  protocol: tcp\n  port: 81",
      "{\"version\": 1, \"ports\": [{\"name\": \"p\", \"device\": \"net_null0\"}], \"services\": "
      "[\n{\"name\": \"web\", \"address\": \"192.0.2.80\", \"protocol\": \"tcp\", \"port\": 80, "
      "\"reals\": []}]}",
  };
  std::mt19937 generator(7);
  const auto random = [&generator] { return static_cast<uint32_t>(generator()); };
  for (int round = 0; round < 400; ++round) {
    const std::string& text = files[round % 4];
    const ConfigModel from = *control::LoadConfigText(text, "t.yaml").model;
    ConfigModel wanted = from;
    for (uint32_t i = random() % 3; i > 0; --i) {
      ServiceConfig added = Service("new" + std::to_string(i), static_cast<uint16_t>(1000 + i));
      added.reals.resize(random() % 3, Real("10.1.0.1"));
      for (size_t r = 0; r < added.reals.size(); ++r)
        added.reals[r].port = static_cast<uint16_t>(80 + r);
      wanted.services.push_back(added);
    }
    if (random() % 4 == 0) wanted.services.Remove(random() % wanted.services.size());
    if (!wanted.services.empty()) {
      auto& reals = wanted.services.Edit(0).reals;
      for (uint32_t i = random() % 3; i > 0 && !reals.empty(); --i) {
        reals.erase(reals.begin() + random() % reals.size());
      }
      if (random() % 2 == 0) reals.push_back(Real("10.0.0.77", random() % 9));
      if (random() % 3 == 0) reals.push_back(Real("10.0.0.78"));
      if (!reals.empty()) reals[random() % reals.size()].upper_threshold = 9;
      if (reals.size() > 1 && random() % 4 == 0) std::swap(reals.front(), reals.back());
    }
    const ConfigEdit edit = EditServices(text, from, wanted);
    ASSERT_EQ(edit.left, std::vector<std::string>{}) << round << "\n" << control::Dump(wanted);
    ExpectModel(edit.text, wanted);
    for (const char* comment : {"# a\n", "# The shop's director.\n"}) {
      EXPECT_EQ(text.find(comment) == std::string::npos,
                edit.text.find(comment) == std::string::npos);
    }
    if (HasFailure()) FAIL() << round << "\n" << edit.text;
  }
}

}  // namespace
}  // namespace fairlead::cli::config_edit_test
