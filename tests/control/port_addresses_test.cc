#include "control/port_addresses.h"

#include "control/network_view.h"
#include "control/presence.h"
#include "fake_kernel.h"

namespace fairlead::control::port_addresses_test {
namespace {

// One virtual address of each kind, and one that is a port's by the configuration.
constexpr const char* kServices = R"(
services:
  - { name: a, address: 192.0.2.80, protocol: tcp, port: 80, reals: [] }
  - { name: b, address: 192.0.2.81, protocol: tcp, port: 80, announce: never, reals: [] }
  - { name: c, address: 192.0.2.82, protocol: tcp, port: 80, announce: follow-kernel, reals: [] }
  - { name: d, address: 192.0.2.1, protocol: tcp, port: 80, announce: never, reals: [] }
)";

class PortAddressesTest : public testing::Test {
 protected:
  PortAddresses Addresses() { return AddressesOf(model_, &(network_ = kernel_.Read())); }
  // Who answers, by port: "192.0.2.1 192.0.2.80 | 10.0.0.1".
  std::string Announced() {
    std::string text;
    size_t port = 0;
    for (const Announcement& each : AnnouncementsOf(model_, Addresses(), {}, pools_)) {
      for (; port < each.port.index(); ++port) text += "| ";
      text += each.address.ToString() + " ";
    }
    return text;
  }
  // "p0" is an address of port 0, "v" a virtual one; "-" is not answered for.
  std::string Local(const char* address) {
    dataplane::Snapshot snapshot;
    FillLocalAddresses(model_, Addresses(), {}, &snapshot);
    const dataplane::LocalAddress* local = snapshot.FindLocal(Ip(address));
    if (local == nullptr) return "none";
    std::string text = local->is_vip ? "v" : "";
    if (!local->port.is_none()) text += "p" + std::to_string(local->port.index());
    return text + (local->is_announced ? "" : "-");
  }

  std::vector<dataplane::LocalPool> pools_;
  ConfigModel model_ = ModelWithTwins(kServices);
  FakeKernel kernel_;
  KernelNetwork network_;
};

TEST_F(PortAddressesTest, WithoutNewsOfTwinsTheConfigurationCounts) {
  EXPECT_EQ(Announced(), "192.0.2.1 192.0.2.80 2001:db8::1 | 10.0.0.1 ");
  EXPECT_EQ(Local("192.0.2.1"), "vp0") << "it is the port's, whatever the service says";
  EXPECT_EQ(Local("192.0.2.80"), "v");
  EXPECT_EQ(Local("192.0.2.81"), "v-");
  EXPECT_EQ(Local("192.0.2.82"), "v-");
  EXPECT_EQ(Local("10.0.0.254"), "none");
}

// A real server may still know the MAC of the machine that had them before.
TEST_F(PortAddressesTest, LocalAddressesAreAnnouncedWhereRealServersAre) {
  pools_ = {{.addresses = {Ip("10.0.0.128"), Ip("fd00::128")}}, {.addresses = {Ip("10.0.0.128")}}};
  EXPECT_EQ(Announced(), "192.0.2.1 192.0.2.80 2001:db8::1 | 10.0.0.1 10.0.0.128 fd00::128 ");
}

TEST_F(PortAddressesTest, AFollowerIsAnsweredForWhileATwinHasIt) {
  kernel_.Add("192.0.2.82/32");
  EXPECT_EQ(Announced(), "192.0.2.1 192.0.2.80 192.0.2.82 2001:db8::1 | 10.0.0.1 ");
  EXPECT_EQ(Local("192.0.2.82"), "vp0");
  kernel_.Remove("192.0.2.82/32");
  EXPECT_EQ(Local("192.0.2.82"), "v-");
  kernel_.Add("192.0.2.82/24", 1);  // any twin; announced where clients are, and on that port
  EXPECT_EQ(Announced(), "192.0.2.1 192.0.2.80 192.0.2.82 2001:db8::1 | 10.0.0.1 192.0.2.82 ");
}

TEST_F(PortAddressesTest, NeverIsNeverWhateverATwinHas) {
  kernel_.Add("192.0.2.81/32");
  EXPECT_EQ(Announced(), "192.0.2.1 192.0.2.80 2001:db8::1 | 10.0.0.1 ");
  EXPECT_EQ(Local("192.0.2.81"), "vp0-");
}

TEST_F(PortAddressesTest, AnyAddressOfATwinIsOneOfThePort) {
  kernel_.Add("10.0.0.254/32", 1);
  kernel_.Add("2001:db8::fe/64", 0);
  kernel_.Add("10.0.0.1/24", 1);  // the configuration's own, which the twin has too
  EXPECT_EQ(Announced(), "192.0.2.1 192.0.2.80 2001:db8::1 2001:db8::fe | 10.0.0.1 10.0.0.254 ");
  EXPECT_EQ(Local("10.0.0.254"), "p1");
  EXPECT_EQ(Local("2001:db8::fe"), "p0");
  EXPECT_EQ(Addresses()[1].size(), 2u);
}

TEST_F(PortAddressesTest, AnAddressOfSeveralPortsIsTheConfiguredOnes) {
  kernel_.Add("10.0.0.1/24", 0);
  EXPECT_EQ(Local("10.0.0.1"), "p1");
}

TEST_F(PortAddressesTest, NetworksOfTwinsAreOnLink) {
  kernel_.Add("198.51.100.1/24", 1);
  const PortAddresses addresses = Addresses();
  dataplane::Snapshot snapshot;
  const InternNeighbour intern = [](PortId, const IpAddress&) { return NeighbourId{1}; };
  FillPorts({model_, addresses, nullptr, nullptr}, TwoPorts(), intern, &snapshot);
  const dataplane::RouteView* route = snapshot.routes.Find(Ip("198.51.100.7"));
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->output, PortId{1});
  EXPECT_TRUE(route->gateway.is_none());
  EXPECT_EQ(route->source, Ip("198.51.100.1"));
  EXPECT_EQ(snapshot.broadcasts.back(), Ip("198.51.100.255").v4());
}

TEST_F(PortAddressesTest, WhoIsSilentHasAReason) {
  model_ = ModelWithTwins(std::string(kServices) +
                          "  - { name: e, address: 192.0.2.83, protocol: tcp, port: 80, "
                          "announce: when-ready, reals: [] }\n");
  const auto text = [this](const Presence& presence) {
    std::string all;
    for (const SilentAddress& silent : SilentOf(AnswersOf(model_, Addresses(), presence))) {
      all += silent.address.ToString() + ": " + std::string(SentenceOf(silent.why)) + "\n";
    }
    return all;
  };
  const std::string others =
      "192.0.2.1: announce is never\n192.0.2.81: announce is never\n"
      "192.0.2.82: announce is follow-kernel, and no kernel twin has the address\n";
  EXPECT_EQ(text({.is_ready = true}), others);
  EXPECT_EQ(text({}), others +
                          "192.0.2.83: announce is when-ready, and the director is not ready; "
                          "fairlead ready says why\n");
}

TEST(WhyAnswered, SaysWhatDecides) {
  EXPECT_EQ(WhyAnswered(Announce::kAlways, true), "announce: always");
  EXPECT_EQ(WhyAnswered(Announce::kNever, false), "announce: never");
  EXPECT_EQ(WhyAnswered(Announce::kWhenReady, false),
            "announce: when-ready, and it is not ready yet");
  EXPECT_EQ(WhyAnswered(Announce::kFollowKernel, false),
            "announce: follow-kernel, and no kernel twin has the address");
}

}  // namespace
}  // namespace fairlead::control::port_addresses_test
