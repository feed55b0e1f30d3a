// Two directors with a pipe between them that can be cut, on a clock of the test.
//
//   StreamPair pair;
//   pair.Connect();
//   pair.Turns(20);
//   pair.a.tables.Text() == pair.b.tables.Text()
#pragma once

#include <random>
#include <span>

#include "control/stream/fake_stream_tables.h"
#include "control/sync/stream/stream_hub.h"

namespace fairlead::control {

inline sync::StreamEntry EntryOf(uint32_t number, uint32_t real = 11, uint64_t created_ms = 1000) {
  sync::StreamEntry e;
  e.protocol = sync::kProtocolTcp;
  e.state = 1;
  e.client = Ipv4Address::FromHost(0x0a08'0000 + number / 100);
  e.client_port = Be16::FromHost(static_cast<uint16_t>(20000 + number % 100));
  e.virtual_address = *IpAddress::Parse("192.0.2.80");
  e.virtual_port = Be16::FromHost(80);
  e.real = Ipv4Address::FromHost(0x0a00'0000 + real);
  e.real_port = Be16::FromHost(80);
  e.created_ms = created_ms;
  return e;
}

struct StreamSide {
  StreamSide(std::string own, std::string other, uint64_t the_incarnation)
      : name(std::move(own)), incarnation(the_incarnation), peer(hub.Add(other)) {}

  void Begin(TimePoint now, uint64_t first_sequence, const StreamLimits& limits) {
    peer.session =
        std::make_shared<StreamSession>(StreamSession::Setup{.own_name = name,
                                                             .peer_name = peer.name,
                                                             .incarnation = incarnation,
                                                             .first_sequence = first_sequence,
                                                             .limits = limits},
                                        peer.ledger, now);
  }
  StreamSession& session() { return *peer.session; }
  [[nodiscard]] std::string ending() const {
    if (!peer.session || !peer.session->ending()) return "";
    return (peer.session->ending()->is_theirs ? "theirs: " : "") + peer.session->ending()->why;
  }

  std::string name;
  uint64_t incarnation;
  FakeStreamTables tables;
  StreamHub hub{tables};
  StreamPeer& peer;
  std::vector<uint8_t> to_other;  // under way
};

struct StreamPair {
  StreamSide a{"a", "b", 1}, b{"b", "a", 2};
  StreamLimits limits{};
  TimePoint now{std::chrono::hours(1)};
  std::mt19937 random{1};
  uint64_t next_first_sequence = 1000;
  bool is_connected = false;

  void Connect() {
    a.Begin(now, next_first_sequence += 1000, limits);
    b.Begin(now, next_first_sequence += 1000, limits);
    is_connected = true;
  }
  // What is under way is lost.
  void Cut() {
    a.peer.session.reset();
    b.peer.session.reset();
    a.to_other.clear();
    b.to_other.clear();
    is_connected = false;
  }
  // Some of what is under way arrives; `most` bytes of each.
  void Pump(size_t most) {
    const auto move = [this, most](StreamSide& from, StreamSide& to) {
      const std::vector<uint8_t> out = from.session().TakeOutput();
      from.to_other.insert(from.to_other.end(), out.begin(), out.end());
      const size_t count = std::min(most, from.to_other.size());
      to.session().Receive(std::span(from.to_other).first(count), now);
      from.to_other.erase(from.to_other.begin(),
                          from.to_other.begin() + static_cast<std::ptrdiff_t>(count));
    };
    if (!is_connected) return;
    move(a, b);
    move(b, a);
  }
  void Turn(size_t most = 1 << 20) {
    now += std::chrono::milliseconds(5);
    a.hub.Turn(now);
    b.hub.Turn(now);
    Pump(most);
  }
  void Turns(size_t count) {
    for (size_t i = 0; i < count; ++i) Turn();
  }
  [[nodiscard]] bool IsInSync() {
    const auto lag = std::chrono::milliseconds(500);
    return is_connected && a.session().IsInSync(now, lag) && b.session().IsInSync(now, lag);
  }
  // Returns the turns that it took; `most`: it did not come to that.
  size_t TurnsUntilInSync(size_t most = 5000) {
    size_t turns = 0;
    for (; turns < most && !IsInSync(); ++turns) Turn();
    return turns;
  }
};

}  // namespace fairlead::control
