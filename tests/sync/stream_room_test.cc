// A peer with larger tables leaves room for clients that come here.
#include <gtest/gtest.h>

#include <memory>

#include "stream_bed.h"

namespace fairlead::sync::stream_room_test {
namespace {

using namespace fairlead::dataplane;
using control::StreamTaken;

constexpr const char* kVip = "192.0.2.10";
constexpr int kBulk = 400;
constexpr uint64_t kRecords = 64;  // of a worker's table, and an eighth more with several

StreamEntry Entry(int i, const std::string& real = "10.0.0.11") {
  StreamEntry entry;
  entry.protocol = kProtocolTcp;
  entry.state = static_cast<uint8_t>(TcpState::kEstablished);
  entry.client =
      *IpAddress::Parse("198.18." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1));
  entry.virtual_address = *IpAddress::Parse(kVip);
  entry.real = *IpAddress::Parse(real);
  entry.client_port = Be16::FromHost(1000);
  entry.virtual_port = entry.real_port = Be16::FromHost(80);
  entry.timeout_ms = entry.left_ms = 900'000;
  entry.creator = CreatorNumber("b");
  return entry;
}
StreamEntry Template(int i) {
  StreamEntry entry = Entry(i);
  entry.kind = StreamKind::kTemplate;
  entry.state = 0;
  entry.client_port = Be16{};
  entry.client_bits = 32;
  entry.created_ms = 1000;
  return entry;
}
StreamEntry Shifted(StreamEntry entry) {
  entry.to_real = {1, 2, 3};
  return entry;
}

class StreamRoom : public testing::TestWithParam<size_t> {
 protected:
  void Make(DirectorSpec spec, const ServiceSpec& service = {}) {
    spec.workers = GetParam();
    side = std::make_unique<StreamSide>(spec);
    Service(service);
    Service({.port = 443}, ForwardMethod::kFullnat);
    side->Tell();
  }
  void Service(const ServiceSpec& spec, ForwardMethod method = ForwardMethod::kNat) {
    const ServiceId id = side->d.AddService(spec);
    for (const char* real : {"10.0.0.11", "10.0.0.12"}) {
      side->d.AddReal(id, real, spec.port, {.method = method});
    }
    side->d.Publish();
  }
  // Takes in 400 that `entry_of(i)` says.
  template <typename EntryOf>
  StreamTaken Bulk(EntryOf entry_of) {
    StreamSide::Entries entries;
    for (int i = 0; i < kBulk; ++i) entries.push_back(entry_of(i));
    return side->Take(std::move(entries));
  }
  static uint64_t Refused(const StreamTaken& taken) {
    return taken.faults[static_cast<size_t>(SyncFault::kTableFull)];
  }
  // Of eight new clients, those whose SYN reaches a real server. No worker's reserve is smaller.
  int Served(uint16_t port = 80) {
    int served = 0;
    for (int i = 0; i < 8; ++i) {
      const std::string client = "198.51.100." + std::to_string(i + 1);
      served += side->d.Send(kOutside, Tcp(client, 2000, kVip, port, kTcpSyn)).size() == 1 ? 1 : 0;
    }
    return served;
  }

  std::unique_ptr<StreamSide> side;
};

INSTANTIATE_TEST_SUITE_P(Workers, StreamRoom, testing::Values(1, 3));

TEST_P(StreamRoom, ConnectionsOfAPeerLeaveAnEighth) {
  Make({.connections = kRecords * GetParam()});
  const StreamTaken taken = Bulk([](int i) { return Entry(i); });
  uint64_t here = 0;
  for (Shard* shard : side->d.shards()) {
    const auto& table = shard->Connections<Ipv4Address>();
    EXPECT_EQ(table.size(), table.capacity() - table.capacity() / 8);
    here += table.size();
  }
  EXPECT_EQ(taken.connections, here);
  EXPECT_EQ(Refused(taken), kBulk - here);
  EXPECT_EQ(Served(), 8);
  EXPECT_EQ(side->d.dropped(DropReason::kConnectionTableFull), 0u);
}

// Nothing of a bulk that has room is left out.
TEST_P(StreamRoom, SevenEighthsAreTakenWhole) {
  if (GetParam() > 1) return;  // clients spread by hash
  Make({.connections = kRecords});
  StreamSide::Entries bulk;
  for (int i = 0; i < 56; ++i) bulk.push_back(Entry(i));
  StreamTaken taken = side->Take(bulk);
  EXPECT_EQ(taken.connections, 56u);
  EXPECT_EQ(Refused(taken), 0u);
  taken = side->Take({Entry(56)});
  EXPECT_EQ(Refused(taken), 1u);
}

TEST_P(StreamRoom, TemplatesOfAPeerLeaveAnEighth) {
  Make({.templates = kRecords * GetParam()}, {.persistence_seconds = 300});
  const StreamTaken taken = Bulk([](int i) { return Template(i); });
  uint64_t here = 0;
  for (Shard* shard : side->d.shards()) {
    const TemplateTable& table = shard->templates();
    EXPECT_EQ(table.size(), table.capacity() - table.capacity() / 8);
    here += table.size();
  }
  EXPECT_EQ(taken.templates, here);
  EXPECT_EQ(Refused(taken), kBulk - here);
  EXPECT_EQ(Served(), 8);
  EXPECT_EQ(side->d.dropped(DropReason::kTemplateTableFull), 0u);
}

TEST_P(StreamRoom, SideRecordsOfAPeerLeaveAnEighth) {
  Make({.side_records = kRecords * GetParam()});
  const StreamTaken taken = Bulk([](int i) { return Shifted(Entry(i)); });
  uint64_t here = 0;
  for (Shard* shard : side->d.shards()) {
    const SideTable& table = shard->side_records();
    EXPECT_EQ(table.size(), table.capacity() - table.capacity() / 8);
    here += table.size();
  }
  EXPECT_EQ(taken.connections, here);
  EXPECT_EQ(Refused(taken), kBulk - here);
  EXPECT_EQ(Served(443), 8);  // each has a side record
  EXPECT_EQ(side->d.dropped(DropReason::kSideTableFull), 0u);
}

// A copy gives way to an entry of another real server, but not for nothing.
TEST_P(StreamRoom, ACopyStaysUntilItsSuccessorHasRoom) {
  Make({.side_records = kRecords * GetParam()});
  const StreamEntry copy = Entry(kBulk), later = Shifted(Entry(kBulk, "10.0.0.12"));
  side->Take({copy});
  Bulk([](int i) { return Shifted(Entry(i)); });
  EXPECT_EQ(Refused(side->Take({later})), 1u);
  const auto real_of_copy = [&] {
    for (const ConnectionRow& row : side->ConnectionRows()) {
      if (row.client.address == copy.client) return row.real_endpoint.ToString();
    }
    return std::string("none");
  };
  EXPECT_EQ(real_of_copy(), "10.0.0.11:80");
  StreamEntry plain = later;
  plain.to_real = {};
  EXPECT_EQ(Refused(side->Take({plain})), 0u);
  EXPECT_EQ(real_of_copy(), "10.0.0.12:80");
}

}  // namespace
}  // namespace fairlead::sync::stream_room_test
