// Properties over random interleavings: seeded, and the seed is in the failure's trace.
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "byte_director.h"

namespace fairlead::dataplane::property_test {
namespace {

const std::string kVip = "192.0.2.10";

std::string ClientAddress(uint32_t n) {
  return IpAddress(Ipv4Address::FromHost(0xc6336400u + n)).ToString();
}

// What a frame says when it has been parsed as the pipeline parses it.
ParsedPacket ParsedOf(const Frame& frame) {
  BytePacket packet(frame);
  ParsedPacket parsed;
  EXPECT_EQ(Parse(packet, &parsed).kind, PacketKind::kFlow);
  return parsed;
}

template <typename Address>
WorkerId OwnerBySource(const Steering& steering, const Frame& frame) {
  const ParsedPacket parsed = ParsedOf(frame);
  return steering.ConnectionOwner(parsed.Source<Address>(frame.data()), parsed.source_port);
}

template <typename Address>
WorkerId OwnerByDestination(const Steering& steering, const Frame& frame) {
  const ParsedPacket parsed = ParsedOf(frame);
  return steering.ConnectionOwner(parsed.Destination<Address>(frame.data()),
                                  parsed.destination_port);
}

// Two NAT services over one real server, and what comes back from it.
template <typename Address>
class BothDirections {
 public:
  static constexpr bool kIsIpv6 = std::is_same_v<Address, Ipv6Address>;

  explicit BothDirections(size_t workers) : d_({.workers = workers, .seed = 3}) {
    for (const uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
      const ServiceId id = d_.AddService({.address = kVirtual, .protocol = protocol});
      reals_[protocol == kProtocolTcp] = d_.AddReal(id, kReal, 8080);
    }
    d_.Publish();
  }

  // One flow from a client drawn at random: its first packet at any worker, its reply at each.
  void Flow(bool is_tcp) {
    const std::string client = RandomClient();
    const auto port = static_cast<uint16_t>(1024 + d_.Random(60000));
    const Frame forward =
        is_tcp ? Tcp(client, port, kVirtual, 80, kTcpSyn) : Udp(client, port, kVirtual, 80);
    const std::vector<Sent> sent = d_.Send(kOutside, forward);
    ASSERT_EQ(sent.size(), 1u);
    const ParsedPacket seen = ParsedOf(sent[0].frame);
    const std::string from = seen.destination(sent[0].frame.data()).ToString();
    const std::string to = seen.source(sent[0].frame.data()).ToString();
    ASSERT_EQ(from, kReal);
    const uint16_t from_port = seen.destination_port.host(), to_port = seen.source_port.host();
    const Frame reply = is_tcp ? Tcp(from, from_port, to, to_port, kTcpSyn | kTcpAck)
                               : Udp(from, from_port, to, to_port);

    const Steering& steering = d_.fabric().steering;
    const WorkerId owner = OwnerBySource<Address>(steering, forward);
    EXPECT_EQ(OwnerByDestination<Address>(steering, reply), owner);
    for (size_t w = 0; w < d_.worker_count(); ++w) ExpectReplyByOwner(w, owner, is_tcp, reply);
  }

  ByteDirector& director() { return d_; }

 private:
  static inline const std::string kVirtual = kIsIpv6 ? "2001:db8::10" : "192.0.2.10";
  static inline const std::string kReal = kIsIpv6 ? "fd00::11" : "10.0.0.11";

  std::string RandomClient() {
    const std::string low = std::to_string(1 + d_.Random(250));
    return kIsIpv6 ? "2001:db8:5::" + low : "198.51.100." + low;
  }

  // The connection is in the owner's table and nowhere else, so only that worker can translate.
  void ExpectReplyByOwner(size_t at, WorkerId owner, bool is_tcp, const Frame& reply) {
    const RealId real = reals_[is_tcp];
    Counter& by_owner = d_.fabric().stats.traffic(owner, real).out_packets;
    Counter& off = d_.worker(at).counters().handed_off;
    const uint64_t before = by_owner.value(), off_before = off.value();
    std::vector<Sent> out = d_.SendAt(at, kInside, reply);
    for (Sent& more : d_.Settle()) out.push_back(std::move(more));
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].port, kOutside);
    EXPECT_EQ(ParsedOf(out[0].frame).source(out[0].frame.data()).ToString(), kVirtual);
    EXPECT_EQ(by_owner.value(), before + 1) << "worker " << at;
    EXPECT_EQ(off.value(), off_before + (at == owner.index() ? 0 : 1)) << "worker " << at;
  }

