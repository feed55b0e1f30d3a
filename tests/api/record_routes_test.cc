#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "api_test.h"
#include "dataplane/tables/tcp_state.h"

namespace fairlead::testing::record_routes_test {
namespace {

namespace json = boost::json;
using dataplane::ConnectionFlag;
using dataplane::ConnectionRow;
using dataplane::TcpState;
using dataplane::TemplateRow;

class RecordRoutesTest : public ApiTest {
 protected:
  // 11 connections of web on worker 0, 7 on worker 1; one of shop, by UDP, on worker 1.
  void FillConnections() {
    for (int i = 0; i < 18; ++i) {
      ConnectionRow row;
      row.protocol = 6;
      row.state = static_cast<uint8_t>(i % 3 == 0 ? TcpState::kFinWait : TcpState::kEstablished);
      row.flags = static_cast<uint16_t>(ConnectionFlag::kNoOutput);
      row.client = At("198.51.100." + std::to_string(i + 1) + ":4242");
      row.virtual_endpoint = At("192.0.2.10:80");
      row.real_endpoint = At("10.0.0.11:80");
      row.real = RealId{0};
      row.service = ServiceId{0};
      row.remaining = TicksFromSeconds(899);
      row.timeout = TicksFromSeconds(900);
      row.packets = 6;
      director.connections[i < 11 ? 0 : 1].push_back(row);
    }
    ConnectionRow udp;
    udp.protocol = 17;
    udp.method = ForwardMethod::kDr;
    udp.client = At("[2001:db8::7]:53");
    udp.virtual_endpoint = At("[2001:db8::80]:53");
    udp.real_endpoint = At("[2001:db8:1::11]:53");
    udp.real = RealId{60};  // gone from the configuration
    udp.service = ServiceId{1};
    director.connections[1].push_back(udp);
  }

  void FillTemplates() {
    TemplateRow row;
    row.client = Ip("198.51.100.0");
    row.client_prefix_length = 24;
    row.client_mask = Be32::FromHost(0xffffff00);
    row.virtual_address = Ip("0.0.0.2");
    row.real = RealId{2};
    row.service = ServiceId{1};
    row.is_assured = true;
    row.children = 3;
    row.remaining = TicksFromSeconds(1234);
    row.timeout = TicksFromSeconds(1800);
    director.templates[0].push_back(row);
    row.client = Ip("203.0.113.0");
    row.real = RealId{4};
    row.is_assured = false;
    row.is_invalid = true;
    director.templates[1].push_back(row);
  }

  // Every row of every page.
  std::vector<json::object> All(const std::string& member, const std::string& query) {
    std::vector<json::object> rows;
    std::string cursor;
    for (int pages = 0; pages < 100; ++pages) {
      const Answer answer = peer->Ask("GET /v1/" + member + "?" + query +
                                      (cursor.empty() ? "" : "&cursor=" + cursor));
      EXPECT_EQ(answer.status, 200) << answer.body;
      const json::object document = answer.json();
      for (const auto& row : document.at(member).as_array()) rows.push_back(row.as_object());
      if (document.at("next_cursor").is_null()) return rows;
      cursor = std::string(document.at("next_cursor").as_string());
    }
    ADD_FAILURE() << "the listing does not end";
    return rows;
  }

