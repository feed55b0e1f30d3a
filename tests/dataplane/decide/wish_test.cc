// The wishes about what becomes of a known client: how long it stays one, what an operator and a
// server's state do to it, and who tells.
#include "wishes.h"

namespace fairlead::dataplane::wish_test {
namespace {

INSTANTIATE_TEST_SUITE_P(Workers, Wishes, testing::Values(1, 2, 5));

TEST_P(Wishes, Wish2QuiesceKeepsKnownClients) {
  PersistenceBed bed(GetParam());
  const auto reals = bed.Reals(bed.Service({.persistence_seconds = 300}), 2);
  ASSERT_EQ(bed.Home(kClient), "10.0.0.12");
  bed.d.SetWeight(reals[1], 0);
  bed.d.Publish();
  EXPECT_EQ(bed.Home(kClient), "10.0.0.12");
  for (uint32_t i = 0; i < 8; ++i) EXPECT_EQ(bed.Home(Address(0xcb007100, i)), "10.0.0.11");
}

TEST_P(Wishes, Wish3ADownServerKeepsNoClient) {
  PersistenceBed bed(GetParam());
  const auto reals = bed.Reals(bed.Service({.persistence_seconds = 300}), 2);
  ASSERT_EQ(bed.Home(kClient), "10.0.0.12");
  bed.d.real(reals[1]).templates_valid = false;
  bed.d.SetWeight(reals[1], 0);
  bed.d.Publish();
  EXPECT_EQ(bed.Home(kClient), "10.0.0.11") << "without any sysctl";
}

TEST_P(Wishes, Wish4FlushTheTemplatesOfOneServer) {
  PersistenceBed bed(GetParam());
  const auto reals = bed.Reals(bed.Service({.persistence_seconds = 300}), 2);
  for (uint32_t i = 0; i < 100; ++i) {
    bed.Home(Address(0xc6336400, i));
    bed.Reset(Address(0xc6336400, i));
  }
  bed.d.Advance(20);
  RecordFilter of_first;
  of_first.real = reals[0];
  EXPECT_EQ(bed.Rows(of_first).size(), 50u);
  EXPECT_EQ(bed.Flush(of_first), 50u);
  EXPECT_EQ(bed.Rows(of_first).size(), 0u);
  EXPECT_EQ(bed.Rows().size(), 50u) << "the other server's stay";
}

TEST_P(Wishes, Wish5ListAndFlushOneClient) {
  PersistenceBed bed(GetParam());
  bed.Reals(bed.Service({.persistence_seconds = 300}), 2);
  bed.Reals(bed.Service({.port = 443, .persistence_seconds = 300}), 2);
  for (const char* client : {kClient, "198.51.100.8", "203.0.113.9"}) {
    for (const uint16_t port : {uint16_t{80}, uint16_t{443}}) bed.Home(client, port);
  }
  EXPECT_EQ(bed.Rows(PersistenceBed::Of("198.51.100.0/24")).size(), 4u);
  EXPECT_EQ(bed.Flush(PersistenceBed::Of(kClient)), 2u);
  RecordFilter valid = PersistenceBed::Of(kClient);
  valid.valid = true;
  EXPECT_EQ(bed.Rows(valid).size(), 0u);
  EXPECT_EQ(bed.Rows(PersistenceBed::Of("198.51.100.8")).size(), 2u);
}

TEST_P(Wishes, Wish6TraceWhereAClientGoesNext) {
  PersistenceBed bed(GetParam());
  bed.Reals(bed.Service({.persistence_seconds = 300}), 3);
  for (uint32_t i = 0; i < 50; ++i) {
    const std::string client = Address(0xc6336400, i % 20);
    const ExplainAnswer answer = bed.d.Explain({.client = *Endpoint::Parse(client + ":0"),
                                                .destination = *Endpoint::Parse("192.0.2.10:80")});
    ASSERT_EQ(answer.verdict, ExplainVerdict::kForward);
    EXPECT_EQ(bed.Home(client), bed.d.real(answer.real).address.ToString());
  }
}

TEST_P(Wishes, Wish8AFlappingCheckerDestroysNoSession) {
  PersistenceBed bed(GetParam());
  const auto reals = bed.Reals(bed.Service({.persistence_seconds = 300}), 2);
  ASSERT_EQ(bed.HomeFrom(kClient, 5000), "10.0.0.12");
  for (int i = 0; i < 5; ++i) {
    bed.d.RemoveReal(reals[1]);
    bed.d.Publish();
    EXPECT_EQ(bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", 80, kTcpAck)).size(), 0u);
    bed.d.RestoreReal(reals[1]);
    bed.d.Publish();
    EXPECT_EQ(bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", 80, kTcpAck)).size(), 1u);
    EXPECT_EQ(bed.Home(kClient), "10.0.0.12");
  }
}

// How long a client stays known after a connection of `hold` seconds that then ends.
uint32_t KnownFor(size_t workers, ServiceSpec spec, double hold) {
  PersistenceBed bed(workers);
  bed.Reals(bed.Service(spec), 2);
  bed.HomeFrom(kClient, 5000);
  bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", 80, kTcpAck));
  for (double at = 0; at < hold; at += 50) {  // the stream goes on
    bed.d.Advance(std::min(50.0, hold - at));
    bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", 80, kTcpAck));
  }
  bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", 80, kTcpRst));  // 10 s in CLOSE
  uint32_t seconds = 0;
  for (; !bed.Rows().empty() && seconds < 2000; seconds += 10) bed.d.Advance(10);
  return seconds;
}

TEST_P(Wishes, Wish9TheTimerHoldsNoSurprises) {
  const ServiceSpec p30{.persistence_seconds = 30};
  ServiceSpec full = p30;
  full.renew = RenewMode::kFull;
  // Linux: 60 s steps after the first; full: steps of the 30 s that were asked for.
  EXPECT_EQ(KnownFor(GetParam(), p30, 35), 60u);
  EXPECT_EQ(KnownFor(GetParam(), full, 35), 30u);
}

TEST_P(Wishes, Wish10PersistenceFromTheLastClose) {
  ServiceSpec spec{.persistence_seconds = 300};
  EXPECT_LE(KnownFor(GetParam(), spec, 1000), 100u) << "Linux: less than asked for";
  spec.renew = RenewMode::kAfterLastClose;
  const uint32_t seconds = KnownFor(GetParam(), spec, 1000);
  EXPECT_GE(seconds, 310u) << "10 s in CLOSE, then all of 300 s";
  EXPECT_LE(seconds, 320u);
}

TEST_P(Wishes, Wish11AChangedTimeoutForKnownClientsToo) {
  PersistenceBed bed(GetParam());
  const ServiceId web = bed.Service({.persistence_seconds = 43200});
  bed.Reals(web, 2);
  bed.Home(kClient);
  bed.Reset(kClient);
  bed.d.Advance(20);
  bed.d.service(web).persistence.timeout = TicksFromSeconds(5);
  bed.d.Publish();
  bed.d.Advance(20);
  EXPECT_EQ(bed.Rows().size(), 1u) << "as Linux has it";
  EXPECT_EQ(bed.Retime(), 1u);
  bed.d.Advance(6);
  EXPECT_EQ(bed.Rows().size(), 0u);
}

TEST_P(Wishes, Wish13InfinitePersistence) {
  PersistenceBed bed(GetParam());
  bed.Reals(bed.Service({.persistence_seconds = kForever}), 3);
  const std::string home = bed.Home(kClient);
  bed.Reset(kClient);
  bed.d.Advance(200'000);
  EXPECT_EQ(bed.Home(kClient), home) << "after two days and more";
  EXPECT_EQ(bed.Rows().at(0).remaining, kForever);
  bed.Reset(kClient);
  bed.d.Advance(20);
  EXPECT_EQ(bed.Flush(), 1u);
  bed.ExpectNothingLeft(20);
}

TEST_P(Wishes, Wish14TimeoutsOfAServiceByState) {
  PersistenceBed bed(GetParam());
  const ServiceId db = bed.Service({.port = 5432});
  bed.Reals(db, 1);
  bed.d.service(db).timeouts.set_tcp(TicksFromSeconds(36'000));
  bed.d.service(db).timeouts.Set(TcpState::kClose, TicksFromSeconds(1));
  bed.Reals(bed.Service({}), 1);
  for (const uint16_t port : {uint16_t{5432}, uint16_t{80}}) {
    bed.HomeFrom(kClient, 5000, port);
    bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", port, kTcpAck));
  }
  bed.d.Advance(1000);
  EXPECT_EQ(bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", 80, kTcpAck)).at(0).port,
            kOutside)
      << "idle for more than 15 minutes: RST";
  EXPECT_EQ(bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", 5432, kTcpAck)).at(0).port,
            kInside);
  bed.d.Send(kOutside, Tcp(kClient, 5000, "192.0.2.10", 5432, kTcpRst));
  bed.d.Advance(2);
  EXPECT_EQ(bed.d.CheckNothingLeft(), "");
}

TEST_P(Wishes, Wish34TemplatesAreListedApart) {
  PersistenceBed bed(GetParam());
  bed.Reals(bed.Service({.persistence_seconds = 300}), 1);
  bed.Home(kClient);
  EXPECT_EQ(bed.Rows().size(), 1u);
  size_t connections = 0;
  for (size_t w = 0; w < GetParam(); ++w) {
    ListConnections list;
    list.rows.reserve(100);
    bed.d.RunCommand(w, &list);
    connections += list.rows.size();
    for (const ConnectionRow& row : list.rows) EXPECT_FALSE(row.client.port.is_zero());
  }
  EXPECT_EQ(connections, 1u) << "no pseudo connections among the real ones";
}

TEST_P(Wishes, Wish37ExplainSaysWhyAClientStays) {
  PersistenceBed bed(GetParam());
  const ServiceId web = bed.Service({.persistence_seconds = 300});
  const auto reals = bed.Reals(web, 2);
  ASSERT_EQ(bed.Home(kClient), "10.0.0.12");
  bed.d.SetWeight(reals[1], 0);
  bed.d.Publish();
  const ExplainQuestion question{.client = *Endpoint::Parse("198.51.100.7:0"),
                                 .destination = *Endpoint::Parse("192.0.2.10:80")};
  const auto says = [&]<typename Step>(Step) {
    const ExplainAnswer answer = bed.d.Explain(question);
    return std::any_of(answer.steps.begin(), answer.steps.begin() + answer.step_count,
                       [](const ExplainStep& s) { return std::holds_alternative<Step>(s); });
  };
  EXPECT_TRUE(says(step::TemplateHit{})) << "weight 0, templates honoured";
  // The policy is the service's own: no sysctl for the whole director.
  bed.d.service(web).policy.expire_quiescent_template = true;
  bed.d.Publish();
  EXPECT_TRUE(says(step::TemplateInvalid{}));
}

// A terminal server's session waits for its user for days; logging off frees the place, and an
// application may say where a user belongs.
TEST_P(Wishes, Wish40ReconnectFindsTheSessionAndLogoffFreesIt) {
  PersistenceBed bed(GetParam());
  const ServiceId rdp = bed.Service(
      {.port = 3389, .persistence_seconds = 7 * 86'400, .renew = RenewMode::kAfterLastClose});
  const auto reals = bed.Reals(rdp, 4);
  const std::string home = bed.Home(kClient, 3389);
  bed.Reset(kClient, 3389);
  bed.d.Advance(2 * 86'400.0);
  EXPECT_EQ(bed.Home(kClient, 3389), home);
  bed.Reset(kClient, 3389);
  bed.d.Advance(20);
  EXPECT_EQ(bed.Flush(PersistenceBed::Of(kClient)), 1u);
  bed.d.Advance(1);
  EXPECT_EQ(bed.Rows().size(), 0u) << "logged off";
  for (const RealId real : reals) {
    EXPECT_EQ(bed.Pin(rdp, kClient, real), 1u);
    EXPECT_EQ(bed.Home(kClient, 3389), bed.d.real(real).address.ToString());
    bed.Reset(kClient, 3389);
  }
}

TEST_P(Wishes, Wish40PinsLastAndShow) {
  PersistenceBed bed(GetParam());
  const ServiceId web = bed.Service({.persistence_seconds = 30, .mask4 = 0xffffff00, .spread = 3});
  const auto reals = bed.Reals(web, 4);
  EXPECT_EQ(bed.Pin(web, kClient, reals[2]), 3u) << "each of the keys it is spread over";
  for (int i = 0; i < 20; ++i) EXPECT_EQ(bed.Home("198.51.100.200"), "10.0.0.13");
  bed.d.Advance(1000);
  EXPECT_EQ(bed.Home("198.51.100.3"), "10.0.0.13") << "no timeout";
  bed.Reset("198.51.100.3");
  RecordFilter pinned;
  pinned.pinned = true;
  EXPECT_EQ(bed.Listing(pinned)[0], "tcp 198.51.100.0/24 192.0.2.10:80 -> 10.0.0.13:80 pinned");
  // With a time of its own, which connections do not move.
  EXPECT_EQ(bed.Pin(web, "203.0.113.1", reals[0], TicksFromSeconds(100)), 3u);
  bed.d.Advance(90);
  EXPECT_EQ(bed.Home("203.0.113.1"), "10.0.0.11");
  bed.Reset("203.0.113.1");
  bed.d.Advance(11);
  EXPECT_EQ(bed.Rows(pinned).size(), 3u);
  // A pin to a real that is drained is invalid as any template is.
  bed.d.real(reals[2]).templates_valid = false;
  bed.d.SetWeight(reals[2], 0);
  bed.d.Publish();
  EXPECT_NE(bed.Home("198.51.100.3"), "10.0.0.13");
  bed.Flush(pinned);
  bed.ExpectNothingLeft();
}

}  // namespace
}  // namespace fairlead::dataplane::wish_test