  ByteDirector d_;
  RealId reals_[2];  // of the UDP service, of the TCP service
};

template <typename Address>
void ExpectOneWorkerForBothDirections() {
  for (const size_t workers : {1, 2, 3, 5, 8}) {
    SCOPED_TRACE(std::to_string(workers) + " workers");
    BothDirections<Address> flows(workers);
    for (int i = 0; i < 60; ++i) ASSERT_NO_FATAL_FAILURE(flows.Flow(i % 2 == 0));
    EXPECT_EQ(flows.director().CheckConservation(), "");
    for (size_t w = 0; w < workers; ++w) {
      EXPECT_GT(flows.director().worker(w).counters().connections.value(), 0u) << "worker " << w;
    }
  }
}

TEST(Steering, BothDirectionsNameOneWorkerIpv4) { ExpectOneWorkerForBothDirections<Ipv4Address>(); }

TEST(Steering, BothDirectionsNameOneWorkerIpv6) { ExpectOneWorkerForBothDirections<Ipv6Address>(); }

TEST(Steering, OwnersAreWorkers) {
  std::mt19937 random(3);
  for (size_t workers = 1; workers <= 16; ++workers) {
    const Steering steering(workers);
    for (int i = 0; i < 1000; ++i) {
      const auto client = Ipv4Address::FromHost(static_cast<uint32_t>(random()));
      const Be16 port = Be16::FromHost(static_cast<uint16_t>(random()));
      ASSERT_LT(steering.ConnectionOwner(client, port).index(), workers);
      ASSERT_LT(steering.TemplateOwner(random() * uint64_t{0x9e3779b97f4a7c15u}).index(), workers);
    }
  }
}

struct Case {
  size_t workers;
  uint32_t seed;
};

class Interleavings : public testing::TestWithParam<Case> {};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (size_t workers = 1; workers <= 8; ++workers) {
    for (uint32_t seed = 1; seed <= 4; ++seed) cases.push_back({workers, seed});
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Random, Interleavings, testing::ValuesIn(Cases()), [](const auto& p) {
  return "workers" + std::to_string(p.param.workers) + "seed" + std::to_string(p.param.seed);
});

