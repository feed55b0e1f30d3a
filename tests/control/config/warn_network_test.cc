// Warnings of ports, networks and addresses that will hardly do what was meant.
#include <gtest/gtest.h>

#include "load_helpers.h"

namespace fairlead::control::warn_network_test {
namespace {

std::string WarningsOf(const std::string& yaml) {
  const LoadResult result = LoadConfigText(yaml, "t.yaml");
  return ToText(result.errors) + ToText(result.warnings);
}

std::string Web(const std::string& keys) {
  return "services: [{ address: 192.0.2.80, port: 80, protocol: tcp, " + keys + " }]\n";
}

TEST(WarnNetwork, OneInterfaceOfTwoDevices) {
  const auto warnings = [](const std::string& one, const std::string& other) {
    return WarningsOf("version: 1\nports:\n  - { name: a, device: \"" + one +
                      "\" }\n  - { name: b, device: \"" + other + "\" }\n");
  };
  EXPECT_EQ(warnings("net_af_packet0,iface=x1", "net_af_packet1,iface=x1,qpairs=2"),
            "t.yaml:4:24: ports[1].device: takes the frames of x1, as port \"a\" does: each gets "
            "all of them. Ports that are VLANs of one interface write the same device, with a "
            "different \"vlan\" each\n");
  EXPECT_EQ(warnings("net_af_packet0,iface=x1", "net_af_packet1,iface=x2"), "");
  EXPECT_EQ(warnings("net_af_xdp0,iface=x1,start_queue=0", "net_af_xdp1,iface=x1,start_queue=1"),
            "")
      << "they divide its queues";
}

TEST(WarnNetwork, OneNetworkOnTwoPorts) {
  const auto warnings = [](const std::string& addresses) {
    return WarningsOf(kBase + "  - { name: third, device: net_null2, addresses: [" + addresses +
                      "] }\n");
  };
  EXPECT_EQ(
      warnings("10.0.0.2/24"),
      "t.yaml:5:51: ports[2].addresses[0]: 10.0.0.0/24 is the network of port \"inside\" too: "
      "packets for it leave by port \"inside\", which comes first, and by another one only "
      "while that has no link. Give each port a network of its own\n");
  EXPECT_NE(warnings("10.0.9.1/24, '2001:db8::3/64'").find("ports[2].addresses[1]: 2001:db8::/64"),
            std::string::npos);
  EXPECT_EQ(warnings("10.0.0.2/25, 10.0.9.1/24, 10.0.9.2/24"), "")
      << "a longer prefix goes before, and two addresses in a network of the port's own are usual";
}

TEST(WarnNetwork, ARealServerThatNobodyCanBe) {
  EXPECT_EQ(
      WarningsOf(kBase + Web("reals: [{ address: 10.0.0.255 }, { address: 10.0.0.254 }, { "
                             "address: 10.0.0.255, port: 81 }], fallback: { address: "
                             "10.0.0.0 }")),
      "t.yaml:5:79: services[0].reals[0].address: 10.0.0.255 is the broadcast address of port "
      "\"inside\", which no host has: a real server there never answers\n"
      "t.yaml:5:175: services[0].fallback.address: 10.0.0.0 is the number of the network of "
      "port \"inside\", which no host has: a real server there never answers\n");
}

std::string Sync(const std::string& listen, const std::string& peer) {
  return "sync: { name: a, listen: \"" + listen + "\", peers: [{ name: b, address: \"" + peer +
         "\" }], key_file: /k }\n";
}

TEST(WarnNetwork, PeersAreReachedByTheKernel) {
  const std::string what =
      " is in the network of port \"inside\", which has no kernel twin, and directors speak by "
      "sockets of the kernel: add exception: tap to the port, or they do not find each other "
      "unless the machine has another way there\n";
  EXPECT_EQ(WarningsOf(kBase + Sync("0.0.0.0", "10.0.0.2")),
            "t.yaml:5:65: sync.peers[0].address: 10.0.0.2" + what);
  EXPECT_EQ(WarningsOf(kBase + Sync("10.0.0.1", "10.255.0.2")),
            "t.yaml:5:26: sync.listen: 10.0.0.1" + what);
  EXPECT_EQ(WarningsOf(WithTwin() + Sync("10.0.0.1", "10.0.0.2")), "");
  EXPECT_EQ(WarningsOf(kBase + Sync("10.255.0.1", "10.255.0.2")), "") << "of a NIC of the kernel";
}

TEST(WarnNetwork, APeerIsAnotherDirector) {
  EXPECT_EQ(WarningsOf(WithTwin() + Sync("0.0.0.0", "10.0.0.1")),
            "t.yaml:5:65: sync.peers[0].address: 10.0.0.1:8849 is this director itself; name the "
            "address of the other one\n");
  EXPECT_NE(WarningsOf(kBase + Sync("10.255.0.1", "10.255.0.1")).find("is this director itself"),
            std::string::npos);
  EXPECT_EQ(WarningsOf(kBase + Sync("127.0.0.1", "127.0.0.1:8859")), "") << "two on one machine";
}

TEST(WarnNetwork, AServiceWhereTunnelsEnd) {
  std::string ports = kBase;
  const std::string end = "10.0.0.1/24] }";
  ports.replace(ports.find(end), end.size(), "10.0.0.1/24], decapsulate: [ipip, gue] }");
  const auto service = [](const std::string& port, const std::string& protocol) {
    return "services: [{ address: 192.0.2.80, port: " + port + ", protocol: " + protocol +
           ", reals: [{ address: 10.0.0.11 }] }]\n";
  };
  EXPECT_EQ(WarningsOf(ports + service("6080", "udp")),
            "t.yaml:5:41: services[0].port: gets nothing that comes by port \"inside\": its "
            "decapsulate has gue, so UDP port 6080 there is that of tunnels. Use another port, or "
            "leave gue out\n");
  EXPECT_EQ(WarningsOf(ports + service("6080", "tcp")), "");
  EXPECT_EQ(WarningsOf(ports + service("6081", "udp")), "");
  EXPECT_EQ(WarningsOf(kBase + service("6080", "udp")), "");
}

}  // namespace
}  // namespace fairlead::control::warn_network_test
