// fairlead drops.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "run_cli.h"

namespace fairlead::testing::drops_command_test {
namespace {

namespace json = boost::json;

class DropsCommandTest : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    director.DropOne();
  }
};

TEST_F(DropsCommandTest, ALineForEachPacket) {
  Start();
  const std::string table = Good("drops");
  EXPECT_EQ(table.find("TIME"), 0u) << table;
  EXPECT_NE(table.find("not_a_syn"), std::string::npos) << table;
  EXPECT_NE(table.find("198.51.100.7:1234"), std::string::npos) << table;
  EXPECT_NE(table.find(director.view()->services[0].name), std::string::npos) << table;
}

TEST_F(DropsCommandTest, TheSameAsJson) {
  Start();
  const json::value answer = json::parse(Good("-o json drops"));
  EXPECT_EQ(answer.at("drops").as_array().size(), 1u);
}

TEST_F(DropsCommandTest, ItIsKnownByOtherNames) {
  Start();
  EXPECT_NE(Run("dropped").err.find("fairlead drops"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing::drops_command_test
