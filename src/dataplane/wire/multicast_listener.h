// Multicast listener discovery: queries of routers and switches, and the reports that answer them
// (MLDv2, RFC 3810; MLDv1, RFC 2710).
//
//   MulticastQuery query;
//   if (IsMulticastQuery(parsed) && ParseMulticastQuery(frame, parsed, &query))
//     …report within query.delay_ms that query.group, or everything, is listened to…
//
//   length = BuildListenerReport(frame, our_mac, our_link_local, records);     // version 2
//   length = BuildListenerMessage(frame, our_mac, our_link_local, record);     // version 1
//
// A switch that snoops gives a group's packets only to ports that have reported it, and a neighbour
// solicitation is a packet to a group. IPv4 needs none of this: ARP is broadcast.
// Threads: pure functions over the caller's bytes.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

struct MulticastQuery {
  Ipv6Address group;      // unspecified: all groups
  uint32_t delay_ms = 0;  // an answer comes at a random moment until then
  bool is_version_1 = false;
};

// RFC 3810 section 5.2.12. Of a group that has no source filters, which ours never have.
enum class ListenerChange : uint8_t {
  kListening = 2,  // MODE_IS_EXCLUDE, an answer
  kLeft = 3,       // CHANGE_TO_INCLUDE_MODE
  kJoined = 4,     // CHANGE_TO_EXCLUDE_MODE
};

struct ListenerRecord {
  ListenerChange change = ListenerChange::kListening;
  Ipv6Address group;
  friend bool operator==(const ListenerRecord&, const ListenerRecord&) = default;
};

// Of a version 2 report in an MTU of 1280, which every IPv6 link carries.
inline constexpr size_t kMaxListenerRecords = 61;
inline constexpr uint32_t kListenerReportOverhead = 14 + 40 + 8 + 8;  // up to the first record
inline constexpr uint32_t kListenerRecordLength = 20;
inline constexpr uint32_t kListenerMessageLength = 14 + 40 + 8 + 24;

inline constexpr uint8_t kIcmpv6ListenerQuery = 130;

inline bool IsMulticastQuery(const ParsedPacket& parsed) noexcept {
  return parsed.family == Family::kIpv6 && parsed.protocol == kProtocolIcmpv6 &&
         parsed.icmp_type == kIcmpv6ListenerQuery;
}

// False when a listener must ignore it: hop limit, source, Router Alert, checksum, lengths, group
// (RFC 3810 sections 6.2 and 8.1). Precondition: Parse said kIcmp, and IsMulticastQuery.
bool ParseMulticastQuery(const uint8_t* frame, const ParsedPacket& parsed,
                         MulticastQuery* query) noexcept;

// fe80:: and the port's MAC (RFC 4291 appendix A): what reports are sent from.
Ipv6Address LinkLocalAddress(const MacAddress& mac) noexcept;

// A report to all MLDv2 routers; the frame's length, kListenerReportOverhead and so much a record.
// Precondition: 1 to kMaxListenerRecords of them.
uint32_t BuildListenerReport(uint8_t* frame, const MacAddress& our_mac, const Ipv6Address& source,
                             std::span<const ListenerRecord> records) noexcept;
// Version 1: a report to the group itself, or "done" to all routers. kListenerMessageLength bytes.
uint32_t BuildListenerMessage(uint8_t* frame, const MacAddress& our_mac, const Ipv6Address& source,
                              const ListenerRecord& record) noexcept;

}  // namespace fairlead::dataplane
