// The wishes about who counts as one client, and which services share its place.
#include <map>

#include "wishes.h"

namespace fairlead::dataplane::wish_keys_test {
namespace {

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

}  // namespace
}  // namespace fairlead::dataplane::wish_keys_test
