// GET /v1/fleet
#include "api_test.h"
#include "fake_fleet.h"

namespace fairlead::testing::fleet_route_test {
namespace {

class FleetRouteTest : public ApiTest {};

TEST_F(FleetRouteTest, SaysWhoRunsWhat) {
  const FakeFleet own;
  fleet = &own;
  Start();
  const Answer answer = peer->Ask("GET /v1/fleet");
  EXPECT_EQ(answer.status, 200);
  const auto shown = answer.json();
  EXPECT_EQ(shown.at("revision").as_int64(), 38);
  EXPECT_TRUE(shown.at("problem").is_null());
  EXPECT_EQ(shown.at("refused").at("revision").as_int64(), 41);
  EXPECT_EQ(shown.at("refused").at("reasons").as_array().size(), 2u);
  const auto& members = shown.at("members").as_array();
  ASSERT_EQ(members.size(), 2u);
  EXPECT_TRUE(members[0].at("is_this").as_bool());
  EXPECT_EQ(members[0].at("address").as_string(), "10.255.0.1");
  EXPECT_EQ(members[0].at("refused").at("reason").as_string(),
            "etcd:/fairlead/common:3:1: polici: is not known");
  EXPECT_FALSE(members[1].at("is_this").as_bool());
  EXPECT_TRUE(members[1].at("address").is_null());
  EXPECT_TRUE(members[1].at("refused").is_null());
  EXPECT_EQ(members[1].at("sync_port").as_int64(), 8849);
  EXPECT_EQ(members[1].at("sync").as_string(), "in-sync");
  EXPECT_TRUE(members[0].at("sync").is_null());
  EXPECT_TRUE(shown.at("finds_peers").as_bool());
  EXPECT_EQ(shown.at("sync_problem").as_string(),
            "18 directors of the fleet synchronise, and 16 can");
}

TEST_F(FleetRouteTest, ADirectorWithAFileIsInNone) {
  Start();
  const Answer answer = peer->Ask("GET /v1/fleet");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(ProblemOf(answer), "no-fleet");
  EXPECT_EQ(peer->Ask("GET /metrics").body.find("fairlead_fleet_"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::testing::fleet_route_test
