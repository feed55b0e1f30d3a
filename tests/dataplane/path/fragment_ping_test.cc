// Pings in fragments: to a virtual address, to a port's address and to a range, through a whole
// director. The reply must be the datagram that a host would send, in the sizes of the request.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "base/checksum.h"
#include "byte_director.h"
#include "byte_fragments.h"

namespace fairlead::dataplane::fragment_ping_test {

const std::string kClient4 = "198.51.100.7", kVip4 = "192.0.2.10";
const std::string kClient6 = "2001:db8:7::7", kVip6 = "2001:db8:1::10";

size_t HeaderOf(const Frame& frame) { return frame[14] >> 4 == 4 ? 34 : 54; }

// ICMP of `bytes` with a checksum over all of them, as a host makes it. Types are those of IPv4;
// IPv6 has 128 and 129 for them.
Frame Icmp(const std::string& source, const std::string& destination, uint8_t type, size_t bytes) {
  std::string payload;
  for (size_t i = 0; i + 8 < bytes; ++i) payload += static_cast<char>('a' + i * i % 23);
  Frame frame = Datagram(source, 0, destination, 0, payload);
  const size_t at = HeaderOf(frame);
  uint64_t pseudo = 0;
  if (at == 34) {
    frame[23] = kProtocolIcmp;
    Be16{}.Store(&frame[24]);
    Checksum(&frame[14], 20).Store(&frame[24]);
  } else {
    frame[20] = kProtocolIcmpv6;
    if (type == kIcmpEcho) type = kIcmpv6Echo;
    if (type == kIcmpEchoReply) type = kIcmpv6EchoReply;
    pseudo = PseudoHeaderSum(Ipv6Address::Load(&frame[22]), Ipv6Address::Load(&frame[38]),
                             kProtocolIcmpv6, static_cast<uint32_t>(frame.size() - at));
  }
  const uint8_t header[8] = {type, 0, 0, 0, 0x12, 0x34, 0, 1};
  std::copy_n(header, 8, frame.begin() + static_cast<long>(at));
  Checksum(&frame[at], frame.size() - at, pseudo).Store(&frame[at + 2]);
  return frame;
}

Frame BytesOf(const Frame& whole) {
  return {whole.begin() + static_cast<long>(HeaderOf(whole)), whole.end()};
}

// With so many workers.
class FragmentPing : public testing::TestWithParam<size_t> {
 protected:
  FragmentPing() {
    for (const std::string& vip : {kVip4, kVip6}) {
      d_.AddReal(d_.AddService({.address = vip, .port = 80, .protocol = kProtocolUdp}),
                 vip == kVip4 ? "10.0.0.11" : "fd00::11", 80);
    }
    d_.Publish();
  }
  std::vector<Frame> Send(PortId port, std::vector<Frame> pieces, bool is_shuffled) {
    for (size_t i = pieces.size(); is_shuffled && i > 1; --i) {
      std::swap(pieces[i - 1], pieces[d_.Random(static_cast<uint32_t>(i))]);
    }
    for (const Frame& piece : pieces) d_.Inject(port, piece);
    std::vector<Frame> frames;
    for (const Sent& sent : d_.Settle()) {
      EXPECT_EQ(sent.port, port);
      frames.push_back(sent.frame);
    }
    return frames;
  }
  void ExpectReply(PortId port, const std::string& from, const std::string& to, uint32_t id,
                   bool is_shuffled) {
    constexpr size_t kBytes = 4000;
    const std::vector<Frame> pieces = Cut(Icmp(from, to, kIcmpEcho, kBytes), 800, id);
    const std::vector<Frame> reply = Send(port, pieces, is_shuffled);
    ASSERT_EQ(reply.size(), pieces.size());
    const Frame whole = Join(reply), expected = Icmp(to, from, kIcmpEchoReply, kBytes);
    ASSERT_FALSE(whole.empty());
    EXPECT_EQ(Text(whole), Text(expected));
    EXPECT_EQ(BytesOf(whole), BytesOf(expected));
  }
  uint64_t Held() {
    uint64_t held = 0;
    for (size_t w = 0; w < d_.worker_count(); ++w) held += d_.worker(w).counters().held.value();
    return held;
  }

