// Datagrams in fragments through a whole director: they arrive at workers drawn at random, in any
// order, and must leave as the fragments of the datagram that a whole packet would have become.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "base/checksum.h"
#include "byte_director.h"
#include "byte_fragments.h"

namespace fairlead::dataplane::fragment_test {

constexpr uint16_t kPort = 80;

struct Ends {
  std::string client, vip, real;
};
const Ends kEnds4{"198.51.100.7", "192.0.2.10", "10.0.0.11"};
const Ends kEnds6{"2001:db8:7::7", "2001:db8:1::10", "fd00::11"};

std::vector<Frame> FramesOf(const std::vector<Sent>& sent) {
  std::vector<Frame> frames;
  for (const Sent& s : sent) frames.push_back(s.frame);
  return frames;
}
std::string Payload(size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>('a' + i % 23);
  return text;
}

// With so many workers.
class Fragments : public testing::TestWithParam<size_t> {
 protected:
  RealId Serve(const Ends& ends, ForwardMethod method, ServiceSpec spec = {}) {
    spec.address = ends.vip;
    spec.port = kPort;
    spec.protocol = kProtocolUdp;
    service_ = d_->AddService(spec);
    const RealId real = d_->AddReal(service_, ends.real, 8053, {.method = method});
    d_->Publish();
    return real;
  }
  std::vector<Frame> Request(const Ends& ends, uint16_t port, uint32_t id, size_t bytes = 3000) {
    return Cut(Datagram(ends.client, port, ends.vip, kPort, Payload(bytes)), 800, id);
  }
  // All at once, in an order drawn at random; what comes out, joined and told.
  std::vector<Sent> Send(PortId port, std::vector<Frame> pieces, bool is_shuffled) {
    for (size_t i = pieces.size(); is_shuffled && i > 1; --i) {
      std::swap(pieces[i - 1], pieces[d_->Random(static_cast<uint32_t>(i))]);
    }
    for (const Frame& piece : pieces) d_->Inject(port, piece);
    return d_->Settle();
  }
  std::string Joined(const std::vector<Sent>& sent) {
    const Frame whole = Join(FramesOf(sent));
    return whole.empty() ? "no datagram of " + std::to_string(sent.size()) : Text(whole);
  }
  uint64_t Held() {
    uint64_t held = 0;
    for (size_t w = 0; w < d_->worker_count(); ++w) held += d_->worker(w).counters().held.value();
    return held;
  }
  uint64_t Remembered() {
    uint64_t size = 0;
    for (Shard* shard : d_->shards()) size += shard->fragments.size();
    return size;
  }

