// Inside hosts behind rules of source NAT, on bytes (docs/snat.md).
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "byte_director.h"

namespace fairlead::dataplane::snat_bed {

inline const std::string kHost = "10.0.0.50", kOther = "10.0.0.51";
inline const std::string kWorld = "203.0.113.9";
inline const std::string kLocal = "192.0.2.3";
inline const std::string kHost6 = "fd00::50", kWorld6 = "2001:db8:9::9", kLocal6 = "2001:db8::3";
inline constexpr uint8_t kIcmpRequest = 8, kIcmpAnswer = 0;

inline IpAddress A(const std::string& text) { return *IpAddress::Parse(text); }

inline std::string Describe(const std::vector<Sent>& all) {
  std::string text;
  for (const Sent& sent : all) {
    text += (sent.to_host ? "host " : sent.port == kOutside ? "out " : "in ") + Text(sent.frame);
    text += "\n";
  }
  return text;
}

inline uint16_t SourcePort(const Frame& frame) {
  return Be16::Load(&frame[frame[14] >> 4 == 4 ? 34 : 54]).host();
}
inline uint16_t EchoId(const Frame& frame) {
  return Be16::Load(&frame[frame[14] >> 4 == 4 ? 38 : 58]).host();
}

class SnatBed : public testing::TestWithParam<size_t> {
 protected:
  SnatBed() : d_({.workers = GetParam()}) {
    for (const std::string& host : {kHost, kOther, kHost6}) {
      d_.SetNeighbour(kInside, host, NeighbourState::kReachable);
    }
  }

  void Rule(const std::string& source, const std::vector<std::string>& addresses,
            uint16_t first = 1024, uint16_t last = 65535, PortId output = {}) {
    SnatRule& rule = view_.rules.emplace_back();
    rule.source = *Prefix::Parse(source);
    rule.output = output;
    rule.first_port = first;
    rule.last_port = last;
    rule.slot = static_cast<uint16_t>(view_.rules.size() - 1);
    for (const std::string& address : addresses) {
      rule.addresses.push_back(A(address));
      view_.addresses.insert(A(address));
      d_.draft().local_addresses[A(address)] = {.is_vip = true, .port = {}, .is_announced = true};
    }
  }
  void Publish() {
    d_.draft().snat = std::make_shared<const SnatView>(view_);
    d_.Publish();
  }
  void Serve() {
    Rule("10.0.0.0/24", {kLocal});
    Rule("fd00::/64", {kLocal6});
    Publish();
  }
  std::string Send(PortId port, const Frame& frame) { return Describe(d_.Send(port, frame)); }
  // The port that the world sees of a flow; 0: nothing, or not one packet, came out.
  uint16_t PortOf(const Frame& frame) {
    const auto sent = d_.Send(kInside, frame);
    return sent.size() == 1 && sent[0].port == kOutside ? SourcePort(sent[0].frame) : uint16_t{0};
  }
  SnatSum Sum(size_t slot = 0) { return d_.fabric().stats.SumSnat(slot); }
  Frame Ping(const std::string& from, const std::string& to, uint8_t type, uint16_t id) {
    return ErrorAbout(Udp(kHost, 1, kWorld, 2), from, to, type, 0, uint32_t{id} << 16 | 1, 24);
  }
  Frame Ping6(const std::string& from, const std::string& to, uint8_t type, uint16_t id) {
    return ErrorAbout(Udp(kHost6, 1, kWorld6, 2), from, to, type, 0, uint32_t{id} << 16 | 1, 24);
  }

  ByteDirector d_;
  SnatView view_;
};

}  // namespace fairlead::dataplane::snat_bed
