// The bed of the pipeline's benchmarks: one worker on bytes, its flows, and bursts of their frames.
//
//   Bed bed(65536, ForwardMethod::kDr);
//   bed.Open(65536);                             // one SYN each
//   const Flows acks(65536, kTcpAck);
//   size_t at = 0;
//   bed.Burst(acks, &at);                        // the next 32 frames, flows in shuffled order
//   bed.Burst(bed.Answers(), &at);               // FULLNAT: what the reals answer
//
// The same frames in the same order in every run.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "byte_director.h"
#include "director_memory.h"

namespace fairlead::dataplane {

inline constexpr size_t kFrameBytes = 60;

struct Flows {
  std::vector<std::array<uint8_t, kFrameBytes>> frames;  // shuffled
  PortId port;                                           // where they come in

  // With DF, as nearly all TCP.
  Flows(size_t count, uint8_t flags, PortId input_port = kOutside,
        const std::string& destination = "192.0.2.10")
      : port(input_port) {
    frames.resize(count);
    for (size_t i = 0; i < count; ++i) {
      const auto client = Ipv4Address::FromHost(0x0b000000u + static_cast<uint32_t>(i));
      Frame f = To(port, Tcp(IpAddress(client).ToString(), static_cast<uint16_t>(1024 + i % 50000),
                             destination, 80, flags, 64, 0, true));
      f.resize(kFrameBytes);
      std::copy(f.begin(), f.end(), frames[i].begin());
    }
    std::shuffle(frames.begin(), frames.end(), std::mt19937(7));
  }

  // Each in two fragments, of 24 bytes and 8.
  static Flows InFragments(const Flows& whole) {
    Flows cut(0, 0, whole.port);
    for (const auto& frame : whole.frames) {
      for (const bool is_first : {true, false}) {
        cut.frames.push_back(frame);
        auto* ip = HeaderAt<Ipv4Header>(cut.frames.back().data(), kEthernetHeaderLength);
        ip->total_length = Be16::FromHost(is_first ? 44 : 28);
        ip->id = Be16::FromHost(static_cast<uint16_t>((cut.frames.size() - 1) / 2));
        ip->fragment = Be16::FromHost(is_first ? Ipv4Header::kMoreFragments : uint16_t{24 / 8});
        ip->checksum = Be16{};
        ip->checksum = Checksum(ip, sizeof *ip);
      }
    }
    return cut;
  }
};

class Bed {
 public:
  static constexpr size_t Room(size_t flows) { return std::max<size_t>(flows + flows / 8, 1024); }

  // `memory`: where the records lie that a successor takes up; null: in the tables' own. `sync`:
  // when a director of the kernel is told of connections. `client_address`: what FULLNAT's reals
  // are told.
  Bed(size_t flows, ForwardMethod method, bool persistent = false,
      const DirectorMemory* memory = nullptr, SyncView sync = {}, const Tunnel& tunnel = {},
      ClientAddress client_address = ClientAddress::kNone)
      : director_({.workers = 1,
                   .connections = Room(flows),
                   .templates = Room(flows),
                   .side_records = Room(flows),
                   .memory = memory != nullptr ? memory->tables() : std::vector<TableMemory>{}}) {
    const ServiceId web = director_.AddService({.persistence_seconds = persistent ? 300u : 0u});
    for (int i = 1; i <= 8; ++i) {
      director_.AddReal(web, "10.0.0." + std::to_string(10 + i), 80,
                        {.method = method, .tunnel = tunnel, .client_address = client_address});
    }
    director_.draft().sync = sync;
    director_.Publish();
    for (auto& packet : packets_) pointers_.push_back(&packet);
  }

  // Sends the next 32 frames through the worker; what comes out is thrown away. Always inline, so
  // that each count of instructions is of one kind of flows.
  [[gnu::always_inline]] void Burst(const Flows& flows, size_t* at) {
    for (BytePacket& packet : packets_) {
      packet.Assign(flows.frames[*at], flows.port);
      if (++*at == flows.frames.size()) *at = 0;
    }
    worker().ProcessBurst(pointers_, &out_);
    sent_ += out_.count;
    out_.Clear();
  }
  void Open(size_t flows) { Rounds(Flows(flows, kTcpSyn), 1); }
  // The inside port has clients as well.
  void MakeTwoWay() {
    director_.draft().ports[kInside.index()].role = PortRole::kBoth;
    director_.Publish();
  }
  // One segment with data from the real server of each FULLNAT connection.
  Flows Answers() {
    constexpr size_t kData = kFrameBytes - 54;
    Flows answers(0, 0, kInside);
    const auto& table = worker().shard().Connections<Ipv4Address>();
    for (uint32_t slot = 0; (slot = table.NextLive(slot, table.high_water())) != kNoSlot; ++slot) {
      const Connection4& record = table.at(slot);
      const auto local = table.LocalEndpointOf(slot);
      const Frame frame = To(
          kInside, Tcp(IpAddress(record.real_address).ToString(), record.real_port.host(),
                       IpAddress(local.address).ToString(), local.port.host(), kTcpAck, 64, kData));
      std::copy(frame.begin(), frame.end(), answers.frames.emplace_back().begin());
    }
    std::shuffle(answers.frames.begin(), answers.frames.end(), std::mt19937(9));
    return answers;
  }
  // All frames of `flows`, `rounds` times.
  void Rounds(const Flows& flows, size_t rounds) {
    size_t at = 0;
    for (size_t i = 0; i < flows.frames.size() * rounds; i += kBurst) Burst(flows, &at);
  }
  // The hosts that flows come from reach the world by one address.
  void TranslateSources() {
    auto view = std::make_shared<SnatView>();
    SnatRule& rule = view->rules.emplace_back();
    rule.source = *Prefix::Parse("11.0.0.0/8");
    rule.addresses = {*IpAddress::Parse("192.0.2.3")};
    view->addresses = {rule.addresses.begin(), rule.addresses.end()};
    director_.draft().snat = std::move(view);
    director_.Publish();
  }
  // From now on the clients of packets are counted (shard/client_watch.h).
  void WatchClients() {
    dataplane::WatchClients begin;
    begin.time = TicksFromSeconds(60);
    begin.sketch = std::make_unique<ClientSketch>(ClientSketch::kBuckets, director_.fabric().hash);
    director_.RunCommand(0, &begin);
  }
  Worker<BytePacket>& worker() { return director_.worker(0); }
  // Packets that left the pipeline so far, dropped ones included.
  [[nodiscard]] uint64_t sent() const { return sent_; }

 private:
  ByteDirector director_;
  std::array<BytePacket, kBurst> packets_;
  std::vector<BytePacket*> pointers_;
  Output<BytePacket> out_;
  uint64_t sent_ = 0;
};

}  // namespace fairlead::dataplane
