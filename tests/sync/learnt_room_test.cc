// A flood of the kernel's sync protocol leaves room for clients that come here.
#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "byte_director.h"
#include "control/sync/intake.h"
#include "dataplane/tables/tcp_state.h"
#include "dataplane/worker/commands.h"
#include "sync/ipvs/datagram_writer.h"

namespace fairlead::sync::learnt_room_test {
namespace {

using namespace fairlead::dataplane;

constexpr const char* kVip = "192.0.2.10";
constexpr int kFlood = 400;
constexpr uint64_t kRecords = 64;  // of a worker's table, and an eighth more with several

// Who the flood speaks of. None is a client of ours.
std::string Stranger(int i) {
  return "198.18." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1);
}

SyncEntry Entry(int i, uint16_t port = 80, const std::string& real = "10.0.0.11") {
  SyncEntry entry;
  entry.protocol = kProtocolTcp;
  entry.state = static_cast<uint16_t>(TcpState::kEstablished);
  entry.client = *IpAddress::Parse(Stranger(i));
  entry.virtual_address = *IpAddress::Parse(kVip);
  entry.real = *IpAddress::Parse(real);
  entry.client_port = Be16::FromHost(1000);
  entry.virtual_port = entry.real_port = Be16::FromHost(port);
  entry.timeout_seconds = 0xffff'ffff;
  return entry;
}
SyncEntry Template(int i, uint16_t port = 80) {
  SyncEntry entry = Entry(i, port);
  entry.Set(SyncFlag::kTemplate);
  entry.state = 1;
  entry.client_port = Be16{};
  return entry;
}

class LearntRoom : public testing::TestWithParam<size_t> {
 protected:
  void Make(DirectorSpec spec) {
    spec.workers = GetParam();
    d = std::make_unique<ByteDirector>(spec);
  }
  ServiceId Service(const ServiceSpec& spec, ForwardMethod method = ForwardMethod::kNat) {
    const ServiceId id = d->AddService(spec);
    for (const char* real : {"10.0.0.11", "10.0.0.12"}) {
      d->AddReal(id, real, spec.port, {.method = method});
    }
    d->Publish();
    return id;
  }

  void Take(const std::vector<SyncEntry>& entries) {
    std::deque<std::pair<size_t, Command*>> out;
    control::Intake intake(GetParam(), [&](size_t w, Command* c) { out.emplace_back(w, c); });
    DatagramWriter writer({});
    const auto give = [&] {
      intake.Add(writer.Take());
      intake.Turn();
      while (!out.empty()) {
        const auto [worker, command] = out.front();
        out.pop_front();
        d->RunCommand(worker, command);
        intake.TakeBack(worker);
      }
    };
    for (const SyncEntry& entry : entries) {
      if (!writer.Fits(entry)) give();
      writer.Add(entry);
    }
    give();
    d->Settle();
    counts = intake.counts();
  }
  [[nodiscard]] uint64_t Refused() const {
    return counts.faults[static_cast<size_t>(SyncFault::kTableFull)];
  }
  // Of eight new clients, those whose SYN reaches a real server. No worker's reserve is smaller.
  int Served(uint16_t port = 80) {
    int served = 0;
    for (int i = 0; i < 8; ++i) {
      const std::string client = "198.51.100." + std::to_string(i + 1);
      served += d->Send(kOutside, Tcp(client, 2000, kVip, port, kTcpSyn)).size() == 1 ? 1 : 0;
    }
    return served;
  }

