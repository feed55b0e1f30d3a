// --dry-run: what would change, and that nothing does.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "run_cli.h"

namespace fairlead::testing::dry_run_test {
namespace {

namespace json = boost::json;
constexpr const char* kChange = "it would change:\n  service web: scheduler rr → wlc\n";

using DryRunCommandTest = CliTest;

TEST_F(DryRunCommandTest, ChangesByHand) {
  Start();
  for (const char* words :
       {"service add 192.0.2.99:80/tcp", "service edit web --scheduler wlc", "service remove web",
        "service remove --all", "real add web 10.0.0.77", "real set web 10.0.0.11 --weight 7",
        "real drain web 10.0.0.11 --wait", "real quiesce web 10.0.0.11",
        "real enable web 10.0.0.11", "real disable web 10.0.0.11", "real remove web 10.0.0.11"}) {
    EXPECT_EQ(Good(std::string(words) + " --dry-run"), kChange) << words;
  }
  EXPECT_EQ(Good("real drain --everywhere 10.0.0.11 --dry-run --wait"),
            std::string(kChange) + kChange);
  EXPECT_EQ(director.changes, 0u);
}

TEST_F(DryRunCommandTest, Records) {
  dataplane::ConnectionRow row;
  row.protocol = 6;
  row.client = At("198.51.100.7:1000");
  director.connections[0].push_back(row);
  Start();
  EXPECT_EQ(Good("connection flush --all --dry-run"), "it would change:\n  1 connection flushed\n");
  EXPECT_EQ(Good("connection flush --client 192.0.2.1 --dry-run"), "nothing would change\n");
  EXPECT_EQ(director.connections[0].size(), 1u);
  EXPECT_EQ(Good("template flush --all --dry-run"), "nothing would change\n");
  EXPECT_EQ(Good("template unpin --all --dry-run"), "nothing would change\n");
  EXPECT_EQ(Good("template pin shop 198.51.100.7 10.0.0.11 --dry-run"),
            "it would change:\n  service shop: client 198.51.100.0/24 is pinned to 10.0.0.11:0\n");
  EXPECT_TRUE(director.templates[1].empty());
}

TEST_F(DryRunCommandTest, TheErrorIsThatOfTheChange) {
  Start();
  const Outcome tried = Run("real set web 10.0.0.99 --weight 1 --dry-run");
  const Outcome done = Run("real set web 10.0.0.99 --weight 1");
  EXPECT_EQ(tried.exit_code, 1);
  EXPECT_EQ(tried.out, "");
  EXPECT_EQ(tried.err, done.err);
}

TEST_F(DryRunCommandTest, JsonIsTheAnswer) {
  Start();
  const json::value answer = json::parse(Good("-o json service remove web --dry-run"));
  EXPECT_TRUE(answer.at("dry_run").as_bool());
  EXPECT_EQ(answer.at("changes").at(0).as_string(), "service web: scheduler rr → wlc");
}

TEST_F(DryRunCommandTest, LogLevelAndReload) {
  Start();
  EXPECT_TRUE(Good("log level debug --dry-run").starts_with("it would change:\n  log level "));
  EXPECT_NE(Good("reload --dry-run").find("would make no changes"), std::string::npos);
  EXPECT_EQ(director.reloads, 0u);
}

TEST_F(DryRunCommandTest, WhatOnlyLooksHasNone) {
  Start();
  for (const char* words : {"ready", "status", "service list"}) {
    EXPECT_EQ(Run(std::string(words) + " --dry-run").exit_code, 2) << words;
  }
}

}  // namespace
}  // namespace fairlead::testing::dry_run_test
