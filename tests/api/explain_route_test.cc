// What the route of explain asks the workers, and what it refuses.
#include <fstream>
#include <iterator>
#include <set>

#include "control/api/explain_json.h"
#include "control/api/explain_words.h"
#include "explain_bed.h"

namespace fairlead::testing::explain_route_test {
namespace {

using namespace explain_bed;

class ExplainRouteTest : public ExplainBed {};

TEST_F(ExplainRouteTest, AsksTheTemplateOwnerToo) {
  director.explain = [](WorkerId worker, const ExplainQuestion& q, ExplainAnswer* answer) {
    if (q.stage == HandOff::kNone) {
      answer->Add(step::ClassifierRule{.rule = 0, .mark = 2});
      answer->Add(step::ServiceFound{.service = ServiceId{1}, .found_by = FoundBy::kMark});
      answer->Add(step::ClientNetmask{.prefix_length = 24, .mask = 0xffffff00, .rule = -1});
      answer->service = ServiceId{1};
      answer->continue_at = WorkerId{static_cast<uint8_t>(1 - worker.value())};
      answer->continue_as = HandOff::kRequest;
      return;
    }
    EXPECT_EQ(q.stage, HandOff::kRequest);
    EXPECT_EQ(q.service, ServiceId{1});
    answer->Add(step::TemplateHit{.real = RealId{2},
                                  .children = 3,
                                  .remaining = TicksFromSeconds(1234),
                                  .timeout = TicksFromSeconds(1800)});
    answer->Add(step::NextHop{.port = PortId{1}, .neighbour = NeighbourState::kReachable});
    answer->verdict = ExplainVerdict::kForward;
    answer->real = RealId{2};
    answer->service = ServiceId{1};
  };
  Start();
  const Answer got = peer->Ask("POST /v1/explain",
                               R"({"client":"198.51.100.7:4242","destination":"192.0.2.80:443"})");
  ASSERT_EQ(got.status, 200) << got.body;
  const json::object answer = got.json();
  EXPECT_EQ(answer.at("verdict").as_string(), "forward");
  EXPECT_EQ(answer.at("service").as_string(), "shop");
  EXPECT_EQ(answer.at("real").as_string(), "10.0.0.11:0");
  EXPECT_EQ(answer.at("workers").as_array().size(), 2u);
  EXPECT_EQ(answer.at("summary").as_string(),
            "tcp from 198.51.100.7:4242 to 192.0.2.80:443 goes to 10.0.0.11:0 of service shop: the "
            "client has a template.");
  EXPECT_EQ(Sentences(answer),
            (std::vector<std::string>{
                "Classifier rule shop matches (mark 2 tcp to 192.0.2.80 ports 80,443) and gives "
                "mark 2.",
                "Service shop takes it, by mark 2.",
                "Client 198.51.100.0/24 has a template: it is bound to 10.0.0.11:0 with 3 "
                "connections, for another 20 min 34 s of 30 min; the scheduler is not asked.",
                "It leaves by port inside; the next hop is reachable."}));
  EXPECT_EQ(answer.at("steps").at(2).at("remaining_ms").as_int64(), 1234000);
}

// As a packet goes: connection's owner, template's, previous key's, template's again.
TEST_F(ExplainRouteTest, AsksThePreviousOwnerAndTellsTheTemplateOwner) {
  director.explain = [](WorkerId worker, const ExplainQuestion& q, ExplainAnswer* answer) {
    answer->service = ServiceId{1};
    answer->continue_at = WorkerId{static_cast<uint8_t>(1 - worker.value())};
    switch (q.stage) {
      case HandOff::kNone:
        answer->continue_as = HandOff::kRequest;
        return;
      case HandOff::kRequest:
        answer->continue_as = HandOff::kRekey;
        return;
      case HandOff::kRekey:
        answer->continue_as = HandOff::kRekeyed;
        answer->previous_real = RealId{2};
        return;
      default:
        break;
    }
    EXPECT_EQ(q.stage, HandOff::kRekeyed);
    EXPECT_EQ(q.service, ServiceId{1});
    answer->Add(step::Rekeyed{.real = q.previous_real});
    answer->verdict = ExplainVerdict::kForward;
    answer->real = q.previous_real;
    answer->continue_as = HandOff::kRequest;  // backwards: nobody is asked again
  };
  Start();
  const Answer got =
      peer->Ask("POST /v1/explain", R"({"client":"198.51.100.7","destination":"192.0.2.80:443"})");
  ASSERT_EQ(got.status, 200) << got.body;
  const json::object answer = got.json();
  EXPECT_EQ(answer.at("real").as_string(), "10.0.0.11:0");
  EXPECT_EQ(answer.at("workers").as_array().size(), 4u);
  EXPECT_EQ(answer.at("summary").as_string(),
            "tcp from 198.51.100.7 to 192.0.2.80:443 goes to 10.0.0.11:0 of service shop: its "
            "previous template names it.");
}

TEST_F(ExplainRouteTest, SaysHowARefusalIsAnswered) {
  director.explain = [](WorkerId, const ExplainQuestion&, ExplainAnswer* answer) {
    answer->Add(step::WrongPort{.service = ServiceId{0}});
    answer->verdict = ExplainVerdict::kRefused;
  };
  Start();
  const Answer got =
      peer->Ask("POST /v1/explain", R"({"client":"198.51.100.7","destination":"192.0.2.10:81"})");
  EXPECT_NE(got.body.find("is answered with ICMP port unreachable."), std::string::npos)
      << got.body;
}

TEST_F(ExplainRouteTest, SaysWhatBecomesOfFragments) {
  ExplainVerdict verdict = ExplainVerdict::kForward;
  director.explain = [&verdict](WorkerId worker, const ExplainQuestion&, ExplainAnswer* answer) {
    answer->verdict = verdict;
    answer->answered_by = worker;
    if (verdict != ExplainVerdict::kNotOurs) answer->service = ServiceId{0};
    if (verdict == ExplainVerdict::kForward) answer->real = RealId{0};
  };
  Start();
  const auto ask = [this](const std::string& client) {
    return std::string(peer->Ask("POST /v1/explain",
                                 R"({"client":")" + client + R"(","destination":"192.0.2.10:80"})")
                           .json()
                           .at("fragments")
                           .as_string());
  };
  EXPECT_EQ(ask("198.51.100.7"),
            "The first fragment of a datagram goes this way by the flow's owner. The others wait "
            "for the first, which alone has the ports, for 30 s at the most, in whatever order "
            "they come, and follow it.");
  const std::string worker = ask("198.51.100.7:4242");
  EXPECT_NE(worker.find("goes this way by worker "), std::string::npos) << worker;
  EXPECT_NE(worker.find(", which owns the flow."), std::string::npos) << worker;
  verdict = ExplainVerdict::kRefused;
  EXPECT_NE(ask("198.51.100.7").find("and are dropped as fragment_refused."), std::string::npos);
  verdict = ExplainVerdict::kNotOurs;
  EXPECT_NE(ask("198.51.100.7").find("since a rule may mark it"), std::string::npos);
}

TEST_F(ExplainRouteTest, NamesThePolicyThatDecidesAboutALaterPacket) {
  director.explain = [](WorkerId, const ExplainQuestion& q, ExplainAnswer* answer) {
    answer->Add(step::UnknownConnection{q.is_later ? LaterBy::kUnknownDrop : LaterBy::kSloppyTcp});
    answer->verdict = ExplainVerdict::kDropped;
  };
  Start();
  const std::string ask = R"({"client":"198.51.100.7:1","destination":"192.0.2.10:80","packet":)";
  const Answer later = peer->Ask("POST /v1/explain", ask + R"("later"})");
  ASSERT_EQ(later.status, 200) << later.body;
  EXPECT_EQ(later.json().at("steps").at(0).at("policy").as_string(), "unknown_connections");
  EXPECT_EQ(later.json().at("steps").at(0).at("value").as_string(), "drop");
  EXPECT_EQ(Sentences(later.json()),
            std::vector<std::string>{"The packet is no SYN, and its connection is not here. As "
                                     "policy.unknown_connections is drop, it is dropped in silence "
                                     "(unknown_connection)."});
  const Answer first = peer->Ask("POST /v1/explain", ask + R"("first"})");
  EXPECT_EQ(first.json().at("steps").at(0).at("policy").as_string(), "sloppy_tcp");
  const Answer bad = peer->Ask("POST /v1/explain", ask + R"("last"})");
  EXPECT_EQ(bad.status, 422);
  EXPECT_NE(bad.body.find("packet: Must be first or later"), std::string::npos) << bad.body;
}

// The schema lists the words of the steps and no others; the page has a row for each.
TEST_F(ExplainRouteTest, EveryStepIsDocumented) {
  Start();
  const json::object schema = peer->Ask("GET /v1/openapi.json").json();
  const auto& listed = schema.at("components")
                           .at("schemas")
                           .at("Explanation")
                           .at("properties")
                           .at("steps")
                           .at("items")
                           .at("properties")
                           .at("step")
                           .at("enum")
                           .as_array();
  std::set<std::string> words;
  for (const auto& word : listed) words.insert(std::string(word.as_string()));
  std::ifstream file(std::string(FAIRLEAD_SOURCE) + "/docs/explain.md");
  const std::string page((std::istreambuf_iterator<char>(file)), {});
  for (const ExplainStep& step : EveryStep()) {
    const std::string word(api::WordOf(step));
    EXPECT_EQ(words.erase(word), 1u) << word << " is missing in openapi.json";
    EXPECT_NE(page.find("`" + word + "`"), std::string::npos)
        << word << " is missing in docs/explain.md";
  }
  EXPECT_TRUE(words.empty()) << "openapi.json lists " << *words.begin() << ", which is no step";
}

TEST_F(ExplainRouteTest, RefusesWrongQuestionsWithEveryFault) {
  Start();
  const Answer answer = peer->Ask("POST /v1/explain",
                                  R"({"client":"x","destination":"192.0.2.1","protocol":"icmp"})");
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.json().at("errors").as_array().size(), 3u) << answer.body;
  EXPECT_EQ(
      peer->Ask("POST /v1/explain", R"({"client":"2001:db8::1","destination":"192.0.2.1:80"})")
          .status,
      422);
  EXPECT_EQ(peer->Ask("POST /v1/explain",
                      R"({"client":"192.0.2.9","destination":"192.0.2.1:80","port":"nowhere"})")
                .status,
            422);
}

}  // namespace
}  // namespace fairlead::testing::explain_route_test
