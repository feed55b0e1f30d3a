// A real server is told who its client is (docs/client_address.md): the TCP option TOA, or a PROXY
// header, in the packets that still need it; and shifted sequence numbers, where a header is in
// front of the client's data.
//
//   BeginTelling<Ipv4Address>(turn, packet, parsed, slot, real);     // once, of a new connection
//   SendTelling<Ipv4Address>(turn, packet, &parsed, slot, real);     // SendToReal, and more
//   HearReal<Ipv4Address>(turn.shard, packet, parsed, slot);         // before a reply is rewritten
//
// Only connections with kLongWay come here. Nothing is kept but numbers in the flow's side record:
// options and headers are made anew from the record for each packet that has to have one.
// Threads: the worker's. Ownership of the packet moves into SendTelling.
#pragma once

#include "base/client_address.h"
#include "dataplane/path/transmit.h"
#include "dataplane/wire/proxy_header.h"
#include "dataplane/wire/sequence_shift.h"
#include "dataplane/wire/toa.h"

namespace fairlead::dataplane {

// forward.h
template <typename Address, Packet P>
void SendToReal(Turn<P>& t, P* packet, ParsedPacket* parsed, const Connection<Address>& record,
                const RealView& real, const LocalEndpoint& local = {}) noexcept;

inline ClientAddress HowToTell(const FlowSide& flow) noexcept {
  return static_cast<ClientAddress>(flow.client_told & kClientToldHow);
}
// In client_told: the real has answered the client's SYN, and `initial` is the number that it took.
inline constexpr uint8_t kSynAnswered = 0x40;
inline bool IsTold(const FlowSide& flow) noexcept { return (flow.client_told & kClientTold) != 0; }

inline uint32_t SequenceOf(const uint8_t* frame, const ParsedPacket& parsed) noexcept {
  return HeaderAt<TcpHeader>(frame, parsed.l4_offset)->sequence.get().host();
}
inline bool IsFirstSyn(const ParsedPacket& parsed) noexcept {
  return (parsed.tcp_flags & (kTcpSyn | kTcpAck)) == kTcpSyn;
}

// Whether a packet of the client's goes by SendTelling. A SYN may begin anew what was told.
template <typename Address>
bool IsTelling(const Connection<Address>& record, const ParsedPacket& parsed) noexcept {
  return record.Has(ConnectionFlag::kLongWay) ||
         (TranslatesClient(record.method) && IsFirstSyn(parsed));
}

// Null: the real of this connection is told nothing.
template <typename Address>
FlowSide* ToldFlow(Shard& shard, uint32_t slot) noexcept {
  SideRecord* side = shard.Connections<Address>().FindSide(slot, SideKind::kFlow);
  return side != nullptr && side->flow.client_told != 0 ? &side->flow : nullptr;
}

// None where the connection's numbers are the same on both sides.
template <typename Address>
FlowShifts ShiftsOf(Shard& shard, uint32_t slot) noexcept {
  const FlowSide* flow = ToldFlow<Address>(shard, slot);
  if (flow == nullptr) return {};
  return {.to_real = flow->to_real, .to_client = flow->to_client};
}

template <typename Address>
ProxyHeader ProxyHeaderOf(const Connection<Address>& record, ClientAddress how) noexcept {
  ProxyHeader header;
  MakeProxyHeader(how == ClientAddress::kProxyV1 ? ProxyVersion::k1 : ProxyVersion::k2,
                  record.transport(), {record.client_address, record.client_port},
                  {record.virtual_address, record.virtual_port}, &header);
  return header;
}

// What comes after the number of a SYN is the client's data: behind the header.
inline void NoteFirstSyn(const uint8_t* frame, const ParsedPacket& parsed,
                         FlowSide* flow) noexcept {
  flow->to_real = {
      .initial = SequenceOf(frame, parsed), .delta = flow->header_bytes, .previous_delta = 0};
}

// Of a connection that was just made, with the packet that made it. One that is taken up in its
// middle has no beginning to put a header in front of, and its real knows it already.
template <typename Address, Packet P>
void BeginTelling(Turn<P>& t, P& packet, const ParsedPacket& parsed, uint32_t slot,
                  const RealView& real) noexcept {
  auto& table = t.shard.template Connections<Address>();
  Connection<Address>& record = table.at(slot);
  const ClientAddress how = real.client_address;
  if (!TranslatesClient(record.method) || !CanTell(how, record.transport())) return;
  SideRecord* side = table.FindSide(slot, SideKind::kFlow);
  if (side == nullptr) return;
  const bool is_tcp = record.transport() == Transport::kTcp;
  if (is_tcp && !IsFirstSyn(parsed)) return;
  side->flow.client_told = static_cast<uint8_t>(how);
  if (is_tcp && how != ClientAddress::kToa) {
    side->flow.header_bytes = ProxyHeaderOf(record, how).length();
  }
  if (is_tcp) NoteFirstSyn(packet.data(), parsed, &side->flow);
  record.Set(ConnectionFlag::kLongWay);
}

// A datagram begins with the header. One in fragments cannot: the offsets of the later ones say
// where in it they stand.
template <typename Address, Packet P>
void SendToldDatagram(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot,
                      const RealView& real, const LocalEndpoint& local) noexcept {
  const Connection<Address>& record = t.shard.template Connections<Address>().at(slot);
  if (parsed->is_fragment) return t.Drop(packet, DropReason::kClientNotTold);
  const ProxyHeader header = ProxyHeaderOf(record, ClientAddress::kProxyV2);
  const uint32_t length = parsed->ip_length + header.length();
  const uint32_t room = RoomTowards<Address>(real);
  if ((length > room && !MayFragment(*parsed)) || length > 0xffff) {
    return AnswerTooBig(t, packet, parsed, room - header.length());
  }
  if (!PutBeforeDatagram(*packet, parsed, header.bytes())) {
    return t.Drop(packet, DropReason::kNoHeadroom);
  }
  SendToReal<Address>(t, packet, parsed, record, real, local);
}

// What fits into the link to the real, of the client's packet: the real may be of the other IP
// version.
template <typename Address>
uint32_t RoomTowards(const RealView& real) noexcept {
  constexpr uint32_t kDifference = sizeof(Ipv6Header) - sizeof(Ipv4Header);
  if (real.address.family() == Address::kFamily) [[likely]]
    return real.mtu_bytes;
  return Address::kFamily == Family::kIpv4 ? real.mtu_bytes - kDifference
                                           : real.mtu_bytes + kDifference;
}

template <Packet P>
void AddToaOf(P& packet, ParsedPacket* parsed, const auto& record, uint32_t mtu_bytes) noexcept {
  BlankOption(packet.data(), *parsed, kTcpOptionToa);
  if ((parsed->tcp_flags & (kTcpSyn | kTcpRst)) != 0 || parsed->is_fragment) return;
  // What does not fit goes without: the next segment may be the one that counts.
  static_cast<void>(AddToa(packet, parsed, record.client_address, record.client_port, mtu_bytes));
}

// The segment with the header: this one, where it has no data, or one in front of it. False: the
// packet is gone.
template <typename Address, Packet P>
bool SendHeader(Turn<P>& t, P* packet, ParsedPacket* parsed, const Connection<Address>& record,
                const FlowSide& flow, const RealView& real, const LocalEndpoint& local) noexcept {
  const ProxyHeader header = ProxyHeaderOf(record, HowToTell(flow));
  // The header itself begins where the client's data would without it.
  FlowShifts shifts{.to_real = flow.to_real, .to_client = flow.to_client};
  shifts.to_real.delta = shifts.to_real.previous_delta;
  if (packet->length() == parsed->payload_offset) {
    if (!PutData(*packet, parsed, header.bytes())) {
      t.Drop(packet, DropReason::kNoHeadroom);
      return false;
    }
    ShiftToReal(packet->data(), *parsed, shifts);
    SendToReal<Address>(t, packet, parsed, record, real, local);
    return false;
  }
  P* front = t.Originate(packet->meta().input_port);
  if (front == nullptr) return true;  // the client sends its first byte again
  ParsedPacket fields;
  if (!CopyWithoutData(*packet, *parsed, *front, &fields) ||
      !PutData(*front, &fields, header.bytes())) {
    t.Drop(front, DropReason::kNoHeadroom);
    return true;
  }
  ShiftToReal(front->data(), fields, shifts);
  SendToReal<Address>(t, front, &fields, record, real, local);
  return true;
}

// Data, or an end, that would be at the real where the header belongs. Only who wants to write a
// header himself sends it.
inline bool IsBeforeHeader(const FlowSide& flow, const uint8_t* frame, uint32_t frame_length,
                           const ParsedPacket& parsed) noexcept {
  if (IsTold(flow) || (parsed.tcp_flags & kTcpRst) != 0) return false;
  if (frame_length == parsed.payload_offset && (parsed.tcp_flags & kTcpFin) == 0) return false;
  return !IsAfter(SequenceOf(frame, parsed), flow.to_real.initial);
}

template <typename Address, Packet P>
void SendToldSegment(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot, FlowSide* flow,
                     const RealView& real, const LocalEndpoint& local) noexcept {
  Connection<Address>& record = t.shard.template Connections<Address>().at(slot);
  uint8_t* frame = packet->data();
  const bool is_syn = IsFirstSyn(*parsed);
  const bool is_answered = (flow->client_told & kSynAnswered) != 0 && !IsTold(*flow);
  // The SYN again, or the one that begins a connection on what is left of another. An established
  // connection stays so whatever SYN comes; of one that the real has answered the real says which
  // SYN counts (HearReal), or a client could choose where the header belongs.
  if (is_syn && record.state == static_cast<uint8_t>(TcpState::kSynRecv) && !is_answered) {
    flow->client_told = flow->client_told & kClientToldHow;
    NoteFirstSyn(frame, *parsed, flow);
    record.Set(ConnectionFlag::kLongWay);
  }
  // Data in a SYN would be at the real before anything that tells of the client.
  if (is_syn) BlankOption(frame, *parsed, kTcpOptionFastOpen);
  if (HowToTell(*flow) == ClientAddress::kToa) {
    if (!IsTold(*flow)) AddToaOf(*packet, parsed, record, RoomTowards<Address>(real));
    return SendToReal<Address>(t, packet, parsed, record, real, local);
  }
  if (is_syn) return SendToReal<Address>(t, packet, parsed, record, real, local);
  if (IsBeforeHeader(*flow, frame, packet->length(), *parsed)) {
    return t.Drop(packet, DropReason::kClientNotTold);
  }
  const bool is_header_due = !IsTold(*flow) && !parsed->is_fragment &&
                             (parsed->tcp_flags & (kTcpSyn | kTcpRst)) == 0 &&
                             SequenceOf(frame, *parsed) == flow->to_real.initial + 1;
  if (is_header_due && !SendHeader(t, packet, parsed, record, *flow, real, local)) return;
  ShiftToReal(packet->data(), *parsed, {.to_real = flow->to_real, .to_client = flow->to_client});
  SendToReal<Address>(t, packet, parsed, record, real, local);
}

// What will be answered with an error is left as it is, so that the error quotes what was sent.
template <typename Address>
bool IsAnsweredWithError(const ParsedPacket& parsed, const RealView& real) noexcept {
  return parsed.ttl <= 1 || real.next_hop.is_none() ||
         (parsed.ip_length > RoomTowards<Address>(real) && !MayFragment(parsed));
}

template <typename Address, Packet P>
[[gnu::noinline]] void SendTelling(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot,
                                   const RealView& real) noexcept {
  auto& table = t.shard.template Connections<Address>();
  const LocalEndpoint local = table.LocalEndpointOf(slot);
  FlowSide* flow = ToldFlow<Address>(t.shard, slot);
  if (flow == nullptr || IsAnsweredWithError<Address>(*parsed, real)) {
    return SendToReal<Address>(t, packet, parsed, table.at(slot), real, local);
  }
  switch (parsed->transport()) {
    case Transport::kTcp:
      return SendToldSegment<Address>(t, packet, parsed, slot, flow, real, local);
    case Transport::kUdp:
      return SendToldDatagram<Address>(t, packet, parsed, slot, real, local);
  }
}

// Whether this segment of the real's shows that it has what it was to be told: all of the header;
// or a connection, which it has made of a segment with the option. An ACK alone shows none: whoever
// still waits for the handshake's end sends such too.
inline bool ShowsThatItKnows(const FlowSide& flow, const uint8_t* frame, uint32_t frame_length,
                             const ParsedPacket& parsed) noexcept {
  if ((parsed.tcp_flags & (kTcpSyn | kTcpRst | kTcpAck)) != kTcpAck) return false;
  const uint32_t acknowledged =
      HeaderAt<TcpHeader>(frame, parsed.l4_offset)->acknowledgement.get().host();
  const SequenceShift& shift = flow.to_real;
  if (HowToTell(flow) != ClientAddress::kToa) {
    return !IsAfter(shift.initial + 1 + shift.delta, acknowledged);
  }
  return IsAfter(acknowledged, shift.initial + 1) || frame_length > parsed.payload_offset ||
         (parsed.tcp_flags & kTcpFin) != 0;
}

// The SYN that the real has taken is the connection's first.
inline void NoteSynAck(const uint8_t* frame, const ParsedPacket& parsed, FlowSide* flow) noexcept {
  const uint32_t initial =
      HeaderAt<TcpHeader>(frame, parsed.l4_offset)->acknowledgement.get().host() - 1;
  if (IsTold(*flow) && initial == flow->to_real.initial) return;  // an old one
  flow->client_told = static_cast<uint8_t>((flow->client_told & kClientToldHow) | kSynAnswered);
  flow->to_real = {.initial = initial, .delta = flow->header_bytes, .previous_delta = 0};
}

// A segment of the real's, which is rewritten next.
template <typename Address, Packet P>
[[gnu::noinline]] void HearReal(Shard& shard, P& packet, const ParsedPacket& parsed,
                                uint32_t slot) noexcept {
  FlowSide* flow = ToldFlow<Address>(shard, slot);
  if (flow == nullptr || parsed.protocol != kProtocolTcp) return;
  if (parsed.is_fragment && !parsed.is_first_fragment) return;
  if (!IsTold(*flow) && ShowsThatItKnows(*flow, packet.data(), packet.length(), parsed)) {
    flow->client_told |= kClientTold;
    // No number before the client's data will come any more, and comparisons in a circle would be
    // wrong after two gigabytes.
    flow->to_real.previous_delta = flow->to_real.delta;
  }
  if ((parsed.tcp_flags & (kTcpSyn | kTcpAck)) == (kTcpSyn | kTcpAck))
    NoteSynAck(packet.data(), parsed, flow);
  if (HowToTell(*flow) == ClientAddress::kToa) {
    if (IsTold(*flow)) {
      // A real of the other IP version has the long way to the end.
      if (flow->local_family == Address::kFamily)
        shard.Connections<Address>().at(slot).Clear(ConnectionFlag::kLongWay);
    } else if ((parsed.tcp_flags & kTcpSyn) != 0) {
      LowerMss(packet.data(), parsed, kToaBytes<Address>);
    }
    return;
  }
  ShiftToClient(packet.data(), parsed,
                {.to_real = flow->to_real,
                 .to_client = flow->to_client,
                 .hides_sack_from_client = !IsTold(*flow)});
}

}  // namespace fairlead::dataplane
