// A file keeps its comments and its layout where a value is changed.
#include "cli/config_edit.h"

#include <gtest/gtest.h>

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

using control::ConfigModel;

class ConfigEditTest : public ::testing::Test {
 protected:
  ConfigEditTest() : model(*control::LoadConfigText(kFile, "t.yaml").model), to(model) {}

  // The file with those lines instead of others, after a look that it says what it should.
  void ExpectEdit(const std::string& from, const std::string& into) {
    const Result<ConfigEdit> edit = EditConfig(kFile, model, to);
    ASSERT_TRUE(edit) << edit.error().message;
    std::string expected = kFile;
    const size_t at = expected.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    EXPECT_EQ(edit->text, expected.replace(at, from.size(), into));
    const auto loaded = control::LoadConfigText(edit->text, "t.yaml");
    ASSERT_TRUE(loaded) << loaded.errors.front().ToString();
    EXPECT_EQ(*loaded.model, to);
  }
  std::string RefusalOf() {
    const Result<ConfigEdit> edit = EditConfig(kFile, model, to);
    return edit ? "" : edit.error().message;
  }

  const ConfigModel model;
  ConfigModel to;
};

TEST_F(ConfigEditTest, NothingChangedIsTheSameFile) {
  const Result<ConfigEdit> edit = EditConfig(kFile, model, to);
  ASSERT_TRUE(edit);
  EXPECT_EQ(edit->text, kFile);
  EXPECT_TRUE(edit->changes.empty());
}

TEST_F(ConfigEditTest, AValueIsChangedWhereItStands) {
  to.services.Edit(0).reals[0].weight = 5;
  ExpectEdit("weight: 3 }   # the big one", "weight: 5 }   # the big one");
  EXPECT_EQ(EditConfig(kFile, model, to)->changes, std::vector<std::string>{"13: weight: 3 → 5"});
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

TEST_F(ConfigEditTest, WhatWouldNeedAPlaceIsRefused) {
  to.services.Edit(0).reals.push_back(to.services.Edit(0).reals[0]);
  to.services.Edit(0).reals.back().address = *IpAddress::Parse("10.0.0.14");
  EXPECT_NE(RefusalOf().find("services[0].reals"), std::string::npos) << RefusalOf();
  to = model;
  to.services = {};
  EXPECT_NE(RefusalOf().find("in place: services."), std::string::npos) << RefusalOf();
  to = model;
  to.services.Edit(1).persistence.emplace();
  EXPECT_NE(RefusalOf().find("services[1].persistence"), std::string::npos) << RefusalOf();
}

}  // namespace
}  // namespace fairlead::cli::config_edit_test
