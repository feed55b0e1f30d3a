#include <boost/json/array.hpp>

#include "api_test.h"
#include "control/api/explain_json.h"
#include "dataplane/tables/neighbour_table.h"
#include "dataplane/tables/tcp_state.h"

namespace fairlead::testing {
namespace {

namespace json = boost::json;
using dataplane::Eligibility;
using dataplane::ExplainAnswer;
using dataplane::ExplainKind;
using dataplane::ExplainQuestion;
using dataplane::ExplainStep;
using dataplane::ExplainVerdict;
using dataplane::NeighbourState;
using dataplane::TemplateFault;

class ExplainRouteTest : public ApiTest {
 protected:
  // The answer of a director that takes these steps.
  json::object Explain(std::vector<ExplainStep> steps, ExplainVerdict verdict, uint32_t real,
                       uint32_t service, const std::string& destination = "192.0.2.80:443") {
    director.explain = [=](WorkerId, const ExplainQuestion&, ExplainAnswer* answer) {
      for (const ExplainStep& step : steps) answer->Add(step);
      answer->verdict = verdict;
      answer->real = real == kNone ? RealId{} : RealId{real};
      answer->service = service == kNone ? ServiceId{} : ServiceId{service};
    };
    Start();
    const Answer answer = peer->Ask(
        "POST /v1/explain", R"({"client":"198.51.100.7","destination":")" + destination + R"("})");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  static constexpr uint32_t kNone = ~0u;

  static std::vector<std::string> Sentences(const json::object& answer) {
    std::vector<std::string> lines;
    for (const auto& step : answer.at("steps").as_array()) {
      lines.emplace_back(step.at("sentence").as_string());
    }
    return lines;
  }
};

TEST_F(ExplainRouteTest, AsksTheTemplateOwnerToo) {
  director.explain = [](WorkerId worker, const ExplainQuestion& q, ExplainAnswer* answer) {
    if (!q.is_at_template_owner) {
      answer->Add({.kind = ExplainKind::kClassifierRule, .mark = 2, .value = 0});
      answer->Add({.kind = ExplainKind::kService, .service = ServiceId{1}, .value = 0});
      answer->Add(
          {.kind = ExplainKind::kClientNetmask, .mark = 0xffffff00, .value = 24, .weight = -1});
      answer->service = ServiceId{1};
      answer->continue_at = WorkerId{static_cast<uint8_t>(1 - worker.value())};
      return;
    }
    answer->Add({.kind = ExplainKind::kTemplateHit,
                 .service = ServiceId{1},
                 .real = RealId{2},
                 .value = 3,
                 .remaining = TicksFromSeconds(1234),
                 .timeout = TicksFromSeconds(1800)});
    answer->Add({.kind = ExplainKind::kNextHop,
                 .real = RealId{2},
                 .port = PortId{1},
                 .value = static_cast<uint32_t>(NeighbourState::kReachable)});
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

TEST_F(ExplainRouteTest, SaysWhoCountsAsTheClientAndWithWhom) {
  const json::object group =
      Explain({{.kind = ExplainKind::kService, .service = ServiceId{1}, .value = 0},
               {.kind = ExplainKind::kClientGroup, .service = ServiceId{1}, .group = {77}},
               {.kind = ExplainKind::kSpread, .value = 2, .weight = 4},
               {.kind = ExplainKind::kServiceGroup, .group = {78}},
               {.kind = ExplainKind::kTemplateHit,
                .real = RealId{2},
                .value = 1,
                .remaining = dataplane::kForever,
                .timeout = dataplane::kForever},
               {.kind = ExplainKind::kSibling, .real = RealId{0}},
               {.kind = ExplainKind::kPinned, .real = RealId{2}}},
              ExplainVerdict::kForward, 2, 1, "192.0.2.80:80");
  EXPECT_EQ(Sentences(group),
            (std::vector<std::string>{
                "Service shop takes it, by mark 2.",
                "The client belongs to client group campus, which counts as one client.",
                "Its connections are spread over 4 templates by address and port; this one takes "
                "number 3.",
                "The service shares its clients with persistence group bundle.",
                "Client group campus has a template: it is bound to 10.0.0.11:0 with 1 "
                "connection, for ever; the scheduler is not asked.",
                "The template names 10.0.0.11:80 of another service of the group; here the real "
                "of the same address stands for it.",
                "The template was pinned by hand."}));
}

TEST_F(ExplainRouteTest, SaysWhichNetmaskAndWhoseRealDecided) {
  const json::object rule =
      Explain({{.kind = ExplainKind::kClientNetmask, .mark = 0xffff0000, .value = 16, .weight = 1},
               {.kind = ExplainKind::kNoSibling, .real = RealId{0}},
               {.kind = ExplainKind::kTemplateMiss, .service = ServiceId{1}},
               {.kind = ExplainKind::kRekeyed, .real = RealId{2}}},
              ExplainVerdict::kForward, 2, 1, "192.0.2.80:80");
  EXPECT_EQ(Sentences(rule),
            (std::vector<std::string>{
                "For persistence the client is 198.51.0.0/16, by rule 2 of the service's netmasks.",
                "The group's template names 10.0.0.11:80, and this service has no real of that "
                "address: it keeps a template of its own.",
                "Client 198.51.0.0/16 has no template yet: the scheduler decides, and a template "
                "will remember it.",
                "Its template under the netmask of before names 10.0.0.11:0: a new template with "
                "that real is made (rekey)."}));
}

TEST_F(ExplainRouteTest, SaysWhoWasEligible) {
  const auto eligible = [](uint32_t real, Eligibility e, int32_t weight) {
    return ExplainStep{.kind = ExplainKind::kEligible,
                       .real = RealId{real},
                       .value = static_cast<uint32_t>(e),
                       .weight = weight,
                       .active = 1,
                       .inactive = 2};
  };
  const json::object answer =
      Explain({{.kind = ExplainKind::kNoClassifierRule},
               {.kind = ExplainKind::kService, .service = ServiceId{0}, .value = 1},
               eligible(0, Eligibility::kEligible, 2),
               eligible(1, Eligibility::kWeightZero, 0),
               {.kind = ExplainKind::kScheduled, .service = ServiceId{0}, .real = RealId{0}},
               {.kind = ExplainKind::kNextHop,
                .port = PortId{1},
                .value = static_cast<uint32_t>(NeighbourState::kFailed)}},
              ExplainVerdict::kForward, 0, 0, "192.0.2.10:80");
  EXPECT_EQ(Sentences(answer),
            (std::vector<std::string>{
                "No classifier rule matches: no mark.",
                "Service web takes it: address, port and protocol are exactly its own.",
                "10.0.0.11:80: weight 2, 1 active connection, 2 inactive: may be chosen.",
                "10.0.0.12:80: weight 0, 1 active connection, 2 inactive: takes no new clients, as "
                "it is down (connection refused).",
                "Scheduler wlc chooses 10.0.0.11:80.",
                "It leaves by port inside; the next hop does not answer ARP or ND: packets to it "
                "are dropped (neighbour_unresolved)."}));
  EXPECT_EQ(answer.at("steps").at(3).at("eligibility").as_string(), "weight_zero");
}

TEST_F(ExplainRouteTest, ExistingConnection) {
  const json::object answer =
      Explain({{.kind = ExplainKind::kExistingConnection,
                .real = RealId{1},
                .value = static_cast<uint32_t>(dataplane::TcpState::kEstablished),
                .remaining = TicksFromSeconds(840)}},
              ExplainVerdict::kForward, 1, 0);
  EXPECT_EQ(Sentences(answer)[0],
            "The client has this connection already, to 10.0.0.12:80, in state ESTABLISHED; it is "
            "kept for another 14 min.");
  EXPECT_NE(std::string(answer.at("summary").as_string()).find("belongs to a connection"),
            std::string::npos);
}

TEST_F(ExplainRouteTest, DropsAndRefusals) {
  const json::object answer = Explain({{.kind = ExplainKind::kClassifierDrop, .value = 1}},
                                      ExplainVerdict::kDropped, kNone, kNone);
  EXPECT_EQ(answer.at("verdict").as_string(), "dropped");
  EXPECT_TRUE(answer.at("real").is_null());
  EXPECT_EQ(Sentences(answer)[0],
            "Classifier rule scan matches (drop to 192.0.2.80 ports 1-79): the packet is dropped "
            "(classifier).");
}

TEST_F(ExplainRouteTest, EveryStepHasAWordAndASentence) {
  std::vector<ExplainStep> steps;
  for (int kind = 0; kind <= static_cast<int>(ExplainKind::kNoRoute); ++kind) {
    for (uint32_t value = 0; value < 4; ++value) {
      steps.push_back({.kind = static_cast<ExplainKind>(kind), .value = value});
    }
  }
  const json::object answer = Explain(steps, ExplainVerdict::kRefused, kNone, kNone);
  ASSERT_EQ(answer.at("steps").as_array().size(), steps.size());
  for (const auto& step : answer.at("steps").as_array()) {
    EXPECT_NE(step.at("step").as_string(), "unknown");
    EXPECT_EQ(std::string(step.at("sentence").as_string()).back(), '.');
  }
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

TEST(Span, IsForPeople) {
  EXPECT_EQ(api::Span(40), "0.4 s");
  EXPECT_EQ(api::Span(TicksFromSeconds(59)), "59 s");
  EXPECT_EQ(api::Span(TicksFromSeconds(60)), "1 min");
  EXPECT_EQ(api::Span(TicksFromSeconds(3661)), "1 h 1 min");
  EXPECT_EQ(api::Span(TicksFromSeconds(90000)), "1 d 1 h");
}

}  // namespace
}  // namespace fairlead::testing
