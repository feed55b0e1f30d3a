// The last packets that were dropped: what two workers have kept as one answer.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "api_test.h"

namespace fairlead::testing::drop_routes_test {
namespace {

namespace json = boost::json;
using dataplane::DropReason;
using dataplane::DropSample;

class DropRoutesTest : public ApiTest {
 protected:
  json::array Drops() {
    const Answer answer = peer->Ask("GET /v1/drops");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json().at("drops").as_array();
  }
};

TEST_F(DropRoutesTest, SaysWhenWhyAndWhose) {
  director.DropOne();
  Start();
  json::object drop = Drops().at(0).as_object();
  EXPECT_EQ(drop.at("time").as_string().size(), std::string("2026-11-30T07:20:00Z").size());
  drop.erase("time");
  drop.erase("meaning");
  const json::object expected{{"worker", 0},
                              {"number", 7},
                              {"reason", "not_a_syn"},
                              {"port", director.view()->ports[0].name},
                              {"protocol", "tcp"},
                              {"client", "198.51.100.7:1234"},
                              {"destination", "192.0.2.10:80"},
                              {"service", director.view()->services[0].name}};
  EXPECT_EQ(drop, expected) << json::serialize(drop);
}

TEST_F(DropRoutesTest, TheOldestOfAllWorkersComesFirst) {
  director.drops_now = Tick{1000};
  director.drops[0] = {{.number = 1, .at = Tick{900}}, {.number = 2, .at = Tick{990}}};
  director.drops[1] = {{.number = 1, .at = Tick{950}}};
  Start();
  std::string order;
  for (const json::value& drop : Drops()) {
    order += json::serialize(drop.at("worker")) + ":" + json::serialize(drop.at("number")) + " ";
  }
  EXPECT_EQ(order, "0:1 1:1 0:2 ");
}

// Neither a service nor ports, nor even addresses.
TEST_F(DropRoutesTest, WhatAPacketDoesNotSayIsNull) {
  director.drops[0] = {{.number = 1, .ether_type = 0x0806},
                       {.number = 2,
                        .protocol = 1,
                        .ether_type = 0x0800,
                        .from = {Ip("198.51.100.7"), {}},
                        .to = {Ip("192.0.2.10"), {}}},
                       {.number = 3, .protocol = 132, .ether_type = 0x0800}};
  Start();
  const json::array drops = Drops();
  EXPECT_EQ(drops.at(0).at("protocol").as_string(), "arp");
  EXPECT_TRUE(drops.at(0).at("client").is_null());
  EXPECT_TRUE(drops.at(0).at("destination").is_null());
  EXPECT_TRUE(drops.at(0).at("service").is_null());
  EXPECT_TRUE(drops.at(0).at("port").is_null());
  EXPECT_EQ(drops.at(1).at("protocol").as_string(), "icmp");
  EXPECT_EQ(drops.at(1).at("client").as_string(), "198.51.100.7");
  EXPECT_EQ(drops.at(2).at("protocol").as_string(), "132");
}

}  // namespace
}  // namespace fairlead::testing::drop_routes_test
