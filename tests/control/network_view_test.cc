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
    FillPorts(model_, AddressesOf(model_, nullptr), runtimes, &links, intern, &snapshot);
    const dataplane::RouteView* const route = snapshot.routes.Find(Ip(address));
    if (route == nullptr) return "none";
    const std::string port = std::to_string(route->output.index());
    return port +
           (route->gateway.is_none() ? " on link" : " via " + route->gateway_address.ToString());
  }

  ConfigModel model_ = ModelOf(kMore);
  std::vector<PortLink> links_{{.is_up = true}, {.is_up = true}};
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

TEST_F(NetworkViewTest, NothingIsLeftWhenAllIsDown) {
  links_[0].is_up = links_[1].is_up = false;
  EXPECT_EQ(WayTo("203.0.113.5"), "none");
  EXPECT_EQ(WayTo("10.0.0.11"), "1 on link");
}

}  // namespace
}  // namespace fairlead::control::network_view_test
