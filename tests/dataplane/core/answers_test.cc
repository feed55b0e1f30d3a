// What the director answers by itself, and how much of it: errors, resets, addresses nobody serves,
// clients that no answer can reach.
#include <gtest/gtest.h>

#include "byte_director.h"

namespace fairlead::dataplane {
namespace {

const std::string kClient = "198.51.100.7";
const std::string kVip = "192.0.2.10";

std::string Nth(uint32_t network, uint32_t n) {
  return IpAddress(Ipv4Address::FromHost(network + n)).ToString();
}

// Of the ICMP messages among these, how many are of this type and code.
size_t CountIcmp(const std::vector<Sent>& all, const char* type_and_code) {
  size_t count = 0;
  for (const Sent& sent : all) {
    count +=
        Text(sent.frame).find(std::string(" ICMP ") + type_and_code + " ") != std::string::npos;
  }
  return count;
}

class Answers : public testing::TestWithParam<size_t> {
 protected:
  Answers() : d_({.workers = GetParam(), .connections = 65536}) {
    web_ = d_.AddService({.protocol = kProtocolUdp});
    d_.AddReal(web_, "10.0.0.11", 80, {.method = ForwardMethod::kTun});
    d_.Publish();
  }
  // A datagram that fills the link outside and is too long for the tunnel, not to be cut.
  static Frame TooLong(const std::string& client) {
    Frame frame = Datagram(client, 1234, kVip, 80, std::string(1472, 'x'));
    auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
    ip->fragment = Be16::FromHost(Ipv4Header::kDontFragment);
    ip->checksum = Be16{};
    ip->checksum = Checksum(ip, sizeof *ip);
    return frame;
  }

  ByteDirector d_;
  ServiceId web_;
};
INSTANTIATE_TEST_SUITE_P(Workers, Answers, testing::Values(1, 2));

// Path MTU discovery has a budget of its own: what else asks for errors does not spend it.
TEST_P(Answers, AFloodOfOtherErrorsStarvesNoPathMtuDiscovery) {
  for (uint32_t i = 0; i < 20000; ++i) {
    d_.Send(kOutside, Udp(Nth(0x64400000, i), 4000, kVip, 9));
  }
  EXPECT_GT(d_.dropped(DropReason::kIcmpRateLimited), 2000u);
  size_t told = 0;
  for (uint32_t i = 0; i < 40; ++i) {
    told += CountIcmp(d_.Send(kOutside, TooLong(Nth(0xc6336400, i))), "3/4");
  }
  EXPECT_EQ(told, 40u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(Answers, PathMtuDiscoveryIsLimitedForEachDestinationAndInTotal) {
  size_t told = 0;
  for (int i = 0; i < 100; ++i) told += CountIcmp(d_.Send(kOutside, TooLong(kClient)), "3/4");
  EXPECT_EQ(told, 6u);
  for (uint32_t i = 0; i < 10000; ++i) {
    told += CountIcmp(d_.Send(kOutside, TooLong(Nth(0x64400000, i))), "3/4");
  }
  EXPECT_GE(told, 2000u);
  EXPECT_LE(told, 2000u * GetParam());
  d_.Advance(1);
  EXPECT_EQ(CountIcmp(d_.Send(kOutside, TooLong("198.51.100.8")), "3/4"), 1u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Nobody uses the director to reset a third party; a client of many connections is told of each.
TEST_P(Answers, ResetsAreLimitedForEachClient) {
  const auto count_resets = [this](const std::string& client, uint16_t many) {
    size_t resets = 0;
    for (uint16_t i = 0; i < many; ++i) {
      resets +=
          d_.Send(kOutside, Tcp(client, static_cast<uint16_t>(1024 + i), kVip, 81, kTcpSyn)).size();
    }
    return resets;
  };
  EXPECT_EQ(count_resets(kClient, 1000), 1000u);
  EXPECT_LE(count_resets(kClient, 3000), 1000u * (GetParam() - 1));
  EXPECT_GE(d_.dropped(DropReason::kIcmpRateLimited), 2000u);
  EXPECT_EQ(count_resets("198.51.100.9", 1), 1u);
  EXPECT_EQ(d_.dropped(DropReason::kClosedPort) + d_.dropped(DropReason::kIcmpRateLimited), 4001u);
  d_.Advance(1);
  EXPECT_GE(count_resets(kClient, 200), 100u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane
