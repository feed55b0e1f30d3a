// Fragments that come in. They are not put together: all of a datagram meet at one worker, wait
// there until the first is there, which alone has the ports, and then take the way it took, each
// with its own identification, place and size (docs/fragments.md). A ping to us is answered in the
// same manner, each fragment by one of the reply.
//
//   ProcessFragments(turn, burst, is_mine);               // fragment_burst.h: those of a burst
//   ResumeFragment(turn, packet, &parsed);                // a first one, in the hand-shake
//   ReleaseReadyFragments(turn);                          // once a turn
//
// Where they meet says a hash of {source, destination, identification}, any worker's the same. The
// first then goes the way of a packet of its flow (steer.h), which may lead it on to the flow's
// owner; that it went there is its fate here, and the others follow through the same ring, behind
// it. The owner keeps the datagram in its own table, with what it decided. So nobody is told
// anything, and with one worker there is one table and no ring.
//
// Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/path/flow_burst.h"
#include "dataplane/path/fragment_follow.h"
#include "dataplane/path/fragment_place.h"

namespace fairlead::dataplane {

// Drops what the table has given up, as long as there is room for `reserve` more. Returns how many.
template <Packet P>
size_t DropGivenUp(Turn<P>& t, size_t reserve) noexcept {
  size_t count = 0;
  FragmentTable::Held held;
  while (t.out->room() > reserve && t.shard.fragments.TakeGivenUp(&held)) {
    t.Drop(static_cast<P*>(held.packet), held.reason);
    ++count;
  }
  return count;
}

// Sends what waited for the first fragment, in its order; what has no room now, in the next turn.
template <Packet P>
size_t ReleaseFragmentsOf(Turn<P>& t, uint32_t slot) noexcept {
  FragmentTable& table = t.shard.fragments;
  const FragmentFate& fate = table.at(slot).fate;
  if (!fate.is_decided()) return 0;  // its identification has come again meanwhile
  size_t count = 0;
  while (table.at(slot).held_count > 0 && t.out->room() > 2 * kBurst) {
    FragmentTable::Held held;
    table.Pop(slot, &held);
    FollowFirst(t, static_cast<P*>(held.packet), &held.parsed, fate);
    ++count;
  }
  if (table.at(slot).held_count > 0) {
    table.MarkReady(slot);
  } else {
    table.FinishIfWhole(slot, t.now());
  }
  return count;
}

// The first fragment has been dealt with, and its fate noted.
template <Packet P>
void SettleDatagram(Turn<P>& t, uint32_t slot) noexcept {
  FragmentFate& fate = t.shard.fragments.fate(slot);
  if (fate.kind == FragmentFate::Kind::kAsked) return;
  // Nobody noted anything: it was dropped or answered.
  if (fate.kind == FragmentFate::Kind::kUndecided) fate.kind = FragmentFate::Kind::kRefused;
  t.shard.fragments.Settle(slot, t.now());
  ReleaseFragmentsOf(t, slot);
}

// A long ping of an inside host, or the reply to one.
template <Packet P>
bool TookPingBySnat(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot,
                    bool owns_flow) noexcept {
  EchoFields echo;
  if (!ReadEcho(packet->data(), *parsed, &echo)) return false;
  constexpr auto kNone = IcmpErrorKind::kNotRelated;
  t.shard.fragment_fate = &t.shard.fragments.fate(slot);
  const bool is_taken = parsed->is_v4()
                            ? TakeIcmpBySnat<Ipv4Address>(t, packet, parsed, kNone, {}, owns_flow)
                            : TakeIcmpBySnat<Ipv6Address>(t, packet, parsed, kNone, {}, owns_flow);
  t.shard.fragment_fate = nullptr;
  return is_taken;
}

// A first fragment that is no transport's: a ping, or nothing for us. `owns_flow`: another worker
// sent it here for that.
template <Packet P>
void HandleFirstOfOther(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot,
                        bool owns_flow) noexcept {
  if (t.snapshot.snat != nullptr && TookPingBySnat(t, packet, parsed, slot, owns_flow)) {
    return SettleDatagram(t, slot);
  }
  if (IsFirstOfEcho(packet->data(), *parsed)) {
    t.shard.fragments.fate(slot).kind = FragmentFate::Kind::kEchoed;
    SendBackFragment(t, packet, parsed);
  } else {
    t.Drop(packet, DropReason::kFragment);
  }
  SettleDatagram(t, slot);
}

// A first fragment goes the way of a packet of its flow. `flows[at]`: what the look-up of the burst
// found. `owns_flow`: another worker sent it here for that.
template <typename Address, Packet P>
void HandleFirstOfFlow(Turn<P>& t, FlowBurst<Address, P>& flows, size_t at, uint32_t epoch,
                       uint32_t slot, bool owns_flow) noexcept {
  t.shard.fragment_fate = &t.shard.fragments.fate(slot);
  if (t.shard.epoch != epoch) flows.slots[at] = kNoSlot;  // look again
  ProcessFlow<Address>(t, flows, at, epoch, owns_flow);
  t.shard.fragment_fate = nullptr;
  SettleDatagram(t, slot);
}

template <Packet P>
void HoldFragment(Turn<P>& t, P* packet, const ParsedPacket& parsed, uint32_t slot,
                  uint32_t begin) noexcept {
  FragmentTable& table = t.shard.fragments;
  if (table.Hold(slot, packet, parsed, begin)) return;
  if (table.MakeRoom(slot, parsed.ip_length)) {
    // The other packets of the burst need their room, and a burst begins with twice as much.
    DropGivenUp(t, kBurst);
    if (table.Hold(slot, packet, parsed, begin)) return;
  }
  table.Forget(slot);
  t.Drop(packet, DropReason::kFragmentLimit);
}

// A first fragment in the hand-shake between its flow's owner and that of a template. Back at the
// former, or where a real server's call begins, its datagram is decided.
template <Packet P>
[[gnu::noinline]] void ResumeFragment(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  if (!parsed->is_first_fragment || !IsTransport(parsed->protocol)) {
    return t.Drop(packet, DropReason::kStaleGrant);
  }
  FragmentPlace place;
  FindPlace(t, packet->data(), *parsed, packet->meta().input_port, &place);
  FragmentFate fate;
  t.shard.fragment_fate = &fate;
  AnswerFlowHandShake(t, packet, parsed);
  t.shard.fragment_fate = nullptr;
  if (fate.kind == FragmentFate::Kind::kAsked) return;  // on its way back
  FragmentTable& table = t.shard.fragments;
  const uint32_t slot = table.FindOrAdd(place.key, place.hash, t.now());
  table.Arrive(slot, place.range, t.now());  // new where a call begins
  // An overlap may have refused it meanwhile (RFC 5722).
  if (table.at(slot).fate.kind != FragmentFate::Kind::kRefused) {
    table.fate(slot) = fate;
    SettleDatagram(t, slot);
  }
  DropGivenUp(t, 2 * kBurst);
  t.CountHeld();
}

// What can go by now, and what has waited too long. Returns how many packets.
template <Packet P>
[[gnu::noinline]] size_t ReleaseReadyFragments(Turn<P>& t) noexcept {
  FragmentTable& table = t.shard.fragments;
  table.Expire(t.now());
  size_t count = DropGivenUp(t, 2 * kBurst);
  while (t.out->room() > 2 * kBurst) {
    const uint32_t slot = table.NextReady();
    if (slot == kNoSlot) break;
    count += ReleaseFragmentsOf(t, slot);
  }
  t.CountHeld();
  return count;
}

}  // namespace fairlead::dataplane
