// A service, real servers, and the lists of both, for the tests of IPVS's commands.
//
//   TestDirector director("");
//   director.ErrorOf(OfService(IPVS_CMD_NEW_SERVICE, Web()));
//   EXPECT_EQ(Services(director).size(), 1u);
#pragma once

#include <gtest/gtest.h>
#include <linux/ip_vs.h>

#include <string>
#include <vector>

#include "test_director.h"

namespace fairlead::testing::dispatcher_bed {

using namespace ipvs;

inline constexpr uint32_t kEveryFlag = ~uint32_t{0};

inline const ServiceKey kWeb = ServiceAt(6, "192.0.2.10:80");

inline ServiceRequest Web(const std::string& scheduler = "rr") {
  return {.key = kWeb, .scheduler = scheduler, .flags_mask = kEveryFlag, .netmask = 0xffffffff};
}

inline DestRequest Real(const char* address, uint16_t port, uint32_t method = IP_VS_CONN_F_MASQ,
                        int32_t weight = 1) {
  return {.address = *IpAddress::Parse(address), .port = port, .method = method, .weight = weight};
}

inline std::vector<ServiceEntry> Services(TestDirector& director) {
  std::vector<ServiceEntry> services;
  for (const Answered& one : director.Ask(Plain(IPVS_CMD_GET_SERVICE, true))) {
    if (one.service) services.push_back(*one.service);
  }
  return services;
}

inline std::vector<DestEntry> Dests(TestDirector& director, const ServiceKey& key) {
  std::vector<DestEntry> dests;
  const auto answers = director.Ask(OfService(IPVS_CMD_GET_DEST, key, true));
  EXPECT_TRUE(!answers.empty() && answers.back().is_done);
  for (const Answered& one : answers) {
    if (one.dest) dests.push_back(*one.dest);
  }
  return dests;
}

}  // namespace fairlead::testing::dispatcher_bed
