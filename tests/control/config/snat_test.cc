// The list `snat`: what is read, refused, warned of and written.
#include <gtest/gtest.h>

#include "control/config/dump.h"
#include "control/config/virtual_addresses.h"
#include "load_helpers.h"

namespace fairlead::control::snat_test {
namespace {

LoadResult Load(const std::string& text) { return LoadConfigText(kBase + text, "t.yaml"); }

std::string WarningsOf(const std::string& text) { return ToText(Load(text).warnings); }

TEST(Snat, IsReadWithItsDefaults) {
  const LoadResult loaded = Load(
      "snat:\n"
      "  - { source: 10.0.0.0/24, output: outside, addresses: [192.0.2.3, 192.0.2.8/30] }\n"
      "  - { source: 'fd00::/64', addresses: '2001:db8::3', ports: 2000-2999 }\n");
  ASSERT_TRUE(loaded.model) << ToText(loaded.errors);
  ASSERT_EQ(loaded.model->snat.size(), 2u);
  const SnatConfig& first = loaded.model->snat[0];
  EXPECT_EQ(TextOf(first), "10.0.0.0/24 output outside");
  EXPECT_EQ(first.ports, (PortRange{1024, 65535}));
  std::string all;
  for (const IpAddress& address : AddressesOf(first)) all += address.ToString() + " ";
  EXPECT_EQ(all, "192.0.2.3 192.0.2.8 192.0.2.9 192.0.2.10 192.0.2.11 ");
  const SnatConfig& second = loaded.model->snat[1];
  EXPECT_EQ(TextOf(second), "fd00::/64");
  EXPECT_EQ(second.ports, (PortRange{2000, 2999}));
  EXPECT_EQ(ToText(loaded.warnings), "");
  const LoadResult again = LoadConfigText(Dump(*loaded.model), "dump.yaml");
  ASSERT_TRUE(again.model) << ToText(again.errors);
  EXPECT_EQ(*again.model, *loaded.model);
}

TEST(Snat, AddressesAreAnsweredForAsThePolicySays) {
  const LoadResult loaded = Load(
      "policy: { announce: when-ready }\n"
      "snat: [{ source: 10.0.0.0/24, addresses: [192.0.2.3] }]\n");
  ASSERT_TRUE(loaded.model) << ToText(loaded.errors);
  const std::vector<VirtualAddress> expected = {
      {*IpAddress::Parse("192.0.2.3"), Announce::kWhenReady}};
  EXPECT_EQ(VirtualAddresses(*loaded.model), expected);
}

TEST(Snat, WhatIsWrongIsNamed) {
  EXPECT_EQ(
      ProblemsOf(kBase + "snat:\n"
                         "  - { source: 10.0.0.0/24 }\n"
                         "  - { source: 10.0.1.5/24, addresses: [192.0.2.3] }\n"
                         "  - { source: 10.0.2.0/24, output: outsid, addresses: [192.0.2.3] }\n"
                         "  - { source: 10.0.3.0/24, addresses: ['2001:db8::3'] }\n"
                         "  - { source: 10.0.4.0/24, addresses: [192.0.0.0/20] }\n"
                         "  - { source: 10.0.5.0/24, addresses: [192.0.2.3, 192.0.2.2/31] }\n"
                         "  - { source: 10.0.6.0/24, addresses: [192.0.2.3], ports: 0-100 }\n"
                         "  - { source: 10.0.7.0/24, addresses: [192.0.2.3] }\n"
                         "  - { source: 10.0.7.0/24, addresses: [192.0.2.4] }\n"
                         "  - { source: 10.0.8.0/24, to: [192.0.2.4] }\n"
                         "  - { source: 10.0.9.0/24, addresses: [127.0.0.1] }\n"),
      "t.yaml:6:5: snat[0]: the key \"addresses\" is missing; what the world sees instead of them\n"
      "t.yaml:7:15: snat[1].source: \"10.0.1.5/24\" has bits set after the prefix length; write "
      "10.0.1.0/24\n"
      "t.yaml:8:36: snat[2].output: there is no port \"outsid\"; did you mean \"outside\"?\n"
      "t.yaml:9:39: snat[3].addresses: 2001:db8::3/128 is not of the IP version of source\n"
      "t.yaml:10:39: snat[4].addresses: are more than 256; one address serves 64,512 ports for "
      "each endpoint in the world\n"
      "t.yaml:11:39: snat[5].addresses: have 192.0.2.3 twice\n"
      "t.yaml:12:59: snat[6].ports: must be a number from 1 to 65535 or a range such as 1-65535, "
      "not \"0-100\"\n"
      "t.yaml:14:5: snat[8]: can never match: the rule at t.yaml:13:5 has the same source and "
      "output, and the first one counts\n"
      "t.yaml:15:28: snat[9].to: is called addresses here\n"
      "t.yaml:16:40: snat[10].addresses[0]: must be a unicast address, not \"127.0.0.1\"\n");
}

TEST(Snat, AddressesAreNoRealServersAndNotFullnats) {
  EXPECT_EQ(
      ProblemsOf(kBase + "prefix_sets: { pool: [10.0.0.200/31] }\n"
                         "services:\n"
                         "  - name: web\n"
                         "    address: 192.0.2.80\n"
                         "    protocol: tcp\n"
                         "    port: 80\n"
                         "    forward: { method: fullnat, local_addresses: ['@pool'] }\n"
                         "    reals: [{ address: 10.0.0.11 }]\n"
                         "    fallback: { address: 10.0.0.99, port: 80 }\n"
                         "snat:\n"
                         "  - { source: 10.0.1.0/24, addresses: [192.0.2.3, 10.0.0.11] }\n"
                         "  - { source: 10.0.2.0/24, addresses: [10.0.0.200/30] }\n"
                         "  - { source: 10.0.3.0/24, addresses: [10.0.0.96/30] }\n"
                         "  - { source: 10.0.4.0/24, addresses: [192.0.2.80] }\n"),
      "t.yaml:11:50: services[0].forward.local_addresses: contains 10.0.0.200, an address of the "
      "snat rule for 10.0.2.0/24; local addresses must be nobody else's\n"
      "t.yaml:11:50: services[0].forward.local_addresses: contains 10.0.0.201, an address of the "
      "snat rule for 10.0.2.0/24; local addresses must be nobody else's\n"
      "t.yaml:15:39: snat[0].addresses: contain 10.0.0.11, a real server of service \"web\"; "
      "source NAT needs addresses that nobody else has\n"
      "t.yaml:17:39: snat[2].addresses: contain 10.0.0.99, the fallback of service \"web\"; "
      "source NAT needs addresses that nobody else has\n");
}

// Who answers ARP for the gateway's address is the gateway.
TEST(Snat, AddressesAreNotWhatTheNetworkNeedsItself) {
  const std::string routes = "routes: [{ to: 0.0.0.0/0, via: 192.0.2.1 }]\n";
  EXPECT_EQ(
      ProblemsOf(kBase + routes +
                 "snat:\n"
                 "  - { source: 10.0.1.0/24, addresses: [192.0.2.1] }\n"
                 "  - { source: 10.0.2.0/24, addresses: [192.0.2.0/30] }\n"
                 "  - { source: 10.0.3.0/24, addresses: [192.0.2.255] }\n"),
      "t.yaml:7:39: snat[0].addresses: contain 192.0.2.1, the next hop of the route to 0.0.0.0/0; "
      "source NAT needs addresses that nobody else has\n"
      "t.yaml:8:39: snat[1].addresses: contain 192.0.2.0, the number of the network of port "
      "\"outside\"; source NAT needs addresses that nobody else has\n"
      "t.yaml:8:39: snat[1].addresses: contain 192.0.2.1, the next hop of the route to 0.0.0.0/0; "
      "source NAT needs addresses that nobody else has\n"
      "t.yaml:9:39: snat[2].addresses: contain 192.0.2.255, the broadcast address of port "
      "\"outside\"; source NAT needs addresses that nobody else has\n");
  EXPECT_EQ(
      ProblemsOf(kBase + routes + "snat: [{ source: 10.0.1.0/24, addresses: [192.0.2.2] }]\n"), "")
      << "the port's own address";
}

TEST(Snat, MasqueradeIsAnAddressOfThePort) {
  EXPECT_EQ(ProblemsOf(kBase + "snat: [{ source: 10.0.1.0/24, addresses: masquerade }]\n"),
            "t.yaml:5:42: snat[0].addresses: must be an address or a prefix, such as an address of "
            "the port, not \"masquerade\"\n");
}

TEST(Snat, WarnsOfWhatWillHardlyBeMeant) {
  const std::string twin = WithTwin();
  EXPECT_EQ(WarningsOf("snat:\n"
                       "  - { source: 10.0.0.0/16, addresses: [192.0.2.3] }\n"
                       "  - { source: 10.0.1.0/24, output: outside, addresses: [192.0.2.3] }\n"),
            "t.yaml:7:5: snat[1]: will never match: snat[0] takes all of its packets; put the "
            "narrower rule first\n");
  EXPECT_EQ(WarningsOf("snat: [{ source: 10.0.0.0/16, addresses: [203.0.113.0/30] }]\n"),
            "t.yaml:5:42: snat[0].addresses: 203.0.113.0 is in no network of an output port: the "
            "routers there need a route to it by this director, or no reply comes back\n");
  EXPECT_EQ(WarningsOf("services:\n"
                       "  - { address: 192.0.2.80, protocol: tcp, port: 8080, "
                       "reals: [{ address: 10.0.0.11 }] }\n"
                       "snat: [{ source: 10.0.0.0/16, addresses: [192.0.2.80] }]\n"),
            "t.yaml:7:42: snat[0].addresses: port 8080 of 192.0.2.80 belongs to service "
            "\"tcp-192.0.2.80-8080\": flows of this rule get others\n");
  EXPECT_EQ(ToText(LoadConfigText(twin + "snat: [{ source: 10.0.9.0/24, addresses: [10.0.0.1] }]\n",
                                  "t.yaml")
                       .warnings),
            "t.yaml:5:42: snat[0].addresses: 10.0.0.1 is also the kernel's, on the twin of port "
            "\"inside\": keep `ports` apart from net.ipv4.ip_local_port_range, or give the rule an "
            "address of its own\n");
}

// Of a service of all ports every port is the service's, and UDP has no packet that begins a flow.
TEST(Snat, WarnsOfRealsWhoseDatagramsKeepTheirAddress) {
  const auto warnings = [](const std::string& service, const std::string& source) {
    return WarningsOf(
        "classifier: [{ name: m, mark: 7, destination: 192.0.2.80 }]\n"
        "services: [{ " +
        service + " }]\nsnat: [{ source: " + source + ", addresses: [192.0.2.3] }]\n");
  };
  const std::string any = "allow_any_port: true, persistence: {}, ";
  const std::string reals = "reals: [{ address: 10.0.0.11 }]";
  const std::string mark = "mark: 7, " + reals;
  const std::string udp = "address: 192.0.2.80, protocol: udp, port: 0, " + any + reals;
  const std::string sentence =
      ": is a real server of NAT for UDP on every port: what 10.0.0.11 itself asks over UDP, such "
      "as DNS questions, leaves with its own address and not by a rule of snat. Let it ask over "
      "TCP, forward to it by dr, tun or fullnat, or give the service one port\n";
  for (const std::string& service : {mark, udp}) {
    const std::string said = warnings(service, "10.0.0.0/24");
    EXPECT_NE(said.find("services[0].reals[0]" + sentence), std::string::npos) << said;
  }
  const std::string tcp = "address: 192.0.2.80, protocol: tcp, port: 0, " + any + reals;
  const std::string one = "address: 192.0.2.80, protocol: udp, port: 53, " + reals;
  for (const std::string& service : {tcp, one, udp + ", forward: dr"}) {
    const std::string said = warnings(service, "10.0.0.0/24");
    EXPECT_EQ(said.find("on every port"), std::string::npos) << said;
  }
  EXPECT_EQ(warnings(mark, "10.0.9.0/24"), "") << "no rule is about the real server";
}

}  // namespace
}  // namespace fairlead::control::snat_test
