// A SYN flood beside real clients: who is served under which settings. docs/defence.md has the
// table that this file measures.
//
// 5,000 SYNs a second from addresses that never answer, into 4,096 connection records; a NAT
// service and a persistent one. Both servers answer every SYN and repeat the answer after 1 and
// 3 s. When the flood has run for 4 s, 30 clients of each service come within 10 s; they send their
// SYN again after 1, 3 and 7 s, have a round trip of 100 ms, and count as served when the answer to
// their request arrives. The clock is turned by hand, in ticks.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <map>
#include <ostream>
#include <utility>

#include "byte_director.h"

namespace fairlead::dataplane::flood_test {
namespace {

constexpr size_t kServices = 2;
constexpr const char* kVips[kServices] = {"192.0.2.10", "192.0.2.20"};
constexpr const char* kReals[kServices] = {"10.0.0.11", "10.0.0.12"};
constexpr uint32_t kFirstClient = 0xc6336400;  // 198.51.100.0: ours; the flood has others
constexpr uint32_t kClients = 30;              // of each service
constexpr TickCount kRoundTrip = TicksFromMilliseconds(100);

struct Setting {
  uint8_t drop_entry = kDefenceOff, drop_packet = kDefenceOff, secure_tcp = kDefenceOff;
  uint32_t syn_recv = 60;  // seconds
};

uint32_t Get32(const Frame& f, size_t at) {
  return uint32_t{f[at]} << 24 | uint32_t{f[at + 1]} << 16 | uint32_t{f[at + 2]} << 8 | f[at + 3];
}
uint16_t Get16(const Frame& f, size_t at) { return static_cast<uint16_t>(f[at] << 8 | f[at + 1]); }
void Put16(Frame* f, size_t at, uint32_t value) {
  (*f)[at] = static_cast<uint8_t>(value >> 8);
  (*f)[at + 1] = static_cast<uint8_t>(value);
}
constexpr size_t kIpSum = 24, kSource = 26, kDestination = 30, kSourcePort = 34,
                 kDestinationPort = 36, kFlags = 47;

// A copy of the frame with another client and other flags. Nobody looks at TCP's checksum.
Frame Patched(Frame frame, size_t address_at, uint32_t address, size_t port_at, uint16_t port,
              uint8_t flags) {
  Put16(&frame, address_at, address >> 16);
  Put16(&frame, address_at + 2, address & 0xffff);
  Put16(&frame, port_at, port);
  frame[kFlags] = flags;
  Put16(&frame, kIpSum, 0);
  uint32_t sum = 0;
  for (size_t at = 14; at < 34; at += 2) sum += Get16(frame, at);
  sum = (sum & 0xffff) + (sum >> 16);
  Put16(&frame, kIpSum, ~(sum + (sum >> 16)) & 0xffff);
  return frame;
}

class Flood {
 public:
  Flood(const Setting& setting, size_t target, size_t workers)
      : d_({.workers = workers, .connections = 4096, .templates = 1024}), target_(target) {
    d_.draft().defence.drop_entry = setting.drop_entry;
    for (size_t s = 0; s < kServices; ++s) {
      const ServiceId id = d_.AddService(
          {.address = kVips[s], .port = 80, .persistence_seconds = s == 0 ? 0u : 300u});
      d_.AddReal(id, kReals[s], 80);
      ServiceView& view = d_.service(id);
      view.policy.drop_packet = setting.drop_packet;
      view.policy.secure_tcp = setting.secure_tcp;
      view.timeouts.Set(TcpState::kSynRecv, TicksFromSeconds(setting.syn_recv));
      from_client_[s] = Tcp("0.0.0.1", 1, kVips[s], 80, kTcpSyn);
      from_real_[s] = Tcp(kReals[s], 80, "0.0.0.1", 1, kTcpSyn);
    }
    d_.Publish();
  }

  void Run() {
    constexpr TickCount kBegin = TicksFromSeconds(4), kEnd = TicksFromSeconds(22);
    for (size_t s = 0; s < kServices; ++s) {
      for (uint32_t i = 0; i < kClients; ++i) {
        const TickCount at =
            kBegin + TicksFromSeconds(10) * i / kClients + static_cast<TickCount>(s);
        Schedule(at, [this, s, i] { Ask(s, i, 0); });
      }
    }
    for (tick_ = 0; tick_ < kEnd; ++tick_) Step();
    EXPECT_EQ(d_.CheckConservation(), "");
  }

  [[nodiscard]] uint32_t served(size_t service) const { return served_[service]; }
  ByteDirector& director() { return d_; }

 private:
  static constexpr uint32_t kFloodPerTick = 50;
  static constexpr uint16_t kClientPort = 40000;

  void Schedule(TickCount at, std::function<void()> what) { todo_.emplace(at, std::move(what)); }

  void Step() {
    for (auto next = todo_.begin(); next != todo_.end() && next->first <= tick_;) {
      next->second();
      next = todo_.erase(next);
    }
    for (uint32_t i = 0; i < kFloodPerTick; ++i) {
      const uint32_t source = 0x0b000000 + (flooded_ * 2654435761u >> 8);
      ToService(target_, source, static_cast<uint16_t>(1024 + flooded_ % 60000), kTcpSyn);
      ++flooded_;
    }
    for (const Sent& sent : d_.Settle()) {
      if (sent.port == kInside) {
        AtReal(sent.frame);
      } else {
        AtClient(sent.frame);
      }
    }
    d_.Advance(0.01);
  }

