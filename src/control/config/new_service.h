// The body of a service that a program adds by what IPVS knows it by, as the API takes it.
//
//   NewServiceBody({.protocol = "tcp", .address = vip, .port = 80}, {{"scheduler", "rr"}});
//   // {"address": "192.0.2.80", "protocol": "tcp", "port": 80, "scheduler": "rr"}
//
// Threads: any; pure. Invariant: a key that is null among the settings stands for the default and
// is left out; a service of every port says that this is meant.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string_view>

#include "base/ip_address.h"

namespace fairlead::control {

// A mark and family, or (mark 0) protocol, address and port.
struct NewServiceKey {
  uint32_t mark = 0;
  Family family = Family::kIpv4;
  std::string_view protocol{};  // as the configuration has it
  IpAddress address{};
  uint16_t port = 0;  // 0: every one
};

inline boost::json::object NewServiceBody(const NewServiceKey& identity,
                                          const boost::json::object& settings) {
  boost::json::object body;
  if (identity.mark != 0) {
    body["mark"] = identity.mark;
    body["family"] = identity.family == Family::kIpv6 ? "ipv6" : "ipv4";
  } else {
    body["address"] = identity.address.ToString();
    body["protocol"] = identity.protocol;
    body["port"] = identity.port;
    if (identity.port == 0) body["allow_any_port"] = true;
  }
  for (const auto& [name, value] : settings) {
    if (!value.is_null()) body[name] = value;
  }
  return body;
}

}  // namespace fairlead::control
