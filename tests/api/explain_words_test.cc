// The sentences in which explain tells the steps of a packet.
#include "control/api/explain_words.h"

#include <algorithm>

#include "dataplane/tables/tcp_state.h"
#include "explain_bed.h"

namespace fairlead::testing::explain_words_test {
namespace {

using namespace explain_bed;

class ExplainWordsTest : public ExplainBed {};

TEST_F(ExplainWordsTest, SaysWhoCountsAsTheClientAndWithWhom) {
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

TEST_F(ExplainWordsTest, SaysWhichNetmaskAndWhoseRealDecided) {
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

TEST_F(ExplainWordsTest, SaysWhoWasEligible) {
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

TEST_F(ExplainWordsTest, SaysWhereAnswersGo) {
  const json::object answer =
      Explain({step::NextHop{.port = PortId{1}, .neighbour = NeighbourState::kReachable},
               step::AnswersLeave{.port = PortId{1}, .neighbour = NeighbourState::kReachable}},
              ExplainVerdict::kForward, 0, 0, "192.0.2.10:80");
  EXPECT_EQ(Sentences(answer).back(),
            "Its answers come back through the director and leave by port inside; the next hop is "
            "reachable.");
  EXPECT_EQ(answer.at("steps").at(1).at("port").as_string(), "inside");
}

TEST_F(ExplainWordsTest, SaysInWhichTunnelItLeaves) {
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

TEST_F(ExplainWordsTest, SaysAsWhomARealServerSeesItsClient) {
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

TEST_F(ExplainWordsTest, SaysWhichRuleOfSourceNatTakesIt) {
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

TEST_F(ExplainWordsTest, SaysThatNoAnswerReachesTheClient) {
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

TEST_F(ExplainWordsTest, ExistingConnection) {
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
TEST_F(ExplainWordsTest, AnExistingFlowThatMoves) {
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

TEST_F(ExplainWordsTest, DropsAndRefusals) {
  const json::object answer =
      Explain({step::ClassifierDrop{.rule = 1}}, ExplainVerdict::kDropped, kNone, kNone);
  EXPECT_EQ(answer.at("verdict").as_string(), "dropped");
  EXPECT_TRUE(answer.at("real").is_null());
  EXPECT_EQ(Sentences(answer)[0],
            "Classifier rule scan matches (drop to 192.0.2.80 ports 1-79): the packet is dropped "
            "(classifier).");
}

TEST_F(ExplainWordsTest, EveryStepHasAWordAndASentence) {
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

TEST(Span, IsForPeople) {
  EXPECT_EQ(api::Span(40), "0.4 s");
  EXPECT_EQ(api::Span(TicksFromSeconds(59)), "59 s");
  EXPECT_EQ(api::Span(TicksFromSeconds(60)), "1 min");
  EXPECT_EQ(api::Span(TicksFromSeconds(3661)), "1 h 1 min");
  EXPECT_EQ(api::Span(TicksFromSeconds(90000)), "1 d 1 h");
}

}  // namespace
}  // namespace fairlead::testing::explain_words_test
