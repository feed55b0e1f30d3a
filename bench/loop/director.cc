#include "director.h"

#include <random>

#include "dataplane/wire/headers.h"

namespace fairlead::bench {

using namespace dataplane;

MacAddress PortMac(PortId port) { return {{0x02, 0, 0, 0, 0, port.value()}}; }
MacAddress RealMac(uint32_t real) { return {{0x02, 0, 0, 0, 2, static_cast<uint8_t>(real)}}; }

IpAddress VipAddress(Family family) {
  return *IpAddress::Parse(family == Family::kIpv4 ? "192.0.2.80" : "2001:db8::80");
}

IpAddress RealAddress(Family family, uint32_t real) {
  return *IpAddress::Parse((family == Family::kIpv4 ? "10.0.0." : "fd00::") +
                           std::to_string(11 + real));
}

// The list is newest first.
uint32_t RoundRobinReal(size_t n) { return static_cast<uint32_t>(kReals - 1 - n % kReals); }

namespace {

class Writer {
 public:
  Writer(Fabric& fabric, const DirectorOptions& options)
      : fabric_(fabric),
        options_(options),
        inside_(fabric.config.ports > 1 ? kInside : kOutside),
        snapshot_(std::make_unique<Snapshot>()) {
    snapshot_->generation = 1;
  }

  void Service() {
    ServiceView service;
    service.id = ServiceId{0};
    service.family = options_.family;
    service.protocol = kProtocolTcp;
    service.address = VipAddress(options_.family);
    service.port = Be16::FromHost(kHttp);
    // Files go round and round. A SYN on an established connection is no common packet, so the
    // connections begin by an ACK.
    service.policy.sloppy_tcp = true;
    if (options_.is_persistent) {
      service.persistence.is_enabled = true;
      service.persistence.timeout = TicksFromSeconds(300);
    }
    std::vector<sched::RealInput> newest_first;
    for (uint32_t i = 0; i < kReals; ++i) {
      const RealView real = Real(i);
      snapshot_->reals.push_back(real);
      newest_first.insert(newest_first.begin(), {RealId{i}, real.address, real.port});
    }
    service.plan = sched::Plan::Build(sched::Kind::kRr, {}, newest_first, 0);
    snapshot_->service_index[{service.address, service.port, kProtocolTcp}] = service.id;
    snapshot_->local_addresses[service.address] = {
        .is_vip = true, .port = {}, .is_announced = true};
    snapshot_->services.push_back(service);
  }

  void Network() {
    for (size_t p = 0; p < fabric_.config.ports; ++p) {
      const PortId port{static_cast<uint8_t>(p)};
      PortView view;
      view.mac = PortMac(port);
      view.role = port == kOutside ? PortRole::kOutside : PortRole::kInside;
      snapshot_->ports.push_back(view);
    }
    const bool is_v4 = options_.family == Family::kIpv4;
    RouteView world;
    world.output = kOutside;
    world.gateway_address = *IpAddress::Parse(is_v4 ? "192.0.2.1" : "2001:db8::1");
    world.gateway = AddNeighbour(kOutside, world.gateway_address, kGatewayMac);
    world.source = OurAddress(2);
    snapshot_->local_addresses[world.source] = {
        .is_vip = false, .port = kOutside, .is_announced = true};
    snapshot_->routes =
        PrefixMap<RouteView>::Build({{*Prefix::Parse(is_v4 ? "0.0.0.0/0" : "::/0"), world}});
  }

  void LocalAddresses() {
    if (!TranslatesClient(options_.method)) return;
    LocalPool pool;
    const bool is_v4 = options_.family == Family::kIpv4;
    for (uint32_t i = 1; i <= options_.local_addresses; ++i) {
      pool.addresses.push_back(
          *IpAddress::Parse((is_v4 ? "10.1.0." : "fd01::") + std::to_string(i)));
    }
    snapshot_->local_pools.push_back(std::move(pool));
  }

  // None of them matches what the benchmark sends.
  void Rules() {
    ClassifierBuilder builder;
    std::mt19937 random(5);
    std::vector<Prefix> prefixes;
    for (uint32_t i = 0; i < options_.prefixes; ++i) {
      prefixes.push_back({Ipv4Address::FromHost(0x0b000000u | (random() & 0x00ffffffu)), 32});
    }
    if (!prefixes.empty()) {
      ClassifierRule rule;
      rule.source_set = builder.AddSet(prefixes);
      rule.mark = 1;
      builder.AddRule(rule);
    }
    if (options_.rules > 0) {
      const int set = builder.AddSet({*Prefix::Parse("100.0.0.0/8"), *Prefix::Parse("2001::/16")});
      for (uint32_t i = 0; i < options_.rules; ++i) {
        ClassifierRule rule;
        rule.protocol = kProtocolTcp;
        rule.source_set = set;
        const auto port = static_cast<uint16_t>(1000 + i % 60000);
        rule.destination_ports = {{port, port}};
        rule.mark = i + 2;
        builder.AddRule(rule);
      }
    }
    snapshot_->classifier = builder.Build();
  }

  void Publish() {
    FinishSnapshot(snapshot_.get());
    fabric_.publisher.Publish(std::move(snapshot_));
  }

 private:
  RealView Real(uint32_t i) {
    RealView real;
    real.service = ServiceId{0};
    real.address = RealAddress(options_.family, i);
    real.port = Be16::FromHost(kHttp);
    real.method = options_.method;
    real.tunnel = options_.tunnel;
    real.is_available = true;
    real.weight = 1;
    real.output = inside_;
    real.next_hop_address = real.address;
    real.next_hop = AddNeighbour(inside_, real.address, RealMac(i));
    real.tunnel_source = OurAddress(1);
    if (TranslatesClient(options_.method)) {
      real.local_pool = LocalPoolId{0};
      real.client_address = options_.client_address;
    }
    if (options_.method == ForwardMethod::kNat) {
      snapshot_->nat_sources[{real.address, real.port, kProtocolTcp}] = RealId{i};
      snapshot_->nat_addresses[real.address] = false;
    }
    return real;
  }

  NeighbourId AddNeighbour(PortId port, const IpAddress& address, const MacAddress& mac) {
    const NeighbourId id = fabric_.neighbours.Intern(port, address);
    fabric_.neighbours.Set(id, {mac, port, NeighbourState::kReachable});
    return id;
  }
  [[nodiscard]] IpAddress OurAddress(int last) const {
    return *IpAddress::Parse((options_.family == Family::kIpv4 ? "10.0.0." : "fd00::") +
                             std::to_string(last));
  }

  Fabric& fabric_;
  const DirectorOptions& options_;
  const PortId inside_;
  std::unique_ptr<Snapshot> snapshot_;
};

}  // namespace

void PublishDirector(Fabric& fabric, const DirectorOptions& options) {
  Writer writer(fabric, options);
  writer.LocalAddresses();
  writer.Service();
  writer.Network();
  writer.Rules();
  writer.Publish();
}

}  // namespace fairlead::bench
