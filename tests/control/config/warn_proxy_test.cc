// Warnings of PROXY headers that checks lack, or that links have no room for.
#include <gtest/gtest.h>

#include "load_helpers.h"

namespace fairlead::control::warn_proxy_test {
namespace {

std::string WarningsOf(const std::string& yaml) {
  const LoadResult result = LoadConfigText(yaml, "t.yaml");
  return ToText(result.errors) + ToText(result.warnings);
}

// Of a service that tells its real servers so.
std::string Of(const std::string& told, const std::string& health, const std::string& protocol,
               const std::string& real = "") {
  return WarningsOf(
      WithTwin() + "services:\n  - address: 192.0.2.80\n    port: 80\n    protocol: " + protocol +
      "\n    forward: { method: fullnat, local_addresses: 10.0.0.40, client_address: " + told +
      " }\n    health: " + health + "\n    reals: [{ address: 10.0.0.11, port: 8080" + real +
      " }, { address: "
      "10.0.0.12, port: 8080 }]\n");
}

TEST(WarnProxy, AChecksAnswerNeedsTheHeader) {
  const auto what = [](const std::string& told) {
    return "asks the port that clients reach with \"" + told +
           "\", and a check has no such header: where the server insists on it, the check fails "
           "and "
           "all real servers are down. Give the check another port of the server\n";
  };
  EXPECT_EQ(Of("proxy-v1", "{ type: http }", "tcp"),
            "t.yaml:10:13: services[0].health: " + what("proxy-v1"));
  EXPECT_EQ(Of("proxy-v2", "[{ type: tcp }, { type: tcp, receive: OK }]", "tcp"),
            "t.yaml:10:29: services[0].health[1]: " + what("proxy-v2"));
  EXPECT_EQ(Of("proxy-v2", "{ type: dns, name: a.example }", "udp"),
            "t.yaml:10:13: services[0].health: " + what("proxy-v2"));
  EXPECT_EQ(Of("proxy-v2", "{ type: tcp }", "tcp", ", health: { type: redis }"),
            "t.yaml:11:55: services[0].reals[0].health: " + what("proxy-v2"));
}

TEST(WarnProxy, OtherChecksAreNotWarnedOf) {
  EXPECT_EQ(Of("proxy-v2", "{ type: tcp }", "tcp"), "") << "it only connects";
  EXPECT_EQ(Of("proxy-v2", "{ type: ping }", "tcp"), "");
  EXPECT_EQ(Of("proxy-v2", "{ type: http, port: 8081 }", "tcp"), "") << "another port";
  EXPECT_EQ(Of("proxy-v2", "{ type: http, address: 10.0.0.99 }", "tcp"), "") << "another host";
  EXPECT_EQ(Of("proxy-v2", "{ type: dns, name: a.example }", "tcp"), "") << "by UDP";
  EXPECT_EQ(Of("toa", "{ type: http }", "tcp"), "") << "an option that programs need not know";
}

TEST(WarnProxy, DatagramsOfIpv6NeedRoomForTheHeader) {
  const auto warnings = [](const std::string& mtu, const std::string& told,
                           const std::string& protocol) {
    return WarningsOf(
        "version: 1\nports:\n"
        "  - { name: outside, device: net_null0, addresses: ['2001:db8::2/64'] }\n"
        "  - { name: inside, device: net_null1, addresses: ['fd00::1/64'], mtu: " +
        mtu +
        " }\nservices:\n  - { name: dns, address: '2001:db8::80', port: 53, "
        "protocol: " +
        protocol +
        ", reals: [{ address: 'fd00::11' }],\n      forward: { method: fullnat, "
        "local_addresses: 'fd00::40', client_address: " +
        told + " } }\n");
  };
  EXPECT_EQ(warnings("1331", "proxy-v2", "udp"),
            "t.yaml:4:72: ports[1].mtu: leaves no room for the PROXY header of service \"dns\": "
            "datagrams of 1280 bytes, which an IPv6 client may always send, are cut in two. Give "
            "the port an mtu of 1332 or more\n");
  EXPECT_EQ(warnings("1332", "proxy-v2", "udp"), "");
  EXPECT_EQ(warnings("1280", "proxy-v2", "tcp"), "") << "its segments become smaller";
  EXPECT_EQ(warnings("1280", "none", "udp"), "");
}

}  // namespace
}  // namespace fairlead::control::warn_proxy_test
