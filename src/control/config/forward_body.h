// `forward` of a real, as the API takes it from programs that speak as IPVS does.
//
//   ForwardBody(ForwardMethod::kDr, {});                                     // "dr"
//   ForwardBody(ForwardMethod::kTun, {.type = TunnelType::kGue, .port = 6080});
//   // {"method": "tun", "type": "gue", "port": 6080, "checksum": "none"}
//
// Threads: any; pure.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <string_view>

#include "base/forward_method.h"
#include "base/tunnel.h"

namespace fairlead::control {

// `tunnel`: asked only of a method that is a tunnel.
inline boost::json::value ForwardBody(ForwardMethod method, const Tunnel& tunnel) {
  const std::string_view word = TraitsOf(method).word;
  // A map, so that a change keeps the local addresses and the rest, which cannot be said here.
  if (TraitsOf(method).translates_client) return boost::json::object{{"method", word}};
  if (!IsTunnel(method)) return boost::json::string(word);
  boost::json::object forward{{"method", word}, {"type", ToWord(tunnel.type)}};
  switch (tunnel.type) {
    case TunnelType::kIpip:
      break;
    case TunnelType::kGue:
      forward["port"] = tunnel.port;
      forward["checksum"] = ToWord(tunnel.checksum);
      break;
    case TunnelType::kGre:
      forward["checksum"] = tunnel.checksum != TunnelChecksum::kNone;
      break;
  }
  return forward;
}

}  // namespace fairlead::control
