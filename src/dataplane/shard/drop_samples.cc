#include "dataplane/shard/drop_samples.h"

#include <algorithm>

#include "dataplane/wire/headers.h"

namespace fairlead::dataplane {
namespace {

constexpr size_t kIpv4At = kEthernetHeaderLength, kIpv6HeaderBytes = 40;

uint16_t Load16(const uint8_t* at) noexcept { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

// Of a TCP or UDP packet that says them: no later fragment.
void ReadPorts(const uint8_t* frame, size_t length, size_t at, DropSample* sample) noexcept {
  if (!IsTransport(sample->protocol) || length < at + 4) return;
  sample->from.port = Be16::FromHost(Load16(frame + at));
  sample->to.port = Be16::FromHost(Load16(frame + at + 2));
}

// By its endpoints alone: as its destination, else as its source. A real's endpoint stands for the
// service of that real.
ServiceId ServiceOf(const Snapshot& snapshot, const DropSample& sample) noexcept {
  for (const Endpoint& end : {sample.to, sample.from}) {
    const ServiceKey key{end.address, end.port, sample.protocol};
    const ServiceId service = snapshot.FindService(0, key);
    if (!service.is_none()) return service;
    const auto real = snapshot.nat_sources.find(key);
    if (real != snapshot.nat_sources.end() && real->second.index() < snapshot.reals.size()) {
      return snapshot.reals[real->second.index()].service;
    }
  }
  return ServiceId{};
}

}  // namespace

void ReadEndpoints(const uint8_t* frame, size_t length, DropSample* sample) noexcept {
  if (length < kEthernetHeaderLength) return;
  sample->ether_type = Load16(frame + 12);
  const uint8_t* ip = frame + kIpv4At;
  if (sample->ether_type == kEtherTypeIpv4 && length >= kIpv4At + 20) {
    sample->protocol = ip[9];
    sample->from.address = Ipv4Address::Load(ip + 12);
    sample->to.address = Ipv4Address::Load(ip + 16);
    const bool is_later = (Load16(ip + 6) & 0x1fff) != 0;
    if (!is_later) ReadPorts(frame, length, kIpv4At + size_t{4} * (ip[0] & 15), sample);
  } else if (sample->ether_type == kEtherTypeIpv6 && length >= kIpv4At + kIpv6HeaderBytes) {
    sample->protocol = ip[6];  // behind extension headers nothing is looked for
    sample->from.address = Ipv6Address::Load(ip + 8);
    sample->to.address = Ipv6Address::Load(ip + 24);
    ReadPorts(frame, length, kIpv4At + kIpv6HeaderBytes, sample);
  }
}

void DropSamples::Note(const uint8_t* frame, size_t length, PortId port, DropReason reason,
                       Tick now, const Snapshot& snapshot) noexcept {
  Reason& of = reasons_[static_cast<size_t>(reason)];
  if (of.refill.HasPassed(now)) {
    of.left = kSamplesOfReason;
    of.refill = now + kTicksPerSecond;
  }
  --of.left;
  DropSample& sample = of.ring[of.count++ % kSamplesOfReason];
  sample = {.number = ++number_, .at = now, .reason = reason, .input_port = port};
  ReadEndpoints(frame, length, &sample);
  if (IsTransport(sample.protocol)) sample.service = ServiceOf(snapshot, sample);
}

void DropSamples::FillIn(ListDrops* list, Tick now) const noexcept {
  list->now = now;
  for (const Reason& of : reasons_) {
    for (uint32_t i = 0; i < std::min<uint32_t>(of.count, kSamplesOfReason); ++i) {
      if (list->rows.size() == list->rows.capacity()) return;
      list->rows.push_back(of.ring[i]);
    }
  }
}

}  // namespace fairlead::dataplane