  std::unique_ptr<ByteDirector> d_ =
      std::make_unique<ByteDirector>(DirectorSpec{.workers = GetParam()});
  ServiceId service_;
};
INSTANTIATE_TEST_SUITE_P(Workers, Fragments, testing::Values(1, 2, 3));

TEST_P(Fragments, ReachTheRealAndComeBackByNat) {
  for (const Ends& ends : {kEnds4, kEnds6}) {
    const bool v6 = ends.vip.find(':') != std::string::npos;
    Serve(ends, ForwardMethod::kNat);
    const auto e = [&](const std::string& a) { return v6 ? "[" + a + "]" : a; };
    for (uint16_t i = 0; i < 40; ++i) {
      const auto port = static_cast<uint16_t>(4000 + i);
      const std::string client = e(ends.client) + ":" + std::to_string(port);
      EXPECT_EQ(Joined(Send(kOutside, Request(ends, port, i), i % 2 == 1)),
                e(ends.real) + ":8053 <- " + client + " UDP ttl 63");
      const auto reply =
          Cut(Datagram(ends.real, 8053, ends.client, port, Payload(3000)), 1000, 77u * i);
      EXPECT_EQ(Joined(Send(kInside, reply, i % 2 == 1)),
                client + " <- " + e(ends.vip) + ":80 UDP ttl 63");
    }
  }
  EXPECT_EQ(Held(), 0u);
  EXPECT_EQ(d_->CheckConservation(), "");
}

TEST_P(Fragments, ReachTheRealByDrAndThroughATunnel) {
  for (const Ends& ends : {kEnds4, kEnds6}) {
    for (const ForwardMethod method : {ForwardMethod::kDr, ForwardMethod::kTun}) {
      d_ = std::make_unique<ByteDirector>(DirectorSpec{.workers = GetParam()});
      Serve(ends, method);
      for (uint16_t i = 0; i < 30; ++i) {
        auto sent = Send(kOutside, Request(ends, 4000 + i, i), i % 2 == 1);
        for (Sent& s : sent) {
          EXPECT_EQ(s.port, kInside);
          if (method == ForwardMethod::kTun) s.frame = Unwrapped(s.frame);
        }
        const Frame whole = Join(FramesOf(sent));
        ASSERT_FALSE(whole.empty());
        EXPECT_NE(Text(whole).find("UDP ttl 63"), std::string::npos);
        EXPECT_EQ(Text(whole).find("BAD"), std::string::npos);
      }
      EXPECT_EQ(d_->CheckConservation(), "");
    }
  }
}

TEST_P(Fragments, KeepTheirIdentificationsPlacesAndSizes) {
  Serve(kEnds4, ForwardMethod::kDr);
  const auto pieces = Request(kEnds4, 4000, 0x1234);
  auto sent = Send(kOutside, pieces, false);
  ASSERT_EQ(sent.size(), pieces.size());
  // They came in at several workers.
  std::ranges::sort(sent, {},
                    [](const Sent& s) { return Be16::Load(&s.frame[20]).host() & 0xfff; });
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Frame &in = pieces[i], &out = sent[i].frame;
    ASSERT_EQ(out.size(), in.size());
    EXPECT_EQ(Frame(out.begin() + 16, out.begin() + 22), Frame(in.begin() + 16, in.begin() + 22));
    EXPECT_EQ(Frame(out.begin() + 26, out.end()), Frame(in.begin() + 26, in.end()));
  }
}

// The template's owner is asked by the first fragment alone, while the others may be there already.
TEST_P(Fragments, WaitWhileTheTemplateIsAskedFor) {
  Serve(kEnds4, ForwardMethod::kNat, {.persistence_seconds = 300});
  for (uint16_t i = 0; i < 60; ++i) {
    const auto sent = Send(kOutside, Request(kEnds4, 4000 + i, i), true);
    EXPECT_EQ(Joined(sent),
              "10.0.0.11:8053 <- 198.51.100.7:" + std::to_string(4000 + i) + " UDP ttl 63");
  }
  EXPECT_EQ(d_->CheckConservation(), "");
}

TEST_P(Fragments, OfOnePacketServicesStayTogether) {
  Serve(kEnds4, ForwardMethod::kNat, {.is_one_packet = true});
  d_->AddReal(service_, "10.0.0.12", 8053);
  d_->Publish();
  int to_second = 0;
  for (uint16_t i = 0; i < 20; ++i) {
    const std::string text = Joined(Send(kOutside, Request(kEnds4, 4000, i), true));
    to_second += text.starts_with("10.0.0.12") ? 1 : 0;
    EXPECT_EQ(text.substr(0, 7), "10.0.0.") << text;
  }
  EXPECT_GT(to_second, 0);
  EXPECT_LT(to_second, 20);
  const auto reply = Cut(Datagram("10.0.0.12", 8053, kEnds4.client, 4000, Payload(2000)), 800, 5);
  EXPECT_EQ(Joined(Send(kInside, reply, true)), "198.51.100.7:4000 <- 192.0.2.10:80 UDP ttl 63");
}

TEST_P(Fragments, AreFoundByMarkToo) {
  service_ = d_->AddService({.address = kEnds4.vip, .protocol = kProtocolUdp, .mark = 7});
  d_->AddReal(service_, kEnds4.real, 0, {.method = ForwardMethod::kNat});
  ClassifierRule rule;
  rule.mark = 7;
  ClassifierBuilder rules;
  rules.AddRule(rule);
  d_->draft().classifier = rules.Build();
  d_->Publish();
  EXPECT_EQ(Joined(Send(kOutside, Request(kEnds4, 4000, 9), true)),
            "10.0.0.11:80 <- 198.51.100.7:4000 UDP ttl 63");
}

