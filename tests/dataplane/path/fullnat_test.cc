// FULLNAT on bytes (docs/fullnat.md): both ways, whose a reply is, which ports are used, and what
// becomes of packets to a local address that no connection has.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "dataplane/decide/sync_place.h"
#include "dataplane/shard/stream_news.h"
#include "fullnat_bed.h"

namespace fairlead::dataplane::fullnat_test {
namespace {

using namespace fullnat_bed;

class FullnatTest : public FullnatBed {
 protected:
  using FullnatBed::FullnatBed;
};
INSTANTIATE_TEST_SUITE_P(Workers, FullnatTest, testing::Values(1, 2, 3));

TEST_P(FullnatTest, TranslatesBothEndpointsBothWays) {
  for (const Ends& ends : {kEnds4, kEnds6}) {
    for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
      SCOPED_TRACE(ends.vip + " " + std::to_string(protocol));
      Serve(ends, {.protocol = protocol});
      const std::string what = protocol == kProtocolTcp ? " TCP " : " UDP ";
      const auto tail = [&](const char* flags) {
        return what + (protocol == kProtocolTcp ? std::string(flags) + " " : "") + "ttl 63";
      };
      const Endpoint local = Open(1234);
      EXPECT_EQ(local.address.ToString().substr(0, ends.locals.size()), ends.locals);
      EXPECT_GE(local.port.host(), 1024);
      const std::string at_real = "in " + Written(ends.real, 8080) + " <- " + local.ToString();
      const std::string at_client =
          "out " + Written(ends.client, 1234) + " <- " + Written(ends.vip, 80);
      EXPECT_EQ(Send(kInside, FromReal(local, kTcpSyn | kTcpAck)), at_client + tail("SA"));
      // The long way has ended; these are of an established connection.
      EXPECT_EQ(Send(kOutside, FromClient(1234, kTcpAck)), at_real + tail("A"));
      EXPECT_EQ(Send(kOutside, FromClient(1234, kTcpAck)), at_real + tail("A"));
      EXPECT_EQ(Send(kInside, FromReal(local, kTcpAck)), at_client + tail("A"));
      EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).out_packets, 2u);
      EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).in_packets, 3u);
    }
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

// With one arm, replies come in where clients are.
TEST_P(FullnatTest, OnePortMayHaveClientsAndRealServers) {
  Serve(kEnds4);
  for (PortView& port : d_.draft().ports) port.role = PortRole::kBoth;
  d_.Publish();
  const Endpoint local = Open(1234);
  const std::string at_client = "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP ";
  EXPECT_EQ(Send(kOutside, FromReal(local, kTcpSyn | kTcpAck)), at_client + "SA ttl 63");
  EXPECT_EQ(Send(kOutside, FromClient(1234, kTcpAck)),
            "in 10.0.0.11:8080 <- " + local.ToString() + " TCP A ttl 63");
  EXPECT_EQ(Send(kOutside, FromReal(local, kTcpAck)), at_client + "A ttl 63");
  // Both kinds in one burst, with a SYN that makes a connection between them.
  const size_t owner = OwnerOf(*IpAddress::Parse(ends_.client), 1234);
  uint16_t other = 5000;
  while (OwnerOf(*IpAddress::Parse(ends_.client), other) != owner) ++other;
  const Frame burst[] = {FromReal(local, kTcpAck), FromClient(other, kTcpSyn),
                         FromClient(1234, kTcpAck), FromReal(local, kTcpAck)};
  std::string text;
  for (const Sent& sent : d_.SendBurstAt(owner, kOutside, burst)) {
    text += Text(sent.frame).substr(0, 14) + ";";
  }
  EXPECT_EQ(text, "198.51.100.7:1;10.0.0.11:8080;10.0.0.11:8080;198.51.100.7:1;");
  EXPECT_EQ(d_.CheckConservation(), "");
}

// A real server that a client speaks with past the service: that is another connection.
TEST_P(FullnatTest, WhatARealSendsToTheClientItselfIsRouted) {
  Serve(kEnds4);
  Open(1234);
  EXPECT_EQ(Send(kInside, Tcp(ends_.real, 8080, ends_.client, 1234, kTcpAck)),
            "out 198.51.100.7:1234 <- 10.0.0.11:8080 TCP A ttl 63");
}

// A client's port below 1024 is nothing special: the real sees another one.
TEST_P(FullnatTest, EachConnectionHasItsOwnLocalEndpoint) {
  Serve(kEnds4);
  std::set<std::string> locals;
  for (uint16_t port = 801; port <= 1000; ++port) locals.insert(Open(port).ToString());
  EXPECT_EQ(locals.size(), 200u);
}

