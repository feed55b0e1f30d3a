// The body of a service by what IPVS knows it by.
#include "control/config/new_service.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

namespace fairlead::control::new_service_test {
namespace {

TEST(NewService, SaysWhatItIsAndNoDefaults) {
  const auto body =
      NewServiceBody({.protocol = "tcp", .address = *IpAddress::Parse("192.0.2.80"), .port = 80},
                     {{"scheduler", "rr"}, {"engine", nullptr}});
  EXPECT_EQ(boost::json::serialize(body),
            R"({"address":"192.0.2.80","protocol":"tcp","port":80,"scheduler":"rr"})");
}

TEST(NewService, EveryPortIsMeant) {
  const auto body =
      NewServiceBody({.protocol = "udp", .address = *IpAddress::Parse("2001:db8::1")}, {});
  EXPECT_EQ(boost::json::serialize(body),
            R"({"address":"2001:db8::1","protocol":"udp","port":0,"allow_any_port":true})");
}

TEST(NewService, AMarkHasAFamilyAlone) {
  EXPECT_EQ(boost::json::serialize(NewServiceBody({.mark = 7, .family = Family::kIpv6}, {})),
            R"({"mark":7,"family":"ipv6"})");
}

}  // namespace
}  // namespace fairlead::control::new_service_test
