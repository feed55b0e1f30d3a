#include "control/network_view.h"

#include <gtest/gtest.h>

#include <map>

#include "director_fixture.h"

namespace fairlead::control::network_view_test {
namespace {

// Two ports, a default route over each, a network behind the inside one that has a second way.
constexpr const char* kMore = R"(
  - { to: 0.0.0.0/0, via: 10.0.0.254 }
  - { to: 10.9.0.0/16, via: 10.0.0.253 }
  - { to: 10.0.0.0/24, via: 192.0.2.253 }
)";

class NetworkViewTest : public testing::Test {
 protected:
  // Port and gateway on the way to the address: "1 via 10.0.0.254", "0 on link", "none".
  std::string WayTo(const char* address) {
    const std::vector<PortRuntime> runtimes = TwoPorts();
    PortLinks links({"outside", "inside"});
    links.SetReader([this] { return links_; });
    links.Tick(At(std::chrono::milliseconds{0}));
    dataplane::Snapshot snapshot;
    const InternNeighbour intern = [](PortId port, const IpAddress&) {
      return NeighbourId{static_cast<uint32_t>(port.index())};
    };
    const PortAddresses addresses = AddressesOf(model_, nullptr);
    FillPorts({model_, addresses, kernel_, &links}, runtimes, intern, &snapshot);
    const dataplane::RouteView* const route = snapshot.routes.Find(Ip(address));
    if (route == nullptr) return "none";
    const std::string port = std::to_string(route->output.index());
    return port +
           (route->gateway.is_none() ? " on link" : " via " + route->gateway_address.ToString());
  }

