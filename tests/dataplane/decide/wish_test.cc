// What LVS users asked for and never got, one test a wish, on whole directors of
// one and of several workers. docs/persistence.md names them.
#include <map>

#include "persistence_bed.h"

namespace fairlead::dataplane {
namespace {

const char* const kClient = "198.51.100.7";
using Lines = std::vector<std::string>;

class Wishes : public EveryWorker {};
INSTANTIATE_TEST_SUITE_P(Workers, Wishes, testing::Values(1, 2, 5));

std::string Address(uint32_t base, uint32_t n) {
  return IpAddress(Ipv4Address::FromHost(base + n)).ToString();
}

std::shared_ptr<const PrefixMap<GroupNumber>> Groups(
    std::vector<std::pair<const char*, uint64_t>> items) {
  std::vector<PrefixMap<GroupNumber>::Entry> entries;
  for (const auto& [prefix, number] : items) {
    entries.emplace_back(*Prefix::Parse(prefix), GroupNumber{number});
  }
  return std::make_shared<const PrefixMap<GroupNumber>>(PrefixMap<GroupNumber>::Build(entries));
}

struct NetmaskOf {
  const char* prefix;
  uint32_t mask4;
};
std::shared_ptr<const PrefixMap<ClientNetmask>> Netmasks(std::vector<NetmaskOf> items) {
  std::vector<PrefixMap<ClientNetmask>::Entry> entries;
  for (const NetmaskOf& item : items) {
    entries.emplace_back(*Prefix::Parse(item.prefix),
                         ClientNetmask{Be32::FromHost(item.mask4), 128, 0});
  }
  return std::make_shared<const PrefixMap<ClientNetmask>>(PrefixMap<ClientNetmask>::Build(entries));
}

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

// The netmask changes; known clients that come back in time keep their real, with the old and the
// new key at any workers.
TEST_P(Wishes, Wish12AChangedNetmaskKeepsAffinity) {
  for (const auto& [from, to] : {std::pair{0xffffffffu, 0xffffff00u}, {0xffffff00u, 0xffffffffu}}) {
    PersistenceBed bed(GetParam());
    const ServiceId web = bed.Service({.persistence_seconds = 3000, .mask4 = from});
    bed.Reals(web, 5);
    std::map<std::string, std::string> home;
    for (uint32_t i = 0; i < 100; ++i) {
      const std::string client = Address(0xc6330007, i * 256);  // one in each /24
      home[client] = bed.Home(client);
    }
    PersistenceView& persistence = bed.d.service(web).persistence;
    persistence.previous = std::make_shared<const ClientKeying>(persistence.clients);
    persistence.clients.mask4 = Be32::FromHost(to);
    persistence.rekey = TicksFromSeconds(600);
    ++persistence.keying_edits;
    bed.d.Publish();
    uint32_t n = 0;
    for (const auto& [client, real] : home) {
      if (++n > 50) break;
      const ExplainAnswer told = bed.d.Explain({.client = *Endpoint::Parse(client + ":0"),
                                                .destination = *Endpoint::Parse("192.0.2.10:80")});
      EXPECT_EQ(bed.d.real(told.real).address.ToString(), real) << "explain: " << client;
      EXPECT_EQ(bed.Home(client), real) << client;
      EXPECT_EQ(bed.Home(client), real) << client;
    }
    EXPECT_EQ(bed.Rows().size(), 150u) << "new ones beside the old";
    bed.d.Advance(601);
    uint32_t moved = 0;
    n = 0;
    for (const auto& [client, real] : home) moved += ++n > 50 && bed.Home(client) != real;
    EXPECT_GT(moved, 10u) << "the grace is over";
    bed.ExpectNothingLeft(6000);
  }
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

// A provider's proxy is one client and may use three reals; whatever worker decides, a connection's
// address and port always lead to the same one.
TEST_P(Wishes, Wish16AHugeProxyIsSpread) {
  PersistenceBed bed(GetParam());
  const ServiceId web = bed.Service({.persistence_seconds = 300, .spread = 3});
  bed.Reals(web, 8);
  std::set<std::string> used;
  std::map<uint16_t, std::string> by_port;
  for (uint16_t port = 2000; port < 2200; ++port) {
    by_port[port] = bed.HomeFrom(kClient, port);
    used.insert(by_port[port]);
  }
  EXPECT_EQ(used.size(), 3u);
  EXPECT_EQ(bed.Rows().size(), 3u);
  bed.d.Advance(150);  // the entries are gone, the templates are not
  for (const auto& [port, real] : by_port) EXPECT_EQ(bed.HomeFrom(kClient, port), real);
  bed.ExpectNothingLeft();
}

TEST_P(Wishes, Wish17OneUserOfManyNetworks) {
  PersistenceBed bed(GetParam());
  const ServiceId web = bed.Service({.persistence_seconds = 300, .mask4 = 0xffffff00});
  bed.Reals(web, 7);
  // Longest prefix: 10.1.0.0/16 is another group inside the first; a group wins over the netmask.
  bed.d.service(web).persistence.clients.groups =
      Groups({{"10.0.0.0/8", 71}, {"172.16.0.0/12", 71}, {"10.1.0.0/16", 72}});
  bed.d.Publish();
  const std::string aol = bed.Home("10.0.0.201");
  const std::string inner = bed.Home("10.1.0.1");
  EXPECT_NE(inner, aol);
  for (const char* client : {"10.0.0.200", "10.200.3.4", "172.20.1.1"}) {
    EXPECT_EQ(bed.Home(client), aol) << client;
  }
  EXPECT_EQ(bed.Home("10.1.255.3"), inner);
  EXPECT_NE(bed.Home("203.0.113.9"), bed.Home("203.0.114.9")) << "the others by their /24";
  EXPECT_EQ(bed.Home("203.0.113.200"), bed.Home("203.0.113.9"));
  EXPECT_EQ(bed.Rows().size(), 4u);
  EXPECT_EQ(bed.Listing(PersistenceBed::Of("0.0.0.0/0")).size(), 2u) << "a group has no address";
  RecordFilter group;
  group.client_group = {71};
  EXPECT_EQ(bed.Rows(group).at(0).children, 4u);
  bed.ExpectNothingLeft();
}

TEST_P(Wishes, Wish18AGroupHasAStandby) {
  PersistenceBed bed(GetParam());
  const ServiceId web = bed.Service({.scheduler = sched::Kind::kMh, .persistence_seconds = 300});
  const auto reals = bed.Reals(web, 2);
  bed.d.service(web).persistence.clients.groups = Groups({{"0.0.0.0/0", 71}});
  bed.d.Publish();
  const std::string first = bed.Home("10.0.0.201");
  EXPECT_EQ(bed.Home("172.20.1.1"), first);
  const RealId down = first == "10.0.0.11" ? reals[0] : reals[1];
  bed.d.real(down).templates_valid = false;
  bed.d.SetWeight(down, 0);
  bed.d.Publish();
  const std::string standby = bed.Home("10.9.9.9");
  EXPECT_NE(standby, first);
  EXPECT_EQ(bed.Home("172.20.1.1"), standby) << "all of the group together";
}

TEST_P(Wishes, Wish19InternalNetworkByHostOutsideBySlash24) {
  PersistenceBed bed(GetParam());
  const ServiceId web = bed.Service({.persistence_seconds = 300, .mask4 = 0xffffff00});
  bed.Reals(web, 2);
  bed.d.service(web).persistence.clients.netmasks =
      Netmasks({{"10.0.0.0/8", 0xffffffff}, {"10.5.0.0/16", 0xffff0000}});
  bed.d.Publish();
  EXPECT_NE(bed.Home("10.0.0.201"), bed.Home("10.0.0.2"));
  EXPECT_EQ(bed.Home("198.51.100.1"), bed.Home("198.51.100.2"));
  EXPECT_EQ(bed.Home("10.5.1.1"), bed.Home("10.5.200.1")) << "longest prefix";
  EXPECT_EQ(bed.Listing().size(), 4u);
  EXPECT_EQ(bed.Listing()[2].substr(0, 20), "tcp 10.5.0.0/16 192.") << bed.Listing()[2];
}

// http and https together, another service of the address apart: no marks, no port 0.
TEST_P(Wishes, Wish21ServicesShareAffinityByName) {
  PersistenceBed bed(GetParam());
  for (const uint16_t port : {uint16_t{80}, uint16_t{443}}) {
    bed.Reals(bed.Service({.port = port, .persistence_seconds = 300, .group = 5}), 4);
  }
  bed.Reals(bed.Service({.port = 22, .persistence_seconds = 300}), 4);
  uint32_t apart = 0;
  for (uint32_t i = 0; i < 40; ++i) {
    const std::string client = Address(0xc6336400, i);
    const uint16_t first = i % 2 == 0 ? 80 : 443;
    const std::string home = bed.Home(client, first);
    EXPECT_EQ(bed.Home(client, first == 80 ? 443 : 80), home) << client;
    EXPECT_EQ(bed.Home(client, first), home);
    apart += bed.Home(client, 22) != home;
  }
  EXPECT_GT(apart, 10u);
  EXPECT_EQ(bed.Rows().size(), 80u);
  bed.ExpectNothingLeft();
}

// Drained in one service, a client moves in all of them.
TEST_P(Wishes, Wish21AGroupMovesTogether) {
  PersistenceBed bed(GetParam());
  const auto http = bed.Reals(bed.Service({.persistence_seconds = 300, .group = 5}), 3);
  bed.Reals(bed.Service({.port = 443, .persistence_seconds = 300, .group = 5}), 3);
  const std::string home = bed.Home(kClient, 80);
  ASSERT_EQ(home, "10.0.0.13");
  bed.d.real(http[2]).templates_valid = false;
  bed.d.SetWeight(http[2], 0);
  bed.d.Publish();
  EXPECT_EQ(bed.Home(kClient, 443), home) << "nothing has told it yet";
  const std::string next = bed.Home(kClient, 80);
  EXPECT_NE(next, home);
  EXPECT_EQ(bed.Home(kClient, 443), next);
}

// A service that lacks the group's real gives the client a place of its own, and leaves the
// group's.
TEST_P(Wishes, Wish21AServiceWithoutThatRealKeepsItsOwnPlace) {
  PersistenceBed bed(GetParam());
  bed.Reals(bed.Service({.persistence_seconds = 300, .group = 5}), 3, 11);
  bed.Reals(bed.Service({.port = 443, .persistence_seconds = 300, .group = 5}), 3, 21);
  std::map<std::string, std::pair<std::string, std::string>> home;
  for (uint32_t i = 0; i < 20; ++i) {
    const std::string client = Address(0xc6336400, i);
    home[client].first = bed.Home(client, 80);
    home[client].second = bed.Home(client, 443);
  }
  for (int again = 0; again < 3; ++again) {
    for (const auto& [client, reals] : home) {
      EXPECT_EQ(bed.Home(client, 443), reals.second);
      EXPECT_EQ(bed.Home(client, 80), reals.first);
    }
  }
  EXPECT_EQ(bed.Rows().size(), 40u);
  bed.ExpectNothingLeft();
}

TEST_P(Wishes, Wish22MarksNeedNoFirewall) {
  PersistenceBed bed(GetParam());
  bed.Reals(bed.Service({.mark = 1, .persistence_seconds = 300}), 4);
  ClassifierBuilder rules;
  rules.AddRule({.protocol = kProtocolTcp, .destination_ports = {{80, 80}, {443, 443}}, .mark = 1});
  bed.d.draft().classifier = rules.Build();
  bed.d.Publish();
  for (uint32_t i = 0; i < 20; ++i) {
    const std::string client = Address(0xc6336400, i);
    EXPECT_EQ(bed.Home(client, 80), bed.Home(client, 443));
  }
  EXPECT_EQ(bed.Home(kClient, 22), "refused");
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

TEST_P(Wishes, Wish35OneServiceOfTheAddressIsNotPersistent) {
  PersistenceBed bed(GetParam());
  bed.Reals(bed.Service({.port = 0, .persistence_seconds = 300}), 3);
  bed.Reals(bed.Service({.port = 23}), 3);
  const std::string home = bed.Home(kClient, 8080);
  EXPECT_EQ(bed.Home(kClient, 22), home);
  std::set<std::string> used;
  for (int i = 0; i < 3 * static_cast<int>(GetParam()) + 3; ++i) used.insert(bed.Home(kClient, 23));
  EXPECT_GT(used.size(), 1u) << "the exact port goes its own way";
  EXPECT_EQ(bed.Rows().size(), 1u);
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
}  // namespace fairlead::dataplane
