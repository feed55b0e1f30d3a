// What ipvsadm and keepalived say, as typed values; what is missing.

#include "control/api/ipvs/requests.h"

#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "client.h"

namespace fairlead::testing::requests_test {
namespace {

using namespace ipvs;

Attributes CommandOf(const Record& request) {
  RecordReader reader(request);
  Attributes command;
  const Fault fault = ReadCommand(*reader.Next(), &command);
  EXPECT_FALSE(fault) << fault.why;
  return command;
}

Fault ServiceFault(const Record& request, Depth depth = Depth::kWhole) {
  ServiceRequest service;
  return ReadService(CommandOf(request), depth, &service);
}

TEST(Requests, AWholeServiceIsReadBack) {
  const Record request = OfService(IPVS_CMD_NEW_SERVICE, {.key = ServiceAt(6, "192.0.2.10:80"),
                                                          .scheduler = "wrr",
                                                          .engine = "sip",
                                                          .flags = IP_VS_SVC_F_PERSISTENT,
                                                          .flags_mask = 5,
                                                          .timeout_seconds = 300,
                                                          .netmask = 0xffffff00});
  ServiceRequest service;
  ASSERT_FALSE(ReadService(CommandOf(request), Depth::kWhole, &service));
  EXPECT_EQ(service.key.ToString(), "tcp 192.0.2.10:80");
  EXPECT_EQ(service.scheduler, "wrr");
  EXPECT_EQ(service.engine, "sip");
  EXPECT_EQ(service.flags, 1u);
  EXPECT_EQ(service.flags_mask, 5u);
  EXPECT_EQ(service.timeout_seconds, 300u);
  EXPECT_EQ(service.netmask, 0xffffff00u);
}

TEST(Requests, NetmasksOfIpv6AreLengths) {
  const Record request =
      OfService(IPVS_CMD_NEW_SERVICE,
                {.key = ServiceAt(17, "[2001:db8::1]:53"), .scheduler = "rr", .netmask = 64});
  ServiceRequest service;
  ASSERT_FALSE(ReadService(CommandOf(request), Depth::kWhole, &service));
  EXPECT_EQ(service.key.ToString(), "udp [2001:db8::1]:53");
  EXPECT_EQ(service.netmask, 64u);
}

TEST(Requests, AMarkNeedsNoAddress) {
  const Record request = OfService(IPVS_CMD_DEL_SERVICE, ServiceOfMark(7, Family::kIpv6));
  ServiceRequest service;
  ASSERT_FALSE(ReadService(CommandOf(request), Depth::kKey, &service));
  EXPECT_EQ(service.key, ServiceOfMark(7, Family::kIpv6));
  EXPECT_EQ(service.key.ToString(), "mark 7 ipv6");
}

TEST(Requests, WhatIsMissingOfAServiceIsNamed) {
  EXPECT_EQ(ServiceFault(Plain(IPVS_CMD_NEW_SERVICE)).why, "IPVS_CMD_ATTR_SERVICE is missing");
  const auto with = [](auto put) {
    RequestBuilder request(kFamilyId, IPVS_CMD_NEW_SERVICE, 0);
    request.Nest(IPVS_CMD_ATTR_SERVICE);
    put(request);
    return ServiceFault(request.EndNest().Take());
  };
  EXPECT_EQ(with([](RequestBuilder&) {}).why, "IPVS_SVC_ATTR_AF is missing");
  EXPECT_EQ(with([](RequestBuilder& r) { r.U16(IPVS_SVC_ATTR_AF, AF_INET); }).why,
            "IPVS_SVC_ATTR_PROTOCOL is missing");
  const Fault no_scheduler = with(
      [](RequestBuilder& r) { r.U16(IPVS_SVC_ATTR_AF, AF_INET).U32(IPVS_SVC_ATTR_FWMARK, 1); });
  EXPECT_EQ(no_scheduler.number, EINVAL);
  EXPECT_EQ(no_scheduler.why, "IPVS_SVC_ATTR_SCHED_NAME is missing");
  EXPECT_EQ(with([](RequestBuilder& r) {
              r.U16(IPVS_SVC_ATTR_AF, AF_UNIX).U32(IPVS_SVC_ATTR_FWMARK, 1);
            }).number,
            EAFNOSUPPORT);
}

TEST(Requests, ARealServerIsReadBack) {
  const Record request = OfDest(IPVS_CMD_NEW_DEST, ServiceOfMark(1),
                                {.address = *IpAddress::Parse("10.0.0.11"),
                                 .port = 8080,
                                 .method = IP_VS_CONN_F_TUNNEL,
                                 .weight = -1,
                                 .upper_threshold = 9,
                                 .lower_threshold = 3,
                                 .tunnel_type = 1,
                                 .tunnel_port = 6080,
                                 .tunnel_flags = 2});
  DestRequest dest;
  ASSERT_FALSE(ReadDest(CommandOf(request), Depth::kWhole, Family::kIpv4, &dest));
  EXPECT_EQ(dest.address.ToString(), "10.0.0.11");
  EXPECT_EQ(dest.port, 8080);
  EXPECT_EQ(dest.method, 2u);
  EXPECT_EQ(dest.weight, -1);
  EXPECT_EQ(dest.upper_threshold, 9u);
  EXPECT_EQ(dest.lower_threshold, 3u);
  EXPECT_EQ(dest.tunnel_type, 1);
  EXPECT_EQ(dest.tunnel_port, 6080);
  EXPECT_EQ(dest.tunnel_flags, 2);
}

// Programs from before mixed families send no family, and programs of IPv4 four bytes.
TEST(Requests, ARealServerWithoutAFamilyHasTheServices) {
  RequestBuilder request(kFamilyId, IPVS_CMD_DEL_DEST, 0);
  request.Nest(IPVS_CMD_ATTR_DEST)
      .Bytes(IPVS_DEST_ATTR_ADDR, {"\x0a\x00\x00\x0b", 4})
      .U16(IPVS_DEST_ATTR_PORT, Be16::FromHost(80).raw());
  const Record bytes = request.EndNest().Take();
  const Attributes command = CommandOf(bytes);
  DestRequest dest;
  ASSERT_FALSE(ReadDest(command, Depth::kKey, Family::kIpv4, &dest));
  EXPECT_FALSE(dest.family);
  EXPECT_EQ(dest.address.ToString(), "10.0.0.11");
  ASSERT_FALSE(ReadDest(command, Depth::kKey, Family::kIpv6, &dest));
  EXPECT_EQ(dest.address.ToString(), "a00:b::");
  EXPECT_EQ(ReadDest(command, Depth::kWhole, Family::kIpv4, &dest).why,
            "IPVS_DEST_ATTR_FWD_METHOD is missing");
}

TEST(Requests, TimeoutsAndDaemons) {
  const TimeoutsRequest timeouts = ReadTimeouts(CommandOf(SetTimeouts({900, 0, 300})));
  EXPECT_EQ(timeouts.tcp_seconds, 900u);
  EXPECT_EQ(timeouts.tcp_fin_seconds, 0u);
  EXPECT_EQ(timeouts.udp_seconds, 300u);
  DaemonRequest daemon{.is_master = true};
  const auto read = [&daemon](RequestBuilder& request, Depth depth) {
    return ReadDaemon(CommandOf(request.Take()), depth, &daemon).number;
  };
  EXPECT_EQ(ReadDaemon(CommandOf(Plain(IPVS_CMD_DEL_DAEMON)), Depth::kKey, &daemon).number, EINVAL);
  const auto of_state = [](uint32_t state) {
    RequestBuilder request(kFamilyId, IPVS_CMD_NEW_DAEMON, 0);
    request.Nest(IPVS_CMD_ATTR_DAEMON).U32(IPVS_DAEMON_ATTR_STATE, state);
    return request;
  };
  RequestBuilder backup = of_state(IP_VS_STATE_BACKUP);
  EXPECT_EQ(read(backup.EndNest(), Depth::kKey), 0);
  EXPECT_FALSE(daemon.is_master);
  RequestBuilder neither = of_state(3);
  EXPECT_EQ(read(neither.EndNest(), Depth::kKey), EINVAL);
  RequestBuilder less = of_state(IP_VS_STATE_MASTER);
  EXPECT_EQ(read(less.Text(IPVS_DAEMON_ATTR_MCAST_IFN, "eth2").EndNest(), Depth::kWhole), EINVAL)
      << "a syncid is needed";
  RequestBuilder whole = of_state(IP_VS_STATE_MASTER);
  whole.Text(IPVS_DAEMON_ATTR_MCAST_IFN, "eth2")
      .U32(IPVS_DAEMON_ATTR_SYNC_ID, 7)
      .U16(IPVS_DAEMON_ATTR_SYNC_MAXLEN, 1400)
      .Bytes(IPVS_DAEMON_ATTR_MCAST_GROUP, std::string_view("\xe0\0\0\x63", 4))
      .U16(IPVS_DAEMON_ATTR_MCAST_PORT, 9000)
      .U8(IPVS_DAEMON_ATTR_MCAST_TTL, 3);
  EXPECT_EQ(read(whole.EndNest(), Depth::kWhole), 0);
  EXPECT_TRUE(daemon.is_master);
  EXPECT_EQ(daemon.interface, "eth2");
  EXPECT_EQ(daemon.syncid, 7u);
  EXPECT_EQ(daemon.maxlen, 1400);
  EXPECT_EQ(daemon.group, IpAddress::Parse("224.0.0.99"));
  EXPECT_EQ(daemon.port, 9000);
  EXPECT_EQ(daemon.ttl, 3);
}

TEST(Requests, Files) {
  const Record request = RequestBuilder(kFilesType, kWriteFile, 0)
                             .Text(kFilePath, "/proc/sys/net/ipv4/vs/drop_entry")
                             .Bytes(kFileBytes, "1\n")
                             .Take();
  RecordReader reader(request);
  FileRequest file;
  ASSERT_FALSE(ReadFile(*reader.Next(), &file));
  EXPECT_EQ(file.path, "/proc/sys/net/ipv4/vs/drop_entry");
  EXPECT_EQ(file.bytes, "1\n");
  const Record nothing = RequestBuilder(kFilesType, kReadFile, 0).Take();
  RecordReader other(nothing);
  EXPECT_EQ(ReadFile(*other.Next(), &file).why, "the path is missing");
}

}  // namespace
}  // namespace fairlead::testing::requests_test
