// Bulk: copies of whole ranges, and the sums that say which of them differ.
#include <gtest/gtest.h>

#include <map>

#include "dataplane/decide/admission.h"
#include "dataplane/decide/engine_data.h"
#include "stream_bed.h"

namespace fairlead::sync::stream_walk_test {
namespace {

using namespace fairlead::dataplane;

constexpr const char* kVip = "192.0.2.10";

std::string ClientOf(int i) { return "198.51.100." + std::to_string(i + 1); }

void AddServices(StreamSide* side) {
  ByteDirector& d = side->d;
  const auto reals = [&](ServiceId id, uint16_t port, const char* prefix = "10.0.0.1") {
    for (int i = 1; i <= 3; ++i) d.AddReal(id, prefix + std::to_string(i), port);
  };
  reals(d.AddService({.persistence_seconds = 300, .spread = 2}), 80);
  reals(d.AddService({.port = 53, .protocol = kProtocolUdp}), 53);
  reals(d.AddService({.mark = 7, .persistence_seconds = 300, .mask4 = 0xffffff00}), 0);
  reals(d.AddService({.port = 443, .persistence_seconds = 300, .group = 99}), 443);
  reals(d.AddService({.port = 8443, .persistence_seconds = 300, .group = 99}), 8443);
  reals(d.AddService({.address = "2001:db8::10", .persistence_seconds = 300, .prefix_length6 = 64}),
        80, "fd00::1");
  const ServiceId sip =
      d.AddService({.port = 5060, .protocol = kProtocolUdp, .persistence_seconds = 300});
  d.service(sip).persistence.engine = PersistenceEngine::kSip;
  reals(sip, 5060);
  d.Publish();
  side->Tell();
}

void OpenTcp(StreamSide* side, const std::string& client, uint16_t port, const char* vip,
             uint16_t vport) {
  const auto sent = side->d.Send(kOutside, Tcp(client, port, vip, vport, kTcpSyn));
  ASSERT_EQ(sent.size(), 1u);
  side->d.Send(kOutside, Tcp(client, port, vip, vport, kTcpAck));  // SYN_RECV → ESTABLISHED
}

// Traffic of every kind, and a call by hand.
void Fill(StreamSide* side, int clients) {
  for (int i = 0; i < clients; ++i) {
    const std::string client = ClientOf(i);
    OpenTcp(side, client, static_cast<uint16_t>(1000 + i), kVip, 80);
    OpenTcp(side, client, static_cast<uint16_t>(2000 + i), kVip, i % 2 == 0 ? 443 : 8443);
    OpenTcp(side, "2001:db8:1:" + std::to_string(i + 1) + "::5", 1000, "2001:db8::10", 80);
    for (int n = 0; n < 2; ++n) side->d.Send(kOutside, Udp(client, 1000, kVip, 53));
  }
  ByteDirector& d = side->d;
  const ServiceView& sip = d.service(ServiceId{6});
  FlowFields flow{{.source = *IpAddress::Parse(ClientOf(0)),
                   .destination = *IpAddress::Parse(kVip),
                   .source_port = 5060,
                   .destination_port = 5060,
                   .protocol = kProtocolUdp,
                   .input_port = {}}};
  const std::string call(200, 'c');
  flow.engine = EngineDataOf(call, d.fabric().config.hash_secret);
  const TemplateIdentity identity = IdentifyTemplate(sip, flow);
  for (Shard* shard : d.shards()) {
    const uint64_t hash = shard->templates().Hash(identity.key);
    if (d.fabric().steering.TemplateOwner(hash) != shard->me) continue;
    Commit commit{*shard, *shard->snapshot};
    shard->ReleaseGrant(commit.Bind(sip, identity, sip.plan.reals()[1].id).ref);
  }
}

StreamSide::Entries WalkAll(StreamSide* side) { return side->Walk(StreamRanges().set()); }

// Which client is with whom, over all that the stream carries.
std::map<std::string, std::string> HomesOf(StreamSide* side) {
  std::map<std::string, std::string> homes;
  for (const ConnectionRow& row : side->ConnectionRows()) {
    homes[row.client.ToString() + " " + row.virtual_endpoint.ToString()] =
        row.real_endpoint.ToString();
  }
  for (const TemplateRow& row : side->TemplateRows()) {
    if (row.is_invalid) continue;
    homes["template " + row.client.ToString() + " " + row.virtual_address.ToString() + " " +
          std::to_string(row.virtual_port.host()) + " " + std::to_string(row.service_group.value) +
          " " + std::to_string(row.engine_length)] +=
        row.real.is_none() ? std::string("none") : side->d.real(row.real).address.ToString();
  }
  return homes;
}

class StreamWalk : public testing::TestWithParam<size_t> {};

TEST_P(StreamWalk, EveryKindOfRecordIsCarried) {
  StreamSide a({.workers = GetParam(), .seed = 1}, "a");
  StreamSide b({.workers = GetParam(), .seed = 2}, "b");
  AddServices(&a);
  AddServices(&b);
  Fill(&a, 20);
  EXPECT_NE(a.Digests(), b.Digests());
  const StreamSide::Entries all = WalkAll(&a);
  size_t in_parts = 0;
  for (uint32_t part = 0; part < 16; ++part) {
    StreamRanges ranges;
    for (uint32_t range = part; range < kStreamRanges; range += 16) ranges.set(range);
    for (const StreamEntry& entry : a.Walk(ranges)) {
      EXPECT_TRUE(ranges.test(RangeOf(entry)));
      ++in_parts;
    }
  }
  EXPECT_EQ(in_parts, all.size());
  const control::StreamTaken taken = b.Take(all);
  EXPECT_EQ(taken.faults, (control::StreamTaken{}.faults));
  EXPECT_EQ(taken.connections, 80u);
  EXPECT_EQ(taken.templates, all.size() - 80);
  EXPECT_EQ(HomesOf(&a), HomesOf(&b));
  EXPECT_EQ(a.Digests(), b.Digests());
  EXPECT_EQ(b.News().size(), 0u);
  // News say the same as walks.
  StreamSide c({.workers = GetParam(), .seed = 3}, "c");
  AddServices(&c);
  c.Take(a.News());
  EXPECT_EQ(HomesOf(&a), HomesOf(&c));
  EXPECT_EQ(a.Digests(), c.Digests());
  for (StreamSide* side : {&a, &b, &c}) {
    side->d.Advance(2500);
    EXPECT_EQ(side->d.CheckNothingLeft(), "");
  }
}

TEST_P(StreamWalk, DigestsNameTheRangesThatDiffer) {
  StreamSide a({.workers = GetParam(), .seed = 1}, "a");
  StreamSide b({.workers = 2, .seed = 2}, "b");  // another number of workers says the same
  AddServices(&a);
  AddServices(&b);
  Fill(&a, 10);
  b.Take(WalkAll(&a));
  ASSERT_EQ(a.Digests(), b.Digests());
  a.News();
  OpenTcp(&a, "198.51.100.200", 4000, kVip, 443);
  std::vector<uint32_t> expected;
  for (const StreamEntry& entry : a.News()) {
    if (entry.event == StreamEvent::kIs) expected.push_back(RangeOf(entry));
  }
  std::ranges::sort(expected);
  expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
  const auto of_a = a.Digests(), of_b = b.Digests();
  std::vector<uint32_t> differing;
  for (uint32_t i = 0; i < kStreamRanges; ++i) {
    if (of_a[i] != of_b[i]) differing.push_back(i);
  }
  EXPECT_EQ(differing, expected);
  EXPECT_EQ(differing.size(), 2u);
  for (const uint32_t range : differing) b.Take(a.Walk(range));
  EXPECT_EQ(a.Digests(), b.Digests());
}

TEST_P(StreamWalk, ComesInSlicesThatAreAskedForAndCanBeGivenUp) {
  StreamSide a({.workers = GetParam(), .connections = 16384}, "a");
  const ServiceId id = a.d.AddService({.port = 53, .protocol = kProtocolUdp});
  a.d.AddReal(id, "10.0.0.11", 53);
  a.d.Publish();
  a.Tell();
  for (uint16_t port = 1000; port < 6000; ++port) {
    for (int n = 0; n < 2; ++n) a.d.Send(kOutside, Udp("198.51.100.7", port, kVip, 53));
  }
  EXPECT_EQ(WalkAll(&a).size(), 5000u);
  EXPECT_GE(a.slices, 3u);
  size_t slices = 0;
  ASSERT_TRUE(a.tables.CanWalk());
  a.tables.Walk(StreamRanges().set(), [&](StreamSide::Entries, bool) { ++slices; });
  EXPECT_FALSE(a.tables.CanWalk());
  a.Run();
  EXPECT_EQ(slices, 1u);
  a.Run();
  EXPECT_EQ(slices, 1u);  // none comes unless asked for
  a.tables.WalkOn();
  a.tables.StopWalk();
  EXPECT_FALSE(a.tables.CanWalk());  // workers are still at it
  a.Run();
  EXPECT_EQ(slices, 1u);
  EXPECT_TRUE(a.tables.CanWalk());
  EXPECT_EQ(WalkAll(&a).size(), 5000u);
}

// An entry has one family for all its addresses (docs/sync.md): neither news nor bulk nor digests
// carry what does not fit, and no peer's word is taken for it.
TEST_P(StreamWalk, WhatGoesToTheOtherFamilyIsNowhere) {
  StreamSide a({.workers = GetParam()}, "a");
  for (const char* vip : {kVip, "2001:db8::10"}) {
    const ServiceId id = a.d.AddService({.address = vip, .persistence_seconds = 300});
    a.d.AddReal(id, vip[0] == '1' ? "fd00::11" : "10.0.0.11", 80, {.method = ForwardMethod::kTun});
  }
  a.d.Publish();
  a.Tell();
  OpenTcp(&a, "198.51.100.7", 1000, kVip, 80);
  OpenTcp(&a, "2001:db8:1::5", 1000, "2001:db8::10", 80);
  EXPECT_EQ(a.Connections().size(), 2u);
  EXPECT_EQ(a.Templates().size(), 2u);
  EXPECT_EQ(a.News().size(), 0u);
  EXPECT_EQ(WalkAll(&a).size(), 0u);
  for (const RangeDigest& digest : a.Digests()) EXPECT_EQ(digest.records, 0u);

  StreamEntry entry;
  entry.protocol = kProtocolTcp;
  entry.state = 1;
  entry.client = *IpAddress::Parse("198.51.100.7");
  entry.client_port = Be16::FromHost(1000);
  entry.virtual_address = *IpAddress::Parse(kVip);
  entry.virtual_port = entry.real_port = Be16::FromHost(80);
  entry.real = *IpAddress::Parse("0.0.0.0");  // what a record has in place of such an address
  entry.packets = 5;
  EXPECT_EQ(a.Take({entry}).connections, 0u);
}

INSTANTIATE_TEST_SUITE_P(Workers, StreamWalk, testing::Values(1, 3));

}  // namespace
}  // namespace fairlead::sync::stream_walk_test
