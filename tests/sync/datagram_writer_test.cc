// Datagrams that a kernel sent (wire recordings of IPVS) are written again byte by byte from what
// they say.
#include "sync/ipvs/datagram_writer.h"

#include <gtest/gtest.h>

#include "hex.h"
#include "sync/ipvs/datagram_reader.h"

namespace fairlead::sync::datagram_writer_test {
namespace {

std::string Again(std::string_view hex, int version = 1) {
  const std::vector<uint8_t> payload = FromHex(hex);
  DatagramReader reader(payload, kAnySyncid);
  DatagramWriter writer({.version = version, .syncid = payload[1]});
  SyncEntry entry;
  while (reader.Next(&entry)) writer.Add(entry);
  return ToHex(writer.Take());
}

SyncEntry Connection(uint16_t port) {
  SyncEntry entry;
  entry.protocol = kProtocolTcp;
  entry.state = 1;
  entry.client = Ipv4Address::FromHost(0x0a080001);
  entry.virtual_address = Ipv4Address::FromHost(0x0a640001);
  entry.real = Ipv4Address::FromHost(0x0a01000b);
  entry.client_port = Be16::FromHost(port);
  entry.virtual_port = entry.real_port = Be16::FromHost(80);
  entry.timeout_seconds = 900;
  return entry;
}

// Sizes and counts of the datagrams that hold `count` connections.
std::string Sizes(DatagramFormat format, unsigned count) {
  DatagramWriter writer(format);
  std::string text;
  const auto take = [&] {
    const size_t entries = writer.count();
    text += std::to_string(writer.Take().size()) + "/" + std::to_string(entries) + " ";
  };
  for (unsigned i = 0; i < count; ++i) {
    const SyncEntry entry = Connection(static_cast<uint16_t>(i));
    if (!writer.Fits(entry)) take();
    writer.Add(entry);
  }
  take();
  return text;
}

TEST(DatagramWriter, WritesWhatAKernelWrote) {
  for (const std::string_view hex :
       {// s1b: a connection's life
        "00070074030100000006002400000000000107d00050005000000000000003840a0800010a6400010a01000b00"
        "06002400000100000707d000500050000000000000003c0a0800010a6400010a01000b0006002400000100000"
        "507d00050005000000000000000780a0800010a6400010a01000b",
        // s1h: a mark's template and its connection
        "000700500201000000000024000011830001000000000000000000050000003c0a080001000000050a01000c00"
        "06002400000083000107d10050005000000005000003840a0800010a6400010a01000c",
        // one that is written by hand: IPv6
        "00070050010100000106004800000000000107d000500050000000000000038"
        "4fd090000000000000000000000000008fd640000000000000000000000000001fd01000000000000000000000"
        "0000011"}) {
    EXPECT_EQ(Again(hex), hex);
  }
}

TEST(DatagramWriter, WritesWhatAKernelWroteInVersion0) {
  const std::string_view hex = "0101001c0006c89c00500050c6336407c000020a0a00000b00830001";
  EXPECT_EQ(Again(hex, 0), hex);
  const std::string_view shifted =
      "0207004c00064ec0005000500a0800010a6400010a01000b0000000100064ec1005000500a0800010a6400010a01"
      "000b06000001000003e80000000500000000000013880000000700000000";
  EXPECT_EQ(Again(shifted, 0), shifted);
}

TEST(DatagramWriter, PadsBetweenEntriesAndNotBehindTheLast) {
  SyncEntry entry = Connection(1);
  entry.engine_name = kEngineSip;
  entry.engine_data = "a@b.c";  // 7 + 5 bytes of options: 48 in all
  DatagramWriter writer({.syncid = 7});
  writer.Add(entry);
  entry.engine_data = "ab@b.c";
  writer.Add(entry);
  writer.Add(entry);
  const std::span<const uint8_t> datagram = writer.Take();
  EXPECT_EQ(datagram.size(), 8u + 48 + 52 + 49);
  const std::string hex = ToHex(datagram);
  EXPECT_EQ(hex.substr(0, 16), "0007009d03010000");
  EXPECT_EQ(hex.substr(2 * (8 + 36), 24),
            "0205614062"
            "2e63"
            "0303736970");
  EXPECT_EQ(hex.substr(2 * (8 + 48 + 49), 6), "000000");
  EXPECT_EQ(hex.substr(2 * (8 + 48 + 52), 8), "00060031");
}

// s1j of the recordings: 100 connections with maxlen 1472, then 20 with 200, 6 with 80 and 2 with
// 40 and with 1.
TEST(DatagramWriter, FillsDatagramsAsAKernelDoes) {
  EXPECT_EQ(Sizes({.most_bytes = 1472}, 100), "1448/40 1448/40 728/20 ");
  EXPECT_EQ(Sizes({.most_bytes = 200}, 20), "188/5 188/5 188/5 188/5 ");
  EXPECT_EQ(Sizes({.most_bytes = 80}, 6), "80/2 80/2 80/2 ");
  EXPECT_EQ(Sizes({.most_bytes = 79}, 2), "44/1 44/1 ");
  EXPECT_EQ(Sizes({.most_bytes = 40}, 2), "44/1 44/1 ");
  EXPECT_EQ(Sizes({.most_bytes = 1}, 2), "44/1 44/1 ");
  EXPECT_EQ(Sizes({.most_bytes = 65507}, 300), "9188/255 1628/45 ");
  EXPECT_EQ(Sizes({.version = 0, .most_bytes = 1472}, 62), "1468/61 28/1 ");
}

TEST(DatagramWriter, KnowsWhatVersion0CannotSay) {
  SyncEntry entry = Connection(1);
  const DatagramWriter version0({.version = 0});
  EXPECT_TRUE(version0.CanSay(entry));
  entry.client = entry.virtual_address = entry.real = Ipv6Address{};
  EXPECT_FALSE(version0.CanSay(entry));
  EXPECT_TRUE(DatagramWriter({.version = 1}).CanSay(entry));
  const std::string text(256, 'x');
  entry.engine_name = kEngineSip;
  entry.engine_data = text;
  EXPECT_FALSE(DatagramWriter({.version = 1}).CanSay(entry));
}

TEST(DatagramWriter, BeginsAnewAfterEachDatagram) {
  DatagramWriter writer({.syncid = 9});
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(writer.is_empty());
    writer.Add(Connection(2100));
    EXPECT_FALSE(writer.is_empty());
    EXPECT_EQ(ToHex(writer.Take()),
              "0009002c010100000006002400000000000108340050005000000000000003840a0800010a6400010a01"
              "000b");
  }
}

}  // namespace
}  // namespace fairlead::sync::datagram_writer_test
