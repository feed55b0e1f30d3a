// A client that speaks with a real server itself, past the service, from a port of which an old
// connection by NAT is still known.
//
//   if (MakesWayForDirect<Address>(turn, packet, parsed, flow, is_mine)) return;  // handed over
//
// The real sees one pair of endpoints for both: NAT leaves the client's address and port as they
// are. So its replies to the new connection would be found as replies of the old one, and leave
// from the virtual address, where the client has asked for no connection. The client's SYN says
// that the old one is over; it is the last packet that tells the two apart.
//
// Threads: the worker's. Ownership of the packet moves in when the answer is true.
#pragma once

#include "dataplane/path/flow_fields.h"
#include "dataplane/path/forward.h"

namespace fairlead::dataplane {

// Some NAT real server that `is_meant` has this endpoint. It is asked of one that stands for all.
template <typename IsMeant>
bool IsOfNatReal(const Snapshot& snapshot, const IpAddress& address, uint16_t port,
                 uint8_t protocol, IsMeant&& is_meant) noexcept {
  const auto has = [&](Be16 at) {
    const auto found = snapshot.nat_sources.find({address, at, protocol});
    return found != snapshot.nat_sources.end() && is_meant(found->second);
  };
  if (has(Be16::FromHost(port))) return true;
  const auto nat = snapshot.nat_addresses.find(address);
  return nat != snapshot.nat_addresses.end() && nat->second && has(Be16{});
}
inline bool IsOfNatReal(const Snapshot& snapshot, const IpAddress& address, uint16_t port,
                        uint8_t protocol) noexcept {
  return IsOfNatReal(snapshot, address, port, protocol, [](RealId) { return true; });
}

// Its replies go to clients themselves. Those of FULLNAT go to local endpoints of the director, so
// whatever else such a real server sends is its own.
inline bool MayAnswerClient(const Snapshot& snapshot, const IpAddress& address, uint16_t port,
                            uint8_t protocol) noexcept {
  return IsOfNatReal(snapshot, address, port, protocol, [&snapshot](RealId id) {
    return !TranslatesClient(snapshot.reals[id.index()].method);
  });
}

// Of a packet that no service takes. Only a SYN that begins something is asked about, so packets
// that are merely routed cost one comparison.
template <typename Address, Packet P>
bool MakesWayForDirect(Turn<P>& t, P* packet, const ParsedPacket& parsed, const FlowFields& flow,
                       bool is_mine) noexcept {
  constexpr uint8_t kAsked = kTcpSyn | kTcpAck | kTcpRst;
  if (!HasStates(parsed.transport()) || (parsed.tcp_flags & kAsked) != kTcpSyn) return false;
  const uint8_t* frame = packet->data();
  const Address client = parsed.Source<Address>(frame);
  const Be16 port = parsed.source_port;
  const WorkerId owner = t.shard.fabric.steering.ConnectionOwner(client, port);
  if (owner != t.shard.me && !is_mine) {
    const auto& to = flow.addresses;
    if (!IsOfNatReal(t.snapshot, to.destination, to.destination_port, to.protocol)) return false;
    HandTo(t, packet, owner, HandOff::kSteered);
    return true;
  }
  // As the real's reply will be looked up.
  const auto reply = FlowKey<Address>::Reply(
      parsed.protocol, client, port, parsed.Destination<Address>(frame), parsed.destination_port);
  auto& table = t.shard.template Connections<Address>();
  const FindOutcome found = table.Find(reply, table.Hash(reply), t.now());
  if (!found.hit()) return false;
  const Connection<Address>& record = table.at(found.slot);
  const RealView& real = t.snapshot.reals[record.real_id.index()];
  if (RewritesReplies(record.method) && GivesWayToDirect(record, PolicyOf(t.snapshot, real))) {
    t.shard.template Destroy<Address>(found.slot);
  }
  return false;
}

}  // namespace fairlead::dataplane
