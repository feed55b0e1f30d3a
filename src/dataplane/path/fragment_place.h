// Which fragments meet the others of their datagram, and by what the table of datagrams knows them.
//
//   if (MayBeBalanced(turn, parsed, local, source, destination, input_port)) …
//   FragmentPlace place;
//   FindPlace(turn, frame, parsed, input_port, &place);
//
// Threads: the worker's.
#pragma once

#include "dataplane/path/local_input.h"
#include "dataplane/wire/fragment_fields.h"

namespace fairlead::dataplane {

// A virtual address, or one of ours that no kernel has.
template <Packet P>
bool IsAnsweredHere(const Turn<P>& t, const LocalAddress* local) noexcept {
  return local != nullptr &&
         (local->is_vip || local->port.is_none() || !t.port(local->port).has_host);
}

// Behind a later IPv6 fragment's header the transport need not come at once.
inline bool MayHideTransport(const ParsedPacket& parsed) noexcept {
  return !parsed.is_v4() && !parsed.is_first_fragment &&
         parsed.protocol == kProtocolDestinationOptions;
}

// Whose way depends on ports: to a virtual address, or to one of ours that no kernel has or that
// FULLNAT uses; to where a rule may give a mark; back from a real server of NAT. Others go by their
// address.
template <Packet P>
bool MayBeBalanced(const Turn<P>& t, const ParsedPacket& parsed, const LocalAddress* local,
                   const IpAddress& source, const IpAddress& destination,
                   PortId input_port) noexcept {
  if (!IsTransport(parsed.protocol) && !MayHideTransport(parsed)) return false;
  const bool has_replies = local != nullptr && local->has_local_ports;
  return IsAnsweredHere(t, local) || has_replies || t.snapshot.classifier.rule_count() > 0 ||
         t.snapshot.IsNatAddress(source) ||
         ClaimOn(t.snapshot, destination, input_port) != Claim::kNone;
}

// ICMP to an address that we answer pings for, be it ours or one that seems to be; for addresses
// that a kernel has, it answers.
template <Packet P>
bool MayBePing(const Turn<P>& t, const ParsedPacket& parsed, const LocalAddress* local,
               const IpAddress& destination, PortId input_port) noexcept {
  if (parsed.protocol != (parsed.is_v4() ? kProtocolIcmp : kProtocolIcmpv6)) return false;
  if (local == nullptr) return ClaimOn(t.snapshot, destination, input_port) == Claim::kAnswered;
  return IsAnsweredHere(t, local);
}

// Of a host of a source NAT rule, or a reply to one.
template <Packet P>
bool MayBeSnat(const Turn<P>& t, const ParsedPacket& parsed, const IpAddress& source,
               const IpAddress& destination, PortId input_port) noexcept {
  if (t.snapshot.snat == nullptr) [[likely]]
    return false;
  const bool has_port = IsTransport(parsed.protocol) || parsed.protocol == IcmpProtocolOf(parsed) ||
                        MayHideTransport(parsed);
  return has_port && (t.snapshot.snat->addresses.contains(destination) ||
                      SnatRuleFor(t, source, destination, input_port) != nullptr);
}

// A fragment as the table knows it.
struct FragmentPlace {
  FragmentKey key;
  FragmentRange range;
  uint64_t hash = 0;
};

inline void NamePlace(const TableHash& hash, Ipv4Address source, Ipv4Address destination,
                      uint32_t id, uint8_t protocol, bool is_inside,
                      FragmentPlace* place) noexcept {
  place->key = FragmentKey(source, destination, id, protocol, is_inside);
  const uint64_t from = hash(source, Be16::FromHost(static_cast<uint16_t>(id)), protocol);
  place->hash = MixMultiply(from ^ destination.value.raw(), from | 1);
}
inline void NamePlace(const TableHash& hash, const Ipv6Address& source,
                      const Ipv6Address& destination, uint32_t id, uint8_t, bool is_inside,
                      FragmentPlace* place) noexcept {
  place->key = FragmentKey(source, destination, id, is_inside);
  const uint64_t from = hash(source, Be16::FromHost(static_cast<uint16_t>(id)), 0);
  const uint64_t to = hash(destination, Be16::FromHost(static_cast<uint16_t>(id >> 16)), 0);
  place->hash = MixMultiply(from, to | 1);
}

template <typename Address, Packet P>
void FindPlace(const Turn<P>& t, const uint8_t* frame, const ParsedPacket& parsed,
               PortId input_port, FragmentPlace* place) noexcept {
  const FragmentFields fields = ReadFragment(frame, parsed);
  place->range = fields.range;
  NamePlace(t.shard.fabric.hash, parsed.Source<Address>(frame), parsed.Destination<Address>(frame),
            fields.id, parsed.protocol, t.port(input_port).role == PortRole::kInside, place);
}

// Written in place, word by word, for the table to read later in the burst.
template <Packet P>
void FindPlace(const Turn<P>& t, const uint8_t* frame, const ParsedPacket& parsed,
               PortId input_port, FragmentPlace* place) noexcept {
  parsed.is_v4() ? FindPlace<Ipv4Address>(t, frame, parsed, input_port, place)
                 : FindPlace<Ipv6Address>(t, frame, parsed, input_port, place);
}

}  // namespace fairlead::dataplane
