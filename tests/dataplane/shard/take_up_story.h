// Stories of a director that will die: what clients and reals send, and what its workers do.
//
//   const Story story = Draw(seed).LifeAndDeath();
//   ByteDirector d(…); Configure(d);
//   for (const Step& step : story) Play(d, step);
//   Text(story);                             // "  SYN 198.51.100.2:1027 → 192.0.2.10:80\n"…
//
// Steps are plain values, each playable without the others, so that a story can be shrunk.
#pragma once

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "byte_director.h"

namespace fairlead::dataplane::take_up {

enum class Do : uint8_t {
  kClient,   // a client sends a packet
  kReal,     // a real does
  kTurn,     // some worker's
  kSettle,   // until nothing is under way
  kAdvance,  // detail: seconds
  kDie,      // nothing happens; the director dies after one of the stores that follow
};

struct Step {
  Do what = Do::kTurn;
  uint32_t kind = 0;  // of service
  uint32_t client = 0, client_port = 0;
  uint32_t real = 0;
  uint32_t detail = 0;  // TCP: which flags; calls: which Call-ID
};
using Story = std::vector<Step>;

inline constexpr uint32_t kClients = 6, kPorts = 8, kReals = 3, kCalls = 4;
inline constexpr std::string_view kVip = "192.0.2.10", kVip6 = "2001:db8::10";

// Services of every kind that keeps something: NAT and DR, TCP and UDP, both families, templates
// renewed in two ways, calls with a Call-ID in side records.
struct Kind {
  uint16_t port;
  uint8_t protocol = kProtocolTcp;
  uint32_t persistence_seconds = 0;
  bool is_ipv6 = false, is_sip = false;
  RenewMode renew = RenewMode::kLinux;
  ForwardMethod method = ForwardMethod::kNat;
};
inline constexpr std::array kKinds = {
    Kind{.port = 80, .persistence_seconds = 300},
    Kind{.port = 81,
         .persistence_seconds = 200,
         .renew = RenewMode::kAfterLastClose,
         .method = ForwardMethod::kDr},
    Kind{.port = 82},
    Kind{.port = 53, .protocol = kProtocolUdp, .persistence_seconds = 100},
    Kind{.port = 80, .persistence_seconds = 300, .is_ipv6 = true},
    Kind{.port = 5060, .protocol = kProtocolUdp, .persistence_seconds = 400, .is_sip = true},
};

inline std::string RealName(bool is_ipv6, uint32_t real) {
  return (is_ipv6 ? "fd00::1" : "10.0.0.1") + std::to_string(1 + real);
}

inline void Configure(ByteDirector& d) {
  for (const Kind& kind : kKinds) {
    const ServiceId id = d.AddService({.address = std::string(kind.is_ipv6 ? kVip6 : kVip),
                                       .port = kind.port,
                                       .protocol = kind.protocol,
                                       .persistence_seconds = kind.persistence_seconds,
                                       .renew = kind.renew});
    for (uint32_t real = 0; real < kReals; ++real) {
      d.AddReal(id, RealName(kind.is_ipv6, real), kind.port, {.method = kind.method});
    }
    if (kind.is_sip) d.service(id).persistence.engine = PersistenceEngine::kSip;
  }
}

// What a step's packet is made of.
struct Ends {
  std::string client, vip, real;
  uint16_t client_port, port;
};
inline Ends EndsOf(const Step& step) {
  const Kind& kind = kKinds[step.kind];
  return {(kind.is_ipv6 ? "2001:db8:7::" : "198.51.100.") + std::to_string(1 + step.client),
          std::string(kind.is_ipv6 ? kVip6 : kVip), RealName(kind.is_ipv6, step.real),
          static_cast<uint16_t>(1024 + step.client_port), kind.port};
}

struct TcpFlags {
  uint8_t flags;
  std::string_view name;
};
inline constexpr std::array kFromClient = {
    TcpFlags{kTcpSyn, "SYN"}, TcpFlags{kTcpSyn, "SYN"}, TcpFlags{kTcpAck, "ACK"},
    TcpFlags{kTcpAck, "ACK"}, TcpFlags{kTcpRst, "RST"}, TcpFlags{kTcpFin | kTcpAck, "FIN"}};
inline constexpr std::array kFromReal = {TcpFlags{kTcpSyn | kTcpAck, "SYN+ACK"},
                                         TcpFlags{kTcpAck, "ACK"}};

inline void Play(ByteDirector& d, const Step& step) {
  const Ends ends = EndsOf(step);
  const Kind& kind = kKinds[step.kind];
  switch (step.what) {
    case Do::kClient:
      if (kind.protocol == kProtocolTcp) {
        return d.Inject(kOutside, Tcp(ends.client, ends.client_port, ends.vip, ends.port,
                                      kFromClient[step.detail].flags));
      }
      if (!kind.is_sip) {
        return d.Inject(kOutside, Udp(ends.client, ends.client_port, ends.vip, ends.port));
      }
      return d.Inject(
          kOutside, Datagram(ends.client, ends.client_port, ends.vip, ends.port,
                             "INVITE sip:b@c SIP/2.0\r\nVia: x\r\nCall-ID: " +
                                 std::string(70, 'c') + std::to_string(step.detail) + "\r\n\r\n"));
    case Do::kReal:
      if (kind.protocol == kProtocolTcp) {
        return d.Inject(kInside, Tcp(ends.real, ends.port, ends.client, ends.client_port,
                                     kFromReal[step.detail].flags));
      }
      return d.Inject(kInside, Udp(ends.real, ends.port, ends.client, ends.client_port));
    case Do::kTurn:
      return d.RandomTurn();
    case Do::kSettle:
      d.Settle();
      return;
    case Do::kAdvance:
      return d.Advance(step.detail);
    case Do::kDie:
      return;
  }
}

inline std::string Text(const Step& step) {
  const Ends ends = EndsOf(step);
  const Kind& kind = kKinds[step.kind];
  const bool is_tcp = kind.protocol == kProtocolTcp;
  const auto flow = [](const std::string& from, uint16_t from_port, const std::string& to,
                       uint16_t to_port) {
    return " " + from + ":" + std::to_string(from_port) + " → " + to + ":" +
           std::to_string(to_port);
  };
  switch (step.what) {
    case Do::kClient:
      return (is_tcp        ? std::string(kFromClient[step.detail].name)
              : kind.is_sip ? "call " + std::to_string(step.detail)
                            : "UDP") +
             flow(ends.client, ends.client_port, ends.vip, ends.port);
    case Do::kReal:
      return (is_tcp ? std::string(kFromReal[step.detail].name) : "UDP") +
             flow(ends.real, ends.port, ends.client, ends.client_port);
    case Do::kTurn:
      return "turn of some worker";
    case Do::kSettle:
      return "settle";
    case Do::kAdvance:
      return "advance " + std::to_string(step.detail) + " s";
    case Do::kDie:
      return "from here on it may die";
  }
  return "?";
}
inline std::string Text(const Story& story) {
  std::string text;
  for (const Step& step : story) text += "  " + Text(step) + "\n";
  return text;
}

class Draw {
 public:
  explicit Draw(uint32_t seed) : random_(seed) {}

  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  Step Packet() {
    Step step{.what = Below(3) == 0 ? Do::kReal : Do::kClient,
              .kind = Below(kKinds.size()),
              .client = Below(kClients),
              .client_port = Below(kPorts),
              .real = Below(kReals)};
    const bool is_tcp = kKinds[step.kind].protocol == kProtocolTcp;
    step.detail = step.what == Do::kReal ? Below(kFromReal.size())
                  : is_tcp               ? Below(kFromClient.size())
                                         : Below(kCalls);
    return step;
  }
  // A life of a few minutes.
  Story Life(uint32_t steps) {
    Story story;
    while (story.size() < steps) {
      const uint32_t dice = Below(100);
      story.push_back(dice < 45   ? Packet()
                      : dice < 80 ? Step{.what = Do::kTurn}
                      : dice < 95 ? Step{.what = Do::kSettle}
                                  : Step{.what = Do::kAdvance, .detail = 1 + Below(30)});
    }
    return story;
  }
  // The same, and at its end a few packets and turns in which it dies.
  Story LifeAndDeath() {
    Story story = Life(20 + Below(120));
    story.push_back({.what = Do::kDie});
    for (uint32_t packets = 1 + Below(3); packets > 0; --packets) story.push_back(Packet());
    for (uint32_t turns = 1 + Below(6); turns > 0; --turns) story.push_back({.what = Do::kTurn});
    return story;
  }

 private:
  std::mt19937 random_;
};

}  // namespace fairlead::dataplane::take_up
