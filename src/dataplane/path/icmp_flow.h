// ICMP errors about flows: whose they are, and the way they take with their connection (ipvs.md,
// ICMP).
//
//   if (QuotesForgedClient<Address>(turn, frame, parsed, quoted, is_from_client)) …kBadSource…
//   if (FollowIcmpError<Address>(turn, packet, &parsed, quoted)) return;
//   …OwnerOfQuoted<Address>(turn, frame, quoted, is_from_client)…
//
// An error comes from the client when it goes to a virtual address. Threads: the worker's.
// Ownership of the packet moves in when FollowIcmpError says true.
#pragma once

#include "dataplane/path/mixed_family.h"
#include "dataplane/path/steer.h"

namespace fairlead::dataplane {

// An error from the client's side, towards the real server of its connection. The record may be a
// draft that is in no table (one packet).
template <typename Address, Packet P>
void SendErrorToReal(Turn<P>& t, P* packet, ParsedPacket* parsed, const QuotedPacket& quoted,
                     const Connection<Address>& record, const LocalEndpoint& local = {}) noexcept {
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  if (!real.TakesTraffic()) return t.Drop(packet, DropReason::kConnectionNoReal);
  CountIn(t, record.real_id, real, parsed->ip_length);
  if (!RewritesReplies(record.method)) {
    return SendToReal<Address>(t, packet, parsed, record, real);
  }
  if (!HasGoodIcmpChecksum(packet->data(), *parsed)) return t.Drop(packet, DropReason::kBadIcmp);
  if (HandledAsExpired(t, packet, parsed)) return;
  if (real.next_hop.is_none()) {
    return t.Drop(packet, DropReason::kNoRoute);  // no error about an error
  }
  if (IsMixed(record, real)) [[unlikely]]
    return SendMixedError(t, packet, parsed, quoted, real, record.real_port, local);
  if (!TranslatesClient(record.method)) {
    RewriteIcmpForward<Address>(*packet, parsed, quoted, record.real_address, record.real_port);
  } else if (local.port.is_zero()) {
    return t.Drop(packet, DropReason::kNoLocalPort);
  } else {
    RewriteIcmpFullnat(*packet, parsed, quoted,
                       Endpoints<Address>{local.address.As<Address>(), local.port,
                                          record.real_address, record.real_port});
  }
  SendToNeighbour(t, packet, *parsed, real.output, real.next_hop, real.next_hop_address);
}

// An error about a flow of ours, seen from the client's side or from the server's. The connection's
// state and timer stay as they are. False: no such connection here.
template <typename Address, Packet P>
bool FollowIcmpError(Turn<P>& t, P* packet, ParsedPacket* parsed,
                     const QuotedPacket& quoted) noexcept {
  auto& table = t.shard.template Connections<Address>();
  const uint8_t* frame = packet->data();
  const auto source = quoted.Source<Address>(frame);
  const auto destination = quoted.Destination<Address>(frame);
  // From the client: it quotes what it got, VIP:vport → client.
  const auto forward = FlowKey<Address>::Forward(
      quoted.protocol, destination, quoted.destination_port, source, quoted.source_port);
  if (const auto found = table.Find(forward, table.Hash(forward), t.now()); found.hit()) {
    SendErrorToReal(t, packet, parsed, quoted, table.at(found.slot),
                    table.LocalEndpointOf(found.slot));
    return true;
  }
  // From the server or a router behind us: it quotes what we sent, client → real:port, or our local
  // endpoint → real:port.
  const auto reply = FlowKey<Address>::Reply(quoted.protocol, source, quoted.source_port,
                                             destination, quoted.destination_port);
  const auto found = table.Find(reply, table.Hash(reply), t.now());
  if (!found.hit()) {
    return MayBeMixed<Address>(t) && FollowMixedError<Address>(t, packet, parsed, quoted);
  }
  const Connection<Address>& record = table.at(found.slot);
  if (IsMixed(record, t.snapshot.reals[record.real_id.index()])) [[unlikely]]
    return false;  // nothing in this IP version was sent there
  if (!RewritesReplies(record.method)) {
    ForwardRouted(t, packet, parsed);
    return true;
  }
  if (!HasGoodIcmpChecksum(frame, *parsed)) {
    t.Drop(packet, DropReason::kBadIcmp);
    return true;
  }
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  CountOut(t, record.real_id, real, parsed->ip_length);
  if (TranslatesClient(record.method)) {
    ForwardRouted(t, packet, parsed, record.client_address, [&](P& p, ParsedPacket* fields) {
      if (record.Has(ConnectionFlag::kLongWay)) [[unlikely]]
        CountErrorBack<Address>(t.shard, p, *fields, quoted, found.slot);
      RewriteIcmpFullnat(p, fields, quoted, EndpointsToClient(record));
    });
    return true;
  }
  ForwardRouted(t, packet, parsed, [&](P& p, ParsedPacket* fields) {
    RewriteIcmpReply<Address>(p, fields, quoted, record.virtual_address, record.virtual_port);
  });
  return true;
}

// The client of the flow inside could be nobody: no host, or an address of ours. But errors about
// packets of ours come to us.
template <typename Address, Packet P>
bool QuotesForgedClient(Turn<P>& t, const uint8_t* frame, const ParsedPacket& parsed,
                        const QuotedPacket& quoted, bool is_from_client) noexcept {
  const Address client =
      is_from_client ? quoted.Destination<Address>(frame) : quoted.Source<Address>(frame);
  if (IsNoHost(client)) return true;
  return t.snapshot.IsForgedSource(client) &&
         (is_from_client || client != parsed.Destination<Address>(frame));
}

// The worker that would own the flow inside: of the client's endpoint, which is the quoted
// destination in an error from the client and the quoted source in one from behind.
template <typename Address, Packet P>
WorkerId OwnerOfQuoted(Turn<P>& t, const uint8_t* frame, const QuotedPacket& quoted,
                       bool is_from_client) noexcept {
  const Steering& steering = t.shard.fabric.steering;
  return is_from_client
             ? steering.ConnectionOwner(quoted.Destination<Address>(frame), quoted.destination_port)
             : steering.ConnectionOwner(quoted.Source<Address>(frame), quoted.source_port);
}

}  // namespace fairlead::dataplane