// One NAT service, persistent: connects, data, replies, closes and retransmissions of 24 clients in
// any order, at any worker, with bursts and hand-offs interleaved at random. Each client stays on
// one real; replies find their flow; nothing leaks; every packet ends in one column.
TEST_P(Interleavings, AffinityIsExactAndNothingLeaks) {
  ByteDirector d({.workers = GetParam().workers, .ring_packets = 512, .seed = GetParam().seed});
  const ServiceId web = d.AddService({.scheduler = sched::Kind::kWrr, .persistence_seconds = 600});
  for (int i = 1; i <= 5; ++i)
    d.AddReal(web, "10.0.0." + std::to_string(10 + i), 80, {.weight = i});
  d.Publish();
  std::map<std::string, std::string> home;  // client → real
  struct Flow {
    std::string client;
    uint16_t port;
    std::string real;
  };
  std::vector<Flow> flows;
  const auto note = [&](const Sent& sent) {
    const std::string text = Text(sent.frame);
    ASSERT_EQ(text.find("BAD"), std::string::npos) << text;
    if (sent.port != kInside) return;
    // "10.0.0.11:80 <- 198.51.100.7:1234 TCP S ttl 63"
    const std::string real = text.substr(0, text.find(':'));
    const size_t arrow = text.find("<- ") + 3;
    const std::string client = text.substr(arrow, text.find(':', arrow) - arrow);
    const auto [it, is_new] = home.try_emplace(client, real);
    ASSERT_EQ(it->second, real) << client << " moved";
    const auto port = static_cast<uint16_t>(std::stoi(text.substr(text.find(':', arrow) + 1)));
    for (Flow& flow : flows) {
      if (flow.client == client && flow.port == port) flow.real = real;
    }
  };
  for (int step = 0; step < 3000; ++step) {
    const uint32_t dice = d.Random(100);
    if (dice < 25 || flows.empty()) {
      flows.push_back(
          {ClientAddress(d.Random(24)), static_cast<uint16_t>(1024 + d.Random(4000)), ""});
      const Frame syn = Tcp(flows.back().client, flows.back().port, kVip, 80, kTcpSyn);
      for (uint32_t n = 1 + (d.Random(8) == 0); n > 0; --n)
        d.Inject(kOutside, syn);  // some are sent twice
    } else if (dice < 80) {
      const Flow& flow = flows[d.Random(static_cast<uint32_t>(flows.size()))];
      if (d.Random(3) == 0 && !flow.real.empty()) {
        d.Inject(kInside, Tcp(flow.real, 80, flow.client, flow.port, kTcpAck));
      } else {
        const uint8_t flags = d.Random(10) == 0 ? kTcpFin | kTcpAck : kTcpAck;
        d.Inject(kOutside, Tcp(flow.client, flow.port, kVip, 80, static_cast<uint8_t>(flags)));
      }
    } else {
      d.RandomTurn();
    }
    if (step % 500 == 499) {
      for (const Sent& sent : d.Settle()) ASSERT_NO_FATAL_FAILURE(note(sent));
      d.Advance(d.Random(20));
    }
  }
  for (const Sent& sent : d.Settle()) ASSERT_NO_FATAL_FAILURE(note(sent));
  EXPECT_EQ(home.size(), 24u);
  EXPECT_EQ(d.CheckConservation(), "");
  EXPECT_EQ(d.dropped(DropReason::kNoRoute), 0u);
  d.Advance(1000);
  d.Advance(1000);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

// The same over every kind of key at once: a group of two services, a client group beside netmasks
// of their own, a client spread over three keys, each service with another way to renew. Whoever
// counts as one client has one real, whichever worker decides.
class KindsOfKeys {
 public:
  explicit KindsOfKeys(const Case& c)
      : d({.workers = c.workers, .ring_packets = 512, .seed = c.seed}) {
    const std::array modes = {RenewMode::kLinux, RenewMode::kLegacy120, RenewMode::kFull,
                              RenewMode::kStep, RenewMode::kAfterLastClose};
    for (size_t i = 0; i < kPorts.size(); ++i) {
      const ServiceId id = d.AddService({.port = kPorts[i],
                                         .scheduler = sched::Kind::kWrr,
                                         .persistence_seconds = 900,
                                         .mask4 = i == 2 ? 0xffffff00 : 0xffffffff,
                                         .renew = modes[(i + c.seed) % modes.size()],
                                         .step_seconds = 30,
                                         .group = i < 2 ? 9u : 0u,
                                         .spread = static_cast<uint8_t>(i == 3 ? 3 : 1)});
      for (int r = 1; r <= 5; ++r)
        d.AddReal(id, "10.0.0." + std::to_string(10 + r), kPorts[i], {.weight = r});
    }
    ClientKeying& keying = d.service(ServiceId{2}).persistence.clients;
    keying.groups = std::make_shared<const PrefixMap<GroupNumber>>(PrefixMap<GroupNumber>::Build(
        {{*Prefix::Parse("198.51.100.0/29"), {71}}, {*Prefix::Parse("203.0.113.0/24"), {71}}}));
    keying.netmasks = std::make_shared<const PrefixMap<ClientNetmask>>(
        PrefixMap<ClientNetmask>::Build({{*Prefix::Parse("198.51.100.8/29"), {}}}));
    d.Publish();
  }

  std::string AnyClient() {
    const uint32_t base = d.Random(4) == 0 ? 0xcb007100u : 0xc6336400u;
    return IpAddress(Ipv4Address::FromHost(base + d.Random(24))).ToString();
  }
  uint16_t AnyPort() { return kPorts[d.Random(static_cast<uint32_t>(kPorts.size()))]; }

  // Who the client of a connection is to its service, said independently of the key's bytes.
  static std::string Identity(const std::string& client, uint16_t client_port, uint16_t port) {
    const IpAddress address = *IpAddress::Parse(client);
    const uint32_t last = address.Fold() & 0xff;
    const bool is_far = client.starts_with("203.");
    if (port < 82) return "group " + client;
    if (port == 82 && (is_far || last < 8)) return "client group";
    if (port == 82 && last < 16) return "host " + client;
    if (port == 82) return "network";
    FlowFields flow;
    flow.addresses.source = address;
    flow.addresses.source_port = client_port;
    return "spread " + client + "/" + std::to_string(SpreadSlot(3, flow));
  }

  // "10.0.0.11:80 <- 198.51.100.7:1234 TCP S ttl 63": the same identity, the same real.
  void Note(const Sent& sent) {
    const std::string text = Text(sent.frame);
    ASSERT_EQ(text.find("BAD"), std::string::npos) << text;
    if (sent.port != kInside) return;
    const auto real = *Endpoint::Parse(text.substr(0, text.find(' ')));
    const size_t arrow = text.find("<- ") + 3;
    const auto client = *Endpoint::Parse(text.substr(arrow, text.find(' ', arrow) - arrow));
    const std::string who =
        Identity(client.address.ToString(), client.port.host(), real.port.host());
    const auto [it, is_new] = home_.try_emplace(who, real.address);
    ASSERT_EQ(it->second, real.address) << who << " moved: " << text;
  }
  void Settle() {
    for (const Sent& sent : d.Settle()) ASSERT_NO_FATAL_FAILURE(Note(sent));
  }

  static constexpr std::array<uint16_t, 4> kPorts = {80, 81, 82, 83};
  ByteDirector d;

 private:
  std::map<std::string, IpAddress> home_;
};

TEST_P(Interleavings, EveryKindOfKeyBindsExactlyAndNothingLeaks) {
  KindsOfKeys bed(GetParam());
  ByteDirector& d = bed.d;
  struct Flow {
    std::string client;
    uint16_t client_port, port;
  };
  std::vector<Flow> flows;
  for (int step = 0; step < 3000; ++step) {
    const uint32_t dice = d.Random(100);
    if (dice < 40 || flows.empty()) {
      flows.push_back(
          {bed.AnyClient(), static_cast<uint16_t>(1024 + d.Random(4000)), bed.AnyPort()});
      const Flow& flow = flows.back();
      d.Inject(kOutside, Tcp(flow.client, flow.client_port, kVip, flow.port, kTcpSyn));
    } else if (dice < 80) {
      const Flow& flow = flows[d.Random(static_cast<uint32_t>(flows.size()))];
      const uint8_t flags = std::array{kTcpAck, kTcpFin, kTcpRst}[d.Random(3)];
      d.Inject(kOutside, Tcp(flow.client, flow.client_port, kVip, flow.port, flags));
    } else {
      d.RandomTurn();
    }
    if (step % 500 == 499) {
      ASSERT_NO_FATAL_FAILURE(bed.Settle());
      d.Advance(d.Random(100));
    }
  }
  ASSERT_NO_FATAL_FAILURE(bed.Settle());
  EXPECT_EQ(d.CheckConservation(), "");
  d.Advance(2000);
  d.Advance(1000);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

// Netmasks change back and forth while clients come and go, each change with a grace: nothing leaks
// on the way to the old key's owner and back.
TEST_P(Interleavings, ChangingNetmasksLeakNothing) {
  ByteDirector d({.workers = GetParam().workers, .ring_packets = 64, .seed = GetParam().seed});
  const ServiceId web = d.AddService({.persistence_seconds = 60});
  for (int r = 1; r <= 4; ++r) d.AddReal(web, "10.0.0." + std::to_string(10 + r), 80);
  d.service(web).persistence.rekey = TicksFromSeconds(20);
  d.Publish();
  for (int change = 0; change < 12; ++change) {
    for (int i = 0; i < 100; ++i) {
      const auto port = static_cast<uint16_t>(1024 + d.Random(4000));
      d.Inject(kOutside, Tcp(ClientAddress(d.Random(64)), port, kVip, 80, kTcpSyn));
      if (d.Random(3) == 0) d.RandomTurn();
    }
    // In the middle of it all.
    PersistenceView& persistence = d.service(web).persistence;
    persistence.previous = std::make_shared<const ClientKeying>(persistence.clients);
    persistence.clients.mask4 = Be32::FromHost(~uint32_t{0} << d.Random(8));
    ++persistence.keying_edits;
    d.Publish();
    if (d.Random(2) == 0) d.Advance(d.Random(30));
  }
  d.Settle();
  EXPECT_EQ(d.CheckConservation(), "");
  d.Advance(1000);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

// Message rings of two entries: releases are refused again and again and must still all arrive.
TEST_P(Interleavings, NoReleaseIsLostWhenRingsAreTiny) {
  ByteDirector d({.workers = GetParam().workers, .ring_packets = 2, .seed = GetParam().seed});
  const ServiceId web = d.AddService({.persistence_seconds = 20});
  d.AddReal(web, "10.0.0.11", 80);
  d.AddReal(web, "10.0.0.12", 80);
  d.Publish();
  for (uint32_t i = 0; i < 600; ++i) {
    d.Inject(kOutside,
             Tcp(ClientAddress(i % 7), static_cast<uint16_t>(1000 + i), kVip, 80, kTcpSyn));
    if (i % 3 == 0) d.RandomTurn();
  }
  d.Settle();
  EXPECT_EQ(d.CheckConservation(), "");
  d.Advance(400);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

// What explain says is what the next packet does, for a thousand clients over every kind of
// service.
TEST_P(Interleavings, ExplainAgreesWithThePacketPath) {
  ByteDirector d({.workers = GetParam().workers, .connections = 16384, .seed = GetParam().seed});
  const auto kinds = sched::kAllKinds;
  uint16_t port = 1000;
  std::vector<uint16_t> ports;
  for (const sched::Kind kind : kinds) {
    for (const uint32_t persistence : {0u, 300u}) {
      const ServiceId s =
          d.AddService({.port = ++port, .scheduler = kind, .persistence_seconds = persistence});
      for (int i = 1; i <= 4; ++i) {
        d.AddReal(s, "10.0.0." + std::to_string(10 + i), port, {.weight = i % 4, .upper = 40});
      }
      ports.push_back(port);
    }
  }
  ports.push_back(++port);  // closed
  d.Publish();
  for (int i = 0; i < 1000; ++i) {
    const std::string client = ClientAddress(d.Random(200));
    const auto source_port = static_cast<uint16_t>(d.Random(5000) + 1);
    const uint16_t to = ports[d.Random(static_cast<uint32_t>(ports.size()))];
    const ExplainAnswer answer =
        d.Explain({.client = *Endpoint::Parse(client + ":" + std::to_string(source_port)),
                   .destination = *Endpoint::Parse(kVip + ":" + std::to_string(to))});
    const auto sent = d.Send(kOutside, Tcp(client, source_port, kVip, to, kTcpSyn));
    if (answer.verdict == ExplainVerdict::kForward) {
      ASSERT_EQ(sent.size(), 1u);
      const std::string real = d.real(answer.real).address.ToString();
      ASSERT_EQ(Text(sent[0].frame).substr(0, real.size() + 1), real + ":")
          << "client " << client << ": " << Text(sent[0].frame);
    } else {
      ASSERT_EQ(answer.verdict, ExplainVerdict::kRefused);
      for (const Sent& s : sent) ASSERT_EQ(s.port, kOutside);
    }
    if (d.Random(50) == 0) d.Advance(d.Random(30));
  }
  EXPECT_EQ(d.CheckConservation(), "");
}

}  // namespace
}  // namespace fairlead::dataplane::property_test
