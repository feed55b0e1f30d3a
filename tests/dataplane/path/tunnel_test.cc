// Every tunnel over every pair of families: what goes in comes out, what routers inside the path
// say is told on with the true figure, and what is too long is cut or refused.
#include <gtest/gtest.h>

#include <set>

#include "byte_director.h"
#include "dataplane/wire/tunnel_quote.h"

namespace fairlead::dataplane::tunnel_test {
namespace {

struct Case {
  const char* name;
  Tunnel tunnel;
  bool inner_is_v4 = true, outer_is_v4 = true;
  size_t workers = 1;
};

std::vector<Case> Cases() {
  constexpr auto kFull = TunnelChecksum::kFull;
  const std::pair<const char*, Tunnel> tunnels[] = {
      {"ipip", {}},
      {"gue", {.type = TunnelType::kGue, .port = 6080}},
      {"gue_sum", {.type = TunnelType::kGue, .checksum = kFull, .port = 6080}},
      {"gre", {.type = TunnelType::kGre}},
      {"gre_sum", {.type = TunnelType::kGre, .checksum = kFull}},
  };
  std::vector<Case> cases;
  for (const auto& [name, tunnel] : tunnels) {
    for (const bool inner : {true, false}) {
      for (const bool outer : {true, false}) {
        for (const size_t workers : {1u, 3u})
          cases.push_back({name, tunnel, inner, outer, workers});
      }
    }
  }
  return cases;
}
std::string NameOf(const testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  return std::string(c.name) + (c.inner_is_v4 ? "_4" : "_6") + (c.outer_is_v4 ? "in4" : "in6") +
         "_workers" + std::to_string(c.workers);
}

class TunnelTest : public testing::TestWithParam<Case> {
 protected:
  TunnelTest() : d_({.workers = GetParam().workers}) {
    web_ = d_.AddService({.address = vip_});
    real_ = d_.AddReal(web_, GetParam().outer_is_v4 ? "10.0.0.11" : "fd00::11", 80,
                       {.method = ForwardMethod::kTun, .tunnel = GetParam().tunnel});
    d_.Publish();
  }

  [[nodiscard]] uint32_t added() const {
    return TunnelHeaderBytes(GetParam().tunnel,
                             GetParam().outer_is_v4 ? Family::kIpv4 : Family::kIpv6);
  }
  [[nodiscard]] uint32_t ip_bytes() const { return GetParam().inner_is_v4 ? 20 : 40; }
  // An IP packet of so many bytes.
  [[nodiscard]] Frame Segment(uint8_t flags, size_t bytes, bool dont_fragment = true) const {
    return Tcp(client_, 1234, vip_, 80, flags, 64, bytes - ip_bytes() - 20, dont_fragment);
  }
  // Of the packet of a tunnel: what it is, and what is inside.
  static TunnelShim ShimOf(const Frame& frame) {
    const bool v4 = frame[14] >> 4 == 4;
    TunnelShim shim;
    EXPECT_TRUE(ParseShim(frame.data(), frame[v4 ? 23 : 20], v4 ? 34 : 54,
                          static_cast<uint32_t>(frame.size()), &shim));
    return shim;
  }
  static Frame Inside(const Frame& frame) {
    const TunnelShim shim = ShimOf(frame);
    Frame inner(14);
    inner[12] = shim.family == Family::kIpv4 ? 0x08 : 0x86;
    inner[13] = shim.family == Family::kIpv4 ? 0x00 : 0xdd;
    inner.insert(inner.end(), frame.begin() + shim.inner, frame.end());
    return inner;
  }
  [[nodiscard]] std::vector<Event> LearntMtus() {
    std::vector<Event> events;
    for (auto& ring : d_.fabric().events) {
      Event event;
      while (ring->Pop(&event)) {
        if (event.kind == Event::Kind::kPathMtu) events.push_back(event);
      }
    }
    return events;
  }

