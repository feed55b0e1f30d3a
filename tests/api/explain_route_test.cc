#include <algorithm>
#include <boost/json/array.hpp>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>
#include <variant>

#include "api_test.h"
#include "control/api/explain_json.h"
#include "control/api/explain_words.h"
#include "dataplane/tables/neighbour_table.h"
#include "dataplane/tables/tcp_state.h"

namespace fairlead::testing::explain_route_test {
namespace {

namespace json = boost::json;
using dataplane::Eligibility;
using dataplane::ExplainAnswer;
using dataplane::ExplainQuestion;
using dataplane::ExplainStep;
using dataplane::ExplainVerdict;
using dataplane::FoundBy;
using dataplane::HandOff;
using dataplane::LaterBy;
using dataplane::NeighbourState;
using dataplane::TemplateFault;
namespace step = dataplane::step;

// One of each kind, with nothing in it.
template <size_t... kKinds>
std::vector<ExplainStep> EachKind(std::index_sequence<kKinds...>) {
  return {ExplainStep(std::in_place_index<kKinds>)...};
}
std::vector<ExplainStep> EveryStep() {
  return EachKind(std::make_index_sequence<std::variant_size_v<ExplainStep>>());
}

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
    if (peer == nullptr) Start();
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

TEST_F(ExplainRouteTest, SaysWhoCountsAsTheClientAndWithWhom) {
  const json::object group =
      Explain({step::ServiceFound{.service = ServiceId{1}, .found_by = FoundBy::kMark},
               step::ClientGroup{.group = {77}}, step::Spread{.number = 2, .of = 4},
               step::ServiceGroup{.group = {78}},
               step::TemplateHit{.real = RealId{2},
                                 .children = 1,
                                 .remaining = dataplane::kForever,
                                 .timeout = dataplane::kForever},
               step::Sibling{.real = RealId{0}}, step::Pinned{.real = RealId{2}}},
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
  const json::object rule = Explain(
      {step::ClientNetmask{.prefix_length = 16, .mask = 0xffff0000, .rule = 1},
       step::NoSibling{.real = RealId{0}}, step::TemplateMiss{}, step::Rekeyed{.real = RealId{2}}},
      ExplainVerdict::kForward, 2, 1, "192.0.2.80:80");
  EXPECT_EQ(Sentences(rule),
            (std::vector<std::string>{
                "For persistence the client is 198.51.0.0/16, by rule 2 of the service's netmasks.",
                "The group's template names 10.0.0.11:80, and this service has no real of that "
                "address: it keeps a template of its own.",
                "Client 198.51.0.0/16 has no template yet: the scheduler decides, and a template "
                "will remember it.",
                "Its template under the previous netmask names 10.0.0.11:0: a new template with "
                "that real is made (rekey)."}));
}

TEST_F(ExplainRouteTest, SaysWhoWasEligible) {
  const auto eligible = [](uint32_t real, Eligibility e, int32_t weight) {
    return step::Candidate{
        .real = RealId{real}, .eligibility = e, .weight = weight, .active = 1, .inactive = 2};
  };
  const json::object answer =
      Explain({step::NoClassifierRule{},
               step::ServiceFound{.service = ServiceId{0}, .found_by = FoundBy::kAddressAndPort},
               // The scheduler counts in hundredths while slow_start lasts; lists do not.
               eligible(0, Eligibility::kEligible, 200), eligible(1, Eligibility::kWeightZero, 0),
               step::Scheduled{.real = RealId{0}},
               step::NextHop{.port = PortId{1}, .neighbour = NeighbourState::kFailed}},
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

TEST_F(ExplainRouteTest, SaysWhereAnswersGo) {
  const json::object answer =
      Explain({step::NextHop{.port = PortId{1}, .neighbour = NeighbourState::kReachable},
               step::AnswersLeave{.port = PortId{1}, .neighbour = NeighbourState::kReachable}},
              ExplainVerdict::kForward, 0, 0, "192.0.2.10:80");
  EXPECT_EQ(Sentences(answer).back(),
            "Its answers come back through the director and leave by port inside; the next hop is "
            "reachable.");
  EXPECT_EQ(answer.at("steps").at(1).at("port").as_string(), "inside");
}

TEST_F(ExplainRouteTest, SaysInWhichTunnelItLeaves) {
  for (const TunnelType type : {TunnelType::kIpip, TunnelType::kGue, TunnelType::kGre}) {
    control::ControlView view = *director.view();
    control::RealInfo& real = view.services.Edit(0).reals[0];
    real.forward = "tun";
    real.tunnel = {.type = type};
    director.SetView(std::move(view));
    const json::object answer =
        Explain({step::NextHop{.port = PortId{1}, .neighbour = NeighbourState::kReachable}},
                ExplainVerdict::kForward, 0, 0, "192.0.2.10:80");
    EXPECT_EQ(Sentences(answer).back(), "It leaves by port inside in a tunnel (" +
                                            std::string(ToWord(type)) +
                                            "); the next hop is reachable.");
  }
}

TEST_F(ExplainRouteTest, SaysAsWhomARealServerSeesItsClient) {
  const auto ask = [this](const step::Translated& translated) {
    return Explain({translated}, ExplainVerdict::kForward, 0, 0, "192.0.2.10:80");
  };
  json::object answer = ask({.local = At("10.0.0.64:1024"), .addresses = 0});
  EXPECT_EQ(Sentences(answer).back(), "The real sees it come from 10.0.0.64:1024.");
  EXPECT_EQ(answer.at("steps").at(0).at("local").as_string(), "10.0.0.64:1024");
  answer = ask({.local = {}, .addresses = 1});
  EXPECT_EQ(Sentences(answer).back(),
            "The real will see it come from a free port of the local address.");
  EXPECT_EQ(answer.at("steps").at(0).at("local_addresses").to_number<int>(), 1);
  answer = ask({.local = {}, .addresses = 16});
  EXPECT_EQ(Sentences(answer).back(),
            "The real will see it come from a free port of one of 16 local addresses.");
  answer = ask({.local = {}, .addresses = 0});
  EXPECT_EQ(Sentences(answer).back(),
            "There is no local address to translate its client to: it is dropped (no_local_port).");
}

TEST_F(ExplainRouteTest, SaysWhichRuleOfSourceNatTakesIt) {
  const auto ask = [this](ExplainStep step) {
    return Explain({std::move(step)}, ExplainVerdict::kForward, kNone, kNone, "198.51.100.9:443");
  };
  json::object answer =
      ask(step::SourceNat{.rule = 0, .local = At("192.0.2.3:40000"), .has_flow = true});
  EXPECT_EQ(Sentences(answer).back(),
            "Source NAT takes it by rule 10.0.0.0/24 output outside: its flow leaves as "
            "192.0.2.3:40000.");
  EXPECT_EQ(answer.at("steps").at(0).at("snat").as_string(), "10.0.0.0/24 output outside");
  EXPECT_TRUE(answer.at("steps").at(0).at("flow").as_bool());
  answer = ask(step::SourceNat{.rule = 0, .local = At("192.0.2.3:40000"), .has_flow = false});
  EXPECT_NE(Sentences(answer).back().find("its first packet would leave as 192.0.2.3:40000."),
            std::string::npos);
  answer = ask(step::SourceNatExhausted{.rule = 0});
  EXPECT_EQ(Sentences(answer).back(),
            "Source NAT takes it by rule 10.0.0.0/24 output outside, which has no port left for "
            "this destination (snat_exhausted).");
}

TEST_F(ExplainRouteTest, SaysThatNoAnswerReachesTheClient) {
  const json::object answer =
      Explain({step::NextHop{.port = PortId{1}, .neighbour = NeighbourState::kReachable},
               step::NoWayBack{}},
              ExplainVerdict::kForward, 0, 0, "192.0.2.10:80");
  EXPECT_EQ(Sentences(answer).back(),
            "Its answers come back through the director and go to 198.51.100.7: no route leads "
            "there, so they are dropped (no_route). Add to the file routes: [{ to: \"0.0.0.0/0\", "
            "via: GATEWAY }].");
  EXPECT_NE(std::string(answer.at("summary").as_string())
                .find("But no route leads its answers back: they are dropped."),
            std::string::npos);
}

TEST_F(ExplainRouteTest, ExistingConnection) {
  const json::object answer = Explain(
      {step::ExistingConnection{.real = RealId{1},
                                .state = static_cast<uint8_t>(dataplane::TcpState::kEstablished),
                                .remaining = TicksFromSeconds(840)}},
      ExplainVerdict::kForward, 1, 0);
  EXPECT_EQ(Sentences(answer)[0],
            "The client has this connection already, to 10.0.0.12:80, in state ESTABLISHED; it is "
            "kept for another 14 min.");
  EXPECT_NE(std::string(answer.at("summary").as_string()).find("belongs to a connection"),
            std::string::npos);
}

// The real is down, or a reload has dropped it: the steps of the new connection follow.
TEST_F(ExplainRouteTest, AnExistingFlowThatMoves) {
  const json::object answer =
      Explain({step::ExistingConnection{
                   .real = RealId{1}, .moves = true, .remaining = TicksFromSeconds(60)},
               step::ServiceFound{.service = ServiceId{0}, .found_by = FoundBy::kAddressAndPort}},
              ExplainVerdict::kForward, 0, 0);
  EXPECT_NE(Sentences(answer)[0].find("it is kept for another 1 min, but that real server is down "
                                      "or removed: the next packet begins a new one."),
            std::string::npos)
      << Sentences(answer)[0];
  EXPECT_TRUE(answer.at("steps").at(0).at("moves").as_bool());
}

TEST_F(ExplainRouteTest, DropsAndRefusals) {
  const json::object answer =
      Explain({step::ClassifierDrop{.rule = 1}}, ExplainVerdict::kDropped, kNone, kNone);
  EXPECT_EQ(answer.at("verdict").as_string(), "dropped");
  EXPECT_TRUE(answer.at("real").is_null());
  EXPECT_EQ(Sentences(answer)[0],
            "Classifier rule scan matches (drop to 192.0.2.80 ports 1-79): the packet is dropped "
            "(classifier).");
}

TEST_F(ExplainRouteTest, EveryStepHasAWordAndASentence) {
  std::vector<ExplainStep> steps = EveryStep();
  steps.erase(std::remove_if(steps.begin(), steps.end(),
                             [](const ExplainStep& s) {
                               return std::holds_alternative<step::ClientNetmask>(s);
                             }),
              steps.end());  // the service's own netmask is not listed
  for (uint8_t i = 0; i < 4; ++i) {
    steps.push_back(step::ServiceFound{.service = {}, .found_by = static_cast<FoundBy>(i)});
    steps.push_back(step::NoService{static_cast<dataplane::Unserved>(i)});
    steps.push_back(step::TemplateInvalid{.real = {}, .fault = static_cast<TemplateFault>(i)});
    steps.push_back(step::Candidate{.real = {}, .eligibility = static_cast<Eligibility>(i)});
    steps.push_back(step::NextHop{.port = {}, .neighbour = static_cast<NeighbourState>(i)});
  }
  const json::object answer = Explain(steps, ExplainVerdict::kRefused, kNone, kNone);
  ASSERT_EQ(answer.at("steps").as_array().size(), steps.size());
  for (const auto& step : answer.at("steps").as_array()) {
    EXPECT_NE(step.at("step").as_string(), "unknown");
    EXPECT_EQ(std::string(step.at("sentence").as_string()).back(), '.');
  }
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

TEST(Span, IsForPeople) {
  EXPECT_EQ(api::Span(40), "0.4 s");
  EXPECT_EQ(api::Span(TicksFromSeconds(59)), "59 s");
  EXPECT_EQ(api::Span(TicksFromSeconds(60)), "1 min");
  EXPECT_EQ(api::Span(TicksFromSeconds(3661)), "1 h 1 min");
  EXPECT_EQ(api::Span(TicksFromSeconds(90000)), "1 d 1 h");
}

}  // namespace
}  // namespace fairlead::testing::explain_route_test
