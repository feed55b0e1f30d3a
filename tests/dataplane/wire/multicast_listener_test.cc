#include "dataplane/wire/multicast_listener.h"

#include <gtest/gtest.h>

#include <optional>

#include "frames.h"

namespace fairlead::dataplane::test::multicast_listener_test {
namespace {

const IpAddress kQuerier = Address("fe80::1");
const IpAddress kAllNodes = Address("ff02::1");
const char* const kNoGroup = "00000000000000000000000000000000";
const char* const kGroup = "ff0200000000000000000001ff000010";
const char* const kRouterAlert = "3a00050200000100";

// `tail`: what follows the group; `code` of the longest delay.
Bytes Query(const std::string& group, uint32_t code, const std::string& tail,
            const std::string& extensions = kRouterAlert, uint8_t hop_limit = 1,
            const IpAddress& source = kQuerier) {
  const Bytes whole = Icmp(source, kAllNodes, 130, 0, code << 16, Hex(group + tail));
  const Bytes message(whole.begin() + 14 + 40, whole.end());
  return Ip(source, kAllNodes, {.protocol = 58, .ttl = hop_limit, .extensions = Hex(extensions)},
            message);
}

// Nothing: it is to be ignored.
std::optional<MulticastQuery> Read(const Bytes& frame) {
  ParsedPacket parsed;
  EXPECT_EQ(ParseFrame(frame.data(), static_cast<uint32_t>(frame.size()), false, &parsed).kind,
            PacketKind::kIcmp);
  EXPECT_TRUE(IsMulticastQuery(parsed));
  MulticastQuery query;
  if (!ParseMulticastQuery(frame.data(), parsed, &query)) return std::nullopt;
  return query;
}

TEST(MulticastListener, ReadsQueriesOfBothVersions) {
  const auto first = Read(Query(kNoGroup, 10000, ""));
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->is_version_1);
  EXPECT_TRUE(first->group.is_unspecified());
  EXPECT_EQ(first->delay_ms, 10000u);
  const auto second = Read(Query(kGroup, 1000, "027d0000"));
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->is_version_1);
  EXPECT_EQ(IpAddress(second->group), Address("ff02::1:ff00:10"));
  EXPECT_EQ(second->delay_ms, 1000u);
  // With sources: to us the same question, since we listen to all.
  EXPECT_TRUE(Read(Query(kGroup, 1000, std::string("027d0001") + kNoGroup)));
}

TEST(MulticastListener, LongDelaysAreFloatingPoint) {
  EXPECT_EQ(Read(Query(kNoGroup, 0x7fff, "027d0000"))->delay_ms, 32767u);
  EXPECT_EQ(Read(Query(kNoGroup, 0x8000, "027d0000"))->delay_ms, 32768u);
  EXPECT_EQ(Read(Query(kNoGroup, 0xffff, "027d0000"))->delay_ms, 8387584u);
}

TEST(MulticastListener, IgnoresWhatARouterWouldNotSend) {
  EXPECT_FALSE(Read(Query(kNoGroup, 1000, "", kRouterAlert, 2)));  // from further away
  EXPECT_FALSE(Read(Query(kNoGroup, 1000, "", kRouterAlert, 1, Address("2001:db8::1"))));
  EXPECT_FALSE(Read(Query("20010db8000000000000000000000010", 1000, "")));  // no group
  EXPECT_FALSE(Read(Query(kNoGroup, 1000, "0000")));                        // neither version
  EXPECT_FALSE(Read(Query(kNoGroup, 1000, "027d0001")));              // a source that is not there
  EXPECT_FALSE(Read(Query(kNoGroup, 1000, "", "3a00010400000000")));  // padding, no Router Alert
  EXPECT_FALSE(Read(Query(kNoGroup, 1000, "", "3a00010600000000")));  // an option that overruns
  EXPECT_FALSE(Read(Query(kNoGroup, 1000, "", "3a00000000000005")));  // one cut off
  Bytes short_one = Icmp(kQuerier, kAllNodes, 130, 0, 0, Hex("0000"), 1);
  EXPECT_FALSE(Read(short_one));
  Bytes broken = Query(kNoGroup, 1000, "");
  broken.back() ^= 1;
  EXPECT_FALSE(Read(broken));
}

TEST(MulticastListener, AVersion2ReportNamesManyGroups) {
  BytePacket packet;
  ASSERT_TRUE(packet.Resize(BytePacket::kRoom / 2));
  const ListenerRecord records[] = {{ListenerChange::kJoined, Address("ff02::1:ff00:10").v6()},
                                    {ListenerChange::kListening, Address("ff02::1:ff00:11").v6()},
                                    {ListenerChange::kLeft, Address("ff02::1:ff00:12").v6()}};
  const Ipv6Address source = LinkLocalAddress(kOurMac);
  EXPECT_EQ(IpAddress(source), Address("fe80::ff:fe00:d"));
  const uint32_t length = BuildListenerReport(packet.data(), kOurMac, source, records);
  ASSERT_EQ(length, kListenerReportOverhead + 3 * kListenerRecordLength);
  ASSERT_TRUE(packet.Resize(length));
  EXPECT_EQ(ChecksumProblem(packet.frame()), "");
  EXPECT_EQ(ToHex(packet.frame().first(14)), "33330000001602000000000d86dd");
  // Hop limit 1, from the link-local address to ff02::16, Router Alert.
  EXPECT_EQ(ToHex(packet.frame().subspan(14, 48)),
            "60000000004c0001fe80000000000000000000fffe00000d"
            "ff0200000000000000000000000000163a00050200000100");
  EXPECT_EQ(ToHex(packet.frame().subspan(62, 2)), "8f00");
  EXPECT_EQ(ToHex(packet.frame().subspan(66)),
            "0000000304000000ff0200000000000000000001ff000010"
            "02000000ff0200000000000000000001ff000011"
            "03000000ff0200000000000000000001ff000012");
}

TEST(MulticastListener, AVersion1MessageGoesToTheGroupOrToRouters) {
  BytePacket packet;
  ASSERT_TRUE(packet.Resize(kListenerMessageLength));
  const Ipv6Address group = Address("ff02::1:ff00:10").v6();
  const Ipv6Address source = LinkLocalAddress(kOurMac);
  EXPECT_EQ(
      BuildListenerMessage(packet.data(), kOurMac, source, {ListenerChange::kListening, group}),
      packet.length());
  EXPECT_EQ(ChecksumProblem(packet.frame()), "");
  EXPECT_EQ(ToHex(packet.frame().first(6)), "3333ff000010");
  EXPECT_EQ(packet.frame()[62], 131);
  BuildListenerMessage(packet.data(), kOurMac, source, {ListenerChange::kLeft, group});
  EXPECT_EQ(ChecksumProblem(packet.frame()), "");
  EXPECT_EQ(ToHex(packet.frame().first(6)), "333300000002");
  EXPECT_EQ(packet.frame()[62], 132);
}

TEST(MulticastListener, AFullReportFitsTheSmallestLink) {
  EXPECT_LE(kListenerReportOverhead - 14 + kMaxListenerRecords * kListenerRecordLength, 1280u);
}

}  // namespace
}  // namespace fairlead::dataplane::test::multicast_listener_test
