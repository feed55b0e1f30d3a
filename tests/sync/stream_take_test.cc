// What workers make of the entries of another Fairlead director.
#include <gtest/gtest.h>

#include "dataplane/decide/stream_place.h"
#include "stream_bed.h"

namespace fairlead::sync::stream_take_test {
namespace {

using namespace fairlead::dataplane;
using control::StreamTaken;

constexpr const char* kVip = "192.0.2.10";
constexpr const char* kClient = "198.51.100.7";
using Lines = std::vector<std::string>;

IpAddress Address(const std::string& text) { return *IpAddress::Parse(text); }

StreamEntry Entry(const std::string& client, uint16_t port, const std::string& real,
                  TcpState state = TcpState::kEstablished) {
  StreamEntry entry;
  entry.protocol = kProtocolTcp;
  entry.state = static_cast<uint8_t>(state);
  entry.client = Address(client);
  entry.virtual_address = Address(kVip);
  entry.real = Address(real);
  entry.client_port = Be16::FromHost(port);
  entry.virtual_port = entry.real_port = Be16::FromHost(80);
  entry.timeout_ms = 900'000;
  entry.left_ms = 600'000;
  entry.packets = 7;
  entry.creator = CreatorNumber("b");
  return entry;
}

StreamEntry Template(const std::string& client, const std::string& real, uint64_t created_ms = 1000,
                     const std::string& creator = "b") {
  StreamEntry entry = Entry(client, 0, real, TcpState::kNone);
  entry.kind = StreamKind::kTemplate;
  entry.client_bits = 32;
  entry.timeout_ms = 300'000;
  entry.left_ms = 200'000;
  entry.created_ms = created_ms;
  entry.creator = CreatorNumber(creator);
  return entry;
}

StreamEntry Gone(StreamEntry entry) {
  entry.event = StreamEvent::kGone;
  return entry;
}
StreamEntry Pinned(StreamEntry entry) {
  entry.stream_flags |= static_cast<uint8_t>(StreamFlag::kPinned);
  entry.timeout_ms = entry.left_ms = 0xffff'ffff;
  return entry;
}

uint64_t Fault(const StreamTaken& taken, SyncFault fault) {
  return taken.faults[static_cast<size_t>(fault)];
}
uint64_t Faults(const StreamTaken& taken) {
  uint64_t sum = 0;
  for (const uint64_t n : taken.faults) sum += n;
  return sum;
}

class StreamTake : public testing::TestWithParam<size_t> {
 protected:
  StreamTake() : side({.workers = GetParam()}) {}

  void Service(const ServiceSpec& spec = {}) {
    service = side.d.AddService(spec);
    r1 = side.d.AddReal(service, "10.0.0.11", 80);
    r2 = side.d.AddReal(service, "10.0.0.12", 80);
    side.d.Publish();
    side.Tell();
  }
  std::string SendOne(const Frame& frame, PortId port = kOutside) {
    const auto sent = side.d.Send(port, frame);
    return sent.size() == 1 ? Text(sent[0].frame) : std::to_string(sent.size()) + " packets";
  }
  void FromClient(uint8_t flags, uint16_t port = 1000, const char* client = kClient) {
    side.d.Send(kOutside, Tcp(client, port, kVip, 80, flags));
  }
  std::string OpenTo(const char* client, uint16_t port = 1000) {
    const auto sent = side.d.Send(kOutside, Tcp(client, port, kVip, 80, kTcpSyn));
    const std::string text = Text(sent.at(0).frame);
    for (const char* real : {"10.0.0.11", "10.0.0.12"}) {
      if (text.find(real) == std::string::npos) continue;
      side.d.Send(kInside, Tcp(real, 80, client, port, kTcpSyn | kTcpAck));
      side.d.Send(kOutside, Tcp(client, port, kVip, 80, kTcpAck));
      return real;
    }
    return "nobody";
  }
  void ExpectNothingLeft() {
    side.d.Advance(2500);
    EXPECT_EQ(side.d.CheckNothingLeft(), "");
  }