  void ToService(size_t service, uint32_t client, uint16_t port, uint8_t flags) {
    d_.Inject(kOutside, Patched(from_client_[service], kSource, client, kSourcePort, port, flags));
  }
  void FromReal(size_t service, uint32_t client, uint16_t port, uint8_t flags) {
    d_.Inject(kInside,
              Patched(from_real_[service], kDestination, client, kDestinationPort, port, flags));
  }

  // A real answers a SYN at once and again, and acknowledges what else comes.
  void AtReal(const Frame& frame) {
    const size_t service = frame[kDestination + 3] - 11u;
    const uint32_t client = Get32(frame, kSource);
    const uint16_t port = Get16(frame, kSourcePort);
    if ((frame[kFlags] & kTcpRst) != 0) return;
    if ((frame[kFlags] & kTcpSyn) == 0) {
      if ((frame[kFlags] & kTcpPsh) == 0) return;
      Schedule(tick_ + 1, [=, this] { FromReal(service, client, port, kTcpAck | kTcpPsh); });
      return;
    }
    for (const TickCount after : {TickCount{1}, TicksFromSeconds(1), TicksFromSeconds(3)}) {
      if (after > 1 && client >> 8 == kFirstClient >> 8) continue;
      Schedule(tick_ + after, [=, this] { FromReal(service, client, port, kTcpSyn | kTcpAck); });
    }
  }

  void AtClient(const Frame& frame) {
    const uint32_t client = Get32(frame, kDestination);
    if (client >> 8 != kFirstClient >> 8) return;
    const size_t service = (client & 0xff) / kClients;
    bool& is_answered = answered_[client & 0xff];
    const uint8_t flags = frame[kFlags];
    if ((flags & kTcpSyn) != 0) {
      if (std::exchange(is_answered, true)) return;
      Schedule(tick_ + kRoundTrip, [=, this] {
        ToService(service, client, kClientPort, kTcpAck);
        ToService(service, client, kClientPort, kTcpAck | kTcpPsh);
      });
    } else if ((flags & kTcpPsh) != 0) {
      ++served_[service];
    }
  }

  // The client's n-th attempt.
  void Ask(size_t service, uint32_t index, uint32_t attempt) {
    const auto host = static_cast<uint32_t>(service * kClients + index);
    if (answered_[host]) return;
    ToService(service, kFirstClient + host, kClientPort, kTcpSyn);
    if (attempt == 3) return;
    const TickCount pause = TicksFromSeconds(1u << attempt);
    Schedule(tick_ + pause, [=, this] { Ask(service, index, attempt + 1); });
  }

  ByteDirector d_;
  size_t target_;
  Frame from_client_[kServices], from_real_[kServices];
  std::multimap<TickCount, std::function<void()>> todo_;
  bool answered_[kServices * kClients] = {};
  uint32_t served_[kServices] = {};
  uint32_t flooded_ = 0;
  TickCount tick_ = 0;
};

struct Row {
  const char* name;
  Setting setting;
  // Of 30 clients of each service, NAT and persistent, by what the flood aims at; the table of
  // docs/defence.md.
  uint32_t served[kServices][kServices];
};
constexpr double kSlack = 2;  // clients
constexpr uint8_t kAuto = kDefenceAuto;

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class SynFlood : public testing::TestWithParam<Row> {};

TEST_P(SynFlood, LeavesRoomForClients) {
  const Row& row = GetParam();
  for (const auto& [target, workers] : {std::pair<size_t, size_t>{0, 1}, {1, 1}, {0, 2}, {1, 2}}) {
    if (workers > 1 && row.served[0][0] < kClients) continue;
    Flood flood(row.setting, target, workers);
    flood.Run();
    std::printf("%-24s %zu worker(s), flood at %s: %2u of 30 NAT, %2u of 30 persistent\n", row.name,
                workers, target == 0 ? "NAT       " : "persistent", flood.served(0),
                flood.served(1));
    for (size_t s = 0; s < kServices; ++s) {
      EXPECT_NEAR(flood.served(s), row.served[target][s], kSlack) << row.name << ", service " << s;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Settings, SynFlood,
    testing::Values(
        Row{"off", {}, {{0, 0}, {30, 0}}},
        Row{"secure_tcp", {.secure_tcp = kAuto}, {{0, 0}, {30, 0}}},
        Row{"drop_packet", {.drop_packet = kAuto}, {{0, 0}, {30, 0}}},
        Row{"drop_entry", {.drop_entry = kAuto}, {{30, 30}, {30, 30}}},
        Row{"all three", {kAuto, kAuto, kAuto}, {{30, 30}, {30, 30}}},
        Row{"syn_recv 3s", {.syn_recv = 3}, {{18, 18}, {30, 0}}},
        Row{"syn_recv 3s, secure_tcp", {.secure_tcp = kAuto, .syn_recv = 3}, {{18, 18}, {30, 0}}},
        Row{"syn_recv 3s, drop_packet", {.drop_packet = kAuto, .syn_recv = 3}, {{24, 24}, {30, 0}}},
        Row{"syn_recv 3s, drop_entry", {.drop_entry = kAuto, .syn_recv = 3}, {{30, 30}, {30, 30}}},
        Row{"syn_recv 3s, all three", {kAuto, kAuto, kAuto, 3}, {{30, 30}, {30, 30}}}));

}  // namespace
}  // namespace fairlead::dataplane::flood_test
