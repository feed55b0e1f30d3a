// Lines of /proc/net/ip_vs… against what a Linux 6.1 kernel wrote for the same services,
// connections and figures.
#include <gtest/gtest.h>

#include "control/api/ipvs/entries.h"
#include "control/api/ipvs/proc_lines.h"
#include "control/api/name_index.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/tables/tcp_state.h"

namespace fairlead::ipvs::lines_test {
namespace {

using control::RealInfo;
using control::ServiceInfo;
using dataplane::ConnectionRow;
using dataplane::TcpState;
using dataplane::TemplateRow;
using dataplane::TrafficSum;

Endpoint At(std::string_view text) { return *Endpoint::Parse(text); }

ServiceInfo Service(uint8_t protocol, std::string_view endpoint, const char* scheduler) {
  ServiceInfo service;
  service.protocol = protocol;
  service.address = At(endpoint).address;
  service.family = service.address.family();
  service.port = At(endpoint).port;
  service.scheduler = scheduler;
  service.mask = 0xffffffff;
  if (service.family == Family::kIpv6) service.prefix_length = 128;
  return service;
}

ServiceInfo MarkService(uint32_t mark, const char* scheduler) {
  ServiceInfo service = Service(0, "0.0.0.0:0", scheduler);
  service.mark = mark;
  return service;
}

ServiceInfo Persistent(ServiceInfo service, uint32_t seconds) {
  service.is_persistent = true;
  service.persistence_seconds = seconds;
  return service;
}

std::string LineOf(const ServiceInfo& service) {
  std::string text;
  AppendService(service, &text);
  return text;
}

TEST(ProcLines, Services) {
  EXPECT_EQ(LineOf(Service(17, "10.100.0.4:5060", "sh")), "UDP  0A640004:13C4 sh  \n");
  EXPECT_EQ(LineOf(Service(6, "[fd64::1]:80", "lc")),
            "TCP  [fd64:0000:0000:0000:0000:0000:0000:0001]:0050 lc \n");
  ServiceInfo secure = Persistent(Service(6, "[fd64::1]:443", "rr"), 360);
  secure.prefix_length = 64;
  EXPECT_EQ(LineOf(secure),
            "TCP  [fd64:0000:0000:0000:0000:0000:0000:0001]:01BB rr persistent 36000 40000000\n");
  secure = Persistent(Service(6, "10.100.0.2:443", "rr"), 300);
  secure.mask = 0xffffff00;
  EXPECT_EQ(LineOf(secure), "TCP  0A640002:01BB rr  persistent 30000 FFFFFF00\n");
  ServiceInfo names = Service(17, "10.100.0.1:53", "rr");
  names.is_one_packet = true;
  EXPECT_EQ(LineOf(names), "UDP  0A640001:0035 rr ops  \n");
  EXPECT_EQ(LineOf(Persistent(MarkService(7, "mh"), 120)),
            "FWM  00000007 mh persistent 12000 FFFFFFFF\n");
  EXPECT_EQ(LineOf(MarkService(8, "rr")), "FWM  00000008 rr \n");
  EXPECT_EQ(LineOf(Persistent(Service(6, "10.100.0.3:0", "wrr"), UINT32_MAX)),
            "TCP  0A640003:0000 wrr  persistent 267840000 FFFFFFFF\n");
}

class ProcRealLines : public ::testing::Test {
 protected:
  static dataplane::FabricConfig Small() {
    dataplane::FabricConfig config;
    config.reals = config.neighbours = 16;
    config.ring_packets = 16;
    return config;
  }
  std::string LineOf(std::string_view endpoint, const char* forward, int32_t weight,
                     uint32_t active, uint32_t inactive) {
    RealInfo real;
    real.id = RealId{next_};
    real.endpoint = At(endpoint);
    real.forward = forward;
    real.effective_weight = weight;
    fabric_.loads.AddActive(WorkerId{0}, RealId{next_}, static_cast<int32_t>(active));
    fabric_.loads.AddInactive(WorkerId{0}, RealId{next_++}, static_cast<int32_t>(inactive));
    std::string text;
    AppendReal(fabric_, real, &text);
    return text;
  }

