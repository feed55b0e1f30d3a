// What comes back from a real server of the other IP version than its client (FULLNAT,
// docs/fullnat.md): replies, and ICMP errors from behind.
//
//   if (MayBeMixed<Ipv4Address>(turn) && FollowMixedReply<Ipv4Address>(turn, packet, &parsed)) …
//   if (MayBeMixed<Ipv4Address>(turn) && FollowMixedError<Ipv4Address>(…, quoted)) …
//
// The record is in the table of its client's family, which has a second entry for it, by images of
// the local endpoint and the real's (ImageOf). So it is looked for after a miss in the packet's own
// family, when there is such a record at all: packets of one family pay nothing. What goes to the
// real is SendToReal's business (forward.h). Threads: the worker's. Ownership of the packet moves
// in, unless the answer is false.
#pragma once

#include "dataplane/path/forward.h"
#include "dataplane/wire/translate_error.h"

namespace fairlead::dataplane {

// `Address`: of the client. None: no connection's real speaks so. Several images may be one, so the
// addresses are compared.
template <typename Address, Packet P>
uint32_t FindMixed(Turn<P>& t, uint8_t protocol, const Endpoint& local,
                   const Endpoint& real) noexcept {
  const auto& table = t.shard.template Connections<Address>();
  const auto key = FlowKey<Address>::Reply(protocol, ImageOf<Address>(local.address), local.port,
                                           ImageOf<Address>(real.address), real.port);
  const FindOutcome found = table.Find(key, table.Hash(key), t.now());
  if (!found.hit() || table.LocalEndpointOf(found.slot) != local) return kNoSlot;
  const RealView& view = t.snapshot.reals[table.at(found.slot).real_id.index()];
  return view.address == real.address ? found.slot : kNoSlot;
}

// `Address`: of the client; the packet is of the other family. ReturnToClient (forward.h), for it.
template <typename Address, Packet P>
void ReturnMixed(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot) noexcept {
  const Connection<Address>& record = t.shard.template Connections<Address>().at(slot);
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  if (real.remains != Remains::kServe) [[unlikely]] {
    if (JudgeRemains<Address, Direction::kReply>(t, packet, parsed, slot, real) == Fate::kIsOver) {
      return;
    }
  }
  CountOut(t, record.real_id, real, parsed->ip_length);
  Track<Address, Direction::kReply>(t.shard, slot, parsed->tcp_flags, real);
  RouteTranslated(
      t, packet, parsed, VirtualEndpointOf(record), ClientOf(record),
      [&](P& p, ParsedPacket* fields) { HearReal<Address>(t.shard, p, *fields, slot); });
}

// There is a connection whose real server sends in this family, and whose client does not.
template <typename Address, Packet P>
bool MayBeMixed(const Turn<P>& t) noexcept {
  return t.shard.template Connections<OtherFamily<Address>>().mixed_entries() != 0;
}

// `Address`: of the packet. Precondition: MayBeMixed.
template <typename Address, Packet P>
[[gnu::noinline]] bool FollowMixedReply(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  using Client = OtherFamily<Address>;
  const uint8_t* frame = packet->data();
  const uint32_t slot = FindMixed<Client>(
      t, parsed->protocol, {parsed->Destination<Address>(frame), parsed->destination_port},
      {parsed->Source<Address>(frame), parsed->source_port});
  if (slot == kNoSlot) return false;
  ReturnMixed<Client>(t, packet, parsed, slot);
  return true;
}

// The packet becomes the error as the other family says it. False: it has been dropped.
template <Packet P>
bool BecameTranslatedError(Turn<P>& t, P* packet, ParsedPacket* parsed, const QuotedPacket& quoted,
                           const Endpoint& from, const Endpoint& to) noexcept {
  std::array<uint8_t, kMaxTranslatedError> made;
  const uint32_t length =
      TranslateIcmpError(packet->data(), *parsed, quoted, from, to, made.data());
  if (length == 0 || !packet->Resize(length)) {
    t.Drop(packet, length == 0 ? DropReason::kCannotTranslate : DropReason::kNoHeadroom);
    return false;
  }
  std::memcpy(packet->data() + kEthernetHeaderLength, made.data() + kEthernetHeaderLength,
              length - kEthernetHeaderLength);
  packet->meta().wants_ip_checksum = false;
  parsed->family = to.address.family();
  parsed->ip_length = length - kEthernetHeaderLength;
  --parsed->ttl;
  return true;
}

// An error from behind about what we sent: it quotes our local endpoint and the real's.
// Precondition: MayBeMixed.
template <typename Address, Packet P>
[[gnu::noinline]] bool FollowMixedError(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                        const QuotedPacket& quoted) noexcept {
  using Client = OtherFamily<Address>;
  const auto& table = t.shard.template Connections<Client>();
  const uint8_t* frame = packet->data();
  const uint32_t slot =
      FindMixed<Client>(t, quoted.protocol, {quoted.Source<Address>(frame), quoted.source_port},
                        {quoted.Destination<Address>(frame), quoted.destination_port});
  if (slot == kNoSlot) return false;
  if (!HasGoodIcmpChecksum(frame, *parsed)) {
    t.Drop(packet, DropReason::kBadIcmp);
    return true;
  }
  const Connection<Client>& record = table.at(slot);
  CountOut(t, record.real_id, t.snapshot.reals[record.real_id.index()], parsed->ip_length);
  CountErrorBack<Client>(t.shard, *packet, *parsed, quoted, slot);
  const Endpoint client = ClientOf(record);
  WayOut way;
  if (!FindWayOut(t, packet, parsed, client.address, &way)) return true;
  if (BecameTranslatedError(t, packet, parsed, quoted, VirtualEndpointOf(record), client)) {
    SendToNeighbour(t, packet, *parsed, way.output, way.next_hop, way.hop);
  }
  return true;
}

// From the client's side, towards the real. Preconditions: the checksum is good, TTL and route of
// the real were looked at.
template <Packet P>
[[gnu::noinline]] void SendMixedError(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                      const QuotedPacket& quoted, const RealView& real, Be16 port,
                                      const LocalEndpoint& local) noexcept {
  if (local.address.family() != real.address.family()) {
    return t.Drop(packet, DropReason::kNoLocalPort);
  }
  if (BecameTranslatedError(t, packet, parsed, quoted, local, {real.address, port})) {
    SendToNeighbour(t, packet, *parsed, real.output, real.next_hop, real.next_hop_address);
  }
}

}  // namespace fairlead::dataplane