  ConfigModel model_ = ModelOf(kMore);
  std::vector<PortLink> links_{{.is_up = true}, {.is_up = true}};
  const KernelNetwork* kernel_ = nullptr;
};

TEST_F(NetworkViewTest, TheFirstOfSeveralWaysIsTaken) {
  EXPECT_EQ(WayTo("203.0.113.5"), "0 via 192.0.2.254");
  EXPECT_EQ(WayTo("10.9.1.1"), "1 via 10.0.0.253");
  EXPECT_EQ(WayTo("10.0.0.11"), "1 on link") << "a port's own network goes before every route";
}

TEST_F(NetworkViewTest, ADeadPortGivesWayToTheNextRoute) {
  links_[0].is_up = false;
  EXPECT_EQ(WayTo("203.0.113.5"), "1 via 10.0.0.254");
  links_[0].is_up = true;
  EXPECT_EQ(WayTo("203.0.113.5"), "0 via 192.0.2.254") << "and takes its traffic back";
}

TEST_F(NetworkViewTest, ARouteWithoutASecondWayLeavesAShorterPrefixToDecide) {
  links_[1].is_up = false;
  EXPECT_EQ(WayTo("10.9.1.1"), "0 via 192.0.2.254");
  EXPECT_EQ(WayTo("10.0.0.11"), "0 via 192.0.2.253") << "it has a second way";
}

TEST_F(NetworkViewTest, ADeadPortsOwnNetworkLeavesNowhereElse) {
  links_[0].is_up = false;
  EXPECT_EQ(WayTo("192.0.2.7"), "0 on link");
}

// Two ports in one network, of which the second stands in for the first: routes go with it.
TEST_F(NetworkViewTest, AGatewayIsReachedThroughThePortThatHasALink) {
  model_ = ModelOf("");
  model_.ports[1].addresses.push_back(*Prefix::Parse("192.0.2.3/24"));
  EXPECT_EQ(WayTo("203.0.113.5"), "0 via 192.0.2.254");
  links_[0].is_up = false;
  EXPECT_EQ(WayTo("203.0.113.5"), "1 via 192.0.2.254");
  EXPECT_EQ(WayTo("192.0.2.7"), "1 on link");
}

TEST_F(NetworkViewTest, RoutesOfTheKernelComeAfterThoseOfTheFile) {
  KernelNetwork network;
  network.routes = {{*Prefix::Parse("0.0.0.0/0"), PortId{1}, Ip("10.0.0.251")},
                    {*Prefix::Parse("198.51.100.0/24"), PortId{1}, Ip("10.0.0.252")},
                    {*Prefix::Parse("198.51.100.0/24"), PortId{0}, Ip("192.0.2.252")},
                    {*Prefix::Parse("203.0.113.0/24"), PortId{0}, Ip("0.0.0.0")}};
  kernel_ = &network;
  EXPECT_EQ(WayTo("8.8.8.8"), "0 via 192.0.2.254") << "the file has one";
  EXPECT_EQ(WayTo("198.51.100.7"), "1 via 10.0.0.252") << "the first of two next hops";
  EXPECT_EQ(WayTo("203.0.113.7"), "0 on link");
  links_[1].is_up = false;
  EXPECT_EQ(WayTo("198.51.100.7"), "0 via 192.0.2.252");
  model_ = ModelOf("");
  model_.routes.clear();
  links_[1].is_up = true;
  EXPECT_EQ(WayTo("8.8.8.8"), "1 via 10.0.0.251") << "no static default route is needed";
}

TEST_F(NetworkViewTest, ListsEveryWayAndWhichIsTaken) {
  KernelNetwork network;
  network.routes = {{*Prefix::Parse("0.0.0.0/0"), PortId{1}, Ip("10.0.0.251")},
                    {*Prefix::Parse("198.51.100.0/24"), PortId{1}, Ip("10.0.0.252")}};
  model_ = ModelOf("");
  const PortAddresses addresses = AddressesOf(model_, nullptr);
  std::string text;
  for (const ListedRoute& route : ListRoutes({model_, addresses, &network, nullptr})) {
    text += route.to.ToString() + " " + std::string(ToWord(route.source)) +
            (route.is_used ? " used\n" : "\n");
  }
  EXPECT_EQ(text,
            "192.0.2.0/24 connected used\n2001:db8::/64 connected used\n"
            "10.0.0.0/24 connected used\n0.0.0.0/0 static used\n0.0.0.0/0 kernel\n"
            "198.51.100.0/24 kernel used\n");
}

TEST_F(NetworkViewTest, AGatewayOfManyRoutesIsInternedOnce) {
  KernelNetwork network;
  for (uint32_t i = 0; i < 10'000; ++i) {
    network.routes.push_back({{IpAddress(Ipv4Address::FromHost(0x64000000u + (i << 8))), 24},
                              PortId{0},
                              Ip(i % 2 == 0 ? "192.0.2.251" : "192.0.2.252")});
  }
  const PortAddresses addresses = AddressesOf(model_, nullptr);
  int asked = 0;
  const InternNeighbour intern = [&asked](PortId, const IpAddress&) {
    return NeighbourId{static_cast<uint32_t>(++asked)};
  };
  const NetworkInput input{model_, addresses, &network, nullptr};
  EXPECT_EQ(InternGateways(input, intern).size(), 6u) << "four of the file, two of the kernel";
  EXPECT_EQ(asked, 6);
}

TEST_F(NetworkViewTest, APortSaysWhetherItsDeviceHasVlans) {
  std::vector<PortRuntime> runtimes = TwoPorts();
  runtimes[1].has_vlans = true;
  dataplane::Snapshot snapshot;
  const PortAddresses addresses = AddressesOf(model_, nullptr);
  FillPorts(
      {model_, addresses, nullptr, nullptr}, runtimes,
      [](PortId, const IpAddress&) { return NeighbourId{0}; }, &snapshot);
  EXPECT_FALSE(snapshot.ports[0].has_vlans);
  EXPECT_TRUE(snapshot.ports[1].has_vlans);
}

TEST_F(NetworkViewTest, NothingIsLeftWhenAllIsDown) {
  links_[0].is_up = links_[1].is_up = false;
  EXPECT_EQ(WayTo("203.0.113.5"), "none");
  EXPECT_EQ(WayTo("10.0.0.11"), "1 on link");
}

}  // namespace
}  // namespace fairlead::control::network_view_test
