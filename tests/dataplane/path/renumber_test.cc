// What leaves with a source that many share has numbers of the director's: no two datagrams with
// one number meet at a receiver, and the fragments of one stay together.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "byte_director.h"
#include "byte_fragments.h"

namespace fairlead::dataplane::renumber_test {
namespace {

const std::string kWorld = "203.0.113.9", kVip = "192.0.2.10", kReal = "10.0.0.11";

uint16_t IdOf(const Frame& frame) { return Be16::Load(&frame[18]).host(); }

class Renumber : public testing::TestWithParam<size_t> {
 protected:
  Renumber() : d_({.workers = GetParam()}) {}

  void ServeByFullnat() {
    const ServiceId dns = d_.AddService({.address = kVip, .protocol = kProtocolUdp});
    d_.AddReal(dns, kReal, 8080,
               {.method = ForwardMethod::kFullnat, .local_addresses = {"10.0.0.201"}});
    d_.Publish();
  }
  void ServeBySnat() {
    auto view = std::make_shared<SnatView>();
    const IpAddress local = *IpAddress::Parse("192.0.2.3");
    SnatRule& rule = view->rules.emplace_back();
    rule.source = *Prefix::Parse("10.0.0.0/24");
    rule.addresses = {local};
    view->addresses.insert(local);
    d_.draft().local_addresses[local] = {.is_vip = true, .port = {}, .is_announced = true};
    d_.draft().snat = view;
    d_.Publish();
  }
  // All in, in any order; what comes out by its number.
  std::map<uint16_t, std::vector<Frame>> Exchange(PortId port, std::vector<Frame> frames) {
    for (size_t i = frames.size(); i > 1; --i) {
      std::swap(frames[i - 1], frames[d_.Random(static_cast<uint32_t>(i))]);
    }
    for (const Frame& frame : frames) d_.Inject(port, frame);
    std::map<uint16_t, std::vector<Frame>> by_id;
    for (const Sent& sent : d_.Settle()) by_id[IdOf(sent.frame)].push_back(sent.frame);
    return by_id;
  }
  // Two senders, one number: each datagram arrives whole, by a number of its own.
  void ExpectTwoWhole(PortId port, const Frame& one, const Frame& other) {
    std::vector<Frame> pieces = Cut(one, 800, 7);
    for (const Frame& piece : Cut(other, 800, 7)) pieces.push_back(piece);
    const auto by_id = Exchange(port, pieces);
    EXPECT_EQ(by_id.size(), 2u);
    for (const auto& [id, frames] : by_id) {
      const Frame whole = Join(frames);
      EXPECT_FALSE(whole.empty()) << id << ": " << frames.size();
      EXPECT_EQ(Text(whole).find("BAD"), std::string::npos) << Text(whole);
    }
    EXPECT_EQ(d_.CheckConservation(), "");
  }

  ByteDirector d_;
};
INSTANTIATE_TEST_SUITE_P(Workers, Renumber, testing::Values(1, 3));

TEST_P(Renumber, ClientsOfARealByFullnat) {
  ServeByFullnat();
  ExpectTwoWhole(kOutside, Datagram("198.51.100.7", 1234, kVip, 80, std::string(3000, 'a')),
                 Datagram("198.51.100.8", 1234, kVip, 80, std::string(3000, 'b')));
}

TEST_P(Renumber, InsideHostsBySnat) {
  ServeBySnat();
  ExpectTwoWhole(kInside, Datagram("10.0.0.50", 5000, kWorld, 53, std::string(3000, 'a')),
                 Datagram("10.0.0.51", 5000, kWorld, 53, std::string(3000, 'b')));
}

TEST_P(Renumber, PingsBySnat) {
  ServeBySnat();
  const auto ping = [](const std::string& from) {
    return ErrorAbout(Datagram(from, 1, kWorld, 2, std::string(2000, 'y')), from, kWorld, 8, 0,
                      77u << 16 | 1, 1900);
  };
  ExpectTwoWhole(kInside, ping("10.0.0.50"), ping("10.0.0.51"));
}

// Whole datagrams that a router may still cut. No number comes again.
TEST_P(Renumber, WhatMayBeCutLater) {
  ServeByFullnat();
  std::set<uint16_t> seen;
  constexpr uint16_t kClients = 500;
  for (uint16_t i = 0; i < 2 * kClients; ++i) {  // each twice: the second goes the fast way
    const Frame frame = Udp("198.51.100.7", static_cast<uint16_t>(1024 + i % kClients), kVip, 80);
    const auto sent = d_.Send(kOutside, frame);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(Text(sent[0].frame).find("BAD"), std::string::npos);
    seen.insert(IdOf(sent[0].frame));
  }
  EXPECT_EQ(seen.size(), 2u * kClients);
  EXPECT_EQ(seen.count(0), 0u);
}

// An atomic packet keeps its own: nobody reads it.
TEST_P(Renumber, WhatMayNotBeCutKeepsItsNumber) {
  ServeByFullnat();
  Frame frame = Udp("198.51.100.7", 1234, kVip, 80);
  frame[19] = 9;
  frame[20] = 0x40;
  auto* ip = HeaderAt<Ipv4Header>(frame.data(), 14);
  ip->checksum = Be16{};
  ip->checksum = Checksum(ip, sizeof *ip);
  for (int i = 0; i < 2; ++i) {
    const auto sent = d_.Send(kOutside, frame);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(IdOf(sent[0].frame), 9);
  }
}

// NAT and plain routing leave numbers alone.
TEST_P(Renumber, OthersKeepTheirs) {
  const ServiceId dns = d_.AddService({.address = kVip, .protocol = kProtocolUdp});
  d_.AddReal(dns, kReal, 8080);
  d_.Publish();
  const auto by_id = Exchange(
      kOutside, Cut(Datagram("198.51.100.7", 1, kVip, 80, std::string(3000, 'a')), 800, 7));
  ASSERT_EQ(by_id.size(), 1u);
  EXPECT_EQ(by_id.begin()->first, 7);
}

}  // namespace
}  // namespace fairlead::dataplane::renumber_test