// Forward(client) and Reply(local) name the same worker, so a port that steers by the destination
// sends the reply to its record, and any other is corrected once.
TEST_P(FullnatTest, AReplyIsAtItsOwner) {
  Serve(kEnds4, {.protocol = kProtocolUdp});
  for (uint16_t port = 2000; port < 2200; ++port) {
    const Endpoint local = Open(port);
    const size_t owner = OwnerOf(local.address, local.port.host());
    ASSERT_EQ(owner, OwnerOf(*IpAddress::Parse(ends_.client), port));
    const auto handed = [&] {
      uint64_t sum = 0;
      for (size_t w = 0; w < GetParam(); ++w) sum += d_.worker(w).counters().handed_off.value();
      return sum;
    };
    uint64_t before = handed();
    ASSERT_EQ(d_.SendAt(owner, kInside, FromReal(local, 0)).size(), 1u);
    ASSERT_EQ(handed(), before);
    if (GetParam() == 1) continue;
    EXPECT_EQ(d_.SendAt((owner + 1) % GetParam(), kInside, FromReal(local, 0)).size(), 0u);
    EXPECT_EQ(d_.Settle().size(), 1u);
    ASSERT_EQ(handed(), before + 1);
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FullnatTest, OnePortServesManyReals) {
  Serve(kEnds4, {}, {.local_addresses = {"10.0.0.201"}, .last_local_port = 1055});
  for (int i = 12; i < 22; ++i) {
    d_.AddReal(web_, "10.0.0." + std::to_string(i), 8080,
               {.method = ForwardMethod::kFullnat,
                .local_addresses = {"10.0.0.201"},
                .last_local_port = 1055});
  }
  d_.Publish();
  std::map<uint16_t, int> uses;
  for (uint16_t port = 3000; port < 3110; ++port) {
    const Endpoint local = Open(port);
    ++uses[local.port.host()];
  }
  uses.erase(0);  // a worker may have few of the 32 ports
  EXPECT_LE(uses.size(), 32u);
  EXPECT_GT(std::max_element(uses.begin(), uses.end(),
                             [](const auto& a, const auto& b) { return a.second < b.second; })
                ->second,
            1);
}

TEST_P(FullnatTest, ExhaustionIsNamedAndCountedForTheReal) {
  Serve(kEnds4, {}, {.local_addresses = {"10.0.0.201"}, .last_local_port = 1024 + 29});
  std::set<std::string> locals;
  uint64_t refused = 0;
  for (uint16_t port = 3000; port < 3200; ++port) {
    const Endpoint local = Open(port);
    if (local.port.is_zero()) {
      ++refused;
    } else {
      EXPECT_TRUE(locals.insert(local.ToString()).second) << local.ToString();
    }
  }
  EXPECT_EQ(locals.size(), 30u) << "every port, whoever owns it";
  EXPECT_EQ(refused, 170u);
  EXPECT_EQ(d_.dropped(DropReason::kNoLocalPort), 170u);
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).no_local_port, 170u);
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).connections, 30u);
  d_.Advance(4000);
  EXPECT_NE(Open(4000).port, Be16{}) << "their time is over";
  d_.Advance(4000);
  EXPECT_EQ(d_.CheckNothingLeft(), "");
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FullnatTest, APortRestsWhileThereAreOthers) {
  Serve(kEnds4, {.protocol = kProtocolUdp},
        {.local_addresses = {"10.0.0.201"}, .last_local_port = 1024 + 63});
  // All from one client endpoint: one worker has half of the ports, or a third.
  std::vector<uint16_t> ports;
  for (int i = 0; i < 200; ++i) {
    ports.push_back(Open(1234).port.host());
    ASSERT_NE(ports.back(), 0);
    d_.Advance(400);
  }
  const size_t distinct = std::set<uint16_t>(ports.begin(), ports.end()).size();
  EXPECT_GE(distinct, 64 / GetParam() / 2);
  for (size_t i = distinct; i < ports.size(); ++i) EXPECT_EQ(ports[i], ports[i - distinct]) << i;
}

// Its first packet would be forgotten, and the reply could not be translated.
TEST_P(FullnatTest, OnePacketServicesRememberAllTheSame) {
  Serve(kEnds4, {.protocol = kProtocolUdp, .is_one_packet = true});
  const Endpoint local = Open(1234);
  EXPECT_EQ(Send(kInside, FromReal(local, 0)), "out 198.51.100.7:1234 <- 192.0.2.10:80 UDP ttl 63");
}

TEST_P(FullnatTest, NobodysPacketsToALocalAddressAreRefused) {
  Serve(kEnds4);
  EXPECT_EQ(Send(kInside, Tcp(ends_.real, 8080, "10.0.0.201", 5000, kTcpAck)),
            "in 10.0.0.11:8080 <- 10.0.0.201:5000 TCP R ttl 64");
  EXPECT_EQ(d_.dropped(DropReason::kClosedPort), 1u);
  // Another real than the one it is for.
  d_.SetNeighbour(kInside, "10.0.0.12", NeighbourState::kReachable);
  const Endpoint local = Open(1234);
  EXPECT_EQ(
      Send(kInside, Tcp("10.0.0.12", 8080, local.address.ToString(), local.port.host(), kTcpAck)),
      "in 10.0.0.12:8080 <- " + local.ToString() + " TCP R ttl 64");
  // What has the director's own address is forged.
  EXPECT_EQ(Send(kInside, Tcp("10.0.0.201", 8080, "192.0.2.10", 80, kTcpSyn)), "");
  EXPECT_EQ(d_.dropped(DropReason::kBadSource), 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FullnatTest, AKernelThatHasTheAddressGetsTheRest) {
  Serve(kEnds4, {}, {.local_addresses = {"10.0.0.1"}});
  d_.draft().ports[kInside.index()].has_host = true;
  d_.Publish();
  const Endpoint local = Open(1234);
  ASSERT_EQ(local.address.ToString(), "10.0.0.1");
  EXPECT_EQ(Send(kInside, FromReal(local, kTcpSyn | kTcpAck)),
            "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP SA ttl 63");
  EXPECT_EQ(Send(kInside, Tcp("10.0.0.12", 22, "10.0.0.1", 5000, kTcpAck)).substr(0, 5), "host ");
}

TEST_P(FullnatTest, ARealThatGoesResetsBothSides) {
  Serve(kEnds4);
  const Endpoint local = Open(1234);
  d_.Send(kInside, FromReal(local, kTcpSyn | kTcpAck));
  d_.Send(kOutside, FromClient(1234, kTcpAck));
  const Endpoint second = Open(1235);
  d_.RemoveReal(real_, Remains::kReset);
  d_.Publish();
  std::multiset<std::string> seen;
  for (const Sent& sent : d_.Send(kOutside, FromClient(1234, kTcpAck)))
    seen.insert(Text(sent.frame));
  EXPECT_EQ(seen, (std::multiset<std::string>{
                      "198.51.100.7:1234 <- 192.0.2.10:80 TCP R ttl 64",
                      "10.0.0.11:8080 <- " + local.ToString() + " TCP AR ttl 63"}));
  seen.clear();
  for (const Sent& sent : d_.Send(kInside, FromReal(second, kTcpAck)))
    seen.insert(Text(sent.frame));
  EXPECT_EQ(seen, (std::multiset<std::string>{
                      "198.51.100.7:1235 <- 192.0.2.10:80 TCP AR ttl 63",
                      "10.0.0.11:8080 <- " + second.ToString() + " TCP R ttl 64"}));
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FullnatTest, AClientThatComesAgainGetsAnotherPort) {
  Serve(kEnds4);
  const Endpoint first = Open(1234);
  d_.Send(kInside, FromReal(first, kTcpRst));
  d_.Advance(11);
  const Endpoint second = Open(1234);
  EXPECT_NE(first, second);
  EXPECT_EQ(Send(kInside, FromReal(second, kTcpSyn | kTcpAck)),
            "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP SA ttl 63");
}

// The real has an old connection from this local port in TIME_WAIT: an ACK for the SYN, which the
// client answers with a RST and the SYN again (RFC 9293, 3.10.7.3).
TEST_P(FullnatTest, AnOldConnectionOfTheRealsLeavesTheNewOneItsPort) {
  for (const Ends& ends : {kEnds4, kEnds6}) {
    Serve(ends);
    const Endpoint local = Open(1234);
    const std::string at_real = "in " + Written(ends.real, 8080) + " <- " + local.ToString();
    const std::string at_client =
        "out " + Written(ends.client, 1234) + " <- " + Written(ends.vip, 80);
    for (int old = 0; old < 2; ++old) {
      EXPECT_EQ(Send(kInside, FromReal(local, kTcpAck)), at_client + " TCP A ttl 63");
      EXPECT_EQ(Send(kOutside, FromClient(1234, kTcpRst)), at_real + " TCP R ttl 63");
      EXPECT_EQ(Open(1234), local);
    }
    EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).connections, 1u);
    EXPECT_EQ(Send(kInside, FromReal(local, kTcpSyn | kTcpAck)), at_client + " TCP SA ttl 63");
    EXPECT_EQ(Send(kOutside, FromClient(1234, kTcpAck)), at_real + " TCP A ttl 63");
    EXPECT_EQ(Send(kInside, FromReal(local, kTcpAck)), at_client + " TCP A ttl 63");
    // Of a connection that has been one, a RST is the end.
    Send(kOutside, FromClient(1234, kTcpRst));
    EXPECT_NE(Open(1234), local);
    EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).connections, 2u);
  }
}