  ByteDirector d_{DirectorSpec{.workers = GetParam()}};
};
INSTANTIATE_TEST_SUITE_P(Workers, FragmentPing, testing::Values(1, 2, 3));

TEST_P(FragmentPing, IsAnsweredByAVirtualAddress) {
  for (uint32_t id = 0; id < 20; ++id) {
    ExpectReply(kOutside, kClient4, kVip4, id, id % 2 == 1);
    ExpectReply(kOutside, kClient6, kVip6, id, id % 2 == 1);
  }
  EXPECT_EQ(Held(), 0u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FragmentPing, IsAnsweredByAPortsOwnAddress) {
  for (uint32_t id = 0; id < 10; ++id) {
    ExpectReply(kOutside, kClient4, "192.0.2.2", id, true);
    ExpectReply(kOutside, kClient6, "2001:db8::2", id, true);
    ExpectReply(kInside, "10.0.0.11", "10.0.0.1", id, true);
  }
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FragmentPing, IsAnsweredForARange) {
  using Map = PrefixMap<VirtualRange>;
  d_.draft().virtual_ranges =
      std::make_shared<const Map>(Map::Build({{*Prefix::Parse("203.0.113.0/24"), {.length = 24}}}));
  d_.Publish();
  ExpectReply(kOutside, kClient4, "203.0.113.5", 7, true);
}

// The checksum changes by the difference: what was wrong stays wrong, for the client to see.
TEST_P(FragmentPing, ThatCameDamagedGetsADamagedReply) {
  Frame request = Icmp(kClient4, kVip4, kIcmpEcho, 2000);
  request.back() ^= 1;
  const Frame whole = Join(Send(kOutside, Cut(request, 800, 5), false));
  Frame expected = Icmp(kVip4, kClient4, kIcmpEchoReply, 2000);
  expected.back() ^= 1;
  EXPECT_EQ(BytesOf(whole), BytesOf(expected));
}

TEST_P(FragmentPing, WithoutAFirstWaitsForABoundedTime) {
  const auto pieces = Cut(Icmp(kClient4, kVip4, kIcmpEcho, 2000), 800, 5);
  EXPECT_EQ(Send(kOutside, {pieces[1], pieces[2]}, false).size(), 0u);
  EXPECT_EQ(Held(), 2u);
  d_.Advance(31);
  EXPECT_EQ(Held(), 0u);
  EXPECT_EQ(d_.dropped(DropReason::kFragmentTimeout), 2u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FragmentPing, OtherIcmpIsDroppedWithAllItsFragments) {
  for (const std::string& vip : {kVip4, kVip6}) {
    const std::string& client = vip == kVip4 ? kClient4 : kClient6;
    EXPECT_TRUE(Send(kOutside, Cut(Icmp(client, vip, kIcmpEchoReply, 2000), 800, 5), true).empty());
  }
  EXPECT_EQ(d_.dropped(DropReason::kFragment), 2u);
  EXPECT_EQ(d_.dropped(DropReason::kFragmentRefused), 4u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FragmentPing, FromAnAddressOfOursOrFromNobodyIsNotAnswered) {
  EXPECT_TRUE(
      Send(kOutside, Cut(Icmp("192.0.2.2", kVip4, kIcmpEcho, 2000), 800, 5), false).empty());
  EXPECT_EQ(d_.dropped(DropReason::kBadSource), 3u);
  EXPECT_TRUE(Send(kOutside, Cut(Icmp("::", kVip6, kIcmpEcho, 2000), 800, 5), false).empty());
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(FragmentPing, ToAnotherHostIsRoutedAndNotRemembered) {
  d_.SetNeighbour(kInside, "10.0.0.99", NeighbourState::kReachable);
  for (const Frame& piece : Cut(Icmp(kClient4, "10.0.0.99", kIcmpEcho, 2000), 800, 1)) {
    d_.Inject(kOutside, piece);
  }
  EXPECT_EQ(d_.Settle().size(), 3u);
  for (Shard* shard : d_.shards()) EXPECT_EQ(shard->fragments.size(), 0u);
}

}  // namespace fairlead::dataplane::fragment_ping_test
