// What IPVS's commands do to real servers.

#include <gtest/gtest.h>
#include <linux/ip_vs.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "control/config/yaml_writer.h"
#include "dispatcher_bed.h"

namespace fairlead::testing::dispatcher_dest_test {
namespace {

using namespace dispatcher_bed;

TEST(DispatcherDest, AddsEditsAndRemovesARealServer) {
  TestDirector director("");
  ASSERT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, Web())), 0);
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, Real("10.0.0.11", 8080))), 0);
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, Real("10.0.0.11", 8080))), EEXIST);
  DestRequest edit = Real("10.0.0.11", 8080, IP_VS_CONN_F_MASQ, 0);
  edit.upper_threshold = 100;
  edit.lower_threshold = 50;
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_SET_DEST, kWeb, edit)), 0);
  const auto dests = Dests(director, kWeb);
  ASSERT_EQ(dests.size(), 1u);
  EXPECT_EQ(dests[0].address.ToString(), "10.0.0.11");
  EXPECT_EQ(dests[0].port, 8080);
  EXPECT_EQ(dests[0].method, uint32_t{IP_VS_CONN_F_MASQ});
  EXPECT_EQ(dests[0].weight, 0);
  EXPECT_EQ(dests[0].upper_threshold, 100u);
  EXPECT_EQ(dests[0].lower_threshold, 50u);
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_SET_DEST, kWeb, Real("10.0.0.12", 80))), ENOENT);
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_DEL_DEST, kWeb, Real("10.0.0.12", 80))), ENOENT);
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_DEL_DEST, kWeb, Real("10.0.0.11", 8080))), 0);
  EXPECT_TRUE(Dests(director, kWeb).empty());
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, ServiceOfMark(9), Real("10.0.0.1", 80))),
            ESRCH);
}

// keepalived names a real server of DR by the port that its configuration has.
TEST(DispatcherDest, WithoutNatAPortIsTheServices) {
  TestDirector director("");
  ASSERT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, Web())), 0);
  const DestRequest real = Real("10.0.0.11", 8080, IP_VS_CONN_F_DROUTE);
  ASSERT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, real)), 0);
  EXPECT_EQ(Dests(director, kWeb)[0].port, 80);
  EXPECT_EQ(Dests(director, kWeb)[0].method, uint32_t{IP_VS_CONN_F_DROUTE});
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, real)), EEXIST);
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_SET_DEST, kWeb, real)), 0);
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_DEL_DEST, kWeb, real)), 0);
  EXPECT_TRUE(Dests(director, kWeb).empty());
}

TEST(DispatcherDest, TunnelsAreSetAndShown) {
  TestDirector director("");
  ASSERT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, Web())), 0);
  struct Case {
    const char* address;
    uint8_t type;
    uint16_t port, flags;
  };
  const Case cases[] = {
      {"10.0.0.11", IP_VS_CONN_F_TUNNEL_TYPE_IPIP, 0, 0},
      {"10.0.0.12", IP_VS_CONN_F_TUNNEL_TYPE_GUE, 6080, IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM},
      {"10.0.0.13", IP_VS_CONN_F_TUNNEL_TYPE_GUE, 1, IP_VS_TUNNEL_ENCAP_FLAG_CSUM},
      {"10.0.0.14", IP_VS_CONN_F_TUNNEL_TYPE_GUE, 65535, IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM},
      {"10.0.0.15", IP_VS_CONN_F_TUNNEL_TYPE_GRE, 0, IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM},
      {"2001:db8::11", IP_VS_CONN_F_TUNNEL_TYPE_GRE, 0, IP_VS_TUNNEL_ENCAP_FLAG_CSUM},
  };
  for (const Case& c : cases) {
    DestRequest real = Real(c.address, 80);
    real.method = IP_VS_CONN_F_TUNNEL;
    real.tunnel_type = c.type;
    real.tunnel_port = c.port;
    real.tunnel_flags = c.flags;
    EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, real)), 0) << c.address;
  }
  size_t found = 0;
  for (const auto& dest : Dests(director, kWeb)) {
    for (const Case& c : cases) {
      if (dest.address != *IpAddress::Parse(c.address)) continue;
      ++found;
      EXPECT_EQ(dest.tunnel_type, c.type) << c.address;
      EXPECT_EQ(dest.tunnel_port, c.port) << c.address;
      EXPECT_EQ(dest.tunnel_flags, c.flags) << c.address;
    }
  }
  EXPECT_EQ(found, std::size(cases));
}

