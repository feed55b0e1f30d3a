// `fairlead upgrade` beside an API whose upgrade is a fake. One that succeeds needs two processes:
// tests/e2e/test_upgrade.py.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "fake_upgrade.h"
#include "run_cli.h"

namespace fairlead::testing::upgrade_command_test {
namespace {

class UpgradeCommandTest : public CliTest {
 protected:
  UpgradeCommandTest() { upgrade = &fake_; }
  FakeUpgrade fake_;
};

TEST_F(UpgradeCommandTest, AFailureIsTheReasonAndExitCode1) {
  fake_.fails = "it ended with status 127 before it was ready; it said: lib.so: cannot open";
  Start();
  const Outcome failed = Run("upgrade /opt/new/../fairleadd");
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_EQ(failed.out, "");
  EXPECT_EQ(failed.err, "fairlead: the upgrade to /opt/fairleadd has failed, and process " +
                            std::to_string(getpid()) + " goes on as before: " + fake_.fails + "\n");
  EXPECT_EQ(fake_.state().binary, "/opt/fairleadd");
}

TEST_F(UpgradeCommandTest, AFailureIsAProblemDocumentForScripts) {
  fake_.fails = "no memory";
  Start();
  const Outcome failed = Run("-o json upgrade");
  EXPECT_EQ(failed.exit_code, 1);
  const auto problem = boost::json::parse(failed.err);
  EXPECT_EQ(problem.at("type").as_string(), "urn:fairlead:problem:upgrade-failed");
  EXPECT_NE(problem.at("detail").as_string().find("no memory"), std::string::npos);
}

TEST_F(UpgradeCommandTest, OneThatIsOnItsWayIsNotBegunAgain) {
  Start();
  ASSERT_TRUE(fake_.Begin(""));
  const Outcome refused = Run("upgrade");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.err, "fairlead: an upgrade is on its way\n");
}

TEST_F(UpgradeCommandTest, WithoutADirectorThereIsNothingToReplace) {
  const Outcome nobody = Run("upgrade");
  EXPECT_EQ(nobody.exit_code, 3);
  EXPECT_NE(nobody.err.find("The director cannot be reached"), std::string::npos);
}

TEST_F(UpgradeCommandTest, TooManyWords) { EXPECT_EQ(Run("upgrade a b").exit_code, 2); }

}  // namespace
}  // namespace fairlead::testing::upgrade_command_test
