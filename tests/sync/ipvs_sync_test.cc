// The sockets of sync.ipvs, on the loopback interface: what is heard, whose turn it is, and what is
// counted when nothing can be sent.
#include "control/sync/ipvs_sync.h"

#include <gtest/gtest.h>

#include "byte_director.h"
#include "sync/ipvs/refusal.h"

namespace fairlead::sync::ipvs_sync_test {
namespace {

using namespace std::chrono_literals;
using control::IpvsSync;
using control::IpvsSyncConfig;
using control::MulticastSocket;
using control::SyncRole;
using control::TimePoint;

const TimePoint kStart{1h};

class IpvsSyncTest : public testing::Test {
 protected:
  IpvsSyncTest() : d({.workers = 2}) {
    config.interface = "lo";
    config.group = *IpAddress::Parse("224.0.0.81");
    config.udp_port = 28848;
    config.syncid = 7;
  }

  [[nodiscard]] Endpoint Port(size_t number) const {
    return {config.group, Be16::FromHost(static_cast<uint16_t>(config.udp_port + number))};
  }
  // From another director. Fewer bytes than a header has are refused as short, these by their size.
  void Tell(size_t port, size_t count, size_t bytes) {
    auto socket = MulticastSocket::Connect(Port(port), "lo", 1);
    ASSERT_TRUE(socket) << socket.error().message;
    const std::vector<uint8_t> zeros(bytes);
    for (size_t i = 0; i < count; ++i) ASSERT_TRUE(socket->Send(zeros));
  }
  void News(uint16_t client_port) {
    dataplane::SyncNews news;
    news.client = *IpAddress::Parse("198.51.100.7");
    news.virtual_address = *IpAddress::Parse("192.0.2.10");
    news.real = *IpAddress::Parse("10.0.0.11");
    news.protocol = kProtocolTcp;
    news.state = 1;
    news.client_port = Be16::FromHost(client_port);
    ASSERT_TRUE(d.fabric().sync_news[0]->Push(news));
  }
  [[nodiscard]] control::IntakeCounts received() const { return sync.info()->received; }
  [[nodiscard]] control::OutgoingCounts sent() const { return sync.info()->sent; }

  dataplane::ByteDirector d;
  unsigned index = 1;
  IpvsSyncConfig config;
  IpvsSync sync{d.fabric(), [](size_t, dataplane::Command*) {},
                [this](const std::string&) { return index; }};
};

TEST_F(IpvsSyncTest, TheFirstPortDoesNotStarveTheSecond) {
  config.ports = 2;
  sync.Turn(kStart, config);
  ASSERT_TRUE(sync.info()->is_open) << sync.info()->problem;
  Tell(0, 150, 3);
  Tell(1, 1, 20);
  sync.Turn(kStart, config);
  sync.Turn(kStart, config);
  EXPECT_EQ(received().datagrams, 128u);
  EXPECT_EQ(received().refused[static_cast<size_t>(SyncRefusal::kSize)], 1u);
  sync.Turn(kStart, config);
  EXPECT_EQ(received().datagrams, 151u);
}

TEST_F(IpvsSyncTest, AnInterfaceThatIsMadeAnewGetsNewSockets) {
  sync.Turn(kStart, config);
  Tell(0, 1, 3);
  sync.Turn(kStart + 1s, config);  // the same one still
  EXPECT_EQ(received().datagrams, 1u);
  Tell(0, 1, 3);
  index = 2;
  sync.Turn(kStart + 2s, config);  // what the old socket had is gone with it
  EXPECT_TRUE(sync.info()->is_open);
  EXPECT_EQ(received().datagrams, 1u);
  Tell(0, 1, 3);
  sync.Turn(kStart + 2s, config);
  EXPECT_EQ(received().datagrams, 2u);
}

TEST_F(IpvsSyncTest, WhatWaitsIsSentBeforeTheSocketsClose) {
  config.role = SyncRole::kMaster;
  auto peer = MulticastSocket::Listen(Port(0), "lo");
  ASSERT_TRUE(peer) << peer.error().message;
  std::vector<uint8_t> buffer(2000);
  sync.Turn(kStart, config);
  ASSERT_TRUE(sync.info()->is_open) << sync.info()->problem;
  News(1);
  sync.Turn(kStart, config);
  EXPECT_FALSE(peer->Receive(buffer));
  News(2);
  IpvsSyncConfig other = config;
  other.syncid = 8;
  sync.Turn(kStart, other);
  const auto datagram = peer->Receive(buffer);
  ASSERT_TRUE(datagram);
  EXPECT_EQ(buffer[1], 7);  // as the old configuration says
  EXPECT_EQ(buffer[4], 2);  // entries
  EXPECT_EQ(sent().entries, 2u);
  EXPECT_EQ(sent().unsent, 0u);
}

TEST_F(IpvsSyncTest, WhatNoSocketTakesIsCounted) {
  config.role = SyncRole::kMaster;
  config.interface = "fl-none";
  sync.Turn(kStart, config);
  News(1);
  News(2);
  sync.Turn(kStart, config);
  EXPECT_FALSE(sync.info()->is_open);
  EXPECT_EQ(sent().unsent, 2u);
  EXPECT_EQ(sent().entries, 0u);
}

}  // namespace
}  // namespace fairlead::sync::ipvs_sync_test
