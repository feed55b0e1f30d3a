// What the pipeline asks of a packet, and the packet that is plain bytes.
//
//   BytePacket p(frame_bytes, PortId{0});
//   worker.ProcessBurst(std::span<BytePacket* const>{…}, &out);
//
// The same pipeline runs over MbufPacket (dataplane/dpdk) and BytePacket (tests, fuzzers,
// benchmarks). A packet starts at its Ethernet header and is contiguous. It carries its PacketMeta
// wherever it goes, so a ring between workers moves one pointer. Threads: a packet belongs to one
// worker at a time; a ring moves the ownership.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/ids.h"

namespace fairlead::dataplane {

// A template as another worker names it: its owner, its slot there, and the slot's generation.
struct TemplateRef {
  uint32_t slot = 0;
  uint16_t generation = 0;  // 0: no template
  WorkerId owner;
  uint8_t reserved = 0;  // zero

  [[nodiscard]] bool is_none() const { return generation == 0; }
  friend bool operator==(const TemplateRef&, const TemplateRef&) = default;
};

// Why one worker sent a packet to another.
enum class HandOff : uint8_t {
  kNone,     // it came from a port
  kSteered,  // the flow is yours
  kRequest,  // your template decides: find or make it, and send the packet back with a grant
  kGrant,    // the template owner's answer: `real` and `template_ref` are filled in
  kRefusal,  // the template owner's answer: no real server; `refusal` says which kind
  kRekey,    // no template under the current netmask: which real has the previous one's?
  kRekeyed,  // the answer to that: `real`, or none
  kDialog,   // `real` begins a call with this client: keep the client's answers at it, and send on
};

struct PacketMeta {
  PortId input_port;
  HandOff hand_off = HandOff::kNone;
  WorkerId from;                  // who handed it off
  WorkerId asker;                 // with kRekey and kRekeyed: who waits for the grant
  bool ip_checksum_good = false;  // the port verified the IPv4 header
  // The outer IPv4 header's checksum is left to the port or the transmit stage.
  bool wants_ip_checksum = false;
  uint8_t refusal = 0;       // a DropReason, with kRefusal
  ServiceId service;         // with kRequest; kept in the answer
  RealId real;               // with kGrant
  TemplateRef template_ref;  // with kGrant
};

template <typename P>
concept Packet = requires(P p, const P cp, uint32_t n) {
  { p.data() }
  noexcept->std::same_as<uint8_t*>;
  { cp.length() }
  noexcept->std::same_as<uint32_t>;  // bytes, Ethernet header included
  // Makes room for n bytes in front; nullptr (and nothing changed) when there is none.
  { p.Prepend(n) }
  noexcept->std::same_as<uint8_t*>;
  // Takes n bytes off the front. Precondition: n ≤ length().
  { p.TrimFront(n) }
  noexcept;
  // Grows or shrinks at the end; new bytes are undefined. False (and nothing changed) when it does
  // not fit.
  { p.Resize(n) }
  noexcept->std::same_as<bool>;
  { p.meta() }
  noexcept->std::same_as<PacketMeta&>;
  // Brings near what another worker's cache has of it; reads nothing.
  { p.Prefetch() }
  noexcept;
};

class BytePacket {
 public:
  static constexpr uint32_t kHeadroom = 128;
  static constexpr uint32_t kRoom = 9216;

  BytePacket() = default;
  explicit BytePacket(std::span<const uint8_t> frame, PortId input_port = PortId{0}) {
    Assign(frame, input_port);
  }
  // Frames longer than the room are cut, as a port cuts what exceeds its buffer.
  void Assign(std::span<const uint8_t> frame, PortId input_port = PortId{0}) noexcept {
    start_ = kHeadroom;
    length_ = static_cast<uint32_t>(frame.size() < kRoom ? frame.size() : kRoom);
    if (length_ > 0) std::memcpy(data(), frame.data(), length_);
    meta_ = PacketMeta{};
    meta_.input_port = input_port;
  }

  uint8_t* data() noexcept { return bytes_.data() + start_; }
  [[nodiscard]] const uint8_t* data() const noexcept { return bytes_.data() + start_; }
  [[nodiscard]] uint32_t length() const noexcept { return length_; }
  uint8_t* Prepend(uint32_t n) noexcept {
    if (n > start_) return nullptr;
    start_ -= n;
    length_ += n;
    return data();
  }
  void TrimFront(uint32_t n) noexcept {
    start_ += n;
    length_ -= n;
  }
  bool Resize(uint32_t n) noexcept {
    if (start_ + n > bytes_.size()) return false;
    length_ = n;
    return true;
  }
  PacketMeta& meta() noexcept { return meta_; }
  void Prefetch() noexcept {}
  [[nodiscard]] std::span<const uint8_t> frame() const { return {data(), length_}; }

 private:
  uint32_t start_ = kHeadroom;
  uint32_t length_ = 0;
  PacketMeta meta_;
  std::array<uint8_t, kHeadroom + kRoom>
      bytes_;  // deliberately not zeroed: a sanitizer sees reads past the end
};
static_assert(Packet<BytePacket>);

}  // namespace fairlead::dataplane
