#include "control/config/machine_warnings.h"

#include <gtest/gtest.h>

#include "load_helpers.h"

namespace fairlead::control::machine_warnings_test {
namespace {

std::string Ports(const std::string& outside, const std::string& inside) {
  return "version: 1\nports:\n  - { name: outside, role: outside, device: \"" + outside +
         "\", addresses: [192.0.2.2/24] }\n  - { name: inside, role: inside, device: \"" + inside +
         "\", addresses: [10.0.0.1/24] }\n";
}

std::string WarningsOf(const std::string& yaml) {
  const LoadResult result = LoadConfigText(yaml, "t.yaml");
  return ToText(result.errors) + ToText(result.warnings);
}

// Every machine has lo.
TEST(MissingDevices, ASlipOfThePenIsNamed) {
  EXPECT_EQ(WarningsOf(Ports("net_af_packet0,iface=lo", "net_af_packet1,iface=insid")),
            "t.yaml:4:43: ports[1].device: this machine has no interface insid (ip -brief link "
            "lists those it has)\n");
  EXPECT_EQ(WarningsOf(Ports("net_af_packet0,iface=lo", "ffff:ff:1f.7")),
            "t.yaml:4:43: ports[1].device: this machine has no device ffff:ff:1f.7 "
            "(dpdk-devbind.py --status-dev net lists those it has)\n");
}

TEST(MissingDevices, AFileForAnotherMachineIsNotWarnedOf) {
  EXPECT_EQ(WarningsOf(Ports("net_af_packet0,iface=outsid", "net_af_packet1,iface=insid")), "");
  EXPECT_EQ(WarningsOf(Ports("net_null0", "net_af_packet1,iface=insid")), "");
}

TEST(MissingDevices, OnlyNamesThatCouldBeLookedForCount) {
  EXPECT_EQ(MissingDevice("net_null0"), "");
  EXPECT_EQ(MissingDevice("net_af_packet0,iface=lo"), "");
  EXPECT_NE(MissingDevice("1f:1f.7x"), MissingDevice("ff:1f.7"));
  EXPECT_NE(MissingDevice("ff:1f.7").find("0000:ff:1f.7"), std::string::npos);
}

std::string Web(const std::string& address, const std::string& more = "") {
  return "services:\n  - { name: web, address: " + address +
         ", port: 80, protocol: tcp, reals: [{ address: 10.0.0.11" + more + " }] }\n";
}

TEST(OwnAddresses, AVirtualAddressThatIsAPortsIsNamed) {
  const std::string ports = Ports("net_null0", "net_null1");
  EXPECT_EQ(WarningsOf(ports + Web("192.0.2.80")), "");
  const std::string found = WarningsOf(ports + Web("192.0.2.2"));
  EXPECT_NE(found.find("services[0].address: 192.0.2.2 is the own address of port outside"),
            std::string::npos)
      << found;
}

TEST(ExpireNodestConn, IsNamedBesidePeers) {
  const std::string ports = Ports("net_null0", "net_null1");
  const std::string policy = "policy: { expire_nodest_conn: true }\n";
  const std::string sync =
      "sync:\n  name: a\n  listen: 127.0.0.1:8849\n"
      "  peers: [{ name: b, address: \"127.0.0.1:8859\" }]\n";
  EXPECT_EQ(WarningsOf(ports + policy), "");
  EXPECT_EQ(WarningsOf(ports + sync), "");
  const std::string found = WarningsOf(ports + policy + sync);
  EXPECT_NE(found.find("t.yaml:5:31: policy.expire_nodest_conn: ends connections"),
            std::string::npos)
      << found;
}

std::string WaysBackOf(const std::string& yaml) {
  const LoadResult result = LoadConfigText(yaml, "t.yaml");
  return ToText(result.errors) + (result ? ToText(WarningsOfWaysBack(*result.model)) : "");
}

TEST(WaysBack, NatWithoutARouteOutIsNamed) {
  const std::string ports = Ports("net_null0", "net_null1");
  EXPECT_EQ(WaysBackOf(ports), "") << "without a service";
  EXPECT_EQ(WaysBackOf(ports + Web("192.0.2.80")),
            "routes: no route of IPv4 leads to clients beyond the networks of the ports, and "
            "service web answers through the director (NAT): such clients get no answer "
            "(no_route). Add routes: [{ to: \"0.0.0.0/0\", via: GATEWAY }], or "
            "policy.kernel_routes\n");
  EXPECT_EQ(WaysBackOf(ports + Web("192.0.2.80", ", forward: dr")), "") << "answers go past us";
}

// The real server may be of the other IP version; answers go to clients.
TEST(WaysBack, TheIpVersionIsThatOfTheClients) {
  const std::string ports =
      "version: 1\nports:\n  - { name: outside, role: outside, device: net_null0, addresses: "
      "[192.0.2.2/24, '2001:db8::2/64'] }\n  - { name: inside, role: inside, device: net_null1, "
      "addresses: [10.0.0.1/24] }\n";
  const std::string web =
      Web("'2001:db8::80'", ", forward: { method: fullnat, local_addresses: 10.0.0.40 }");
  EXPECT_EQ(WaysBackOf(ports + web + "routes: [{ to: '::/0', via: '2001:db8::1' }]\n"), "");
  EXPECT_EQ(WaysBackOf(ports + web + "routes: [{ to: 0.0.0.0/0, via: 192.0.2.1 }]\n"),
            "routes: no route of IPv6 leads to clients beyond the networks of the ports, and "
            "service web answers through the director (FULLNAT): such clients get no answer "
            "(no_route). Add routes: [{ to: \"::/0\", via: GATEWAY }], or policy.kernel_routes\n");
}

TEST(WaysBack, ARouteOutOfAPortOfTheClientsIsEnough) {
  const std::string web = Ports("net_null0", "net_null1") + Web("192.0.2.80");
  EXPECT_EQ(WaysBackOf(web + "routes: [{ to: 0.0.0.0/0, via: 192.0.2.1 }]\n"), "");
  EXPECT_EQ(WaysBackOf(web + "routes: [{ to: 198.51.100.0/24, via: 192.0.2.1 }]\n"), "");
  EXPECT_NE(WaysBackOf(web + "routes: [{ to: 10.1.0.0/16, via: 10.0.0.2 }]\n"), "")
      << "that one leads to real servers";
}

}  // namespace
}  // namespace fairlead::control::machine_warnings_test
