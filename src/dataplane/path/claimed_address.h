// Packets that no service takes, to addresses that clients may take for ours (decision.h, ClaimOn):
// answered as those to a VIP are, dropped by name, or routed.
//
//   RouteUnlessClaimed(turn, packet, &parsed);   // where the destination is none of our addresses
//
// Threads: the worker's. Ownership of the packet moves in.
#pragma once

#include "dataplane/decide/decision.h"
#include "dataplane/path/transmit.h"

namespace fairlead::dataplane {

// As for a VIP on a port that nobody serves.
template <Packet P>
[[gnu::noinline]] void AnswerForRange(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  if (parsed->is_fragment && !IsTransport(parsed->protocol)) {
    return t.Drop(packet, DropReason::kFragment);
  }
  if (IsTransport(parsed->protocol)) {
    return Refuse(t, packet, parsed, DropReason::kClosedPort);
  }
  if (IsEchoRequest(packet->data(), *parsed)) {
    if (!BuildEchoReply(*packet, parsed)) return t.Drop(packet, DropReason::kBadIcmp);
    return AnswerOut(t, packet, *parsed);
  }
  const bool is_icmp = parsed->protocol == (parsed->is_v4() ? kProtocolIcmp : kProtocolIcmpv6);
  QuotedPacket quoted;
  const bool is_flow_error =
      is_icmp && ParseIcmpError(packet->data(), *parsed, &quoted) == IcmpErrorKind::kRelated;
  t.Drop(packet, is_flow_error ? DropReason::kIcmpNoConnection : DropReason::kUnsupportedProtocol);
}

template <Packet P>
void RouteUnlessClaimed(Turn<P>& t, P* packet, ParsedPacket* parsed) noexcept {
  switch (ClaimOn(t.snapshot, parsed->destination(packet->data()), packet->meta().input_port)) {
    case Claim::kNone:
      return ForwardRouted(t, packet, parsed);
    case Claim::kAnswered:
      return AnswerForRange(t, packet, parsed);
    case Claim::kGone:
      return t.Drop(packet, DropReason::kVipGone);
  }
}

}  // namespace fairlead::dataplane
