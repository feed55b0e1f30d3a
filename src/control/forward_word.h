// How packets go to a real server, in one word without blanks, for sentences about a change.
//
//   ForwardWord(real.forward);    // "nat", "tun:gue:6080:none", "fullnat:10.0.1.0/28,@pool:toa"
//
// Threads: pure.
#pragma once

#include <string>

#include "control/config/names.h"

namespace fairlead::control {

inline std::string ForwardWord(const Forwarding& forward) {
  std::string method(ToWord(forward.method));
  if (!forward.local_addresses.empty()) {
    char before = ':';
    for (const Prefix& prefix : forward.local_addresses.prefixes) {
      method += before + prefix.ToString();
      before = ',';
    }
    for (const std::string& set : forward.local_addresses.sets) {
      method += before + ("@" + set);
      before = ',';
    }
    return method + ":" + std::string(ToWord(forward.client_address));
  }
  const Tunnel& tunnel = forward.tunnel;
  if (tunnel.type == TunnelType::kIpip) return method;
  const std::string port =
      tunnel.type == TunnelType::kGue ? ":" + std::to_string(tunnel.port) : std::string();
  return method + ":" + std::string(ToWord(tunnel.type)) + port + ":" +
         std::string(ToWord(tunnel.checksum));
}

}  // namespace fairlead::control
