// Source NAT of pings, and of ICMP errors about its flows: what ping and traceroute need
// (docs/snat.md).
//
//   if (t.snapshot.snat != nullptr &&
//       TakeIcmpBySnat<Address>(t, packet, parsed, kind, quoted, is_mine)) return;
//   if (t.snapshot.snat != nullptr && DropErrorBySnat<Address>(t, packet, parsed, quoted)) return;
//
// The second is asked when no connection claims the error either.
// Threads: the worker's. Ownership of the packet moves in when the answer is true.
#pragma once

#include "dataplane/path/snat.h"
#include "dataplane/path/steer.h"
#include "dataplane/wire/rewrite_echo.h"

namespace fairlead::dataplane {

template <typename Address, Packet P>
void SendPingOut(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot) noexcept {
  const SnatFlow<Address>& flow = t.shard.snat->template Table<Address>().at(slot);
  CountSnat(t, flow.slot, SnatWay::kOut, parsed->ip_length);
  t.shard.snat->template Track<Address>(slot, Direction::kForward, 0, t.snapshot.timeouts, t.now());
  ForwardRouted(t, packet, parsed, [&t, &flow](P& p, ParsedPacket* fields) {
    RewriteEcho<true>(p, fields, flow.local, flow.local_port);
    if (NeedsNewId(*fields)) RenumberDatagram(t.shard, p.data(), *fields);
  });
}

// A reply of the world to a ping from inside. False: it is none that this worker knows or could
// hand on.
template <typename Address, Packet P>
bool TakePingReply(Turn<P>& t, P* packet, ParsedPacket* parsed, Be16 id, bool is_mine) noexcept {
  const uint8_t* frame = packet->data();
  const auto local = parsed->Destination<Address>(frame);
  if (!t.snapshot.snat->addresses.contains(IpAddress(local))) return false;
  const SnatKey<Address> key{parsed->protocol, local, id, parsed->Source<Address>(frame), Be16{}};
  const uint32_t slot = FindSnat<SnatWay::kIn>(t, key);
  if (slot == kNoSlot) return HandedToSnatOwner(t, packet, key.remote, Be16{}, is_mine);
  const SnatFlow<Address>& flow = t.shard.snat->template Table<Address>().at(slot);
  CountSnat(t, flow.slot, SnatWay::kIn, parsed->ip_length);
  t.shard.snat->template Track<Address>(slot, Direction::kReply, 0, t.snapshot.timeouts, t.now());
  ForwardRouted(t, packet, parsed, IpAddress(flow.client), [&flow](P& p, ParsedPacket* fields) {
    RewriteEcho<false>(p, fields, flow.client, flow.client_port);
  });
  return true;
}

template <typename Address, Packet P>
bool TakePing(Turn<P>& t, P* packet, ParsedPacket* parsed, Be16 id, bool is_mine) noexcept {
  const uint8_t* frame = packet->data();
  const auto client = parsed->Source<Address>(frame);
  const auto remote = parsed->Destination<Address>(frame);
  const SnatKey<Address> key{parsed->protocol, client, id, remote, Be16{}};
  if (const uint32_t slot = FindSnat<SnatWay::kOut>(t, key); slot != kNoSlot) {
    if (DroppedAsForged(t, packet, IpAddress(client))) return true;
    SendPingOut<Address>(t, packet, parsed, slot);
    return true;
  }
  const SnatRule* rule =
      SnatRuleFor(t, IpAddress(client), IpAddress(remote), packet->meta().input_port);
  if (rule == nullptr) return false;
  if (DroppedAsForged(t, packet, IpAddress(client))) return true;
  if (HandedToSnatOwner(t, packet, remote, Be16{}, is_mine)) return true;
  const uint32_t slot = BeginSnat(t, packet, *rule, key);
  if (slot != kNoSlot) SendPingOut<Address>(t, packet, parsed, slot);
  return true;
}

// What an error quotes, a ping's identifier in the place of a port.
template <typename Address>
struct QuotedFlow {
  QuotedPacket quoted;  // RewriteIcmpBytes<true> and <false> find the port there
  QuotedPacket quoted_back;
  Address source, destination;
  Be16 source_port, destination_port;
};

template <typename Address>
bool ReadQuotedFlow(const uint8_t* frame, const ParsedPacket& parsed, IcmpErrorKind kind,
                    const QuotedPacket& quoted, QuotedFlow<Address>* flow) noexcept {
  flow->quoted = flow->quoted_back = quoted;
  flow->source_port = quoted.source_port;
  flow->destination_port = quoted.destination_port;
  if (kind != IcmpErrorKind::kRelated) {
    EchoFields echo;
    if (kind != IcmpErrorKind::kNotHandled || !ReadQuotedEcho(frame, parsed, quoted, &echo)) {
      return false;
    }
    flow->quoted = AtEchoId<true>(quoted);
    flow->quoted_back = AtEchoId<false>(quoted);
    flow->source_port = echo.is_request ? echo.id : Be16{};
    flow->destination_port = echo.is_request ? Be16{} : echo.id;
  }
  flow->source = quoted.Source<Address>(frame);
  flow->destination = quoted.Destination<Address>(frame);
  return true;
}

// From the world, about what we sent: local → remote. To the inside host, as about its own packet.
template <typename Address, Packet P>
bool TakeErrorOfWorld(Turn<P>& t, P* packet, ParsedPacket* parsed, const QuotedFlow<Address>& about,
                      bool is_mine) noexcept {
  const ServiceKey served{IpAddress(about.source), about.source_port, about.quoted.protocol};
  if (!t.snapshot.snat->addresses.contains(served.address)) return false;
  const SnatKey<Address> key{about.quoted.protocol, about.source, about.source_port,
                             about.destination, about.destination_port};
  const uint32_t slot = FindSnat<SnatWay::kIn>(t, key);
  if (slot == kNoSlot) {
    if (!t.snapshot.FindService(0, served).is_none()) return false;
    const IpAddress remote(about.destination);
    const bool is_hairpin =
        MayAnswerClient(t.snapshot, remote, about.destination_port.host(), about.quoted.protocol) &&
        MayHairpin(t.snapshot, remote);
    return is_hairpin
               ? HandedToSnatOwner(t, packet, about.source, about.source_port, is_mine)
               : HandedToSnatOwner(t, packet, about.destination, about.destination_port, is_mine);
  }
  if (!HasGoodIcmpChecksum(packet->data(), *parsed)) {
    t.Drop(packet, DropReason::kBadIcmp);
    return true;
  }
  const SnatFlow<Address>& flow = t.shard.snat->template Table<Address>().at(slot);
  CountSnat(t, flow.slot, SnatWay::kIn, parsed->ip_length);
  ForwardRouted(t, packet, parsed, IpAddress(flow.client), [&](P& p, ParsedPacket* fields) {
    RewriteIcmpForward<Address>(p, fields, about.quoted, flow.client, flow.client_port);
  });
  return true;
}

// From inside, about what the world sent: remote → inside host. It leaves from the local address.
template <typename Address, Packet P>
bool TakeErrorOfInside(Turn<P>& t, P* packet, ParsedPacket* parsed,
                       const QuotedFlow<Address>& about, bool is_mine) noexcept {
  const IpAddress client(about.destination);
  if (!t.snapshot.snat->MayBeFrom(client)) return false;
  const SnatKey<Address> key{about.quoted.protocol, about.destination, about.destination_port,
                             about.source, about.source_port};
  const uint32_t slot = FindSnat<SnatWay::kOut>(t, key);
  if (slot == kNoSlot) {
    const FlowFields sender{{.source = client,
                             .destination = IpAddress(about.source),
                             .source_port = about.destination_port.host(),
                             .destination_port = about.source_port.host(),
                             .protocol = about.quoted.protocol,
                             .input_port = packet->meta().input_port}};
    if (MayAnswerClient(t.snapshot, client, sender.addresses.source_port,
                        sender.addresses.protocol)) {
      return false;
    }
    const bool is_for_world =
        SnatRuleFor(t, client, sender.addresses.destination, packet->meta().input_port) != nullptr;
    return is_for_world && HandedToSnatOwner(t, packet, about.source, about.source_port, is_mine);
  }
  if (DroppedAsForged(t, packet, client)) return true;
  if (!HasGoodIcmpChecksum(packet->data(), *parsed)) {
    t.Drop(packet, DropReason::kBadIcmp);
    return true;
  }
  const SnatFlow<Address>& flow = t.shard.snat->template Table<Address>().at(slot);
  CountSnat(t, flow.slot, SnatWay::kOut, parsed->ip_length);
  ForwardRouted(t, packet, parsed, [&](P& p, ParsedPacket* fields) {
    RewriteIcmpReply<Address>(p, fields, about.quoted_back, flow.local, flow.local_port);
  });
  return true;
}

// Whole, or the first fragment of a ping.
template <typename Address, Packet P>
[[gnu::noinline]] bool TakeIcmpBySnat(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                      IcmpErrorKind kind, const QuotedPacket& quoted,
                                      bool is_mine) noexcept {
  const uint8_t* frame = packet->data();
  EchoFields echo;
  if (ReadEcho(frame, *parsed, &echo)) {
    return echo.is_request ? TakePing<Address>(t, packet, parsed, echo.id, is_mine)
                           : TakePingReply<Address>(t, packet, parsed, echo.id, is_mine);
  }
  QuotedFlow<Address> about;
  if (ReadQuotedFlow(frame, *parsed, kind, quoted, &about)) {
    return TakeErrorOfWorld(t, packet, parsed, about, is_mine) ||
           TakeErrorOfInside(t, packet, parsed, about, is_mine);
  }
  if (kind != IcmpErrorKind::kNotRelated) return false;
  return DropUnsupportedBySnat(t, packet, *parsed);
}

// An error that no flow or connection here claims would show the address of an inside host to the
// world: its sender's, or that of the packet which it quotes. A NAT real server's packets of its
// service are the service's matter. False: no rule is about it. Precondition: there are rules.
template <typename Address, Packet P>
[[gnu::noinline]] bool DropErrorBySnat(Turn<P>& t, P* packet, const ParsedPacket& parsed,
                                       const QuotedPacket& quoted) noexcept {
  const uint8_t* frame = packet->data();
  const FlowFields about{{.source = quoted.Destination<Address>(frame),
                          .destination = quoted.Source<Address>(frame),
                          .source_port = quoted.destination_port.host(),
                          .destination_port = quoted.source_port.host(),
                          .protocol = quoted.protocol,
                          .input_port = packet->meta().input_port}};
  const auto& from = about.addresses;
  if (MayAnswerClient(t.snapshot, from.source, from.source_port, from.protocol)) return false;
  if (DropUnsupportedBySnat(t, packet, parsed)) return true;
  if (SnatRuleFor(t, from.source, from.destination, from.input_port) == nullptr) return false;
  t.Drop(packet, DropReason::kSnatUnsupported);
  return true;
}

}  // namespace fairlead::dataplane