TEST_P(Fragments, ThatPassByAreRoutedAndNotRemembered) {
  Serve(kEnds4, ForwardMethod::kNat);
  d_->SetNeighbour(kInside, "10.0.0.99", NeighbourState::kReachable);
  const auto pieces = Cut(Datagram(kEnds4.client, 9, "10.0.0.99", 9, Payload(2000)), 800, 1);
  EXPECT_EQ(Send(kOutside, {pieces[1]}, false).size(), 1u);
  EXPECT_EQ(Send(kOutside, {pieces[0], pieces[2]}, false).size(), 2u);
  EXPECT_EQ(Remembered(), 0u);
}

TEST_P(Fragments, FollowTheirFirstIntoRefusal) {
  Serve(kEnds4, ForwardMethod::kNat);
  d_->SetWeight(RealId{0}, 0);
  d_->Publish();
  const auto sent = Send(kOutside, Request(kEnds4, 4000, 9), false);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Text(sent[0].frame), "198.51.100.7 <- 192.0.2.10 ICMP 3/3 ttl 64");
  EXPECT_EQ(d_->dropped(DropReason::kNoReal), 1u);
  EXPECT_EQ(d_->dropped(DropReason::kFragmentRefused), 3u);
  EXPECT_EQ(d_->CheckConservation(), "");
}

TEST_P(Fragments, ThatDoNotFitARealsLinkAreRefusedTogether) {
  const RealId real = Serve(kEnds6, ForwardMethod::kNat);
  d_->real(real).mtu_bytes = 800;
  d_->Publish();
  const auto sent = Send(kOutside, Request(kEnds6, 4000, 9), true);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_NE(Text(sent[0].frame).find("ICMP 2/0"), std::string::npos);
  EXPECT_EQ(d_->dropped(DropReason::kTooBig), 1u);
  EXPECT_EQ(d_->dropped(DropReason::kFragmentRefused), 3u);
}

TEST_P(Fragments, AreCutAgainForANarrowLinkWithoutDf) {
  const RealId real = Serve(kEnds4, ForwardMethod::kNat);
  d_->real(real).mtu_bytes = 576;
  d_->Publish();
  const auto sent = Send(kOutside, Request(kEnds4, 4000, 9), true);
  EXPECT_EQ(sent.size(), 8u);
  EXPECT_EQ(Joined(sent), "10.0.0.11:8053 <- 198.51.100.7:4000 UDP ttl 63");
}

TEST_P(Fragments, DuplicatesAndOverlapsAreDroppedByName) {
  Serve(kEnds4, ForwardMethod::kNat);
  auto pieces = Request(kEnds4, 4000, 9);
  pieces.push_back(pieces[1]);
  EXPECT_EQ(Joined(Send(kOutside, pieces, true)), "10.0.0.11:8053 <- 198.51.100.7:4000 UDP ttl 63");
  EXPECT_EQ(d_->dropped(DropReason::kFragmentDuplicate), 1u);

  auto other = Request(kEnds4, 4001, 10);
  other[2] = Cut(Datagram(kEnds4.client, 4001, kEnds4.vip, kPort, Payload(3000)), 792, 10)[2];
  // One after the other: at several workers they would come to where they meet in any order.
  for (const size_t i : {1, 2, 0}) EXPECT_EQ(Send(kOutside, {other[i]}, false).size(), 0u) << i;
  EXPECT_EQ(d_->dropped(DropReason::kFragmentOverlap) + d_->dropped(DropReason::kFragmentRefused),
            3u);
  EXPECT_EQ(d_->CheckConservation(), "");
}

TEST_P(Fragments, WithoutAFirstWaitForABoundedTime) {
  Serve(kEnds4, ForwardMethod::kNat);
  const auto pieces = Request(kEnds4, 4000, 9);
  EXPECT_EQ(Send(kOutside, {pieces[1], pieces[2]}, false).size(), 0u);
  EXPECT_EQ(Held(), 2u);
  EXPECT_EQ(d_->CheckConservation(), "");
  d_->Advance(29);
  EXPECT_EQ(Held(), 2u);
  d_->Advance(2);
  EXPECT_EQ(Held(), 0u);
  EXPECT_EQ(d_->dropped(DropReason::kFragmentTimeout), 2u);
  EXPECT_EQ(Remembered(), 0u);
  EXPECT_EQ(d_->CheckConservation(), "");
}

