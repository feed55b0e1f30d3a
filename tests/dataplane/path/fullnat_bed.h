// A service reached by FULLNAT on bytes, its real server and one client, with as many workers as
// the test says.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "byte_director.h"

namespace fairlead::dataplane::fullnat_bed {

struct Ends {
  std::string client, vip, real, locals;
};
inline const Ends kEnds4{"198.51.100.7", "192.0.2.10", "10.0.0.11", "10.0.0.20"};
inline const Ends kEnds6{"2001:db8:7::7", "2001:db8::10", "fd00::11", "fd00::20"};

inline std::string Written(const std::string& address, uint16_t port) {
  return Endpoint{*IpAddress::Parse(address), Be16::FromHost(port)}.ToString();
}
// Sets the byte at `at` of an IPv4 header, counted from its start, and the header's checksum.
inline Frame WithIpv4Byte(Frame frame, size_t at, uint8_t value) {
  frame[14 + at] = value;
  auto* header = HeaderAt<Ipv4Header>(frame.data(), 14);
  header->checksum = Be16{};
  header->checksum = Checksum(header, header->header_length());
  return frame;
}

// Of a frame without options.
inline Endpoint SourceOf(const Frame& f) {
  if (f[14] >> 4 == 4) return {Ipv4Address::Load(&f[26]), Be16::Load(&f[34])};
  return {Ipv6Address::Load(&f[22]), Be16::Load(&f[54])};
}

class FullnatBed : public testing::TestWithParam<size_t> {
 protected:
  explicit FullnatBed(const DirectorSpec& spec = {.workers = GetParam()}) : d_(spec) {}

  void Serve(const Ends& ends, ServiceSpec spec = {}, RealSpec real = {}) {
    ends_ = ends;
    spec.address = ends.vip;
    protocol_ = spec.protocol;
    real.method = ForwardMethod::kFullnat;
    web_ = d_.AddService(spec);
    real_ = d_.AddReal(web_, ends.real, 8080, real);
    d_.Publish();
  }
  [[nodiscard]] Frame FrameOf(const std::string& from, uint16_t from_port, const std::string& to,
                              uint16_t to_port, uint8_t flags) const {
    return protocol_ == kProtocolTcp ? Tcp(from, from_port, to, to_port, flags)
                                     : Udp(from, from_port, to, to_port);
  }
  [[nodiscard]] Frame FromClient(uint16_t port, uint8_t flags) const {
    return FrameOf(ends_.client, port, ends_.vip, 80, flags);
  }
  [[nodiscard]] Frame FromReal(const Endpoint& local, uint8_t flags) const {
    return FrameOf(ends_.real, 8080, local.address.ToString(), local.port.host(), flags);
  }
  // The local endpoint of a new connection; nothing: the packet did not leave.
  Endpoint Open(uint16_t client_port) {
    const auto sent = d_.Send(kOutside, FromClient(client_port, kTcpSyn));
    if (sent.size() != 1) return {};
    EXPECT_EQ(sent[0].port, kInside);
    return SourceOf(sent[0].frame);
  }
  std::string Send(PortId port, const Frame& frame) {
    std::string text;
    for (const Sent& sent : d_.Send(port, frame)) {
      text += (sent.to_host ? "host " : sent.port == kOutside ? "out " : "in ") + Text(sent.frame);
    }
    return text;
  }
  // The same with what an error says, or with the length of what is none.
  std::string SendForFigure(PortId port, const Frame& frame) {
    std::string text;
    for (const Sent& sent : d_.Send(port, frame)) {
      text += (sent.port == kOutside ? "out " : "in ") + Text(sent.frame);
      if (Text(sent.frame).find("ICMP") != std::string::npos) {
        text += " " + std::to_string(Rest(sent.frame));
      } else {
        text += " " + std::to_string(sent.frame.size() - 14);
      }
    }
    return text;
  }
  static std::string Payload(size_t bytes) {
    std::string text;
    for (size_t i = 0; i < bytes; ++i) text += static_cast<char>('a' + i % 23);
    return text;
  }
  // What an ICMP error says behind its type, the figure of "too big".
  static uint32_t Rest(const Frame& f) {
    return Be32::Load(&f[f[14] >> 4 == 4 ? 38u : 58u]).host();
  }
  [[nodiscard]] size_t OwnerOf(const IpAddress& address, uint16_t port) {
    const Be16 p = Be16::FromHost(port);
    const Steering& steering = d_.fabric().steering;
    return (address.is_v4() ? steering.ConnectionOwner(address.v4(), p)
                            : steering.ConnectionOwner(address.v6(), p))
        .index();
  }

  ByteDirector d_;
  Ends ends_;
  uint8_t protocol_ = kProtocolTcp;
  ServiceId web_;
  RealId real_;
};

}  // namespace fairlead::dataplane::fullnat_bed