  const std::string client_ = GetParam().inner_is_v4 ? "198.51.100.7" : "2001:db8:1::7";
  const std::string vip_ = GetParam().inner_is_v4 ? "192.0.2.10" : "2001:db8::10";
  const std::string router_ = GetParam().outer_is_v4 ? "10.0.0.200" : "fd00::200";
  const std::string ours_ = GetParam().outer_is_v4 ? "10.0.0.1" : "fd00::1";
  ByteDirector d_;
  ServiceId web_;
  RealId real_;
};

TEST_P(TunnelTest, WhatGoesInComesOut) {
  std::set<uint16_t> ports;
  for (const uint8_t flags : {kTcpSyn, kTcpAck, kTcpAck}) {
    const auto sent = d_.Send(kOutside, Segment(flags, 300));
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].port, kInside);
    EXPECT_EQ(sent[0].frame.size(), 14 + 300 + added());
    const TunnelShim shim = ShimOf(sent[0].frame);
    EXPECT_EQ(shim.type, GetParam().tunnel.type);
    EXPECT_EQ(shim.has_checksum, GetParam().tunnel.checksum != TunnelChecksum::kNone);
    const Frame before = Segment(flags, 300);
    Frame inside = Inside(sent[0].frame);
    EXPECT_EQ(Text(inside).find("BAD"), std::string::npos) << Text(inside);
    EXPECT_NE(Text(inside).find("ttl 63"), std::string::npos) << Text(inside);
    EXPECT_EQ(Frame(inside.end() - 250, inside.end()), Frame(before.end() - 250, before.end()));
    if (shim.type == TunnelType::kGue) {
      ports.insert(Be16::Load(&sent[0].frame[shim.inner - 12]).host());
    }
  }
  EXPECT_LE(ports.size(), 1u) << "a flow keeps its port";
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).in_packets, 3u);
  EXPECT_EQ(d_.fabric().stats.SumTraffic(real_).in_bytes, 900u) << "as received";
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(TunnelTest, TheLargestFitsAndOneByteMoreIsAnswered) {
  d_.Send(kOutside, Segment(kTcpSyn, 100));
  d_.Send(kOutside, Segment(kTcpAck, 100));
  const auto fits = d_.Send(kOutside, Segment(kTcpAck, 1500 - added()));
  ASSERT_EQ(fits.size(), 1u);
  EXPECT_EQ(fits[0].frame.size(), 1514u);
  const auto more = d_.Send(kOutside, Segment(kTcpAck, 1501 - added()));
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].port, kOutside);
  const size_t at = GetParam().inner_is_v4 ? 38 : 58;
  EXPECT_EQ(Be32::Load(&more[0].frame[at]).host(), 1500 - added());
  EXPECT_EQ(d_.dropped(DropReason::kTooBig), 1u);
}

TEST_P(TunnelTest, RoutersInsideThePathAreToldOnWithTheTrueFigure) {
  d_.Send(kOutside, Segment(kTcpSyn, 100));
  const auto data = d_.Send(kOutside, Segment(kTcpAck, 1400));
  ASSERT_EQ(data.size(), 1u);
  const Frame error = GetParam().outer_is_v4
                          ? ErrorAbout(data[0].frame, router_, ours_, 3, 4, 1390, 548)
                          : ErrorAbout(data[0].frame, router_, ours_, 2, 0, 1390, 548);
  const auto told = d_.Send(kInside, error);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].port, kOutside);
  const bool v4 = GetParam().inner_is_v4;
  EXPECT_NE(Text(told[0].frame).find(v4 ? "ICMP 3/4" : "ICMP 2/0"), std::string::npos);
  EXPECT_EQ(Be32::Load(&told[0].frame[v4 ? 38 : 58]).host(), 1390 - added());
  const auto learnt = LearntMtus();
  ASSERT_EQ(learnt.size(), 1u);
  EXPECT_EQ(learnt[0].address, d_.real(real_).address);
  EXPECT_EQ(learnt[0].mtu_bytes, 1390);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Another tunnel of the same real server, or another port of GUE, is not ours.
TEST_P(TunnelTest, AnErrorAboutAnotherTunnelTeachesNothing) {
  d_.Send(kOutside, Segment(kTcpSyn, 100));
  const auto data = d_.Send(kOutside, Segment(kTcpAck, 1400));
  ASSERT_EQ(data.size(), 1u);
  Tunnel& tunnel = d_.real(real_).tunnel;
  if (tunnel.type == TunnelType::kGue) {
    tunnel.port = 6081;
  } else {
    tunnel = {.type = TunnelType::kGue, .port = 6080};
  }
  d_.Publish();
  const Frame error = GetParam().outer_is_v4
                          ? ErrorAbout(data[0].frame, router_, ours_, 3, 4, 1390, 548)
                          : ErrorAbout(data[0].frame, router_, ours_, 2, 0, 1390, 548);
  EXPECT_EQ(d_.Send(kInside, error).size(), 0u);
  EXPECT_TRUE(LearntMtus().empty());
  EXPECT_EQ(d_.CheckConservation(), "");
}