// The first addresses go from the configuration while connections have ports of them.
TEST_P(FullnatTest, ALocalAddressThatGoesKeepsItsConnections) {
  Serve(kEnds4, {}, {.local_addresses = {"10.0.0.201"}});
  const Endpoint local = Open(1234);
  d_.draft().local_pools[0].addresses = {*IpAddress::Parse("10.0.0.209")};
  d_.draft().local_addresses.erase(*IpAddress::Parse("10.0.0.201"));
  d_.Publish();
  EXPECT_EQ(Open(1235).address.ToString(), "10.0.0.209");
  EXPECT_EQ(Send(kInside, FromReal(local, kTcpSyn | kTcpAck)),
            "out 198.51.100.7:1234 <- 192.0.2.10:80 TCP SA ttl 63");
  EXPECT_EQ(Send(kOutside, FromClient(1234, kTcpAck)),
            "in 10.0.0.11:8080 <- " + local.ToString() + " TCP A ttl 63");
}

const step::Translated* TranslatedIn(const ExplainAnswer& answer) {
  for (uint32_t i = 0; i < answer.step_count; ++i) {
    if (const auto* found = std::get_if<step::Translated>(&answer.steps[i])) return found;
  }
  return nullptr;
}

TEST_P(FullnatTest, ExplainAndListingsNameTheLocalEndpoint) {
  Serve(kEnds4);
  const ExplainQuestion question{.client = {*IpAddress::Parse(ends_.client), Be16::FromHost(1234)},
                                 .destination = *Endpoint::Parse("192.0.2.10:80")};
  const ExplainAnswer before = d_.Explain(question);
  ASSERT_NE(TranslatedIn(before), nullptr);
  EXPECT_EQ(TranslatedIn(before)->addresses, 2);
  EXPECT_EQ(before.verdict, ExplainVerdict::kForward);
  const Endpoint local = Open(1234);
  const ExplainAnswer after = d_.Explain(question);
  ASSERT_NE(TranslatedIn(after), nullptr);
  EXPECT_EQ(TranslatedIn(after)->local, local);
  ListConnections list;
  list.rows.reserve(list.limit);
  d_.RunCommand(OwnerOf(*IpAddress::Parse(ends_.client), 1234), &list);
  ASSERT_EQ(list.rows.size(), 1u);
  EXPECT_EQ(list.rows[0].local_endpoint, local);

  d_.Prepare();
  d_.draft().local_pools[0].addresses.clear();
  const ExplainAnswer without =
      d_.ExplainDraft({.client = {question.client.address, Be16::FromHost(9)},
                       .destination = question.destination});
  EXPECT_EQ(without.verdict, ExplainVerdict::kDropped);
  ASSERT_NE(TranslatedIn(without), nullptr);
  EXPECT_EQ(TranslatedIn(without)->addresses, 0);
}

