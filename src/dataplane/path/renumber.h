// A new identification for what leaves with a source that many share (datagram_ids.h).
//
//   if (NeedsNewId(parsed)) RenumberDatagram(turn.shard, packet->data(), parsed);   // rewritten
//   PutNewId(packet->data(), parsed, fate.id);          // a later fragment: as its first had
//
// Only what is in fragments, or may still be cut on its way. Of a packet with DF nobody reads the
// identification (RFC 6864 section 4.1), and nearly all TCP has DF. IPv6 has 32 bits, drawn at
// random (RFC 7739), in fragments alone: they are left. What becomes IPv6 on its way has 16, and
// gets a number before its header is made (translate.h).
// Threads: the worker's.
#pragma once

#include "dataplane/shard/shard.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

inline bool NeedsNewId(const ParsedPacket& parsed) noexcept {
  const bool is_atomic = parsed.dont_fragment && !parsed.is_fragment;  // IPv6 has dont_fragment
  return !is_atomic && parsed.is_v4() && (!parsed.is_fragment || parsed.is_first_fragment);
}

inline void PutNewId(uint8_t* frame, const ParsedPacket& parsed, uint32_t id) noexcept {
  auto* ip = HeaderAt<Ipv4Header>(frame, parsed.l3_offset);
  const Be16 new_id = Be16::FromHost(static_cast<uint16_t>(id));
  ChecksumDelta delta;
  delta.Replace(ip->id, new_id);
  ip->id = new_id;
  ip->checksum = delta.Apply(ip->checksum);
}

// The packet has its new addresses. What is left of its datagram gets the same number: it is noted
// for the later fragments.
[[gnu::noinline]] inline void RenumberDatagram(Shard& shard, uint8_t* frame,
                                               const ParsedPacket& parsed) noexcept {
  const auto* ip = HeaderAt<Ipv4Header>(frame, parsed.l3_offset);
  const uint32_t id = shard.datagram_ids.Take(ip->source, ip->destination, ip->protocol);
  PutNewId(frame, parsed, id);
  if (shard.fragment_fate != nullptr) shard.fragment_fate->id = id;
}

}  // namespace fairlead::dataplane