// Of IPv4 without DF the outer packet is cut; a receiver has the whole again.
TEST_P(TunnelTest, WhatMayBeCutIsCutOutside) {
  if (!GetParam().inner_is_v4) return;
  d_.Send(kOutside, Segment(kTcpSyn, 100));
  const auto pieces = d_.Send(kOutside, Segment(kTcpAck, 1500, false));
  ASSERT_EQ(pieces.size(), 2u);
  const size_t headers = GetParam().outer_is_v4 ? 34 : 54 + 8;
  Frame whole(pieces[0].frame.begin(),
              pieces[0].frame.begin() + (GetParam().outer_is_v4 ? 34 : 54));
  for (const Sent& piece : pieces) {
    EXPECT_LE(piece.frame.size(), 1514u);
    const Frame& f = piece.frame;
    const bool is_last = &piece == &pieces[1];
    const size_t so_far = whole.size() - (GetParam().outer_is_v4 ? 34 : 54);
    if (GetParam().outer_is_v4) {
      EXPECT_EQ(Be16::Load(&f[20]).host(), so_far / 8 | (is_last ? 0 : 0x2000));
    } else {
      EXPECT_EQ(f[20], kProtocolFragment);
      EXPECT_EQ(Be16::Load(&f[18]).host(), f.size() - 54);
      EXPECT_EQ(Be16::Load(&f[56]).host(), so_far | (is_last ? 0 : 1));
      EXPECT_EQ(Be32::Load(&f[58]).host(), Be32::Load(&pieces[0].frame[58]).host());
      whole[20] = f[54];
    }
    whole.insert(whole.end(), f.begin() + static_cast<long>(headers), f.end());
  }
  EXPECT_EQ(whole.size(), 14 + 1500 + added());
  EXPECT_EQ(Text(Inside(whole)), "192.0.2.10:80 <- 198.51.100.7:1234 TCP A ttl 63");
  EXPECT_EQ(d_.CheckConservation(), "");
}

