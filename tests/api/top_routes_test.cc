// Who has most: what two workers have counted as one answer, and what is bounded.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <thread>

#include "api_test.h"

namespace fairlead::testing::top_routes_test {
namespace {

namespace json = boost::json;

class TopRoutesTest : public ApiTest {
 protected:
  std::string Clients(const std::string& query) {
    const Answer answer = peer->Ask("GET /v1/top/clients?seconds=0.1&" + query);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return json::serialize(answer.json().at("clients"));
  }
};

TEST_F(TopRoutesTest, AmountsOfWorkersAreAddedAndTheGreatestComesFirst) {
  director.amounts[0] = {{Ip("198.51.100.7"), 40}, {Ip("198.51.100.8"), 50}};
  director.amounts[1] = {{Ip("198.51.100.7"), 30}, {Ip("2001:db8::7"), 1}};
  Start();
  EXPECT_EQ(Clients("by=packets"), R"([{"client":"198.51.100.7","amount":70,"error":0},)"
                                   R"({"client":"198.51.100.8","amount":50,"error":0},)"
                                   R"({"client":"2001:db8::7","amount":1,"error":0}])");
  EXPECT_EQ(Clients("by=new&limit=1"), R"([{"client":"198.51.100.7","amount":70,"error":0}])");
  const json::object all = peer->Ask("GET /v1/top/clients?seconds=0.1&by=bytes").json();
  EXPECT_EQ(all.at("by").as_string(), "bytes");
  EXPECT_EQ(all.at("total").to_number<int>(), 121);
  EXPECT_EQ(all.at("known").to_number<int>(), 3);
  EXPECT_EQ(all.at("unknown_at_most").to_number<int>(), 0);
  EXPECT_GE(all.at("seconds").as_double(), 0.1);
}

TEST_F(TopRoutesTest, TheErrorIsSaid) {
  for (uint32_t i = 0; i < 20'000; ++i) {
    director.amounts[0].emplace_back(Ipv4Address::FromHost(0x0b000000 + i), 2);
  }
  director.amounts[0].emplace_back(Ip("198.51.100.7"), 1000);
  Start();
  const json::object all = peer->Ask("GET /v1/top/clients?seconds=0.1&limit=1").json();
  const json::object first = all.at("clients").at(0).as_object();
  EXPECT_EQ(first.at("client").as_string(), "198.51.100.7");
  const auto amount = first.at("amount").to_number<uint64_t>();
  const auto error = first.at("error").to_number<uint64_t>();
  EXPECT_GT(error, 0u);
  EXPECT_LE(amount - error, 1000u);
  EXPECT_GE(amount + error, 1000u);
  EXPECT_GT(all.at("unknown_at_most").to_number<uint64_t>(), 0u);
  EXPECT_EQ(all.at("known").to_number<uint64_t>(), 2048u);
}

TEST_F(TopRoutesTest, AfterTheAnswerNoWorkerHasASketch) {
  Start();
  for (const char* by : {"packets", "bytes", "new"}) {
    Clients(std::string("by=") + by);
    EXPECT_EQ(director.looks, 0) << by;
  }
}

TEST_F(TopRoutesTest, AFifthLookAtOnceIsRefused) {
  Start();
  std::vector<std::thread> looks;
  for (int i = 0; i < 4; ++i) {
    looks.emplace_back([this] {
      HttpPeer own(director.socket());
      EXPECT_EQ(own.Ask("GET /v1/top/clients?seconds=1").status, 200);
    });
  }
  while (director.looks < 8) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const Answer fifth = peer->Ask("GET /v1/top/clients?seconds=0.1");
  EXPECT_EQ(fifth.status, 503);
  EXPECT_EQ(ProblemOf(fifth), "unavailable");
  EXPECT_EQ(peer->Ask("GET /v1/top/services?seconds=0.1").status, 200) << "they need no place";
  for (std::thread& look : looks) look.join();
  EXPECT_EQ(peer->Ask("GET /v1/top/clients?seconds=0.1").status, 200);
}

TEST_F(TopRoutesTest, ConnectionsAreThoseOfTheTables) {
  for (int i = 0; i < 9; ++i) {
    dataplane::ConnectionRow row;
    row.protocol = 6;
    row.client = At((i < 6 ? "198.51.100.7:" : "198.51.100.8:") + std::to_string(1000 + i));
    director.connections[i % 2].push_back(row);
  }
  Start();
  EXPECT_EQ(Clients("by=connections"), R"([{"client":"198.51.100.7","amount":6,"error":0},)"
                                       R"({"client":"198.51.100.8","amount":3,"error":0}])");
}

TEST_F(TopRoutesTest, ServicesAreDifferencesOfTheirCounters) {
  Start();
  std::thread traffic([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    auto& shop = director.fabric().stats.traffic(WorkerId{0}, RealId{2});
    shop.in_packets.Add(50);
    shop.out_packets.Add(25);
    shop.in_bytes.Add(9000);
    director.fabric().stats.traffic(WorkerId{1}, RealId{0}).connections.Add(3);
  });
  const json::object by_packets = peer->Ask("GET /v1/top/services?seconds=0.4").json();
  traffic.join();
  EXPECT_EQ(json::serialize(by_packets.at("services")),
            R"([{"service":"shop","packets":75,"bytes":9000,"new":0,"connections":0},)"
            R"({"service":"web","packets":0,"bytes":0,"new":3,"connections":10}])");
  EXPECT_EQ(by_packets.at("total").to_number<int>(), 75);
  const json::object held =
      peer->Ask("GET /v1/top/services?seconds=0.1&by=connections&limit=1").json();
  EXPECT_EQ(json::serialize(held.at("services")),
            R"([{"service":"web","packets":0,"bytes":0,"new":0,"connections":10}])");
}

TEST_F(TopRoutesTest, AllFaultsOfAQuestionAreNamedAtOnce) {
  Start();
  const Answer answer = peer->Ask("GET /v1/top/clients?by=colour&limit=0&seconds=61&client=1");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(ProblemOf(answer), "invalid-filter");
  EXPECT_EQ(answer.json().at("detail").as_string(),
            "by: must be packets, bytes, connections or new; limit: must be 1 to 1000; "
            "seconds: must be 0.1 to 60; client: no such parameter; there are by, limit and "
            "seconds");
  for (const char* wrong : {"limit=1001", "limit=-1", "limit=1x", "seconds=0", "seconds=nan",
                            "seconds=inf", "seconds=", "by="}) {
    EXPECT_EQ(peer->Ask("GET /v1/top/services?" + std::string(wrong)).status, 400) << wrong;
  }
}

}  // namespace
}  // namespace fairlead::testing::top_routes_test
