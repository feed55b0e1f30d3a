// 802.1Q tags as bytes: taken off, put on, and what is wrong with one.
//
//   uint16_t vlan;
//   if (TakeTagOff(frame, length, &vlan)) frame += kVlanTagLength;    // and it is shorter by that
//   PutTagOn(frame, 120);                                             // frame -= kVlanTagLength
//
// The two MACs move, twelve bytes; nothing else of the frame is touched. Threads: pure functions
// over the caller's bytes.
#pragma once

#include <cstdint>
#include <cstring>

#include "dataplane/wire/drop_reason.h"
#include "dataplane/wire/headers.h"

namespace fairlead::dataplane {

inline constexpr uint32_t kVlanTagLength = 4;
inline constexpr uint32_t kMacsLength = 2 * sizeof(MacAddress);
inline constexpr uint16_t kVlanMask = 0x0fff;  // the rest of a tag is priority, and may be anything

// Moves the two MACs to where they may lie across. All loads come before all stores.
inline void MoveMacs(const uint8_t* from, uint8_t* to) noexcept {
  uint64_t low;
  uint32_t high;
  static_assert(sizeof low + sizeof high == kMacsLength);
  std::memcpy(&low, from, sizeof low);
  std::memcpy(&high, from + sizeof low, sizeof high);
  std::memcpy(to, &low, sizeof low);
  std::memcpy(to + sizeof low, &high, sizeof high);
}

// The two bytes there: an Ethernet type, or what a tag says behind its own.
inline uint16_t WordAt(const uint8_t* frame, uint32_t offset) noexcept {
  return Be16::Load(frame + offset).host();
}

// Precondition: a whole tag.
inline uint16_t VlanOf(const uint8_t* frame) noexcept {
  return WordAt(frame, kEthernetHeaderLength) & kVlanMask;
}

// Takes the outermost tag off: the frame begins kVlanTagLength later then. False: there is no whole
// tag of 802.1Q, and nothing has changed.
[[gnu::always_inline]] inline bool TakeTagOff(uint8_t* frame, uint32_t length,
                                              uint16_t* vlan) noexcept {
  if (length < kEthernetHeaderLength + kVlanTagLength) return false;
  if (WordAt(frame, kMacsLength) != kEtherTypeVlan) return false;
  *vlan = VlanOf(frame);
  MoveMacs(frame, frame + kVlanTagLength);
  return true;
}

// Puts a tag on: the frame begins kVlanTagLength earlier then. Precondition: an Ethernet header,
// and so much room in front of it.
inline void PutTagOn(uint8_t* frame, uint16_t vlan) noexcept {
  MoveMacs(frame, frame - kVlanTagLength);
  Be32::FromHost(uint32_t{kEtherTypeVlan} << 16 | vlan).Store(frame + kMacsLength - kVlanTagLength);
}

// Why a frame that is neither IP nor ARP (kUnknownEthertype of parse.h) ends here. kCount: its tag
// carries a priority alone, VLAN 0, and without the tag it is a frame as any other (IEEE 802.1Q).
// `is_one_off`: a tag has been taken off it already.
inline DropReason JudgeTag(const uint8_t* frame, uint32_t length, bool is_one_off) noexcept {
  const auto is_tag = [frame](uint32_t offset) {
    const uint16_t ethertype = WordAt(frame, offset);
    return ethertype == kEtherTypeVlan || ethertype == kEtherTypeServiceVlan;
  };
  if (!is_tag(kMacsLength)) return DropReason::kUnknownEthertype;
  if (is_one_off || WordAt(frame, kMacsLength) == kEtherTypeServiceVlan) {
    return DropReason::kSecondVlanTag;
  }
  if (length < kEthernetHeaderLength + kVlanTagLength) return DropReason::kTruncated;
  if (VlanOf(frame) != 0) return DropReason::kUnknownVlan;
  return is_tag(kMacsLength + kVlanTagLength) ? DropReason::kSecondVlanTag : DropReason::kCount;
}

}  // namespace fairlead::dataplane
