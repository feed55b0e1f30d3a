// Packets for the director itself: ARP, ND, ping, ICMP errors about its flows, and what goes to the
// kernel twin.
//
//   HandleArp(turn, packet);
//   HandleIcmp<Ipv4Address>(turn, packet, &parsed, is_mine);
//
// Answers are made in place and keep their count: received one, sent one. Errors about flows follow
// their connection (ipvs.md, ICMP). Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/path/icmp_admission.h"
#include "dataplane/path/snat_icmp.h"
#include "dataplane/path/tunnel_error.h"
#include "dataplane/wire/arp.h"
#include "dataplane/wire/multicast_listener.h"
#include "dataplane/wire/neighbour_discovery.h"

namespace fairlead::dataplane {

// A neighbour has shown its MAC.
template <Packet P>
void TellNeighbourSeen(Turn<P>& t, PortId port, const IpAddress& address,
                       const MacAddress& mac) noexcept {
  t.shard.neighbour_reports.Seen(port, address, mac, t.now());
}

// Ours to answer for on this port: a port address on its own port, an announced VIP on any, an
// address of FULLNAT where real servers may be; else null. A VIP that is not announced is answered
// for nowhere, were it on the kernel twin.
inline const LocalAddress* AnsweredAddress(const Snapshot& snapshot, const IpAddress& address,
                                           PortId port) noexcept {
  const LocalAddress* local = snapshot.FindLocal(address);
  if (local == nullptr || !local->is_announced) return nullptr;
  const bool is_fullnat =
      local->has_local_ports && snapshot.ports[port.index()].role != PortRole::kOutside;
  return local->is_vip || local->port == port || is_fullnat ? local : nullptr;
}

// Why a question for that address of this port is not answered; kCount: it is.
template <Packet P>
DropReason WhyUnanswered(const Turn<P>& t, const IpAddress& address, PortId port) noexcept {
  const LocalAddress* const local = AnsweredAddress(t.snapshot, address, port);
  if (local == nullptr) return DropReason::kArpIgnored;
  const bool is_unsure = local->is_of_kernel && !t.shard.fabric.kernel_news.IsFresh();
  return is_unsure ? DropReason::kKernelUnheard : DropReason::kCount;
}

template <Packet P>
[[gnu::noinline]] void HandleArp(Turn<P>& t, P* packet) noexcept {
  ArpMessage arp;
  if (!ParseArp(packet->data(), packet->length(), &arp)) return t.Drop(packet, DropReason::kBadArp);
  const PortId port = packet->meta().input_port;
  if (t.snapshot.IsForgedSource(arp.sender)) return t.Drop(packet, DropReason::kBadSource);
  if (!arp.sender.is_unspecified()) TellNeighbourSeen(t, port, arp.sender, arp.sender_mac);
  if (!arp.is_request) return t.Drop(packet, DropReason::kNeighbourLearned);
  if (arp.is_gratuitous()) return t.Drop(packet, DropReason::kArpIgnored);
  const DropReason why_not = WhyUnanswered(t, arp.target, port);
  if (why_not != DropReason::kCount) return t.Drop(packet, why_not);
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
    if (t.snapshot.IsForgedSource(message.target)) return t.Drop(packet, DropReason::kBadSource);
    if (message.has_link_address) TellNeighbourSeen(t, port, message.target, message.link_address);
    return t.Drop(packet, DropReason::kNeighbourLearned);
  }
  const Ipv6Address sender = parsed->Source<Ipv6Address>(packet->data());
  if (t.snapshot.IsForgedSource(sender)) return t.Drop(packet, DropReason::kBadSource);
  if (!sender.is_unspecified() && message.has_link_address) {
    TellNeighbourSeen(t, port, sender, message.link_address);
  }
  const DropReason why_not = WhyUnanswered(t, message.target, port);
  if (why_not != DropReason::kCount) return t.Drop(packet, why_not);
  if (!TurnIntoNeighbourAdvertisement(*packet, parsed, t.port(port).mac)) {
    return t.Drop(packet, DropReason::kNoHeadroom);
  }
  t.out->Add(packet, Verdict::Transmit(port));
}

// A router or switch asks who listens to which groups. The control core answers for ours; the twin,
// where there is one, for those the kernel has joined. One that asks too often is answered less.
template <Packet P>
[[gnu::noinline]] void HandleMulticastQuery(Turn<P>& t, P* packet,
                                            const ParsedPacket& parsed) noexcept {
  MulticastQuery query;
  if (!ParseMulticastQuery(packet->data(), parsed, &query)) {
    return t.Drop(packet, DropReason::kBadNeighbourDiscovery);
  }
  const PortId port = packet->meta().input_port;
  const TableHash& hash = t.shard.fabric.hash;
  if (t.shard.query_limit.Allow(hash(query.group, {}, static_cast<uint8_t>(port.index())),
                                t.now())) {
    t.shard.neighbour_reports.Tell({.kind = Event::Kind::kMulticastQuery,
                                    .port = port,
                                    .address = query.group,
                                    .mac = {},
                                    .is_version_1 = query.is_version_1,
                                    .delay_ms = query.delay_ms});
  }
  if (t.port(port).has_host) return t.out->Add(packet, Verdict::ToHost(port));
  t.Drop(packet, DropReason::kNeighbourLearned);
}

// An error that is for nobody here.
template <typename Address, Packet P>
void RouteError(Turn<P>& t, P* packet, ParsedPacket* parsed, const QuotedPacket& quoted) noexcept {
  if (t.snapshot.snat != nullptr && DropErrorBySnat<Address>(t, packet, *parsed, quoted)) return;
  RouteUnlessClaimed(t, packet, parsed);
}