// The words of the configuration for a real server's way.
std::string WayOf(TestDirector& director, const char* address) {
  for (const auto& service : director.control.view()->model->services) {
    for (const auto& real : service.reals) {
      if (real.address == *IpAddress::Parse(address)) return control::ForwardText(real.forward);
    }
  }
  return "none";
}

// From one type of tunnel to another, nothing of the old one is left.
TEST(DispatcherDest, ATunnelTakesThePlaceOfAnother) {
  TestDirector director("");
  ASSERT_EQ(director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, Web())), 0);
  DestRequest real = Real("10.0.0.11", 80, IP_VS_CONN_F_TUNNEL);
  real.tunnel_type = IP_VS_CONN_F_TUNNEL_TYPE_GUE;
  real.tunnel_port = 6080;
  real.tunnel_flags = IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM;
  ASSERT_EQ(director.ErrorOf(OfDest(IPVS_CMD_NEW_DEST, kWeb, real)), 0);
  EXPECT_EQ(WayOf(director, "10.0.0.11"),
            "{ method: tun, type: gue, port: 6080, checksum: remote }");
  real.tunnel_type = IP_VS_CONN_F_TUNNEL_TYPE_GRE;
  real.tunnel_port = 0;
  real.tunnel_flags = IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM;
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_SET_DEST, kWeb, real)), 0);
  EXPECT_EQ(WayOf(director, "10.0.0.11"), "{ method: tun, type: gre, checksum: false }");
  real.tunnel_type = IP_VS_CONN_F_TUNNEL_TYPE_IPIP;
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_SET_DEST, kWeb, real)), 0);
  EXPECT_EQ(WayOf(director, "10.0.0.11"), "tun");
}

// IPVS has no word for FULLNAT. A program that changes a weight sends back what it has read.
TEST(DispatcherDest, AFullnatRealServerStaysOneWhenAProgramSaysMasquerading) {
  const std::string way =
      "{ method: fullnat, local_addresses: 10.0.0.64/30, client_address: proxy-v2 }";
  TestDirector director(
      "services: [{ address: 192.0.2.10, port: 80, protocol: tcp, reals: ["
      "{ address: 10.0.0.11, forward: " +
      way + " }, { address: 10.0.0.12 }] }]");
  const auto dests = Dests(director, kWeb);
  ASSERT_EQ(dests.size(), 2u);
  EXPECT_EQ(dests[0].method, uint32_t{IP_VS_CONN_F_MASQ});
  const std::string before = WayOf(director, "10.0.0.11");
  ASSERT_NE(before.find("method: fullnat"), std::string::npos) << before;
  DestRequest edit = Real("10.0.0.11", 80, dests[0].method, 7);
  edit.upper_threshold = 9;
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_SET_DEST, kWeb, edit)), 0);
  EXPECT_EQ(WayOf(director, "10.0.0.11"), before);
  const auto edited = Dests(director, kWeb);
  const auto shown = std::ranges::find(edited, edit.address, &DestEntry::address);
  ASSERT_NE(shown, edited.end());
  EXPECT_EQ(shown->weight, 7);
  EXPECT_EQ(shown->upper_threshold, 9u);
  // Any other word is meant.
  EXPECT_EQ(
      director.ErrorOf(OfDest(IPVS_CMD_SET_DEST, kWeb, Real("10.0.0.11", 80, IP_VS_CONN_F_DROUTE))),
      0);
  EXPECT_EQ(WayOf(director, "10.0.0.11"), "dr");
  EXPECT_EQ(director.ErrorOf(OfDest(IPVS_CMD_SET_DEST, kWeb, Real("10.0.0.11", 80))), 0);
  EXPECT_EQ(WayOf(director, "10.0.0.11"), "nat") << "it is FULLNAT no more";
}

}  // namespace
}  // namespace fairlead::testing::dispatcher_dest_test