// Nobody else has the port that the real server answers to.
TEST_P(FullnatTest, PeersAreToldOfNoConnection) {
  Serve(kEnds4);
  const ServiceId nat = d_.AddService({.address = ends_.vip, .port = 443});
  d_.AddReal(nat, "10.0.0.12", 443);
  d_.draft().sync = {.is_on = true};
  d_.Publish();
  for (size_t w = 0; w < GetParam(); ++w) {
    d_.fabric().stream_news[w] = std::make_unique<StreamOutbox>();
    d_.worker(w).shard().TellStreamOf({.wall_ms = 1, .creator = 7}, true);
  }
  const auto told = [&] {
    std::pair<size_t, size_t> sizes;
    for (size_t w = 0; w < GetParam(); ++w) {
      sizes.first += d_.fabric().sync_news[w]->size();
      sizes.second += d_.fabric().stream_news[w]->ring.size();
    }
    return sizes;
  };
  const Endpoint local = Open(1234);
  d_.Send(kInside, FromReal(local, kTcpSyn | kTcpAck));
  for (int i = 0; i < 5; ++i) d_.Send(kOutside, FromClient(1234, kTcpAck));
  EXPECT_EQ(told(), std::pair(size_t{0}, size_t{0}));
  d_.Send(kOutside, Tcp(ends_.client, 1234, ends_.vip, 443, kTcpSyn));
  d_.Send(kInside, Tcp("10.0.0.12", 443, ends_.client, 1234, kTcpSyn | kTcpAck));
  for (int i = 0; i < 5; ++i) {
    d_.Send(kOutside, Tcp(ends_.client, 1234, ends_.vip, 443, kTcpAck));
  }
  EXPECT_GT(told().first, 0u);
  EXPECT_GT(told().second, 0u);
}

TEST_P(FullnatTest, WhatPeersTellOfAConnectionIsRefused) {
  Serve(kEnds4, {.persistence_seconds = 300});
  sync::SyncEntry entry;
  entry.protocol = kProtocolTcp;
  entry.client = *IpAddress::Parse(ends_.client);
  entry.virtual_address = *IpAddress::Parse(ends_.vip);
  entry.real = *IpAddress::Parse(ends_.real);
  entry.client_port = Be16::FromHost(1234);
  entry.virtual_port = Be16::FromHost(80);
  entry.real_port = Be16::FromHost(8080);
  EXPECT_EQ(PlaceOf(d_.draft(), entry).fault, SyncFault::kFullnat);
  entry.Set(sync::SyncFlag::kTemplate);
  entry.client_port = {};
  const SyncPlace place = PlaceOf(d_.draft(), entry);
  EXPECT_EQ(place.fault, std::nullopt) << "a template needs no port";
  EXPECT_EQ(place.real, real_);
}

class FullnatFew : public FullnatTest {
 protected:
  FullnatFew() : FullnatTest({.workers = GetParam(), .side_records = 8}) {}
};
INSTANTIATE_TEST_SUITE_P(Workers, FullnatFew, testing::Values(1));

TEST_P(FullnatFew, WithoutASideRecordThereIsNoConnection) {
  Serve(kEnds4);
  int opened = 0;
  for (uint16_t port = 3000; port < 3010; ++port) opened += Open(port).port.is_zero() ? 0 : 1;
  EXPECT_EQ(opened, 8);
  EXPECT_EQ(d_.dropped(DropReason::kSideTableFull), 2u);
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).no_local_port, 0u);
}

class FullnatMany : public FullnatTest {
 protected:
  FullnatMany()
      : FullnatTest({.workers = GetParam(), .connections = 1 << 17, .side_records = 1 << 17}) {}
};
INSTANTIATE_TEST_SUITE_P(Workers, FullnatMany, testing::Values(1, 2));

TEST_P(FullnatMany, SixtyThousandToOneRealThroughTwoAddresses) {
  Serve(kEnds4);
  std::set<std::pair<IpAddress, uint16_t>> locals;
  std::map<IpAddress, uint32_t> by_address;
  std::vector<std::vector<Frame>> bursts(GetParam());
  const auto flush = [&](size_t worker) {
    for (const Sent& sent : d_.SendBurstAt(worker, kOutside, bursts[worker])) {
      const Endpoint local = SourceOf(sent.frame);
      locals.emplace(local.address, local.port.host());
      ++by_address[local.address];
    }
    bursts[worker].clear();
  };
  for (uint32_t i = 0; i < 60'000; ++i) {
    const auto port = static_cast<uint16_t>(1000 + i);
    const size_t owner = OwnerOf(*IpAddress::Parse(ends_.client), port);
    bursts[owner].push_back(FromClient(port, kTcpSyn));
    if (bursts[owner].size() == kBurst) flush(owner);
  }
  for (size_t w = 0; w < GetParam(); ++w) flush(w);
  EXPECT_EQ(locals.size(), 60'000u);
  ASSERT_EQ(by_address.size(), 2u);
  for (const auto& [address, count] : by_address) EXPECT_NEAR(count, 30'000, 500);
  EXPECT_EQ(d_.dropped(DropReason::kNoLocalPort), 0u);
}

}  // namespace
}  // namespace fairlead::dataplane::fullnat_test