// An error comes from the client's side when it goes to a virtual address. Where that is an address
// of FULLNAT as well, it may come from behind, about what left from there: what it quotes says so.
template <typename Address, Packet P>
bool IsErrorFromClient(const Turn<P>& t, const uint8_t* frame, const LocalAddress* local,
                       const QuotedPacket& quoted) noexcept {
  if (local == nullptr || !local->is_vip) return false;
  if (!local->has_local_ports) [[likely]]
    return true;
  const ServiceKey served{quoted.Source<Address>(frame), quoted.source_port, quoted.protocol};
  return !t.snapshot.FindService(0, served).is_none();
}

// An error about a TCP or UDP flow. `is_forged`: it comes from an address of ours, and is forged
// unless it follows a connection.
template <typename Address, Packet P>
void HandleFlowError(Turn<P>& t, P* packet, ParsedPacket* parsed, const QuotedPacket& quoted,
                     bool is_forged, bool is_mine) noexcept {
  const LocalAddress* local = t.snapshot.FindLocal(parsed->destination(packet->data()));
  const bool is_from_client = IsErrorFromClient<Address>(t, packet->data(), local, quoted);
  if (QuotesForgedClient<Address>(t, packet->data(), *parsed, quoted, is_from_client)) {
    return t.Drop(packet, DropReason::kBadSource);
  }
  if (FollowIcmpError<Address>(t, packet, parsed, quoted)) return;
  const WorkerId owner = OwnerOfQuoted<Address>(t, packet->data(), quoted, is_from_client);
  if (owner != t.shard.me && !is_mine) {
    HandTo(t, packet, owner, HandOff::kSteered);
    return;
  }
  if (is_forged) return t.Drop(packet, DropReason::kBadSource);
  if (local == nullptr) return RouteError<Address>(t, packet, parsed, quoted);
  if (is_from_client) return AdmitByError<Address>(t, packet, parsed, quoted);
  DeliverToHost(t, packet, *local, DropReason::kIcmpNoConnection);
}

template <typename Address, Packet P>
[[gnu::noinline]] void HandleIcmp(Turn<P>& t, P* packet, ParsedPacket* parsed,
                                  bool is_mine) noexcept {
  if (IsNeighbourMessage(*parsed)) return HandleNeighbourDiscovery(t, packet, parsed);
  if (IsMulticastQuery(*parsed)) return HandleMulticastQuery(t, packet, *parsed);
  const IpAddress destination = parsed->destination(packet->data());
  if (IsToMany(*parsed, destination)) return HandleMulticast(t, packet);
  QuotedPacket quoted;
  const IcmpErrorKind kind = ParseIcmpError(packet->data(), *parsed, &quoted);
  const IpAddress source = parsed->source(packet->data());
  const bool is_forged = source.is_unspecified() || t.snapshot.IsForgedSource(source);
  if (is_forged && (kind != IcmpErrorKind::kRelated ||
                    !MayBeDirectReply(t.snapshot, source, packet->meta().input_port))) {
    return t.Drop(packet, DropReason::kBadSource);
  }
  if (t.snapshot.snat != nullptr && !is_forged) [[unlikely]] {
    if (TakeIcmpBySnat<Address>(t, packet, parsed, kind, quoted, is_mine)) return;
  }
  const LocalAddress* local = t.snapshot.FindLocal(destination);
  if (local != nullptr && IsEchoRequest(packet->data(), *parsed)) {
    if (!BuildEchoReply(*packet, parsed)) return t.Drop(packet, DropReason::kBadIcmp);
    return AnswerOut(t, packet, *parsed);
  }
  switch (kind) {
    case IcmpErrorKind::kBad:
      return t.Drop(packet, DropReason::kBadIcmp);
    case IcmpErrorKind::kRelated:
      // GUE looks like a flow of the director's own.
      if (local != nullptr && !is_forged && quoted.protocol == kProtocolUdp &&
          FollowTunnelError(t, packet, *parsed, quoted, is_mine)) {
        return;
      }
      return HandleFlowError<Address>(t, packet, parsed, quoted, is_forged, is_mine);
    case IcmpErrorKind::kNotHandled:
      // A transport here is that of a later fragment.
      if (local != nullptr && !IsTransport(quoted.protocol) &&
          FollowTunnelError(t, packet, *parsed, quoted, is_mine)) {
        return;
      }
      if (local == nullptr) return RouteError<Address>(t, packet, parsed, quoted);
      break;
    case IcmpErrorKind::kNotRelated:
      break;
  }
  if (local == nullptr) return RouteUnlessClaimed(t, packet, parsed);
  DeliverToHost(t, packet, *local, DropReason::kUnsupportedProtocol);
}

// Other IP protocols: the host's, or routed.
template <Packet P>
[[gnu::noinline]] void HandleOtherIp(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  const IpAddress destination = parsed->destination(packet->data());
  if (IsToMany(*parsed, destination)) return HandleMulticast(t, packet);
  if (t.snapshot.IsForgedSource(parsed->source(packet->data()))) {
    return t.Drop(packet, DropReason::kBadSource);
  }
  if (const LocalAddress* local = t.snapshot.FindLocal(destination)) {
    return DeliverToHost(t, packet, *local, DropReason::kUnsupportedProtocol);
  }
  if (t.snapshot.snat != nullptr && DropUnsupportedBySnat(t, packet, *parsed)) return;
  RouteUnlessClaimed(t, packet, parsed);
}

}  // namespace fairlead::dataplane
