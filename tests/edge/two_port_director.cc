#include "two_port_director.h"

#include "dataplane/wire/headers.h"

namespace fairlead::edge {

using dataplane::NeighbourState;

MacAddress RealMac(uint32_t real) { return {{0x02, 0, 0, 0, 2, static_cast<uint8_t>(real)}}; }
MacAddress PortMac(PortId port) { return {{0x02, 0, 0, 0, 0, port.value()}}; }

namespace {

NeighbourId AddNeighbour(dataplane::Fabric& fabric, PortId port, uint32_t address,
                         const MacAddress& mac, bool known) {
  const NeighbourId id = fabric.neighbours.Intern(port, Ipv4Address::FromHost(address));
  if (known) fabric.neighbours.Set(id, {mac, port, NeighbourState::kReachable});
  return id;
}

PortId InsideOf(const TwoPortOptions& options) { return options.is_one_armed ? kOutside : kInside; }

void AddReals(dataplane::Fabric& fabric, const TwoPortOptions& options,
              dataplane::Snapshot* snapshot) {
  std::vector<sched::RealInput> inputs;
  for (uint32_t i = 0; i < kReals; ++i) {
    const IpAddress address = Ipv4Address::FromHost(kFirstReal + i);
    dataplane::RealView real;
    real.service = ServiceId{0};
    real.address = address;
    real.port = Be16::FromHost(80);
    real.method = options.method;
    real.is_available = true;
    real.weight = 1;
    real.output = InsideOf(options);
    real.next_hop_address = address;
    real.next_hop = AddNeighbour(fabric, InsideOf(options), kFirstReal + i, RealMac(i),
                                 options.neighbours_known);
    snapshot->reals.push_back(real);
    inputs.insert(inputs.begin(), {RealId{i}, address, real.port});
    if (options.method == ForwardMethod::kNat) {
      snapshot->nat_sources[{address, real.port, dataplane::kProtocolTcp}] = RealId{i};
      snapshot->nat_addresses[address] = false;
    }
  }
  snapshot->services[0].plan = sched::Plan::Build(sched::Kind::kRr, {}, inputs, 0);
}

}  // namespace

void PublishTwoPortDirector(dataplane::Fabric& fabric, const TwoPortOptions& options) {
  auto snapshot = std::make_unique<dataplane::Snapshot>();
  snapshot->generation = 1;
  const IpAddress vip = Ipv4Address::FromHost(kVipHost);
  const IpAddress outside = Ipv4Address::FromHost(kOutsideAddress);

  dataplane::ServiceView service;
  service.id = ServiceId{0};
  service.protocol = dataplane::kProtocolTcp;
  service.address = vip;
  service.port = Be16::FromHost(80);
  snapshot->services.push_back(service);
  snapshot->service_index[{vip, service.port, dataplane::kProtocolTcp}] = ServiceId{0};
  AddReals(fabric, options, snapshot.get());

  for (const PortId port : {kOutside, kInside}) {
    dataplane::PortView view;
    view.mac = PortMac(port);
    view.role = port == kOutside ? dataplane::PortRole::kOutside : dataplane::PortRole::kInside;
    view.has_host = port == kOutside && options.outside_has_host;
    view.has_vlans = options.has_vlans;
    snapshot->ports.push_back(view);
  }
  snapshot->local_addresses[vip] = {.is_vip = true, .port = {}, .is_announced = true};
  snapshot->local_addresses[outside] = {.is_vip = false, .port = kOutside, .is_announced = true};

  dataplane::RouteView world;
  world.output = kOutside;
  world.gateway_address = Ipv4Address::FromHost(0xc0000201);
  world.gateway = AddNeighbour(fabric, kOutside, 0xc0000201, kGatewayMac, true);
  world.source = outside;
  dataplane::RouteView inside;
  inside.output = InsideOf(options);
  inside.source = Ipv4Address::FromHost(0x0a000001);
  snapshot->routes = dataplane::PrefixMap<dataplane::RouteView>::Build(
      {{*Prefix::Parse("0.0.0.0/0"), world}, {*Prefix::Parse("10.0.0.0/24"), inside}});
  dataplane::FinishSnapshot(snapshot.get());
  fabric.publisher.Publish(std::move(snapshot));
}

}  // namespace fairlead::edge