TEST_P(Fragments, HeldOnesAreGivenBackAtTheEnd) {
  Serve(kEnds4, ForwardMethod::kNat);
  Send(kOutside, {Request(kEnds4, 4000, 9)[1]}, false);
  Output<BytePacket> out;
  size_t given = 0;
  for (size_t w = 0; w < d_->worker_count(); ++w) given += d_->worker(w).Shutdown(&out);
  EXPECT_EQ(given, 1u);
  EXPECT_EQ(d_->dropped(DropReason::kShutdown), 1u);
  EXPECT_EQ(d_->CheckConservation(), "");
}

// More than one turn can send: the rest goes in the next ones.
TEST_P(Fragments, ManyThatWaitLeaveOverSeveralTurns) {
  Serve(kEnds4, ForwardMethod::kDr);
  std::vector<Frame> firsts, others;
  for (uint16_t i = 0; i < 8; ++i) {
    const auto pieces =
        Cut(Datagram(kEnds4.client, 4000 + i, kEnds4.vip, kPort, Payload(1200)), 24, i);
    firsts.push_back(pieces[0]);
    others.insert(others.end(), pieces.begin() + 1, pieces.end());
  }
  EXPECT_EQ(Send(kOutside, others, false).size(), 0u);
  EXPECT_EQ(Held(), others.size());
  auto sent = d_->SendBurstAt(0, kOutside, firsts);
  for (int i = 0; i < 10; ++i) {
    for (Sent& s : d_->Settle()) sent.push_back(std::move(s));
  }
  EXPECT_EQ(sent.size(), firsts.size() + others.size());
  EXPECT_EQ(Held(), 0u);
  EXPECT_EQ(d_->CheckConservation(), "");
}