  std::unique_ptr<ByteDirector> d;
  control::IntakeCounts counts;
};

INSTANTIATE_TEST_SUITE_P(Workers, LearntRoom, testing::Values(1, 3));

TEST_P(LearntRoom, ConnectionsOfAFloodLeaveAnEighth) {
  Make({.connections = kRecords * GetParam()});
  Service({});
  std::vector<SyncEntry> flood;
  for (int i = 0; i < kFlood; ++i) flood.push_back(Entry(i));
  Take(flood);
  uint64_t taken = 0;
  for (Shard* shard : d->shards()) {
    const auto& table = shard->Connections<Ipv4Address>();
    EXPECT_EQ(table.size(), table.capacity() - table.capacity() / 8);
    taken += table.size();
  }
  EXPECT_EQ(counts.connections, taken);
  EXPECT_EQ(Refused(), kFlood - taken);
  EXPECT_EQ(Served(), 8);
  EXPECT_EQ(d->dropped(DropReason::kConnectionTableFull), 0u);
}

// Nothing of a bulk that has room is left out.
TEST_P(LearntRoom, SevenEighthsAreTakenWhole) {
  if (GetParam() > 1) return;  // clients spread by hash
  Make({.connections = kRecords});
  Service({});
  std::vector<SyncEntry> bulk;
  for (int i = 0; i < 56; ++i) bulk.push_back(Entry(i));
  Take(bulk);
  EXPECT_EQ(counts.connections, 56u);
  EXPECT_EQ(Refused(), 0u);
  Take({Entry(56)});
  EXPECT_EQ(Refused(), 1u);
}

// What is here already follows, and is replaced: that takes no room.
TEST_P(LearntRoom, AFullTableFollowsWhatItHas) {
  Make({.connections = kRecords * GetParam()});
  Service({});
  std::vector<SyncEntry> flood;
  for (int i = 0; i < kFlood; ++i) flood.push_back(Entry(i));
  Take(flood);
  for (int i = 0; i < 200; ++i) {  // of our own, until every table is full
    const std::string client = "198.51.100." + std::to_string(i + 1);
    d->Send(kOutside, Tcp(client, 2000, kVip, 80, kTcpSyn));
  }
  for (Shard* shard : d->shards()) {
    const auto& table = shard->Connections<Ipv4Address>();
    ASSERT_EQ(table.size(), table.capacity());
  }
  Take({Entry(0), Entry(1, 80, "10.0.0.12")});
  EXPECT_EQ(counts.connections, 2u);
  EXPECT_EQ(Refused(), 0u);
}

TEST_P(LearntRoom, TemplatesOfAFloodLeaveAnEighth) {
  Make({.templates = kRecords * GetParam()});
  Service({.persistence_seconds = 300});
  std::vector<SyncEntry> flood;
  for (int i = 0; i < kFlood; ++i) flood.push_back(Template(i));
  Take(flood);
  uint64_t taken = 0;
  for (Shard* shard : d->shards()) {
    const TemplateTable& table = shard->templates();
    EXPECT_EQ(table.size(), table.capacity() - table.capacity() / 8);
    taken += table.size();
  }
  EXPECT_EQ(counts.templates, taken);
  EXPECT_EQ(Refused(), kFlood - taken);
  EXPECT_EQ(Served(), 8);
  EXPECT_EQ(d->dropped(DropReason::kTemplateTableFull), 0u);
}

// The Call-IDs of a flood leave side records to connections that cannot be without one. A template
// works without its Call-ID.
TEST_P(LearntRoom, TextsOfAFloodLeaveAnEighth) {
  Make({.side_records = kRecords * GetParam()});
  const ServiceId sip =
      Service({.port = 5060, .protocol = kProtocolUdp, .persistence_seconds = 300});
  d->service(sip).persistence.engine = PersistenceEngine::kSip;
  Service({.port = 443}, ForwardMethod::kFullnat);
  std::vector<std::string> calls(kFlood);
  std::vector<SyncEntry> flood;
  for (int i = 0; i < kFlood; ++i) {
    calls[static_cast<size_t>(i)] = std::string(60, 'c') + std::to_string(i);  // two pieces
    SyncEntry entry = Template(i, 5060);
    entry.protocol = kProtocolUdp;
    entry.engine_name = "sip";
    entry.engine_data = calls[static_cast<size_t>(i)];
    flood.push_back(entry);
  }
  Take(flood);
  EXPECT_EQ(counts.templates, static_cast<uint64_t>(kFlood));
  EXPECT_EQ(Refused(), 0u);
  for (Shard* shard : d->shards()) {
    const SideTable& table = shard->side_records();
    EXPECT_GE(table.size(), table.capacity() / 2);
    EXPECT_LE(table.size(), table.capacity() - table.capacity() / 8);
  }
  EXPECT_EQ(Served(443), 8);
  EXPECT_EQ(d->dropped(DropReason::kSideTableFull), 0u);
}

}  // namespace
}  // namespace fairlead::sync::learnt_room_test