  dataplane::Fabric fabric_{Small()};
  uint32_t next_ = 0;
};

TEST_F(ProcRealLines, Reals) {
  EXPECT_EQ(LineOf("10.1.0.11:5060", "nat", 1, 0, 1),
            "  -> 0A01000B:13C4      Masq    1      0          1         \n");
  EXPECT_EQ(LineOf("[fd01::13]:443", "dr", 1, 0, 1),
            "  -> [fd01:0000:0000:0000:0000:0000:0000:0013]:01BB      Route   1      0          1 "
            "        \n");
  EXPECT_EQ(LineOf("10.1.0.14:80", "tun", 65535, 2, 2),
            "  -> 0A01000E:0050      Tunnel  65535  2          2         \n");
}

TEST(ProcLines, RealsThatAreNotListed) {
  RealInfo real;
  real.effective_weight = 0;
  EXPECT_TRUE(IsListed(real));
  real.is_fallback = true;
  EXPECT_FALSE(IsListed(real));
  real.effective_weight = 1;
  EXPECT_TRUE(IsListed(real));
  real.is_ghost = true;
  EXPECT_FALSE(IsListed(real));
}

ConnectionRow Connection(std::string_view client, std::string_view to, std::string_view real,
                         TcpState state, uint32_t seconds) {
  ConnectionRow row;
  row.protocol = 6;
  row.state = static_cast<uint8_t>(state);
  row.client = At(client);
  row.virtual_endpoint = At(to);
  row.real_endpoint = At(real);
  row.remaining = TicksFromSeconds(seconds) + 50;
  return row;
}

std::string LineOf(const ConnectionRow& row, ConnectionStyle style = ConnectionStyle::kPlain) {
  std::string text;
  AppendConnection(row, style, &text);
  return text;
}

TEST(ProcLines, Connections) {
  ConnectionRow row =
      Connection("10.9.0.1:3001", "10.100.0.1:80", "10.1.0.14:80", TcpState::kEstablished, 895);
  EXPECT_EQ(LineOf(row), "TCP 0A090001 0BB9 0A640001 0050 0A01000E 0050 ESTABLISHED     895\n");
  EXPECT_EQ(LineOf(row, ConnectionStyle::kOrigin),
            "TCP 0A090001 0BB9 0A640001 0050 0A01000E 0050 ESTABLISHED LOCAL      895\n");
  row.flags = static_cast<uint16_t>(dataplane::ConnectionFlag::kFromSync);
  EXPECT_EQ(LineOf(row, ConnectionStyle::kOrigin),
            "TCP 0A090001 0BB9 0A640001 0050 0A01000E 0050 ESTABLISHED SYNC       895\n");
  EXPECT_EQ(LineOf(Connection("[fd09::6]:3018", "[fd64::1]:443", "[fd01::13]:443",
                              TcpState::kFinWait, 115)),
            "TCP fd09:0000:0000:0000:0000:0000:0000:0006 0BCA "
            "fd64:0000:0000:0000:0000:0000:0000:0001 01BB "
            "fd01:0000:0000:0000:0000:0000:0000:0013 01BB FIN_WAIT        115\n");
  row = Connection("10.9.0.7:4002", "10.100.0.4:5060", "10.1.0.11:5060", TcpState::kNone, 295);
  row.protocol = 17;
  EXPECT_EQ(LineOf(row), "UDP 0A090007 0FA2 0A640004 13C4 0A01000B 13C4 UDP             295\n");
}

class ProcTemplateLines : public ::testing::Test {
 protected:
  ProcTemplateLines() {
    ServiceInfo service = MarkService(7, "mh");
    service.id = ServiceId{0};
    RealInfo real;
    real.id = RealId{0};
    real.endpoint = At("10.1.0.12:0");
    RealInfo real6 = real;
    real6.id = RealId{1};
    real6.endpoint = At("[fd01::13]:443");
    service.reals = {real, real6};
    view_.services = {service};
  }
  std::string LineOf(const TemplateRow& row) {
    std::string text;
    AppendTemplate(api::NameIndex(view_), row, ConnectionStyle::kPlain, &text);
    return text;
  }
  static TemplateRow Row(std::string_view client, std::string_view to, uint32_t seconds) {
    TemplateRow row;
    row.protocol = 6;
    row.client = At(client).address;
    row.family = row.client.family();
    row.virtual_address = At(to).address;
    row.virtual_port = row.real_port = At(to).port;
    row.real = RealId{0};
    row.service = ServiceId{1};
    row.is_assured = true;
    row.remaining = TicksFromSeconds(seconds);
    return row;
  }