  StreamSide side;
  ServiceId service;
  RealId r1, r2;
};

TEST_P(StreamTake, AConnectionCountsAsInactiveUntilAPacketPasses) {
  Service();
  const StreamTaken taken = side.Take({Entry(kClient, 1000, "10.0.0.12")});
  EXPECT_EQ(taken.connections, 1u);
  EXPECT_EQ(Faults(taken), 0u);
  EXPECT_EQ(side.Connections(),
            Lines{"198.51.100.7:1000 10.0.0.12:80 ESTABLISHED inactive 600 s learnt"});
  EXPECT_EQ(side.Load(r2), "0/1/0");
  EXPECT_EQ(side.News().size(), 0u);  // no news of ours
  const std::string text = SendOne(Tcp(kClient, 1000, kVip, 80, kTcpAck));
  EXPECT_NE(text.find("10.0.0.12"), std::string::npos) << text;
  EXPECT_EQ(side.Connections(), Lines{"198.51.100.7:1000 10.0.0.12:80 ESTABLISHED active 900 s"});
  EXPECT_EQ(side.Load(r2), "1/0/0");
  EXPECT_EQ(side.ConnectionRows().at(0).packets, 8u);
  ExpectNothingLeft();
}

TEST_P(StreamTake, AReplyIsAPacketToo) {
  Service();
  side.Take({Entry(kClient, 1000, "10.0.0.12")});
  SendOne(Tcp("10.0.0.12", 80, kClient, 1000, kTcpAck), kInside);
  EXPECT_EQ(side.Load(r2), "1/0/0");
}

TEST_P(StreamTake, ItFollowsItsDirectorAndItsLastPacketDecidesWhoseItIs) {
  Service();
  const std::string real = OpenTo(kClient);
  EXPECT_EQ(side.Connections().at(0), "198.51.100.7:1000 " + real + ":80 ESTABLISHED active 900 s");
  side.Take({Entry(kClient, 1000, real)});
  EXPECT_EQ(side.Connections().at(0),
            "198.51.100.7:1000 " + real + ":80 ESTABLISHED inactive 600 s learnt");
  side.Take({Entry(kClient, 1000, real, TcpState::kFinWait)});
  EXPECT_EQ(side.Connections().at(0),
            "198.51.100.7:1000 " + real + ":80 FIN_WAIT inactive 600 s learnt");
  ExpectNothingLeft();
}

TEST_P(StreamTake, AnOlderEntryDoesNotOpenWhatHasClosedHere) {
  Service();
  const std::string real = OpenTo(kClient);
  FromClient(kTcpFin | kTcpAck);
  side.Take({Entry(kClient, 1000, real)});
  EXPECT_EQ(side.Connections().at(0), "198.51.100.7:1000 " + real + ":80 CLOSE_WAIT inactive 60 s");
}

TEST_P(StreamTake, GoneRemovesACopyAndNothingElse) {
  Service();
  const std::string real = OpenTo(kClient, 1001);
  const std::string other = real == "10.0.0.11" ? "10.0.0.12" : "10.0.0.11";
  side.Take({Entry(kClient, 1000, "10.0.0.11")});
  side.News();
  EXPECT_EQ(side.Take({Gone(Entry(kClient, 1000, "10.0.0.12"))}).gone, 0u);  // another's
  EXPECT_EQ(side.Take({Gone(Entry(kClient, 1001, real))}).gone, 0u);  // its packets pass here
  EXPECT_EQ(side.Connections().size(), 2u);
  EXPECT_EQ(side.Take({Gone(Entry(kClient, 1000, "10.0.0.11"))}).gone, 1u);
  EXPECT_EQ(side.Connections(),
            Lines{"198.51.100.7:1001 " + real + ":80 ESTABLISHED active 900 s"});
  EXPECT_EQ(side.News().size(), 0u);
  // One that begins and ends in one batch has ended.
  side.Take({Entry(kClient, 1000, other), Gone(Entry(kClient, 1000, other))});
  EXPECT_EQ(side.Connections().size(), 1u);
  ExpectNothingLeft();
}

TEST_P(StreamTake, WhatPassesHereStaysWithItsRealServer) {
  Service();
  const std::string real = OpenTo(kClient);
  const std::string other = real == "10.0.0.11" ? "10.0.0.12" : "10.0.0.11";
  EXPECT_EQ(Fault(side.Take({Entry(kClient, 1000, other)}), SyncFault::kOtherReal), 1u);
  EXPECT_EQ(side.Connections().at(0), "198.51.100.7:1000 " + real + ":80 ESTABLISHED active 900 s");
  // A copy, one that has not begun and one that is over give way.
  FromClient(kTcpFin | kTcpAck);
  side.Take({Entry(kClient, 1000, other)});
  EXPECT_EQ(side.Connections().at(0),
            "198.51.100.7:1000 " + other + ":80 ESTABLISHED inactive 600 s learnt");
  side.Take({Entry(kClient, 1000, real)});
  EXPECT_EQ(side.Connections().at(0),
            "198.51.100.7:1000 " + real + ":80 ESTABLISHED inactive 600 s learnt");
  ExpectNothingLeft();
}

TEST_P(StreamTake, ChildrenOfATemplateAreCounted) {
  Service({.persistence_seconds = 300});
  StreamSide::Entries entries{Template(kClient, "10.0.0.12")};
  for (uint16_t port = 1000; port < 1020; ++port) {
    entries.push_back(Entry(kClient, port, "10.0.0.12"));
  }
  std::ranges::reverse(entries);  // the template last
  const StreamTaken taken = side.Take(entries);
  EXPECT_EQ(taken.connections, 20u);
  EXPECT_EQ(taken.templates, 1u);
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.12 new 200 s children 20"});
  EXPECT_EQ(side.Load(r2), "0/20/1");
  StreamSide::Entries gone;
  for (uint16_t port = 1000; port < 1007; ++port) {
    gone.push_back(Gone(Entry(kClient, port, "10.0.0.12")));
  }
  EXPECT_EQ(side.Take(gone).gone, 7u);
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.12 new 200 s children 13"});
  ExpectNothingLeft();
}

TEST_P(StreamTake, AConnectionThatCameBeforeItsTemplateBecomesItsChildLater) {
  Service({.persistence_seconds = 300});
  side.Take({Entry(kClient, 1000, "10.0.0.12")});
  side.Take({Template(kClient, "10.0.0.12")});
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.12 new 200 s children 0"});
  side.Take({Entry(kClient, 1000, "10.0.0.12")});
  side.Take({Entry(kClient, 1000, "10.0.0.12")});
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.12 new 200 s children 1"});
  ExpectNothingLeft();
}

TEST_P(StreamTake, ATemplateBindsTheClientsNextConnection) {
  Service({.persistence_seconds = 300});
  side.Take({Template(kClient, "10.0.0.11"), Template("198.51.100.8", "10.0.0.11"),
             Template("198.51.100.9", "10.0.0.11")});
  for (const char* client : {kClient, "198.51.100.8", "198.51.100.9"}) {
    EXPECT_EQ(OpenTo(client), "10.0.0.11");
  }
  EXPECT_EQ(side.Load(r1), "3/0/3");
  ExpectNothingLeft();
}

TEST_P(StreamTake, TimesOfATemplateGrowAndDoNotShrink) {
  Service({.persistence_seconds = 300, .max_lifetime_seconds = 1000});
  StreamEntry entry = Template(kClient, "10.0.0.11");
  entry.lifetime_left_ms = 150'000;
  side.Take({entry});
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.11 new 150 s children 0"});
  entry.lifetime_left_ms = 900'000;
  side.Take({entry});
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.11 new 200 s children 0"});
  entry.left_ms = 100'000;
  entry.stream_flags = static_cast<uint8_t>(StreamFlag::kAssured);
  side.Take({entry});
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.11 assured 200 s children 0"});
}

TEST_P(StreamTake, OfTwoTemplatesTheEarlierWinsThenTheLowerNumber) {
  Service({.persistence_seconds = 300});
  side.Take({Template(kClient, "10.0.0.11", 1000, "b")});
  EXPECT_EQ(Fault(side.Take({Template(kClient, "10.0.0.12", 1001, "c")}), SyncFault::kOtherReal),
            1u);
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.11 new 200 s children 0"});
  side.Take({Template(kClient, "10.0.0.12", 999, "c")});
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.12 new 200 s children 0"});
  // The same moment.
  const bool is_b_lower = CreatorNumber("b") < CreatorNumber("c");
  side.Take({Template(kClient, "10.0.0.11", 999, "b")});
  EXPECT_EQ(side.Templates(),
            Lines{std::string("198.51.100.7 ") + (is_b_lower ? "10.0.0.11" : "10.0.0.12") +
                  " new 200 s children 0"});
  ExpectNothingLeft();
}

TEST_P(StreamTake, TheLosingTemplateMovesWithTheClientsNextConnection) {
  Service({.persistence_seconds = 300});
  const std::string real = OpenTo(kClient, 1000);
  const std::string other = real == "10.0.0.11" ? "10.0.0.12" : "10.0.0.11";
  side.Take({Template(kClient, other, 1)});
  EXPECT_NE(SendOne(Tcp(kClient, 1000, kVip, 80, kTcpAck)).find(real), std::string::npos);
  EXPECT_EQ(OpenTo(kClient, 1001), other);
  size_t invalid_children = 0;
  for (const TemplateRow& row : side.TemplateRows()) {
    if (row.is_invalid) invalid_children += row.children;
  }
  EXPECT_EQ(invalid_children, 1u);
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 " + other + " assured 300 s children 1"});
  ExpectNothingLeft();
}

TEST_P(StreamTake, ARealServerThatDoesNotHoldHereLosesWhoeverWasFirst) {
  Service({.persistence_seconds = 300});
  side.Take({Template(kClient, "10.0.0.11", 1000)});
  side.d.real(r1).templates_valid = false;
  side.d.Publish();
  side.Take({Template(kClient, "10.0.0.12", 2000)});
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.12 new 200 s children 0"});
  side.Take({Template(kClient, "10.0.0.11", 1000)});
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.12 new 200 s children 0"});
}

TEST_P(StreamTake, PinsWinAndOnlyAnUnpinEndsThem) {
  Service({.persistence_seconds = 300});
  side.Take({Template(kClient, "10.0.0.11", 1)});
  side.Take({Pinned(Template(kClient, "10.0.0.12", 5000))});
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.12 new for ever children 0 pinned"});
  side.Take({Template(kClient, "10.0.0.11", 1)});
  side.Take({Gone(Template(kClient, "10.0.0.12", 5000))});
  EXPECT_EQ(side.Templates(), Lines{"198.51.100.7 10.0.0.12 new for ever children 0 pinned"});
  EXPECT_EQ(side.Take({Gone(Pinned(Template(kClient, "10.0.0.12", 5000)))}).gone, 1u);
  EXPECT_EQ(side.Templates(), Lines{});
  ExpectNothingLeft();
}

TEST_P(StreamTake, AFlushSparesWhatHasBeenMadeSince) {
  Service({.persistence_seconds = 300});
  side.Take({Template(kClient, "10.0.0.11", 1000)});
  EXPECT_EQ(side.Take({Gone(Template(kClient, "10.0.0.11", 999))}).gone, 0u);
  EXPECT_EQ(side.Take({Gone(Template(kClient, "10.0.0.12", 1000))}).gone, 0u);
  EXPECT_EQ(side.Templates().size(), 1u);
  EXPECT_EQ(side.Take({Gone(Template(kClient, "10.0.0.11", 1000))}).gone, 1u);
  EXPECT_EQ(side.Templates().size(), 0u);
}

TEST_P(StreamTake, WhatCannotBeIsRefusedByName) {
  Service({.persistence_seconds = 300});
  const auto fault_of = [&](StreamEntry entry) {
    const StreamTaken taken = side.Take({entry});
    if (Faults(taken) != 1) return std::string("?");
    const auto at = std::ranges::find(taken.faults, 1u) - taken.faults.begin();
    return std::string(kSyncFaultNames[static_cast<size_t>(at)]);
  };
  StreamEntry entry = Entry(kClient, 1000, "10.0.0.99");
  EXPECT_EQ(fault_of(entry), "unknown_real");
  EXPECT_EQ(fault_of(Template(kClient, "10.0.0.99")), "unknown_real");
  entry = Entry(kClient, 1000, "10.0.0.11");
  entry.virtual_port = Be16::FromHost(81);
  EXPECT_EQ(fault_of(entry), "unknown_service");
  for (const char* client : {"192.0.2.2", "10.0.0.1", kVip, "0.0.0.0", "224.0.0.1"}) {
    EXPECT_EQ(fault_of(Entry(client, 1000, "10.0.0.11")), "client") << client;
  }
  entry = Entry(kClient, 1000, "10.0.0.11");
  entry.state = 11;
  EXPECT_EQ(fault_of(entry), "transport");
  entry.protocol = 47;
  entry.state = 0;
  EXPECT_EQ(fault_of(entry), "transport");
  entry = Entry(kClient, 1000, "10.0.0.11");
  entry.virtual_address = Address("2001:db8::1");
  EXPECT_EQ(fault_of(entry), "transport");
  entry = Template(kClient, "10.0.0.11");
  entry.scope = static_cast<uint8_t>(TemplateScope::kOwn);
  EXPECT_EQ(fault_of(entry), "unknown_service");
  entry.scope = static_cast<uint8_t>(TemplateScope::kEngine);
  EXPECT_EQ(fault_of(entry), "no_engine");
  entry.scope = static_cast<uint8_t>(TemplateScope::kServiceGroup);
  entry.service_group = 77;
  EXPECT_EQ(fault_of(entry), "unknown_service");
  EXPECT_EQ(side.Connections(), Lines{});
  EXPECT_EQ(side.Templates(), Lines{});
}

TEST_P(StreamTake, KeepsShiftedSequenceNumbers) {
  Service();
  StreamEntry entry = Entry(kClient, 1000, "10.0.0.11");
  entry.to_real = {1, 2, 3};
  entry.to_client = {4, 5, 6};
  side.Take({entry});
  uint32_t side_records = 0;
  StreamSide::Entries walked;
  for (size_t w = 0; w < side.d.worker_count(); ++w) {
    side_records += side.d.worker(w).shard().side_records().size();
  }
  EXPECT_EQ(side_records, 1u);
  walked = side.Walk(RangeOf(entry));
  ASSERT_EQ(walked.size(), 1u);
  EXPECT_EQ(walked[0].to_real, entry.to_real);
  EXPECT_EQ(walked[0].to_client, entry.to_client);
  ExpectNothingLeft();
}

// A batch names a group of two among many services, and real servers that the group lacks.
TEST(StreamPlace, WalksAllServicesOnceForTheTemplatesOfAGroup) {
  constexpr uint64_t kGroup = 77;
  constexpr size_t kServices = 1000;
  Snapshot snapshot;
  snapshot.generation = 1;
  snapshot.services.resize(kServices);
  for (const size_t i : {size_t{3}, size_t{900}}) {
    ServiceView& service = snapshot.services[i];
    service.id = ServiceId{static_cast<uint32_t>(i)};
    service.persistence.group = {kGroup};
    const auto real = static_cast<uint32_t>(i);
    service.reals_by_address[Address("10.0.0." + std::to_string(i / 10))] = RealId{real};
  }
  GroupMemo memo;
  const auto place_of = [&](const std::string& real) {
    StreamEntry entry = Template(kClient, real);
    entry.scope = static_cast<uint8_t>(TemplateScope::kServiceGroup);
    entry.service_group = kGroup;
    return StreamPlaceOf(snapshot, entry, AsSyncEntry(entry), &memo);
  };
  EXPECT_GT(place_of("10.0.0.50").work, kServices);
  for (const char* real : {"10.0.0.50", "10.0.0.51", "10.0.0.52"}) {
    const SyncPlace place = place_of(real);
    EXPECT_EQ(place.fault, SyncFault::kReal) << real;
    EXPECT_LT(place.work, 10u) << real;
  }
  EXPECT_EQ(place_of("10.0.0.90").real, RealId{900});
  EXPECT_EQ(place_of("10.0.0.0").real, RealId{3});

  // A new snapshot: the group has another service.
  snapshot.generation = 2;
  ServiceView& service = snapshot.services[5];
  service.id = ServiceId{5};
  service.persistence.group = {kGroup};
  service.reals_by_address[Address("10.0.0.50")] = RealId{5};
  EXPECT_EQ(place_of("10.0.0.50").real, RealId{5});
}

TEST(StreamPlace, FindsTheLastServiceOfALargeGroup) {
  Snapshot snapshot;
  snapshot.generation = 1;
  snapshot.services.resize(40);
  for (uint32_t i = 0; i < 40; ++i) {
    snapshot.services[i].id = ServiceId{i};
    snapshot.services[i].persistence.group = {77};
  }
  snapshot.services[39].reals_by_address[Address("10.0.0.11")] = RealId{39};
  StreamEntry entry = Template(kClient, "10.0.0.11");
  entry.scope = static_cast<uint8_t>(TemplateScope::kServiceGroup);
  entry.service_group = 77;
  GroupMemo memo;
  EXPECT_EQ(StreamPlaceOf(snapshot, entry, AsSyncEntry(entry), &memo).real, RealId{39});
  EXPECT_EQ(StreamPlaceOf(snapshot, entry, AsSyncEntry(entry), &memo).real, RealId{39});
}

INSTANTIATE_TEST_SUITE_P(Workers, StreamTake, testing::Values(1, 3));

}  // namespace
}  // namespace fairlead::sync::stream_take_test
