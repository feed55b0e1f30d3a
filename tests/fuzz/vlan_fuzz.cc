// Frames with VLAN tags: taken off, put on and taken off again as bytes; then through a whole
// director of two workers, where none is lost or sent twice in the books.
//
// The first byte: bit 0 the port's device has VLANs, bit 1 tunnels end at the port, bit 2 the rest
// stands behind the port's MAC and a sender's, else it is the whole frame.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "../dataplane/byte_director.h"
#include "dataplane/wire/vlan_tag.h"

namespace {

using namespace fairlead;             // NOLINT
using namespace fairlead::dataplane;  // NOLINT

void Require(bool claim, const std::string& what) {
  if (claim) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

// In a block of its exact size, but for the room that a tag needs.
void TakePutTake(const Frame& frame) {
  const auto length = static_cast<uint32_t>(frame.size());
  const auto exact = std::make_unique<uint8_t[]>(length);
  std::copy(frame.begin(), frame.end(), exact.get());
  uint16_t vlan = 0, again = 0;
  if (!TakeTagOff(exact.get(), length, &vlan)) {
    Require(std::equal(frame.begin(), frame.end(), exact.get()), "a frame without a tag changed");
    return;
  }
  uint8_t* const rest = exact.get() + kVlanTagLength;
  Require(std::equal(frame.begin(), frame.begin() + 12, rest), "the MACs did not move");
  Require(std::equal(frame.begin() + 16, frame.end(), rest + 12), "what is behind the tag changed");
  PutTagOn(rest, static_cast<uint16_t>(frame[14] << 8 | frame[15]));
  Require(std::equal(frame.begin(), frame.end(), exact.get()), "it does not come back as it was");
  Require(TakeTagOff(exact.get(), length, &again) && again == vlan, "another VLAN");
}

void Judge(const Frame& frame) {
  if (frame.size() < kEthernetHeaderLength) return;
  const auto length = static_cast<uint32_t>(frame.size());
  const auto exact = std::make_unique<uint8_t[]>(length);
  std::copy(frame.begin(), frame.end(), exact.get());
  uint16_t vlan = 1;
  const bool is_plain = JudgeTag(exact.get(), length, false) == DropReason::kCount;
  Require(JudgeTag(exact.get(), length, true) != DropReason::kCount, "a second tag passes");
  const bool has_tag = TakeTagOff(exact.get(), length, &vlan);
  Require(!is_plain || (has_tag && vlan == 0), "more than a priority is taken off");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 2000) return 0;
  Frame frame(data + 1, data + size);
  if ((data[0] & 4) != 0) {
    frame.insert(frame.begin(), 12, 2);
    PortMac(kInside).Store(frame.data());
  }
  TakePutTake(frame);
  Judge(frame);

  if (frame.size() < sizeof(MacAddress)) return 0;  // ByteDirector looks at it
  ByteDirector director({.workers = 2, .connections = 64, .templates = 64});
  for (const char* vip : {"192.0.2.10", "2001:db8::10"}) {
    const bool v4 = vip[0] == '1';
    director.AddReal(director.AddService({.address = vip}), v4 ? "10.0.0.55" : "fd00::55", 8080);
  }
  director.draft().local_addresses[*IpAddress::Parse("10.0.0.11")] = {.is_vip = false,
                                                                      .port = kInside};
  PortView& port = director.draft().ports[kInside.index()];
  port.has_vlans = (data[0] & 1) != 0;
  port.decapsulates = (data[0] & 2) != 0 ? TunnelBit(TunnelType::kIpip) : uint8_t{0};
  director.Publish();
  director.Send(kInside, frame);
  Require(director.CheckConservation().empty(), director.CheckConservation());
  return 0;
}