  control::ControlView view_;
};

TEST_F(ProcTemplateLines, Templates) {
  EXPECT_EQ(LineOf(Row("10.9.0.0:0", "10.100.0.2:443", 295)),
            "TCP 0A090000 0000 0A640002 01BB 0A01000C 01BB ASSURED         295\n");
  TemplateRow row = Row("[fd09::]:0", "[fd64::1]:443", 355);
  row.real = RealId{1};
  EXPECT_EQ(LineOf(row),
            "TCP fd09:0000:0000:0000:0000:0000:0000:0000 0000 "
            "fd64:0000:0000:0000:0000:0000:0000:0001 01BB "
            "fd01:0000:0000:0000:0000:0000:0000:0013 01BB ASSURED         355\n");
  row = Row("10.9.0.8:0", "0.0.0.7:0", 115);
  row.protocol = 0;
  row.service = ServiceId{0};
  EXPECT_EQ(LineOf(row), "IP  0A090008 0000 00000007 0000 0A01000C 0000 ASSURED         115\n");
}

TEST_F(ProcTemplateLines, WhatTheKernelHasNot) {
  TemplateRow row = Row("10.9.0.0:0", "10.100.0.2:443", 295);
  row.remaining = dataplane::kForever;
  row.is_invalid = true;
  row.is_assured = false;
  EXPECT_EQ(LineOf(row), "TCP 0A090000 0000 0A640002 FFFF 0A01000C FFFF NONE        2678400\n");
  row = Row("10.9.0.3:0", "10.100.0.2:443", 295);
  row.client_group = {5};
  row.real = RealId{9};  // gone
  EXPECT_EQ(LineOf(row), "TCP 00000000 0000 0A640002 01BB 00000000 01BB ASSURED         295\n");
  row = Row("10.9.0.3:0", "10.100.0.4:5060", 55);
  row.protocol = 17;
  row.engine_length = 3;
  row.engine_text = {'a', '@', 'b', 'X'};
  EXPECT_EQ(LineOf(row),
            "UDP 0A090003 0000 0A640004 13C4 0A01000C 13C4 ASSURED          55 sip a@b\n");
}

TEST(ProcLines, Statistics) {
  const TrafficSum total{0x13, 0x3a, 5, 0xc56, 0x13f}, rate{1, 4, 0, 0xde, 0x16};
  EXPECT_EQ(StatsText(total, rate),
            "   Total Incoming Outgoing         Incoming         Outgoing\n"
            "   Conns  Packets  Packets            Bytes            Bytes\n"
            "      13       3A        5              C56              13F\n"
            "\n"
            " Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n"
            "       1        4        0               DE               16\n");
  const TrafficSum workers[] = {total};
  EXPECT_EQ(WorkerStatsText(workers, total, rate),
            "       Total Incoming Outgoing         Incoming         Outgoing\n"
            "CPU    Conns  Packets  Packets            Bytes            Bytes\n"
            "  0       13       3A        5              C56              13F\n"
            "  ~       13       3A        5              C56              13F\n"
            "\n"
            "     Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n"
            "           1        4        0               DE               16\n");
}

}  // namespace
}  // namespace fairlead::ipvs::lines_test
