// One order for packets, for errors that are scheduled and for explain: where the three could
// differ.
#include <gtest/gtest.h>

#include "admission_bed.h"

namespace fairlead::dataplane::admission_test {
namespace {

const std::string kClient = "198.51.100.7";
const std::string kVip = "192.0.2.10";

Endpoint At(const std::string& address, uint16_t port) {
  return {*IpAddress::Parse(address), Be16::FromHost(port)};
}

class Admissions : public testing::TestWithParam<size_t> {
 protected:
  Admissions() : d_({.workers = GetParam()}) {}
  ServiceId Serve(const ServiceSpec& spec, int reals = 2, int32_t weight = 1) {
    const ServiceId id = d_.AddService(spec);
    for (int i = 1; i <= reals; ++i) {
      d_.AddReal(id, "10.0.0." + std::to_string(10 + i), d_.service(id).port.host(),
                 {.weight = weight});
    }
    d_.service(id).policy.schedule_icmp = true;
    d_.Publish();
    return id;
  }
  ExplainAnswer Explain(uint16_t client_port, const std::string& to, uint16_t port,
                        uint8_t protocol = kProtocolTcp) {
    return d_.Explain(QuestionOf(At(kClient, client_port), At(to, port), protocol));
  }
  void ChangeNetmask(ServiceId id, uint32_t netmask) {
    PersistenceView& persistence = d_.service(id).persistence;
    persistence.previous = std::make_shared<const ClientKeying>(persistence.clients);
    persistence.clients.mask4 = Be32::FromHost(netmask);
    persistence.rekey = TicksFromSeconds(600);
    ++persistence.keying_edits;
  }

