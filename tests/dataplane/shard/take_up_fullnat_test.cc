// Connections whose client is translated are taken up (docs/fullnat.md): their local endpoints are
// found again and not given out twice, and a record without one is dropped by name.
#include <gtest/gtest.h>

#include "dataplane/decide/local_endpoint.h"
#include "take_up_bed.h"

namespace fairlead::dataplane::take_up_fullnat_test {
namespace {

const Ipv4Address kLocal = Ipv4Address::FromHost(0x0a0000c9);

Connection4 Draft(uint32_t n) {
  Connection4 draft = MakeDraft<Ipv4Address>(n);
  draft.method = ForwardMethod::kFullnat;
  draft.real_id = RealId{n % TakeUpBed::kReals};
  draft.state = static_cast<uint8_t>(TcpState::kEstablished);
  return draft;
}
LocalPool Pool(uint16_t first, uint16_t last) {
  return {.addresses = {kLocal}, .first_port = first, .last_port = last};
}
uint32_t Insert(TakeUpBed& bed, uint32_t n) {
  const Connection4 draft = Draft(n);
  auto& table = bed.Owner(draft).Connections<Ipv4Address>();
  return table.Insert(draft, table.Hash(KeyOfDraft(draft, Direction::kForward)), bed.now).slot;
}
// The port that connection `n` gets; 0: none.
uint16_t Connect(TakeUpBed& bed, uint32_t n, const LocalPool& pool) {
  const uint32_t slot = Insert(bed, n);
  Shard& owner = bed.Owner(Draft(n));
  owner.now = bed.now;
  TakeLocalEndpoint<Ipv4Address>(owner, slot, pool);
  return owner.Connections<Ipv4Address>().LocalEndpointOf(slot).port.host();
}
// A reply of its real to this port finds the connection at the port's owner.
bool IsFound(TakeUpBed& bed, uint32_t n, uint16_t port) {
  const Connection4 draft = Draft(n);
  const Be16 local_port = Be16::FromHost(port);
  const WorkerId owner = bed.fabric().steering.ConnectionOwner(kLocal, local_port);
  auto& table = bed.shard(owner.index()).Connections<Ipv4Address>();
  const auto key =
      FlowKey4::Reply(draft.protocol, kLocal, local_port, draft.real_address, draft.real_port);
  const FindOutcome found = table.Find(key, table.Hash(key), bed.now);
  return found.hit() && table.at(found.slot).client_address == draft.client_address &&
         table.at(found.slot).client_port == draft.client_port;
}

TEST(TakeUpFullnat, ALocalEndpointIsFoundAgainAndStaysTaken) {
  TakeUpBed bed(1);
  const uint16_t first = Connect(bed, 5, Pool(40'000, 40'001));
  ASSERT_NE(first, 0);
  EXPECT_EQ(Losses(bed.Restart()), "");
  EXPECT_TRUE(IsFound(bed, 5, first));
  // Flow 15 goes to the same real server: one port is left, then none.
  const uint16_t second = Connect(bed, 15, Pool(40'000, 40'001));
  EXPECT_EQ(second, first == 40'000 ? 40'001 : 40'000);
  EXPECT_EQ(Connect(bed, 25, Pool(40'000, 40'001)), 0);
  EXPECT_NE(Connect(bed, 6, Pool(40'000, 40'001)), 0) << "another real server";
}

// A crash between the record and its endpoint.
TEST(TakeUpFullnat, WithoutALocalEndpointItIsDropped) {
  TakeUpBed bed(1);
  Insert(bed, 1);
  const uint32_t slot = Insert(bed, 2);
  bed.shard().Connections<Ipv4Address>().AttachSide(slot, SideKind::kFlow);
  ASSERT_NE(Connect(bed, 3, Pool(40'000, 40'009)), 0);
  const TakeUpReport report = bed.Restart();
  EXPECT_EQ(report.of(TakeUpCause::kLocalEndpoint), 2u);
  EXPECT_EQ(report.connections, 1u);
  EXPECT_EQ(report.side_records, 1u);
}

TEST(TakeUpFullnat, OneWorkerTakesThemAll) {
  TakeUpBed bed(3);
  std::vector<uint16_t> ports;
  for (uint32_t n = 0; n < 60; ++n) {
    ports.push_back(Connect(bed, n, Pool(40'000, 40'999)));
    ASSERT_NE(ports.back(), 0);
  }
  EXPECT_EQ(Losses(bed.Reshard(1, {.connections = 256, .templates = 16, .side_records = 128})), "");
  for (uint32_t n = 0; n < 60; ++n) EXPECT_TRUE(IsFound(bed, n, ports[n])) << n;
}

// Its ports were given out by a function of the number of workers.
TEST(TakeUpFullnat, OtherWorkersTakeThoseWhosePortIsTheirs) {
  TakeUpBed bed(1);
  std::vector<uint16_t> ports;
  for (uint32_t n = 0; n < 60; ++n) ports.push_back(Connect(bed, n, Pool(40'000, 40'999)));
  const TakeUpReport report =
      bed.Reshard(2, {.connections = 256, .templates = 16, .side_records = 128});
  uint64_t expected = 0;
  for (uint32_t n = 0; n < 60; ++n) {
    const Steering& steering = bed.fabric().steering;
    const bool is_theirs =
        steering.ConnectionOwner(kLocal, Be16::FromHost(ports[n])) == bed.Owner(Draft(n)).me;
    expected += is_theirs ? 1 : 0;
    EXPECT_EQ(IsFound(bed, n, ports[n]), is_theirs) << n;
  }
  EXPECT_GT(expected, 10u);
  EXPECT_LT(expected, 50u);
  EXPECT_EQ(report.connections, expected);
  EXPECT_EQ(report.side_records, expected);
  EXPECT_EQ(report.of(TakeUpCause::kOwner), 60 - expected);
}

// A real server of the other IP version: what stands for its address is in the record, and the
// local endpoint is whole in the side record.
TEST(TakeUpFullnat, ALocalEndpointOfTheOtherVersionIsFoundAgain) {
  const IpAddress real = *IpAddress::Parse("fd00::11");
  const LocalPool pool{.addresses = {*IpAddress::Parse("fd00::201")}};
  for (const bool has_long_way : {true, false}) {
    Connection4 draft = Draft(5);
    draft.real_address = ImageOf<Ipv4Address>(real);
    Snapshot snapshot;
    snapshot.reals.resize(TakeUpBed::kReals);
    snapshot.reals[draft.real_id.index()].address = real;
    TakeUpBed bed(1);
    bed.shard().snapshot = &snapshot;
    auto& table = bed.shard().Connections<Ipv4Address>();
    const uint32_t slot =
        table.Insert(draft, table.Hash(KeyOfDraft(draft, Direction::kForward)), bed.now).slot;
    bed.shard().now = bed.now;
    ASSERT_EQ(TakeLocalEndpoint<Ipv4Address>(bed.shard(), slot, pool), DropReason::kCount);
    const LocalEndpoint local = table.LocalEndpointOf(slot);
    EXPECT_EQ(local.address, pool.addresses[0]);
    EXPECT_EQ(table.mixed_entries(), 1u);
    EXPECT_TRUE(table.at(slot).Has(ConnectionFlag::kLongWay));
    if (!has_long_way) table.at(slot).Clear(ConnectionFlag::kLongWay);
    const TakeUpReport report = bed.Restart();
    EXPECT_EQ(report.of(TakeUpCause::kLocalEndpoint), has_long_way ? 0u : 1u);
    const auto& taken = bed.shard().Connections<Ipv4Address>();
    EXPECT_EQ(taken.mixed_entries(), has_long_way ? 1u : 0u);
    const auto key = FlowKey4::Reply(draft.protocol, ImageOf<Ipv4Address>(local.address),
                                     local.port, ImageOf<Ipv4Address>(real), draft.real_port);
    const FindOutcome found = taken.Find(key, taken.Hash(key), bed.now);
    ASSERT_EQ(found.hit(), has_long_way);
    if (!found.hit()) continue;
    EXPECT_EQ(taken.LocalEndpointOf(found.slot), local);
  }
}

}  // namespace
}  // namespace fairlead::dataplane::take_up_fullnat_test