TEST_P(Fragments, AFloodOfThemDisplacesOnlyFragments) {
  Serve(kEnds4, ForwardMethod::kNat);
  const auto whole = [&](uint16_t port) {
    return d_->Send(kOutside, Udp(kEnds4.client, port, kEnds4.vip, kPort)).size();
  };
  EXPECT_EQ(whole(5000), 1u);
  for (uint32_t i = 0; i < 20'000; ++i) {
    const std::string source = "203.0.113." + std::to_string(i % 250 + 1);
    const auto pieces = Cut(Datagram(source, 9, kEnds4.vip, kPort, Payload(900)), 800, i);
    d_->Inject(kOutside, pieces[1]);
    if (i % 16 == 0) d_->Settle();
  }
  d_->Settle();
  uint64_t capacity = 0, held = 0;
  for (Shard* shard : d_->shards()) {
    capacity += shard->fragments.capacity();
    held += FragmentTable::kMaxHeld;
  }
  EXPECT_LE(Remembered(), capacity);
  EXPECT_LE(Held(), held);
  EXPECT_EQ(d_->dropped(DropReason::kFragmentLimit) + Held(), 20'000u);
  EXPECT_EQ(whole(5000), 1u);
  EXPECT_EQ(whole(5001), 1u);
  EXPECT_EQ(Joined(Send(kOutside, Request(kEnds4, 4000, 9), true)),
            "10.0.0.11:8053 <- 198.51.100.7:4000 UDP ttl 63");
  EXPECT_EQ(d_->CheckConservation(), "");
}

// The first makes it; the others were looked up in the same burst, when it was not there.
TEST_P(Fragments, OfOneNewFlowInOneBurstShareItsConnection) {
  Serve(kEnds4, ForwardMethod::kNat);
  d_->AddReal(service_, "10.0.0.12", 8053, {.method = ForwardMethod::kNat});
  d_->Publish();
  std::vector<Frame> burst;
  for (uint32_t id = 0; id < 6; ++id) {
    for (const Frame& piece : Request(kEnds4, 4000, id)) burst.push_back(piece);
  }
  std::vector<Sent> sent = d_->SendBurstAt(0, kOutside, burst);
  for (Sent& s : d_->Settle()) sent.push_back(std::move(s));
  EXPECT_EQ(sent.size(), burst.size());
  uint32_t connections = 0;
  for (Shard* shard : d_->shards()) connections += shard->Connections<Ipv4Address>().size();
  EXPECT_EQ(connections, 1u);
  EXPECT_EQ(d_->CheckConservation(), "");
}

// The first ends it; what the burst found of it for the others is not there any more.
TEST_P(Fragments, OfOneFlowInOneBurstMayOutliveItsConnection) {
  const RealId real = Serve(kEnds4, ForwardMethod::kNat);
  EXPECT_EQ(Send(kOutside, Request(kEnds4, 4000, 1), false).size(), 4u);
  d_->RemoveReal(real, Remains::kExpire);
  d_->Publish();
  std::vector<Frame> burst;
  for (uint32_t id = 2; id < 6; ++id) {
    for (const Frame& piece : Request(kEnds4, 4000, id)) burst.push_back(piece);
  }
  for (const Sent& s : d_->SendBurstAt(0, kOutside, burst)) EXPECT_EQ(s.port, kOutside);
  for (const Sent& s : d_->Settle()) EXPECT_EQ(s.port, kOutside);
  EXPECT_EQ(d_->dropped(DropReason::kNoReal), 4u);
  EXPECT_EQ(d_->dropped(DropReason::kFragmentRefused), 12u);
  EXPECT_EQ(d_->CheckNothingLeft(), "");
  EXPECT_EQ(d_->CheckConservation(), "");
}

// A later one is judged by its own TTL, and waits for the MAC as a whole packet does.
TEST_P(Fragments, LaterOnesAreJudgedEachForItself) {
  Serve(kEnds4, ForwardMethod::kNat);
  auto pieces = Request(kEnds4, 4000, 9);
  auto* ip = HeaderAt<Ipv4Header>(pieces[1].data(), kEthernetHeaderLength);
  ip->ttl = 1;
  ip->checksum = Be16{};
  ip->checksum = Checksum(ip, sizeof *ip);
  EXPECT_EQ(Send(kOutside, {pieces[0], pieces[1]}, false).size(), 1u);
  EXPECT_EQ(d_->dropped(DropReason::kTtlExceeded), 1u);
  d_->SetNeighbour(kInside, kEnds4.real, NeighbourState::kFailed);
  EXPECT_EQ(Send(kOutside, {pieces[2]}, false).size(), 0u);
  EXPECT_EQ(d_->dropped(DropReason::kNeighbourUnresolved), 1u);
  d_->SetNeighbour(kInside, kEnds4.real, NeighbourState::kReachable);
  EXPECT_EQ(Send(kOutside, {pieces[3]}, false).size(), 1u);
  EXPECT_EQ(d_->CheckConservation(), "");
}

TEST_P(Fragments, FromAnAddressOfOursAreForged) {
  Serve(kEnds4, ForwardMethod::kNat);
  const auto pieces = Cut(Datagram("192.0.2.2", 9, kEnds4.vip, kPort, Payload(1200)), 800, 1);
  EXPECT_EQ(Send(kOutside, pieces, false).size(), 0u);
  EXPECT_EQ(d_->dropped(DropReason::kBadSource), 2u);
}

// A fragment header on a whole packet does not make it one (RFC 6946).
TEST_P(Fragments, AtomicOnesArePackets) {
  Serve(kEnds6, ForwardMethod::kNat);
  const auto pieces = Cut(Datagram(kEnds6.client, 4000, kEnds6.vip, kPort, "hi"), 800, 9);
  ASSERT_EQ(pieces.size(), 1u);
  const auto sent = Send(kOutside, pieces, false);
  EXPECT_EQ(Joined(sent), "[fd00::11]:8053 <- [2001:db8:7::7]:4000 UDP ttl 63");
  EXPECT_EQ(Remembered(), 0u);
}

}  // namespace fairlead::dataplane::fragment_test