  ByteDirector d_;
};
INSTANTIATE_TEST_SUITE_P(Workers, Admissions, testing::Values(1, 2, 5));

// ---- an error is scheduled as the client's packet would be (ipvs.md, no real)

TEST_P(Admissions, AnErrorToAPortThatIsNotServedIsDroppedForThat) {
  Serve({.port = 0});
  EXPECT_EQ(Seen(d_, ErrorAboutFlow(At(kClient, 1234), At(kVip, 99), kProtocolTcp)), "dropped");
  EXPECT_EQ(d_.dropped(DropReason::kNoReal), 1u);
}

TEST_P(Admissions, AnErrorBesideTheFtpPortIsTheHostsWhenNobodyIsEligible) {
  Serve({.port = 21, .persistence_seconds = 300}, 2, 0);
  EXPECT_EQ(Seen(d_, ErrorAboutFlow(At(kClient, 1234), At(kVip, 2000), kProtocolTcp)), "dropped");
  EXPECT_EQ(d_.dropped(DropReason::kIcmpNoConnection), 1u);
  EXPECT_EQ(Seen(d_, ErrorAboutFlow(At(kClient, 1235), At(kVip, 21), kProtocolTcp)), "dropped");
  EXPECT_EQ(d_.dropped(DropReason::kNoReal), 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Admissions, AnErrorLeavesNoConnectionOfAOnePacketService) {
  Serve({.port = 53, .protocol = kProtocolUdp, .persistence_seconds = 300, .is_one_packet = true});
  const std::string home = Seen(d_, FirstFrame(At(kClient, 1000), At(kVip, 53), kProtocolUdp));
  for (uint16_t port = 2000; port < 2008; ++port) {
    EXPECT_EQ(Seen(d_, ErrorAboutFlow(At(kClient, port), At(kVip, 53), kProtocolUdp)), home);
  }
  EXPECT_EQ(Connections(d_), 0u);
  EXPECT_EQ(d_.CheckConservation(), "");
  d_.Advance(1000);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

// While the error was with the owner of the previous key, the client's own packet has made the
// connection.
TEST_P(Admissions, AnErrorMakesNoSecondConnection) {
  const ServiceId web = Serve({.persistence_seconds = 300, .mask4 = 0xffff0000}, 5);
  for (int i = 0; i < 60; ++i) {
    Seen(d_,
         FirstFrame(At("198." + std::to_string(i) + ".100.7", 1000), At(kVip, 80), kProtocolTcp));
  }
  ChangeNetmask(web, 0xffffff00);
  d_.Publish();
  const uint64_t before = Connections(d_);
  for (int i = 0; i < 60; ++i) {
    const Endpoint client = At("198." + std::to_string(i) + ".100.7", 2000);
    const WorkerId owner = d_.fabric().steering.ConnectionOwner(client.address.v4(), client.port);
    std::vector<Sent> sent =
        d_.SendAt(owner.index(), kOutside, FirstFrame(client, At(kVip, 80), kProtocolTcp));
    for (Sent& more :
         d_.SendAt(owner.index(), kOutside, ErrorAboutFlow(client, At(kVip, 80), kProtocolTcp))) {
      sent.push_back(std::move(more));
    }
    for (Sent& more : d_.Settle()) sent.push_back(std::move(more));
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(Seen(d_, {sent[0]}, 0), Seen(d_, {sent[1]}, 0));
  }
  EXPECT_EQ(Connections(d_), before + 60);
  EXPECT_EQ(d_.CheckConservation(), "");
  d_.Advance(1000);
  d_.Advance(1000);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
}

// Snapshots of two workers may differ by one. The template's owner decides, as it does for packets.
TEST_P(Admissions, AnErrorComesBackFromAnOwnerThatHasLostTheService) {
  if (GetParam() == 1) return;  // nobody else to ask
  const ServiceId web = Serve({.persistence_seconds = 300, .mask4 = 0xffff0000}, 5);
  ChangeNetmask(web, 0xffffff00);
  d_.Publish();
  const Steering& steering = d_.fabric().steering;
  const ServiceView& service = d_.service(web);
  TemplateTable& templates = d_.worker(0).shard().templates();
  NoTrace silent;
  for (int i = 0; i < 200; ++i) {
    const Endpoint client = At("198.51." + std::to_string(i) + ".7", 2000);
    FlowFields flow;
    flow.addresses = {client.address, *IpAddress::Parse(kVip), 2000, 80, kProtocolTcp, kOutside};
    const WorkerId owner = steering.ConnectionOwner(client.address.v4(), client.port);
    const WorkerId previous = steering.TemplateOwner(
        templates.Hash(IdentifyTemplate(service, *service.persistence.previous, flow, silent).key));
    if (steering.TemplateOwner(templates.Hash(IdentifyTemplate(service, flow).key)) != owner ||
        previous == owner) {
      continue;
    }
    d_.SendAt(owner.index(), kOutside, ErrorAboutFlow(client, At(kVip, 80), kProtocolTcp));
    auto gone = std::make_unique<Snapshot>(d_.draft());
    gone->generation = ++d_.draft().generation;
    gone->services[web.index()].id = ServiceId{};
    d_.fabric().publisher.Publish(std::move(gone));
    d_.Turn(previous.index());
    d_.Publish();
    EXPECT_EQ(Seen(d_, d_.Settle(), 0).substr(0, 3), "to ");
    EXPECT_EQ(d_.dropped(DropReason::kStaleGrant), 0u);
    EXPECT_EQ(d_.CheckConservation(), "");
    return;
  }
  FAIL() << "no client of three owners";
}

// ---- explain foretells what it used not to

TEST_P(Admissions, DropPacketIsForetold) {
  const ServiceId web = Serve({});
  d_.service(web).policy.drop_packet = kDefenceAlways;
  d_.draft().defence.am_droprate = 3;
  d_.Publish();
  int dropped = 0;
  for (uint16_t port = 2000; port < 2060; ++port) {
    const ExplainAnswer answer = Explain(port, kVip, 80);
    const std::string seen = Seen(d_, FirstFrame(At(kClient, port), At(kVip, 80), kProtocolTcp));
    ASSERT_EQ(Foretold(d_, answer, kProtocolTcp), seen);
    ASSERT_EQ(Says<step::DropPacket>(answer), seen == "dropped");
    dropped += seen == "dropped" ? 1 : 0;
  }
  EXPECT_GE(dropped, 16);
  EXPECT_LE(dropped, 20);
}

TEST_P(Admissions, APacketWithoutACallIdIsForetold) {
  const ServiceId sip = Serve({.port = 5060, .persistence_seconds = 300});
  d_.service(sip).persistence.engine = PersistenceEngine::kSip;
  d_.Publish();
  const ExplainAnswer answer = Explain(1234, kVip, 5060);
  EXPECT_EQ(answer.verdict, ExplainVerdict::kDropped);
  EXPECT_TRUE(Says<step::NoCallId>(answer));
  EXPECT_EQ(Seen(d_, FirstFrame(At(kClient, 1234), At(kVip, 5060), kProtocolTcp)), "dropped");
  EXPECT_EQ(d_.dropped(DropReason::kNoCallId), 1u);
}

TEST_P(Admissions, SilenceForWhatNobodyServesIsForetold) {
  Serve({});
  EXPECT_EQ(Explain(1234, kVip, 81).verdict, ExplainVerdict::kRefused);
  d_.draft().policy.reset_without_listener = false;
  d_.Publish();
  EXPECT_EQ(Explain(1234, kVip, 81).verdict, ExplainVerdict::kDropped);
  EXPECT_EQ(Seen(d_, FirstFrame(At(kClient, 1234), At(kVip, 81), kProtocolTcp)), "dropped");
}

// ---- a later packet of a connection that is not here

TEST_P(Admissions, ALaterPacketIsForetoldAndThePolicyNamed) {
  const ServiceId web = Serve({});
  PolicyView& policy = d_.service(web).policy;
  uint16_t port = 1000;
  // Published, then foretold and seen alike; which policy explain names.
  const auto decided_by = [&](const std::string& expected) {
    d_.Publish();
    ExplainQuestion question = QuestionOf(At(kClient, ++port), At(kVip, 80), kProtocolTcp);
    question.is_later = true;
    const ExplainAnswer answer = d_.Explain(question);
    const std::string seen = Seen(d_, Tcp(kClient, port, kVip, 80, kTcpAck));
    EXPECT_EQ(Foretold(d_, answer, kProtocolTcp), seen);
    EXPECT_EQ(seen.substr(0, 3), expected.substr(0, 3));
    for (uint32_t i = 0; i < answer.step_count; ++i) {
      const auto* found = std::get_if<step::UnknownConnection>(&answer.steps[i]);
      if (found != nullptr) return found->decided_by;
    }
    ADD_FAILURE() << "no step names a policy";
    return LaterBy::kCacheBypass;
  };
  EXPECT_EQ(decided_by("reset"), LaterBy::kUnknownReset);
  policy.unknown_connections = UnknownConnections::kDrop;
  EXPECT_EQ(decided_by("dropped"), LaterBy::kUnknownDrop);
  policy.unknown_connections = UnknownConnections::kSchedule;
  EXPECT_EQ(decided_by("to "), LaterBy::kUnknownSchedule);
  policy.unknown_connections = UnknownConnections::kReset;
  policy.sloppy_tcp = true;
  EXPECT_EQ(decided_by("to "), LaterBy::kSloppyTcp);
  EXPECT_FALSE(Says<step::UnknownConnection>(Explain(1, kVip, 80)));  // of a first packet
}

TEST_P(Admissions, ALaterPacketFollowsAConnectionThatASynWouldReplace) {
  const ServiceId web = Serve({});
  d_.service(web).policy.unknown_connections = UnknownConnections::kDrop;
  d_.Publish();
  const std::string home = Seen(d_, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpAck));
  d_.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpRst));  // CLOSE
  ExplainQuestion question = QuestionOf(At(kClient, 1234), At(kVip, 80), kProtocolTcp);
  EXPECT_TRUE(Says<step::ServiceFound>(d_.Explain(question)));
  question.is_later = true;
  const ExplainAnswer answer = d_.Explain(question);
  EXPECT_FALSE(Says<step::ServiceFound>(answer));
  EXPECT_EQ(Foretold(d_, answer, kProtocolTcp), home);
}

TEST_P(Admissions, HowAnotherPortIsRefusedIsForetold) {
  Serve({.port = 0});
  const ExplainAnswer answer = Explain(1234, kVip, 99);
  EXPECT_TRUE(Says<step::WrongPort>(answer));
  EXPECT_EQ(Foretold(d_, answer, kProtocolTcp), "unreachable");
  EXPECT_EQ(Seen(d_, FirstFrame(At(kClient, 1234), At(kVip, 99), kProtocolTcp)), "unreachable");
  EXPECT_EQ(Foretold(d_, Explain(20, kVip, 99), kProtocolTcp), "reset");
  EXPECT_EQ(Seen(d_, FirstFrame(At(kClient, 20), At(kVip, 99), kProtocolTcp)), "reset");
}

// Answers of NAT come back here and need a route of their own; those of the other methods do not.
TEST_P(Admissions, TheWayBackOfNatIsForetold) {
  Serve({});
  const auto way_back = [&](const ExplainAnswer& answer) -> std::string {
    for (uint32_t i = 0; i < answer.step_count; ++i) {
      if (std::holds_alternative<step::NoWayBack>(answer.steps[i])) return "none";
      const auto* leave = std::get_if<step::AnswersLeave>(&answer.steps[i]);
      if (leave != nullptr) return leave->port == kOutside ? "outside" : "inside";
    }
    return "";
  };
  EXPECT_EQ(way_back(Explain(1234, kVip, 80)), "outside");
  d_.Send(kOutside, FirstFrame(At(kClient, 1234), At(kVip, 80), kProtocolTcp));
  const ExplainQuestion question = QuestionOf(At(kClient, 1234), At(kVip, 80), kProtocolTcp);
  EXPECT_EQ(way_back(d_.Explain(question)), "outside") << "of a connection that is there";

  d_.Prepare();
  d_.draft().routes = {};
  const ExplainAnswer lost = d_.ExplainDraft(question);
  EXPECT_EQ(way_back(lost), "none");
  EXPECT_EQ(lost.verdict, ExplainVerdict::kForward) << "the packet itself goes on";

  for (RealView& real : d_.draft().reals) real.method = ForwardMethod::kDr;
  EXPECT_EQ(way_back(d_.ExplainDraft(QuestionOf(At(kClient, 77), At(kVip, 80), kProtocolTcp))), "");
}

// The same steps whichever workers were asked: the scheduler of the template's owner has no say
// when the previous key names a real, and the next hop is that real's.
TEST_P(Admissions, TheRealOfThePreviousNetmaskIsForetold) {
  const ServiceId web = Serve({.persistence_seconds = 300, .mask4 = 0xffff0000}, 5);
  d_.SetNeighbour(kInside, "10.0.0.11", NeighbourState::kFailed);
  std::vector<std::pair<Endpoint, std::string>> homes;
  for (int i = 0; i < 40; ++i) {
    const std::string client = "198." + std::to_string(i) + ".100.7";
    homes.emplace_back(
        At(client, 2000),
        Foretold(d_, d_.Explain(QuestionOf(At(client, 1000), At(kVip, 80), kProtocolTcp)),
                 kProtocolTcp));
    d_.Send(kOutside, FirstFrame(At(client, 1000), At(kVip, 80), kProtocolTcp));
  }
  ChangeNetmask(web, 0xffffff00);
  d_.Prepare();
  for (const auto& [client, home] : homes) {
    const ExplainAnswer draft = d_.ExplainDraft(QuestionOf(client, At(kVip, 80), kProtocolTcp));
    EXPECT_EQ(Foretold(d_, draft, kProtocolTcp), home);
    EXPECT_TRUE(Says<step::Rekeyed>(draft));
  }
  d_.Publish();
  for (const auto& [client, home] : homes) {
    const ExplainAnswer answer = d_.Explain(QuestionOf(client, At(kVip, 80), kProtocolTcp));
    EXPECT_EQ(Foretold(d_, answer, kProtocolTcp), home);
    EXPECT_TRUE(Says<step::Rekeyed>(answer));
    EXPECT_TRUE(Says<step::TemplateMiss>(answer));
    EXPECT_FALSE(Says<step::Scheduled>(answer));
    // Before the last one, which is the way back.
    const auto& hop = std::get<step::NextHop>(answer.steps[answer.step_count - 2]);
    EXPECT_EQ(hop.neighbour == NeighbourState::kFailed, home == "to 10.0.0.11");
  }
}

TEST_P(Admissions, ALinkLocalClientWithoutARouteIsForetold) {
  const ServiceId web = d_.AddService({.address = "2001:db8::10"});
  const RealId real = d_.AddReal(web, "fd00::11", 80);
  d_.real(real).next_hop = {};
  d_.Publish();
  const ExplainAnswer answer =
      d_.Explain(QuestionOf(At("fe80::7", 1234), At("2001:db8::10", 80), kProtocolTcp));
  EXPECT_EQ(answer.verdict, ExplainVerdict::kDropped);
  EXPECT_TRUE(Says<step::LinkLocalClient>(answer));
  d_.Send(kOutside, Tcp("fe80::7", 1234, "2001:db8::10", 80, kTcpSyn));
  EXPECT_EQ(d_.dropped(DropReason::kLinkLocalClient), 1u);
}

// ---- a snapshot that is not in force

TEST_P(Admissions, ADraftIsExplainedBeforeItIsInForce) {
  const ServiceId web = Serve({}, 3);
  const ExplainQuestion known = QuestionOf(At(kClient, 1234), At(kVip, 80), kProtocolTcp);
  const ExplainQuestion fresh = QuestionOf(At(kClient, 1234), At("192.0.2.20", 81), kProtocolTcp);
  for (uint32_t i = 0; i < 2; ++i) d_.SetWeight(RealId{i}, 0);
  const ServiceId next =
      d_.AddService({.address = "192.0.2.20", .port = 81, .persistence_seconds = 60});
  d_.AddReal(next, "10.0.0.21", 81);
  d_.Prepare();
  EXPECT_EQ(Foretold(d_, d_.ExplainDraft(known), kProtocolTcp), "to 10.0.0.13");
  const ExplainAnswer answer = d_.ExplainDraft(fresh);
  EXPECT_EQ(answer.service, next);
  EXPECT_EQ(Foretold(d_, answer, kProtocolTcp), "to 10.0.0.21");
  EXPECT_EQ(d_.Explain(fresh).verdict, ExplainVerdict::kNotOurs) << "not in force";
  EXPECT_EQ(d_.Explain(known).service, web);
  d_.Publish();
  EXPECT_EQ(Seen(d_, FirstFrame(At(kClient, 1234), At("192.0.2.20", 81), kProtocolTcp)),
            "to 10.0.0.21");
}

}  // namespace
}  // namespace fairlead::dataplane::admission_test