  uint64_t Count(const std::string& query) { return All("connections", query).size(); }
};

TEST_F(RecordRoutesTest, ConnectionRowHasNamesAndTimes) {
  FillConnections();
  Start();
  const json::object row = All("connections", "client=198.51.100.2").at(0);
  EXPECT_EQ(json::serialize(row),
            R"({"protocol":"tcp","state":"ESTABLISHED","client":"198.51.100.2:4242",)"
            R"("virtual":"192.0.2.10:80","destination":"10.0.0.11:80","service":"web",)"
            R"("real":"10.0.0.11:80","forward":"nat","packets":6,"remaining_ms":899000,)"
            R"("timeout_ms":900000,"flags":["no_output"],"worker":0})");
  const json::object gone = All("connections", "client=2001:db8::/32").at(0);
  EXPECT_EQ(gone.at("real").as_string(), "[2001:db8:1::11]:53") << "no name: the address";
  EXPECT_EQ(gone.at("state").as_string(), "UDP");
}

TEST_F(RecordRoutesTest, PagesCrossWorkersWithoutLossOrRepetition) {
  FillConnections();
  Start();
  for (const char* limit : {"1", "2", "4", "11", "18", "19", "100"}) {
    std::set<std::string> clients;
    const auto rows = All("connections", "limit=" + std::string(limit));
    for (const auto& row : rows) clients.insert(std::string(row.at("client").as_string()));
    EXPECT_EQ(rows.size(), 19u) << limit;
    EXPECT_EQ(clients.size(), 19u) << limit;
  }
}

TEST_F(RecordRoutesTest, WorkersAreAskedInSlices) {
  FillConnections();
  Start();
  All("connections", "limit=100");
  EXPECT_EQ(director.commands, 4u + 3u) << "11 and 8 records, 3 a command";
}

TEST_F(RecordRoutesTest, Filters) {
  FillConnections();
  Start();
  EXPECT_EQ(Count("client=198.51.100.0/29"), 7u);
  EXPECT_EQ(Count("service=web"), 18u);
  EXPECT_EQ(Count("service=shop"), 1u);
  EXPECT_EQ(Count("state=fin_wait"), 6u);
  EXPECT_EQ(Count("state=ESTABLISHED&client=198.51.100.0/29"), 4u);
  EXPECT_EQ(Count("service=web&real=10.0.0.11:80"), 18u);
  EXPECT_EQ(Count("real=10.0.0.12:80"), 0u);
  // The address stands in both services: two ids, and every page still comes once.
  EXPECT_EQ(Count("real=10.0.0.11&limit=3"), 18u);
}

TEST_F(RecordRoutesTest, WrongFiltersAreNamedTogether) {
  Start();
  const Answer answer =
      peer->Ask("GET /v1/connections?client=x&state=OPEN&limit=0&colour=red&service=wab&real=1");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(ProblemOf(answer), "invalid-filter");
  const std::string detail(answer.json().at("detail").as_string());
  for (const char* words :
       {"client: must be", "state: must be one of NONE, ESTABLISHED", "limit: must be",
        "colour: no such filter", "service: There is no service \"wab\"; did you mean \"web\"?"}) {
    EXPECT_NE(detail.find(words), std::string::npos) << words << " in " << detail;
  }
  for (const char* cursor : {"1", "-.9.0", "-.0.zz", "7.0.0", "..", "-.0."}) {
    EXPECT_EQ(peer->Ask(std::string("GET /v1/connections?cursor=") + cursor).status, 400) << cursor;
  }
  EXPECT_EQ(peer->Ask("GET /v1/templates?state=NONE").status, 400);
}

TEST_F(RecordRoutesTest, CountsAndGroups) {
  FillConnections();
  Start();
  EXPECT_EQ(peer->Ask("GET /v1/connections/count").body, "{\"connections\":19,\"open\":13}\n");
  EXPECT_EQ(peer->Ask("GET /v1/connections/count?by=state&service=web").body,
            R"({"connections":18,"open":12,)"
            R"("groups":[{"name":"ESTABLISHED","connections":12,"open":12},)"
            R"({"name":"FIN_WAIT","connections":6,"open":0}],"others":0,"others_open":0})"
            "\n");
  const json::object top = peer->Ask("GET /v1/connections/count?by=client&top=2").json();
  EXPECT_EQ(top.at("groups").as_array().size(), 2u);
  EXPECT_EQ(top.at("others").as_int64(), 17);
  EXPECT_EQ(top.at("others_open").as_int64(), 11);
  EXPECT_EQ(peer->Ask("GET /v1/connections/count?by=colour").status, 400);
  EXPECT_EQ(peer->Ask("GET /v1/connections/count?by=client&top=10abc").status, 400);
  EXPECT_EQ(peer->Ask("GET /v1/connections/count?all=yes").status, 400);
}

TEST_F(RecordRoutesTest, FlushesWhatMatches) {
  FillConnections();
  FillTemplates();
  Start();
  EXPECT_EQ(peer->Ask("DELETE /v1/connections?client=198.51.100.0/29").body, "{\"flushed\":7}\n");
  EXPECT_EQ(Count("service=web"), 11u);
  EXPECT_EQ(peer->Ask("DELETE /v1/connections?limit=3").status, 400);
  EXPECT_EQ(Count(""), 12u);
  EXPECT_EQ(peer->Ask("DELETE /v1/connections").body, "{\"flushed\":12}\n");
  EXPECT_EQ(peer->Ask("DELETE /v1/templates?client=203.0.113.0/24").body, "{\"flushed\":1}\n");
  EXPECT_EQ(All("templates", "").size(), 1u);
}

TEST_F(RecordRoutesTest, TemplateRows) {
  FillTemplates();
  Start();
  const auto rows = All("templates", "service=shop");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(json::serialize(rows[0]),
            R"({"client":"198.51.100.0/24","protocol":null,"virtual":null,"mark":2,)"
            R"("service":"shop","real":"10.0.0.11:0","destination":"10.0.0.11:0",)"
            R"("connections":3,"assured":true,"valid":true,)"
            R"("pinned":false,"client_group":null,"persistence_group":null,"renew":"linux",)"
            R"("age_ms":0,"remaining_ms":1234000,"timeout_ms":1800000,)"
            R"("engine":null,"engine_data":null,"worker":0})");
  EXPECT_EQ(rows[1].at("valid").as_bool(), false);
  EXPECT_EQ(rows[1].at("real").as_string(), "10.0.0.13:0") << "removed, still named";
}

// Whatever the netmask is now, a row shows what its template was made with; groups by name; no end
// as null.
TEST_F(RecordRoutesTest, TemplateRowsOfGroupsMasksAndPins) {
  TemplateRow row;
  row.service = ServiceId{1};
  row.real = RealId{2};
  row.client_group = {77};
  row.service_group = {78};
  row.is_pinned = true;
  row.remaining = row.timeout = dataplane::kForever;
  row.renew = dataplane::RenewMode::kFixed;
  director.templates[0].push_back(row);
  row = {};
  row.client = Ip("198.0.100.0");
  row.client_mask = Be32::FromHost(0xff00ff00);
  row.client_prefix_length = 16;
  row.protocol = 6;
  director.templates[0].push_back(row);
  row.family = Family::kIpv6;
  row.client = Ip("2001:db8::");
  row.client_prefix_length = 56;
  director.templates[0].push_back(row);
  Start();
  const auto rows = All("templates", "");
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(json::serialize(rows[0]),
            R"({"client":"group campus","protocol":null,"virtual":null,"mark":null,)"
            R"("service":"shop","real":"10.0.0.11:0","destination":"10.0.0.11:0",)"
            R"("connections":0,"assured":false,"valid":true,)"
            R"("pinned":true,"client_group":"campus","persistence_group":"bundle",)"
            R"("renew":"fixed","age_ms":0,"remaining_ms":null,"timeout_ms":null,)"
            R"("engine":null,"engine_data":null,"worker":0})");
  EXPECT_EQ(rows[1].at("client").as_string(), "198.0.100.0/255.0.255.0");
  EXPECT_EQ(rows[2].at("client").as_string(), "2001:db8::/56");
  EXPECT_EQ(All("templates", "client_group=campus").size(), 1u);
  EXPECT_EQ(All("templates", "pinned=false").size(), 2u);
  EXPECT_EQ(peer->Ask("GET /v1/templates?client_group=nobody").status, 400);
  EXPECT_EQ(peer->Ask("GET /v1/templates?pinned=perhaps").status, 400);
}

TEST_F(RecordRoutesTest, PinsAreMadeShownAndTakenBack) {
  FillTemplates();
  Start();
  const Answer pinned = peer->Ask("POST /v1/templates",
                                  R"({"service":"shop","client":"192.0.2.7","real":"10.0.0.11"})");
  EXPECT_EQ(pinned.status, 201) << pinned.body;
  EXPECT_EQ(pinned.body,
            R"({"service":"shop","client":"192.0.2.0/24","real":"10.0.0.11:0","ttl_ms":null,)"
            R"("pinned":1})"
            "\n");
  EXPECT_EQ(All("templates", "pinned=true").size(), 1u);
  const Answer timed =
      peer->Ask("POST /v1/templates",
                R"({"service":"shop","client":"192.0.3.0/24","real":"10.0.0.11:0","ttl":"8h"})");
  EXPECT_EQ(timed.json().at("ttl_ms").as_int64(), 28'800'000) << timed.body;
  // A flush leaves them; unpinning takes them alone.
  EXPECT_EQ(peer->Ask("DELETE /v1/templates").body, "{\"flushed\":2}\n");
  EXPECT_EQ(peer->Ask("DELETE /v1/templates?pinned=true&client=192.0.3.0/24").body,
            "{\"flushed\":1}\n");
  EXPECT_EQ(All("templates", "").size(), 1u);
}

TEST_F(RecordRoutesTest, PinFaults) {
  Start();
  const auto status = [&](const char* body) {
    return peer->Ask("POST /v1/templates", body).status;
  };
  EXPECT_EQ(status("[]"), 400);
  EXPECT_EQ(status("{}"), 422);
  EXPECT_EQ(status(R"({"service":"web","client":"192.0.2.7","real":"10.0.0.11"})"), 422)
      << "not persistent";
  EXPECT_EQ(status(R"({"service":"shop","client":"192.0.2.7","real":"10.0.0.13"})"), 422)
      << "removed";
  EXPECT_EQ(status(R"({"service":"shop","client":"2001:db8::7","real":"10.0.0.11"})"), 422)
      << "the other family";
  EXPECT_EQ(status(R"({"service":"shop","client":"192.0.2.7","real":"10.0.0.11","ttl":"90d"})"),
            422);
  const Answer wide = peer->Ask("POST /v1/templates",
                                R"({"service":"shop","client":"192.0.0.0/16","real":"10.0.0.11"})");
  EXPECT_EQ(wide.status, 422);
  EXPECT_NE(wide.body.find("takes 192.0.0.0/24 for one client"), std::string::npos) << wide.body;
  // An address said with its length means that address alone, which is no client of its own here.
  const Answer narrow = peer->Ask(
      "POST /v1/templates", R"({"service":"shop","client":"192.0.2.7/32","real":"10.0.0.11"})");
  EXPECT_EQ(narrow.status, 422) << narrow.body;
  EXPECT_NE(narrow.body.find("takes 192.0.2.0/24 for one client, not 192.0.2.7/32"),
            std::string::npos)
      << narrow.body;
  EXPECT_EQ(All("templates", "").size(), 0u) << "nothing was pinned on the way";
}

TEST_F(RecordRoutesTest, RetimeCountsWhatMatches) {
  FillTemplates();
  Start();
  EXPECT_EQ(peer->Ask("POST /v1/templates/retime?service=shop").body, "{\"retimed\":2}\n");
  EXPECT_EQ(peer->Ask("POST /v1/templates/retime?service=none").status, 400);
}

TEST_F(RecordRoutesTest, ManyClientsAtOnce) {
  FillConnections();
  Start();
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([this, &good] {
      HttpPeer own(director.socket());
      for (int n = 0; n < 20; ++n) {
        const Answer answer = own.Ask("GET /v1/connections?limit=50");
        good += answer.status == 200 && answer.json().at("connections").as_array().size() == 19;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(good, 160);
}

}  // namespace
}  // namespace fairlead::testing::record_routes_test
