// What routers have said of the paths to real servers behind tunnels (RFC 1191, RFC 8201).
//
//   if (mtus.Learn(real, 1400, now)) …publish again…
//   view.mtu_bytes = mtus.Limit(real, link_mtu);
//
// A path may grow again, so what was learnt is forgotten after kLifetime, and learnt again if need
// be. Workers vouch that the error was about a connection to that real. Threads: the control core.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>

#include "base/ip_address.h"
#include "control/time_point.h"

namespace fairlead::control {

class PathMtus {
 public:
  static constexpr std::chrono::minutes kLifetime{10};  // RFC 1191 section 6.3

  // True: it is news. A larger MTU than the one known says nothing, and does not keep that one.
  bool Learn(const IpAddress& real, uint16_t mtu_bytes, TimePoint now) {
    Entry& entry = entries_[real];
    const bool is_news = entry.mtu_bytes == 0 || mtu_bytes < entry.mtu_bytes;
    if (!is_news && mtu_bytes != entry.mtu_bytes) return false;
    entry.mtu_bytes = mtu_bytes;
    entry.forget = now + kLifetime;
    return is_news;
  }
  // True: something was forgotten.
  bool Expire(TimePoint now) {
    return std::erase_if(entries_, [now](const auto& e) { return now >= e.second.forget; }) > 0;
  }
  [[nodiscard]] uint16_t Limit(const IpAddress& real, uint16_t link_mtu_bytes) const {
    const auto it = entries_.find(real);
    return it == entries_.end() ? link_mtu_bytes : std::min(link_mtu_bytes, it->second.mtu_bytes);
  }

 private:
  struct Entry {
    uint16_t mtu_bytes = 0;
    TimePoint forget;
  };
  std::map<IpAddress, Entry> entries_;
};

}  // namespace fairlead::control
