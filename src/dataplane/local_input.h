// Packets for the director itself: ARP, ND, ping, ICMP errors about its flows, and what goes to the
// kernel twin.
//
//   HandleArp(turn, packet);
//   HandleIcmp<Ipv4Address>(turn, packet, &parsed, is_mine);
//
// Answers are made in place and keep their count: received one, sent one. Errors about flows follow
// their connection (spec section 10). Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/arp.h"
#include "dataplane/neighbour_discovery.h"
#include "dataplane/steer.h"
#include "dataplane/tunnel_error.h"

namespace fairlead::dataplane {

// A neighbour has shown its MAC.
template <Packet P>
void TellNeighbourSeen(Turn<P>& t, PortId port, const IpAddress& address,
                       const MacAddress& mac) noexcept {
  t.shard.fabric.events[t.shard.me.index()]->Push(
      {.kind = Event::Kind::kNeighbourSeen, .port = port, .address = address, .mac = mac});
}

// Ours to answer for on this port: a port address on its own port, an announced VIP on any.
inline bool AnswersFor(const Snapshot& snapshot, const IpAddress& address, PortId port) noexcept {
  const LocalAddress* local = snapshot.FindLocal(address);
  if (local == nullptr) return false;
  return local->port == port || (local->is_vip && local->is_announced);
}

template <Packet P>
[[gnu::noinline]] void HandleArp(Turn<P>& t, P* packet) noexcept {
  ArpMessage arp;
  if (!ParseArp(packet->data(), packet->length(), &arp)) return t.Drop(packet, DropReason::kBadArp);
  const PortId port = packet->meta().input_port;
  if (!arp.sender.is_unspecified()) TellNeighbourSeen(t, port, arp.sender, arp.sender_mac);
  if (!arp.is_request) return t.Drop(packet, DropReason::kNeighbourLearned);
  if (arp.is_gratuitous() || !AnswersFor(t.snapshot, arp.target, port)) {
    return t.Drop(packet, DropReason::kArpIgnored);
  }
  TurnIntoArpReply(*packet, t.port(port).mac);
  t.out->Add(packet, Verdict::Transmit(port));
}

template <Packet P>
[[gnu::noinline]] void HandleNeighbourDiscovery(Turn<P>& t, P* packet,
                                                ParsedPacket* parsed) noexcept {
  NeighbourMessage message;
  if (!ParseNeighbourMessage(packet->data(), *parsed, &message)) {
    return t.Drop(packet, DropReason::kBadNeighbourDiscovery);
  }
  const PortId port = packet->meta().input_port;
  if (!message.is_solicitation) {
    if (message.has_link_address) TellNeighbourSeen(t, port, message.target, message.link_address);
    return t.Drop(packet, DropReason::kNeighbourLearned);
  }
  const Ipv6Address sender = parsed->Source<Ipv6Address>(packet->data());
  if (!sender.is_unspecified() && message.has_link_address) {
    TellNeighbourSeen(t, port, sender, message.link_address);
  }
  if (!AnswersFor(t.snapshot, message.target, port)) {
    return t.Drop(packet, DropReason::kArpIgnored);
  }
  if (!TurnIntoNeighbourAdvertisement(*packet, parsed, t.port(port).mac)) {
    return t.Drop(packet, DropReason::kNoHeadroom);
  }
  t.out->Add(packet, Verdict::Transmit(port));
}

// To the kernel twin of the address's port, or a named drop.
template <Packet P>
void DeliverToHost(Turn<P>& t, P* packet, const LocalAddress& local,
                   DropReason otherwise) noexcept {
  if (!local.port.is_none() && t.port(local.port).has_host) {
    t.out->Add(packet, Verdict::ToHost(local.port));
  } else {
    t.Drop(packet, otherwise);
  }
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
    const Connection<Address>& record = table.at(found.slot);
    const RealView& real = t.snapshot.reals[record.real_id.index()];
    if (!real.TakesTraffic()) {
      t.Drop(packet, DropReason::kConnectionNoReal);
      return true;
    }
    CountIn(t, record.real_id, real, parsed->ip_length);
    if (record.method != ForwardMethod::kNat) {
      SendToReal<Address>(t, packet, parsed, record, real);
      return true;
    }
    if (!HasGoodIcmpChecksum(frame, *parsed)) {
      t.Drop(packet, DropReason::kBadIcmp);
      return true;
    }
    if (HandledAsExpired(t, packet, parsed)) return true;
    if (real.next_hop.is_none()) {
      t.Drop(packet, DropReason::kNoRoute);  // no error about an error
      return true;
    }
    RewriteIcmpForward<Address>(*packet, parsed, quoted, record.real_address, record.real_port);
    SendToNeighbour(t, packet, *parsed, real.output, real.next_hop, real.next_hop_address);
    return true;
  }
  // From the server or a router behind us: it quotes what we sent, client → real:port.
  const auto reply = FlowKey<Address>::Reply(quoted.protocol, source, quoted.source_port,
                                             destination, quoted.destination_port);
  const auto found = table.Find(reply, table.Hash(reply), t.now());
  if (!found.hit()) return false;
  const Connection<Address>& record = table.at(found.slot);
  if (record.method != ForwardMethod::kNat) {
    ForwardRouted(t, packet, parsed);
    return true;
  }
  if (!HasGoodIcmpChecksum(frame, *parsed)) {
    t.Drop(packet, DropReason::kBadIcmp);
    return true;
  }
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  CountOut(t, record.real_id, real, parsed->ip_length);
  ForwardRouted(t, packet, parsed, [&](P& p, ParsedPacket* fields) {
    RewriteIcmpReply<Address>(p, fields, quoted, record.virtual_address, record.virtual_port);
  });
  return true;
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

// An error from a client about a flow that is not here, on a service with schedule_icmp: it is
// scheduled as the client's own packet would be and follows, so that every director of an anycast
// address finds the same real server (spec section 10). Not where the template is another worker's:
// only packets of the flow itself go through that hand-shake; nor where an engine names the client
// by what it says, since an error does not quote that much. False: not scheduled.
template <typename Address, Packet P>
[[gnu::noinline]] bool ScheduleByIcmp(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                      const QuotedPacket& quoted) noexcept {
  const uint8_t* frame = packet->data();
  const auto client = quoted.Destination<Address>(frame);
  const auto virtual_address = quoted.Source<Address>(frame);
  const FlowFields flow{{.source = client,
                         .destination = virtual_address,
                         .source_port = quoted.destination_port.host(),
                         .destination_port = quoted.source_port.host(),
                         .protocol = quoted.protocol,
                         .input_port = packet->meta().input_port}};
  NoTrace silent;
  const ServiceDecision decision = DecideService(t.snapshot, flow, silent);
  if (decision.kind != ServiceDecision::Kind::kService) return false;
  const ServiceView& service = t.snapshot.services[decision.service.index()];
  const bool has_engine =
      service.persistence.is_enabled && service.persistence.engine != PersistenceEngine::kNone;
  if (!service.policy.schedule_icmp || has_engine || IsFromFtpData(flow)) return false;
  if (t.shard.defence.DropsNext(service.policy.drop_packet)) {
    t.Drop(packet, DropReason::kDropPacket);
    return true;
  }
  if (!TakesPort(service, flow)) return false;
  Grant grant;
  if (!service.persistence.is_enabled) {
    grant.real = Schedule(t.shard, service, flow);
  } else {
    const uint64_t hash = t.shard.templates().Hash(IdentifyTemplate(service, flow).key);
    if (t.shard.fabric.steering.TemplateOwner(hash) != t.shard.me) return false;
    grant = GrantTemplate(t.shard, service, flow);
  }
  if (grant.real.is_none()) {
    t.Drop(packet, grant.refusal);
    return true;
  }
  const auto key = FlowKey<Address>::Forward(quoted.protocol, client, quoted.destination_port,
                                             virtual_address, quoted.source_port);
  const uint64_t key_hash = t.shard.template Connections<Address>().Hash(key);
  const AdmitOutcome admitted = Admit(t.shard, service, key, key_hash, grant.real, grant.ref);
  if (!admitted.ok()) {
    t.Drop(packet, admitted.refusal);
    return true;
  }
  return FollowIcmpError<Address>(t, packet, parsed, quoted);
}

template <typename Address, Packet P>
[[gnu::noinline]] void HandleIcmp(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                  bool is_mine) noexcept {
  if (IsNeighbourMessage(*parsed)) return HandleNeighbourDiscovery(t, packet, parsed);
  const IpAddress destination = parsed->destination(packet->data());
  if (IsToMany(*parsed, destination)) return HandleMulticast(t, packet);
  const LocalAddress* local = t.snapshot.FindLocal(destination);
  if (local != nullptr && IsEchoRequest(packet->data(), *parsed)) {
    if (!BuildEchoReply(*packet, parsed)) return t.Drop(packet, DropReason::kBadIcmp);
    return RouteOut(t, packet, *parsed);
  }
  QuotedPacket quoted;
  switch (ParseIcmpError(packet->data(), *parsed, &quoted)) {
    case IcmpErrorKind::kBad:
      return t.Drop(packet, DropReason::kBadIcmp);
    case IcmpErrorKind::kRelated: {
      if (FollowIcmpError<Address>(t, packet, parsed, quoted)) return;
      const WorkerId owner =
          OwnerOfQuoted<Address>(t, packet->data(), quoted, local != nullptr && local->is_vip);
      if (owner != t.shard.me && !is_mine) {
        HandTo(t, packet, owner, HandOff::kSteered);
        return;
      }
      if (local != nullptr) {
        if (local->is_vip && ScheduleByIcmp<Address>(t, packet, parsed, quoted)) return;
        return DeliverToHost(t, packet, *local, DropReason::kIcmpNoConnection);
      }
      break;
    }
    case IcmpErrorKind::kNotHandled:
      if (local != nullptr && FollowTunnelError<Address>(t, packet, *parsed, quoted, is_mine)) {
        return;
      }
      [[fallthrough]];
    case IcmpErrorKind::kNotRelated:
      if (local != nullptr) {
        return DeliverToHost(t, packet, *local, DropReason::kUnsupportedProtocol);
      }
      break;
  }
  ForwardRouted(t, packet, parsed);
}

// Other IP protocols: the host's, or routed.
template <Packet P>
[[gnu::noinline]] void HandleOtherIp(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  const IpAddress destination = parsed->destination(packet->data());
  if (IsToMany(*parsed, destination)) return HandleMulticast(t, packet);
  if (const LocalAddress* local = t.snapshot.FindLocal(destination)) {
    return DeliverToHost(t, packet, *local, DropReason::kUnsupportedProtocol);
  }
  ForwardRouted(t, packet, parsed);
}

// Fragments of flows that may be a service's cannot be told apart yet; what only passes by is
// routed.
template <Packet P>
[[gnu::noinline]] void HandleFragment(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  const IpAddress destination = parsed->destination(packet->data());
  if (IsToMany(*parsed, destination)) return HandleMulticast(t, packet);
  const IpAddress source = parsed->source(packet->data());
  if (const LocalAddress* local = t.snapshot.FindLocal(destination)) {
    if (local->is_vip) return t.Drop(packet, DropReason::kFragment);
    return DeliverToHost(t, packet, *local, DropReason::kFragment);
  }
  if (t.snapshot.IsNatAddress(source)) return t.Drop(packet, DropReason::kFragment);
  ForwardRouted(t, packet, parsed);
}

}  // namespace fairlead::dataplane
