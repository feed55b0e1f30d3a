// Every reason for which a packet ends here, declared once: enumerator, metric label, sentence.
//
// The label is what `fairlead_dropped_packets_total{reason=…}` shows; docs/counters.md repeats the
// sentences with their remedies, and a test holds the two together. docs/extending.md lists what
// else a new reason needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// X(enumerator, label, sentence)
#define FAIRLEAD_DROP_REASONS(X)                                                                   \
  X(kTruncated, "truncated", "The frame is shorter than its headers say")                          \
  X(kUnknownVlan, "unknown_vlan", "The frame's VLAN is no port's of the device")                   \
  X(kSecondVlanTag, "second_vlan_tag",                                                             \
    "Two VLAN tags (QinQ), or one of 802.1ad; only one tag of 802.1Q is taken off")                \
  X(kOversized, "oversized",                                                                       \
    "The frame came in pieces that do not fit one packet buffer; check the port's mtu")            \
  X(kBadIpHeader, "bad_ip_header", "IP version, header length or total length is impossible")      \
  X(kBadIpChecksum, "bad_ip_checksum", "The IPv4 header checksum is wrong")                        \
  X(kBadL4Header, "bad_l4_header", "The TCP, UDP or ICMP header is impossible")                    \
  X(kBadSource, "bad_source",                                                                      \
    "The source is multicast, broadcast, loopback, unspecified or an address of the director; or " \
    "that of a source NAT host, from outside")                                                     \
  X(kUnknownEthertype, "unknown_ethertype", "Neither IPv4, IPv6 nor ARP")                          \
  X(kNotForUs, "not_for_us", "The destination MAC is another host's")                              \
  X(kMulticast, "multicast", "IP multicast or broadcast that nobody here wants")                   \
  X(kFragment, "fragment", "A fragment to an address of the director that is neither TCP nor UDP") \
  X(kFragmentTiny, "fragment_tiny",                                                                \
    "A first fragment without its whole TCP or UDP header, or a TCP fragment at offset 8")         \
  X(kFragmentOverlap, "fragment_overlap",                                                          \
    "A fragment that overlaps or contradicts another of its datagram, or waited with such a one")  \
  X(kFragmentDuplicate, "fragment_duplicate", "All its bytes have come before")                    \
  X(kFragmentRefused, "fragment_refused",                                                          \
    "Its datagram's first fragment was dropped or answered with an error")                         \
  X(kFragmentTimeout, "fragment_timeout", "It waited, and its first fragment did not come")        \
  X(kFragmentLimit, "fragment_limit",                                                              \
    "Too many fragments waited, or too many datagrams in fragments were on their way")             \
  X(kIpv6ExtensionTooDeep, "ipv6_extension_too_deep",                                              \
    "More IPv6 extension headers than are followed")                                               \
  X(kBadArp, "bad_arp", "An ARP packet with impossible fields")                                    \
  X(kArpIgnored, "arp_ignored", "ARP or ND for an address that is not ours")                       \
  X(kKernelUnheard, "kernel_unheard",                                                              \
    "ARP or ND for an address that is here while a kernel twin has it, and nobody has read for a " \
    "second what the twins have")                                                                  \
  X(kNeighbourLearned, "neighbour_learned",                                                        \
    "An ARP, ND or MLD message to the director itself, taken in")                                  \
  X(kBadNeighbourDiscovery, "bad_nd", "An IPv6 ND or MLD packet with impossible fields")           \
  X(kBadIcmp, "bad_icmp", "An ICMP message with a wrong checksum or an impossible quotation")      \
  X(kTunnelError, "tunnel_error",                                                                  \
    "An ICMP error about a tunnel to a real server; the client was told where it matters")         \
  X(kBadTunnel, "bad_tunnel",                                                                      \
    "A tunnel packet that ends here, with an impossible header, a wrong checksum or a congestion " \
    "mark that its inner packet cannot have")                                                      \
  X(kTunnelNested, "tunnel_nested",                                                                \
    "A tunnel packet inside a tunnel packet that ends here; one is taken off, not two")            \
  X(kIcmpNoConnection, "icmp_no_connection", "An ICMP error about a flow that is not here")        \
  X(kClassifier, "classifier", "A classifier rule with action drop")                               \
  X(kClosedPort, "closed_port", "Nobody serves this port; RST or port unreachable was the answer") \
  X(kVipGone, "vip_gone",                                                                          \
    "For a virtual address whose last service is gone, and its route leads back where it came by") \
  X(kNotASyn, "not_a_syn", "TCP without a connection that is no SYN; RST was the answer")          \
  X(kUnknownConnection, "unknown_connection",                                                      \
    "TCP without a connection that is no SYN; policy.unknown_connections drops it in silence")     \
  X(kNoReal, "no_real", "No real server is available; port unreachable was the answer")            \
  X(kLinkLocalClient, "link_local_client",                                                         \
    "A link-local client of a real server that could not answer it: behind NAT or on another "     \
    "port")                                                                                        \
  X(kConnectionNoReal, "connection_no_real", "The connection's real server was removed")           \
  X(kConnectionReset, "connection_reset",                                                          \
    "The real server is removed or its drain is over; RST to both sides was the answer")           \
  X(kDropPacket, "drop_packet", "A new connection that the defence policy.drop_packet refused")    \
  X(kConnectionTableFull, "connection_table_full",                                                 \
    "No free connection record; raise director.connections")                                       \
  X(kConnectionBucketFull, "connection_bucket_full", "One client endpoint filled its buckets")     \
  X(kNoCallId, "no_call_id", "For a service with engine sip, but no SIP message with a Call-ID")   \
  X(kTemplateTableFull, "template_table_full",                                                     \
    "No free template record; raise director.templates")                                           \
  X(kSnatExhausted, "snat_exhausted",                                                              \
    "Source NAT: no port is left for this host's destination on any address of the rule")          \
  X(kSnatTableFull, "snat_table_full",                                                             \
    "Source NAT: no free record of a flow; raise director.snat_flows")                             \
  X(kSnatUnsupported, "snat_unsupported",                                                          \
    "Of a source NAT host, and neither TCP, UDP nor ping; or an ICMP error that nothing claims")   \
  X(kNoLocalPort, "no_local_port",                                                                 \
    "No port is free at the local addresses of FULLNAT towards the real server; add addresses")    \
  X(kClientNotTold, "client_not_told",                                                             \
    "A datagram in fragments, which no PROXY header can be put in front of")                       \
  X(kCannotTranslate, "cannot_translate",                                                          \
    "To or from a real server of the other IP version; one version has no such packet or error")   \
  X(kSideTableFull, "side_table_full", "No free side record; raise director.side_records")         \
  X(kHandOffRingFull, "hand_off_ring_full", "The ring to another worker was full")                 \
  X(kStaleGrant, "stale_grant", "A template grant came back for a packet that no longer needs it") \
  X(kNoRoute, "no_route", "No route to the destination")                                           \
  X(kTtlExceeded, "ttl_exceeded", "TTL or hop limit ran out; time exceeded was the answer")        \
  X(kTooBig, "too_big", "Longer than the next link's MTU with DF set; frag needed was the answer") \
  X(kCannotFragment, "cannot_fragment",                                                            \
    "Longer than the next link's MTU, and no packets were left for its fragments")                 \
  X(kNeighbourUnresolved, "neighbour_unresolved", "The next hop did not answer ARP or ND")         \
  X(kNeighbourQueueFull, "neighbour_queue_full", "Too many packets wait for that next hop")        \
  X(kNeighbourLimited, "neighbour_limited",                                                        \
    "For a next hop nobody has asked for yet, and too many such were wanted at once")              \
  X(kNoHeadroom, "no_headroom", "No room in the buffer for a tunnel header or a VLAN tag")         \
  X(kIcmpRateLimited, "icmp_rate_limited",                                                         \
    "The ICMP or RST answer was suppressed by the rate limit")                                     \
  X(kHostQueueFull, "host_queue_full", "The exception path to the kernel was full")                \
  X(kNoHost, "no_host", "For this machine, but the port has no exception path")                    \
  X(kTransmitFull, "transmit_full", "The port's transmit queue did not take it")                   \
  X(kPortDown, "port_down", "The output port does not exist or is down")                           \
  X(kUnsupportedProtocol, "unsupported_protocol", "An IP protocol nobody here handles")            \
  X(kShutdown, "shutdown", "Still held when the director stopped")

namespace fairlead::dataplane {

enum class DropReason : uint8_t {
#define X(enumerator, label, sentence) enumerator,
  FAIRLEAD_DROP_REASONS(X)
#undef X
      kCount
};

inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kCount);

struct DropReasonText {
  std::string_view label;     // metric label, snake case
  std::string_view sentence;  // for people
};

inline constexpr DropReasonText kDropReasonText[kDropReasonCount] = {
#define X(enumerator, label, sentence) {label, sentence},
    FAIRLEAD_DROP_REASONS(X)
#undef X
};

constexpr const DropReasonText& TextOf(DropReason reason) {
  return kDropReasonText[static_cast<size_t>(reason)];
}

}  // namespace fairlead::dataplane
