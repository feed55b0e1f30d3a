// The fragments of a burst: gathered while it is parsed, then looked up together, so that the lines
// of their datagrams and of the connections of the first ones come from memory at one time.
//
//   FragmentBurst<P> fragments;
//   fragments.next() = parsed;
//   TakeInFragment(turn, packet, &fragments, is_mine);    // any fragment, the first included
//   ProcessFragments(turn, fragments, is_mine);           // after the last of the burst
//
// What a fragment meets: fragment_input.h. They keep their order among each other, and go before
// the flows of the burst. Threads: the worker's, for one burst. Ownership of packets moves in.
#pragma once

#include "dataplane/path/fragment_input.h"

namespace fairlead::dataplane {

template <Packet P>
struct FragmentBurst {
  size_t count = 0;
  // Where fragments of TCP and UDP in IPv4 meet, whatever their source: judged for one before.
  // None: no port.
  Ipv4Address met_destination;
  PortId met_port;
  BurstOf<P*> packets;
  BurstOf<ParsedPacket> parsed;
  BurstOf<FragmentPlace> places;

  // Where the fields of the next fragment go.
  ParsedPacket& next() noexcept { return parsed[count]; }
};

// The first fragments among them that are a flow's, by family.
template <Packet P>
struct FirstFragments {
  FlowBurst<Ipv4Address, P> flows4;
  FlowBurst<Ipv6Address, P> flows6;
  BurstOf<uint8_t> at;  // of a fragment in its family's flows
  uint32_t epoch = 0;   // when they were looked up
};

inline bool IsFirstOfFlow(const ParsedPacket& parsed) noexcept {
  return parsed.is_first_fragment && IsTransport(parsed.protocol);
}

// False: the fragment meets no others; it has been routed, delivered or dropped.
template <Packet P>
[[gnu::noinline]] bool MeetsOthers(Turn<P>& t, P* packet, FragmentBurst<P>* burst) noexcept {
  ParsedPacket* parsed = &burst->next();
  const IpAddress destination = parsed->destination(packet->data());
  if (IsToMany(*parsed, destination)) {
    HandleMulticast(t, packet);
    return false;
  }
  const PortId input_port = packet->meta().input_port;
  const IpAddress source = parsed->source(packet->data());
  const LocalAddress* local = t.snapshot.FindLocal(destination);
  if (t.snapshot.IsForgedSource(source) &&
      (local != nullptr || !MayBeDirectReply(t.snapshot, source, input_port))) {
    t.Drop(packet, DropReason::kBadSource);
    return false;
  }
  if (parsed->is_v4() && IsTransport(parsed->protocol) && IsAnsweredHere(t, local)) {
    burst->met_destination = destination.v4();
    burst->met_port = input_port;
    return true;
  }
  if (MayBeBalanced(t, *parsed, local, source, destination, input_port) ||
      MayBePing(t, *parsed, local, destination, input_port) ||
      MayBeSnat(t, *parsed, source, destination, input_port)) {
    return true;
  }
  if (local == nullptr) {
    if (t.snapshot.snat != nullptr && DropUnsupportedBySnat(t, packet, *parsed)) return false;
    RouteUnlessClaimed(t, packet, parsed);
  } else if (local->is_vip) {
    t.Drop(packet, DropReason::kFragment);
  } else {
    DeliverToHost(t, packet, *local, DropReason::kFragment);
  }
  return false;
}

// As the one before it, which is how nearly all come: to the same address by the same port.
template <Packet P>
bool MeetsAsTheLast(const Turn<P>& t, P* packet, FragmentBurst<P>* burst) noexcept {
  const ParsedPacket& parsed = burst->next();
  const uint8_t* frame = packet->data();
  return parsed.is_v4() && packet->meta().input_port == burst->met_port &&
         IsTransport(parsed.protocol) && parsed.destination_mac == MacKind::kUnicast &&
         parsed.Destination<Ipv4Address>(frame) == burst->met_destination &&
         !t.snapshot.own_addresses.MayContain(parsed.Source<Ipv4Address>(frame));
}

// The packet's fields are in burst->next(). `is_mine`: another worker sent it here, to meet the
// others of its datagram, or to its flow's owner.
template <Packet P>
[[gnu::noinline]] void TakeInFragment(Turn<P>& t, P* packet, FragmentBurst<P>* burst,
                                      bool is_mine) noexcept {
  if (!MeetsAsTheLast(t, packet, burst) && !MeetsOthers(t, packet, burst)) return;
  FragmentPlace& place = burst->places[burst->count];
  FindPlace(t, packet->data(), burst->next(), packet->meta().input_port, &place);
  const WorkerId meeting = t.shard.fabric.steering.FragmentOwner(place.hash);
  if (meeting != t.shard.me && !is_mine) {
    HandTo(t, packet, meeting, HandOff::kSteered);
    return;
  }
  t.shard.fragments.PrefetchBucket(place.hash);
  burst->packets[burst->count++] = packet;
}

template <typename Address, Packet P>
void AddFirst(Turn<P>& t, FragmentBurst<P>& burst, size_t i, FlowBurst<Address, P>* flows,
              FirstFragments<P>* firsts) noexcept {
  P* packet = burst.packets[i];
  firsts->at[i] = static_cast<uint8_t>(flows->count);
  flows->next() = burst.parsed[i];
  flows->Add(packet, FirstDirection(t.port(packet->meta().input_port).role));
}

// The flows of the first fragments.
template <Packet P>
void LookUpFirsts(Turn<P>& t, FragmentBurst<P>& burst, FirstFragments<P>* firsts) noexcept {
  for (size_t i = 0; i < burst.count; ++i) {
    const ParsedPacket& parsed = burst.parsed[i];
    if (!IsFirstOfFlow(parsed)) continue;
    parsed.is_v4() ? AddFirst(t, burst, i, &firsts->flows4, firsts)
                   : AddFirst(t, burst, i, &firsts->flows6, firsts);
  }
  if (firsts->flows4.count > 0) LookUp(t, firsts->flows4);
  if (firsts->flows6.count > 0) LookUp(t, firsts->flows6);
  firsts->epoch = t.shard.epoch;
  t.shard.recent_inserts.reset();
}

// A fragment at the worker where its datagram meets, or at its flow's owner.
template <Packet P>
void TakeFragment(Turn<P>& t, FragmentBurst<P>& burst, size_t i, FirstFragments<P>& firsts,
                  bool is_mine) noexcept {
  P* packet = burst.packets[i];
  ParsedPacket* parsed = &burst.parsed[i];
  const FragmentPlace& place = burst.places[i];
  FragmentTable& table = t.shard.fragments;
  const uint32_t slot = table.FindOrAdd(place.key, place.hash, t.now());
  switch (table.Arrive(slot, place.range, t.now())) {
    case FragmentTable::Arrival::kDuplicate:
      return t.Drop(packet, DropReason::kFragmentDuplicate);
    case FragmentTable::Arrival::kOverlap:
      return t.Drop(packet, DropReason::kFragmentOverlap);
    case FragmentTable::Arrival::kScattered:
      return t.Drop(packet, DropReason::kFragmentLimit);
    case FragmentTable::Arrival::kNew:
      break;
  }
  const FragmentFate& fate = table.at(slot).fate;
  if (parsed->is_first_fragment && fate.kind == FragmentFate::Kind::kUndecided) {
    const bool owns_flow =
        is_mine && t.shard.fabric.steering.FragmentOwner(place.hash) != t.shard.me;
    if (!IsFirstOfFlow(*parsed)) return HandleFirstOfOther(t, packet, parsed, slot, owns_flow);
    const size_t at = firsts.at[i];
    return parsed->is_v4() ? HandleFirstOfFlow(t, firsts.flows4, at, firsts.epoch, slot, owns_flow)
                           : HandleFirstOfFlow(t, firsts.flows6, at, firsts.epoch, slot, owns_flow);
  }
  if (!fate.is_decided()) return HoldFragment(t, packet, *parsed, slot, place.range.begin);
  FollowFirst(t, packet, parsed, fate);
  table.FinishIfWhole(slot, t.now());
}

template <Packet P>
[[gnu::noinline]] void ProcessFragments(Turn<P>& t, FragmentBurst<P>& burst,
                                        bool is_mine) noexcept {
  for (size_t i = 0; i < burst.count; ++i) {
    t.shard.fragments.PrefetchDatagram(burst.places[i].hash);
  }
  FirstFragments<P> firsts;
  LookUpFirsts(t, burst, &firsts);
  for (size_t i = 0; i < burst.count; ++i) {
    TakeFragment(t, burst, i, firsts, is_mine);
    if (t.shard.fragments.has_given_up()) [[unlikely]]
      DropGivenUp(t, 2 * kBurst);
  }
  t.CountHeld();
}

}  // namespace fairlead::dataplane
