// Fragments in any order and of any shape through a whole director of two workers: no packet is
// lost or sent twice in its books, nothing waits for ever, and none is forgotten in the table.
//
// Eight bytes are one step: what it is (bits 0-1: IPv4 to the virtual address, IPv4 from the real
// server, IPv6 to the virtual address, ICMP in IPv4 to it; bit 2: more fragments; bit 3: TCP; bit
// 4: do not cut; bit 5: time passes first; bit 6: waits with the next step, so that both are one
// burst), identification, offset in 8 bytes (two), bytes (two), client port, seconds.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "../dataplane/byte_director.h"

namespace {

using namespace fairlead;             // NOLINT
using namespace fairlead::dataplane;  // NOLINT

constexpr size_t kStepBytes = 8, kMostSteps = 96;

void Require(bool claim, const std::string& what) {
  if (claim) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

void SetWord(Frame* f, size_t at, size_t v) {
  (*f)[at] = static_cast<uint8_t>(v >> 8);
  (*f)[at + 1] = static_cast<uint8_t>(v);
}

// The fragment that a step says; what would not be one is left as it is, for PARSE to refuse.
Frame FrameOf(std::span<const uint8_t> step) {
  const uint8_t what = step[0] & 3;
  const size_t offset = (step[2] << 8 | step[3]) & 0x1fff;
  const size_t bytes = (step[4] << 8 | step[5]) % 1400;
  const uint16_t port = static_cast<uint16_t>(4000 + step[6] % 4);
  const bool is_v6 = what == 2, is_reply = what == 1, more = (step[0] & 4) != 0;
  const char* client = is_v6 ? "2001:db8:7::7" : "198.51.100.7";
  const char* vip = is_v6 ? "2001:db8:1::10" : "192.0.2.10";
  Frame whole = is_reply ? Datagram("10.0.0.11", 8053, client, port, std::string(1500, 'r'))
                         : Datagram(client, port, vip, 80, std::string(1500, 'q'));
  const uint8_t protocol = what == 3 ? 1 : (step[0] & 8) != 0 ? 6 : 17;
  const size_t header = is_v6 ? 54 : 34;
  const auto from = whole.begin() + static_cast<long>(header);
  Frame frame(whole.begin(), from);
  if (is_v6) {
    frame.insert(frame.end(), {protocol, 0, 0, 0, 0, 0, 0, step[1]});
    frame[20] = 44;
    SetWord(&frame, 56, offset << 3 | (more ? 1u : 0u));
    SetWord(&frame, 18, 8 + bytes);
  } else {
    frame[23] = protocol;
    SetWord(&frame, 16, 20 + bytes);
    SetWord(&frame, 18, step[1]);
    SetWord(&frame, 20, offset | (more ? 0x2000u : 0u) | ((step[0] & 16) != 0 ? 0x4000u : 0u));
    auto* ip = HeaderAt<Ipv4Header>(frame.data(), 14);
    ip->checksum = Be16{};
    ip->checksum = Checksum(ip, 20);
  }
  frame.insert(frame.end(), from, from + static_cast<long>(bytes));
  return frame;
}

uint64_t Held(ByteDirector& director) {
  uint64_t held = 0;
  for (Shard* shard : director.shards()) held += shard->fragments.held();
  return held;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteDirector director({.workers = 2, .connections = 64, .templates = 64});
  for (const auto& [vip, real] :
       {std::pair{"192.0.2.10", "10.0.0.11"}, {"2001:db8:1::10", "fd00::11"}}) {
    const ServiceId udp =
        director.AddService({.address = vip, .port = 80, .protocol = kProtocolUdp});
    director.AddReal(udp, real, 8053, {.method = ForwardMethod::kNat});
    const ServiceId tcp = director.AddService({.address = vip, .port = 80});
    director.AddReal(tcp, real, 8053, {.method = ForwardMethod::kTun});
  }
  director.Publish();
  const size_t steps = std::min(size / kStepBytes, kMostSteps);
  for (size_t i = 0; i < steps; ++i) {
    const std::span step(data + i * kStepBytes, kStepBytes);
    if ((step[0] & 32) != 0) director.Advance(step[7] % 40);
    director.Inject((step[0] & 3) == 1 ? kInside : kOutside, FrameOf(step));
    if ((step[0] & 64) == 0) director.Settle();
  }
  director.Settle();
  Require(director.CheckConservation().empty(), director.CheckConservation());
  director.Advance(200);
  Require(Held(director) == 0, "a fragment waits for ever");
  for (Shard* shard : director.shards()) {
    Require(shard->fragments.is_idle(), "a datagram is remembered for ever");
  }
  Require(director.CheckConservation().empty(), director.CheckConservation());
  return 0;
}