// IPv6 clients need not send less than 1280 (RFC 8200 section 5), so a narrower link cuts outside.
TEST_P(TunnelTest, ALinkTooNarrowForIpv6ClientsCuts) {
  if (GetParam().inner_is_v4) return;
  d_.real(real_).mtu_bytes = 1290;
  d_.Publish();
  d_.Send(kOutside, Segment(kTcpSyn, 100));
  d_.Send(kOutside, Segment(kTcpAck, 100));
  const auto pieces = d_.Send(kOutside, Segment(kTcpAck, 1280));
  ASSERT_EQ(pieces.size(), 2u);
  for (const Sent& piece : pieces) {
    EXPECT_EQ(piece.port, kInside);
    EXPECT_LE(piece.frame.size(), 14 + 1290u);
  }
  const auto more = d_.Send(kOutside, Segment(kTcpAck, 1281));
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].port, kOutside);
  EXPECT_EQ(Be32::Load(&more[0].frame[58]).host(), 1280u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

// A flow whose payload looks like a tunnel of ours: the worker of what seems to be inside has
// nothing to do with it.
TEST_P(TunnelTest, AnErrorAboutWhatIsNotOursIsNotSteeredByWhatIsInside) {
  if (GetParam().tunnel.type == TunnelType::kGue) return;  // steered as the UDP flow it may be
  d_.Send(kOutside, Segment(kTcpSyn, 100));
  Frame quoted = d_.Send(kOutside, Segment(kTcpAck, 1400))[0].frame;
  quoted[GetParam().outer_is_v4 ? 14 + 15 : 14 + 23] ^= 0x40;  // the last byte of the source
  const Frame error = GetParam().outer_is_v4 ? ErrorAbout(quoted, router_, ours_, 3, 4, 1390, 548)
                                             : ErrorAbout(quoted, router_, ours_, 2, 0, 1390, 548);
  const auto steered = [&] {
    uint64_t sum = 0;
    for (Shard* shard : d_.shards()) sum += shard->counters.handed_off.value();
    return sum;
  };
  const uint64_t before = steered();
  for (size_t worker = 0; worker < d_.worker_count(); ++worker) {
    d_.SendAt(worker, kInside, error);
    d_.Settle();
  }
  EXPECT_EQ(steered(), before);
  EXPECT_TRUE(LearntMtus().empty());
  EXPECT_EQ(d_.CheckConservation(), "");
}

// A director where tunnels end, at the address of the real server.
class TunnelEnd {
 public:
  explicit TunnelEnd(size_t workers) : d({.workers = workers}) {
    for (const char* vip : {"192.0.2.10", "2001:db8::10"}) {
      const bool v4 = vip[0] == '1';
      d.AddReal(d.AddService({.address = vip}), v4 ? "10.0.0.55" : "fd00::55", 8080);
    }
    for (const char* address : {"10.0.0.11", "fd00::11"}) {
      d.draft().local_addresses[*IpAddress::Parse(address)] = {.is_vip = false, .port = kInside};
    }
    d.draft().ports[kInside.index()].decapsulates =
        TunnelBit(TunnelType::kIpip) | TunnelBit(TunnelType::kGue) | TunnelBit(TunnelType::kGre);
    d.Publish();
  }
  std::vector<Sent> Take(Frame frame) {
    PortMac(kInside).Store(frame.data());
    return d.Send(kInside, frame);
  }

  ByteDirector d;
};

TEST_P(TunnelTest, AnotherDirectorTakesItOff) {
  TunnelEnd end(GetParam().workers);
  const auto syn = d_.Send(kOutside, Segment(kTcpSyn, 100));
  ASSERT_EQ(syn.size(), 1u);
  const auto out = end.Take(syn[0].frame);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(Text(out[0].frame), GetParam().inner_is_v4
                                    ? "10.0.0.55:8080 <- 198.51.100.7:1234 TCP S ttl 62"
                                    : "[fd00::55]:8080 <- [2001:db8:1::7]:1234 TCP S ttl 62");
  EXPECT_EQ(end.d.CheckConservation(), "");
}

// With a VLAN tag that carries a priority alone.
TEST_P(TunnelTest, ATagInFrontOfItIsTakenOffFirst) {
  TunnelEnd end(GetParam().workers);
  const auto syn = d_.Send(kOutside, Segment(kTcpSyn, 100));
  ASSERT_EQ(syn.size(), 1u);
  const auto out = end.Take(Tagged(syn[0].frame, 0xe000));
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(Text(out[0].frame), GetParam().inner_is_v4
                                    ? "10.0.0.55:8080 <- 198.51.100.7:1234 TCP S ttl 62"
                                    : "[fd00::55]:8080 <- [2001:db8:1::7]:1234 TCP S ttl 62");
  EXPECT_EQ(end.d.CheckConservation(), "");
}

TEST_P(TunnelTest, ADamagedOneIsDroppedByName) {
  TunnelEnd end(GetParam().workers);
  auto sent = d_.Send(kOutside, Segment(kTcpSyn, 100));
  ASSERT_EQ(sent.size(), 1u);
  const uint16_t inner = ShimOf(sent[0].frame).inner;
  Frame damaged = sent[0].frame;
  damaged.back() ^= 1;  // only the tunnel's own checksum sees it
  const bool has_checksum = GetParam().tunnel.checksum != TunnelChecksum::kNone;
  EXPECT_EQ(end.Take(damaged).size(), has_checksum ? 0u : 1u);
  EXPECT_EQ(end.d.dropped(DropReason::kBadTunnel), has_checksum ? 1u : 0u);

  Frame other_version = sent[0].frame;
  other_version[inner] ^= 0x20;  // 4 becomes 6, and the other way round
  EXPECT_EQ(end.Take(other_version).size(), 0u);
  EXPECT_EQ(end.d.dropped(DropReason::kBadTunnel), has_checksum ? 2u : 1u);
  EXPECT_EQ(end.d.CheckConservation(), "");
}

TEST_P(TunnelTest, NothingIsTakenOffElsewhere) {
  TunnelEnd end(GetParam().workers);
  auto sent = d_.Send(kOutside, Segment(kTcpSyn, 100));
  ASSERT_EQ(sent.size(), 1u);
  end.d.draft().ports[kInside.index()].decapsulates = 0;
  end.d.Publish();
  EXPECT_EQ(end.d.fabric().stats.SumTraffic(RealId{0}).connections, 0u);
  end.Take(sent[0].frame);
  EXPECT_EQ(end.d.fabric().stats.SumTraffic(RealId{0}).connections, 0u);
  EXPECT_EQ(end.d.fabric().stats.SumTraffic(RealId{1}).connections, 0u);
  EXPECT_EQ(end.d.dropped(DropReason::kBadTunnel), 0u);
  EXPECT_EQ(end.d.CheckConservation(), "");
}

INSTANTIATE_TEST_SUITE_P(All, TunnelTest, testing::ValuesIn(Cases()), NameOf);

// A later fragment has no ports: it goes with the port of its first.
TEST(Tunnels, FragmentsOfADatagramShareASourcePort) {
  ByteDirector d;
  const ServiceId dns = d.AddService({.port = 53, .protocol = kProtocolUdp});
  d.AddReal(dns, "10.0.0.11", 53,
            {.method = ForwardMethod::kTun, .tunnel = {.type = TunnelType::kGue, .port = 6080}});
  d.Publish();
  std::set<uint16_t> ports;
  const Frame whole = Datagram("198.51.100.7", 4321, "192.0.2.10", 53, std::string(40, 'x'));
  for (const bool is_first : {true, false}) {
    Frame piece(whole.begin(), whole.begin() + 34);
    piece.insert(piece.end(), whole.begin() + (is_first ? 34 : 58),
                 whole.begin() + (is_first ? 58 : 82));
    auto* ip = HeaderAt<Ipv4Header>(piece.data(), 14);
    ip->total_length = Be16::FromHost(44);
    ip->fragment = Be16::FromHost(is_first ? 0x2000 : 3);
    ip->checksum = Be16{};
    ip->checksum = Checksum(ip, sizeof *ip);
    const auto sent = d.Send(kOutside, piece);
    ASSERT_EQ(sent.size(), 1u);
    ports.insert(Be16::Load(&sent[0].frame[34]).host());
  }
  EXPECT_EQ(ports.size(), 1u);
}

TEST(Tunnels, OneIsTakenOffAndNotTwo) {
  ByteDirector first;
  first.AddReal(first.AddService({}), "10.0.0.11", 80, {.method = ForwardMethod::kTun});
  first.Publish();
  TunnelEnd end(1);
  Frame frame = first.Send(kOutside, Tcp("198.51.100.7", 1234, "192.0.2.10", 80, kTcpSyn))[0].frame;
  // The same headers once more in front.
  frame.insert(frame.begin() + 14, frame.begin() + 14, frame.begin() + 34);
  auto* ip = HeaderAt<Ipv4Header>(frame.data(), 14);
  ip->total_length = Be16::FromHost(static_cast<uint16_t>(frame.size() - 14));
  ip->checksum = Be16{};
  ip->checksum = Checksum(ip, sizeof *ip);
  EXPECT_EQ(end.Take(frame).size(), 0u);
  EXPECT_EQ(end.d.dropped(DropReason::kTunnelNested), 1u);
}

// RFC 6040: a mark on the outer header reaches who can read it.
TEST(Tunnels, ACongestionMarkGoesInside) {
  ByteDirector d;
  d.AddReal(d.AddService({}), "10.0.0.11", 80, {.method = ForwardMethod::kTun});
  d.Publish();
  TunnelEnd end(1);
  for (const bool takes_part : {true, false}) {
    const uint16_t port = takes_part ? 1234 : 1235;
    Frame frame = d.Send(kOutside, Tcp("198.51.100.7", port, "192.0.2.10", 80, kTcpSyn))[0].frame;
    for (const size_t at : {14u, 34u}) {
      auto* ip = HeaderAt<Ipv4Header>(frame.data(), static_cast<uint32_t>(at));
      ip->tos = at == 14 ? 3 : takes_part ? 2 : 0;
      ip->checksum = Be16{};
      ip->checksum = Checksum(ip, sizeof *ip);
    }
    const auto out = end.Take(frame);
    ASSERT_EQ(out.size(), takes_part ? 1u : 0u);
    if (takes_part) {
      EXPECT_EQ(out[0].frame[15] & 3, 3);
      EXPECT_EQ(Text(out[0].frame).find("BAD"), std::string::npos);
    }
  }
  EXPECT_EQ(end.d.dropped(DropReason::kBadTunnel), 1u);
}

// What a record cannot hold is with the real server.
TEST(Tunnels, ListingsNameARealOfTheOtherFamily) {
  ByteDirector d;
  d.AddReal(d.AddService({}), "fd00::11", 80, {.method = ForwardMethod::kTun});
  d.AddReal(d.AddService({.address = "2001:db8::10"}), "10.0.0.11", 80,
            {.method = ForwardMethod::kTun});
  d.Publish();
  d.Send(kOutside, Tcp("198.51.100.7", 1234, "192.0.2.10", 80, kTcpSyn));
  d.Send(kOutside, Tcp("2001:db8:1::7", 1234, "2001:db8::10", 80, kTcpSyn));
  ListConnections list;
  list.rows.reserve(8);
  d.RunCommand(0, &list);
  std::set<std::string> reals;
  for (const ConnectionRow& row : list.rows) reals.insert(row.real_endpoint.ToString());
  EXPECT_EQ(reals, (std::set<std::string>{"10.0.0.11:80", "[fd00::11]:80"}));
}

}  // namespace
}  // namespace fairlead::dataplane::tunnel_test
