// A real server is told who its client is (docs/client_address.md): the TCP option TOA, or a PROXY
// header, in the packets that still need it; and shifted sequence numbers, where a header is in
// front of the client's data.
//
//   BeginTelling<Ipv4Address>(shard, frame, parsed, slot, real);     // once, of a new connection
//   SendTelling<Ipv4Address>(turn, packet, &parsed, slot, real);     // SendToReal, and more
//   HearReal<Ipv4Address>(turn.shard, packet, parsed, slot);         // before a reply is rewritten
//
// Only connections with kLongWay come here. Nothing is kept but numbers in the flow's side record:
// options and headers are made anew from the record for each packet that has to have one.
// Threads: the worker's. Ownership of the packet moves into SendTelling.
#pragma once

#include "base/client_address.h"
#include "dataplane/path/fragment6.h"
#include "dataplane/path/translate.h"
#include "dataplane/path/transmit.h"
#include "dataplane/wire/proxy_header.h"
#include "dataplane/wire/sequence_shift.h"
#include "dataplane/wire/toa.h"
#include "dataplane/wire/tunnel_mtu.h"

namespace fairlead::dataplane {

// forward.h
template <typename Address, Packet P>
void SendToReal(Turn<P>& t, P* packet, ParsedPacket* parsed, const Connection<Address>& record,
                const RealView& real, const LocalEndpoint& local = {}) noexcept;

inline ClientAddress HowToTell(const FlowSide& flow) noexcept {
  return static_cast<ClientAddress>(flow.client_told & kClientToldHow);
}
// In client_told. No SYN has passed: `initial` says nothing.
inline constexpr uint8_t kSynUnseen = 0x10;
// A SYN has passed since the real was told. Where the real takes it, all begins anew.
inline constexpr uint8_t kSynAgain = 0x20;
// The real has answered the client's SYN, and `initial` is the number that it took.
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

// Of a connection that was just made, whatever made it. Null: its real is told nothing.
template <typename Address>
FlowSide* BeginTelling(Shard& shard, uint32_t slot, const RealView& real) noexcept {
  auto& table = shard.Connections<Address>();
  Connection<Address>& record = table.at(slot);
  const ClientAddress how = real.client_address;
  const bool is_told = how != ClientAddress::kNone && CanTell(how, record.transport());
  if (!is_told || !TranslatesClient(record.method)) return nullptr;
  SideRecord* side = table.FindSide(slot, SideKind::kFlow);
  if (side == nullptr) return nullptr;
  side->flow.client_told = static_cast<uint8_t>(how);
  if (record.transport() == Transport::kTcp) {
    side->flow.client_told |= kSynUnseen;
    if (how != ClientAddress::kToa) side->flow.header_bytes = ProxyHeaderOf(record, how).length();
  }
  record.Set(ConnectionFlag::kLongWay);
  return &side->flow;
}

// The same with the packet that made it.
template <typename Address>
void BeginTelling(Shard& shard, const uint8_t* frame, const ParsedPacket& parsed, uint32_t slot,
                  const RealView& real) noexcept {
  FlowSide* flow = BeginTelling<Address>(shard, slot, real);
  if (flow == nullptr || parsed.protocol != kProtocolTcp || !IsFirstSyn(parsed)) return;
  flow->client_told &= static_cast<uint8_t>(~kSynUnseen);
  NoteFirstSyn(frame, parsed, flow);
}

// A SYN of the client's that goes to the real. All that is told begins anew with it when it is the
// first SYN (something else may have made the connection), the same again, or one that begins a
// connection on what is left of another. An established connection stays as it is whatever SYN
// comes. Where the real has answered a SYN, the real says which one counts (HearReal): else a
// client could choose where the header belongs. TOA shifts nothing, so any SYN begins it anew.
template <typename Address>
void MeetSyn(const uint8_t* frame, const ParsedPacket& parsed, Connection<Address>* record,
             FlowSide* flow) noexcept {
  if ((flow->client_told & kSynAnswered) != 0 && !IsTold(*flow)) return;
  const bool begins = record->state == static_cast<uint8_t>(TcpState::kSynRecv) ||
                      (flow->client_told & kSynUnseen) != 0 ||
                      HowToTell(*flow) == ClientAddress::kToa;
  if (begins) {
    flow->client_told &= kClientToldHow;
    NoteFirstSyn(frame, parsed, flow);
  } else {
    flow->client_told |= kSynAgain;
  }
  record->Set(ConnectionFlag::kLongWay);
}

// A SYN on a connection whose real was told nothing while it was made, and is from now on.
template <typename Address>
FlowSide* BeginAtSyn(Shard& shard, uint32_t slot, const RealView& real) noexcept {
  FlowSide* flow = BeginTelling<Address>(shard, slot, real);
  if (flow == nullptr) return nullptr;
  // What passes goes on by the same numbers on both sides, until the real takes the SYN.
  flow->client_told = static_cast<uint8_t>((flow->client_told & kClientToldHow) | kClientTold);
  flow->to_real = {};
  return flow;
}

// No IPv6 sender need send less (RFC 8200 section 5). Where the link to the real has no room for
// that and a header, the packet is cut: it leaves from an address of the director's own.
inline bool IsLeastOfIpv6(const ParsedPacket& parsed) noexcept {
  const bool has_extensions = parsed.l4_offset != parsed.l3_offset + sizeof(Ipv6Header);
  return !parsed.is_v4() && !has_extensions && parsed.ip_length <= kLeastIpv6Mtu;
}

// What fits into the link to the real, of the client's packet: the real may be of the other IP
// version.
template <typename Address>
uint32_t RoomTowards(const RealView& real) noexcept {
  if (real.address.family() == Address::kFamily) [[likely]]
    return real.mtu_bytes;
  return Address::kFamily == Family::kIpv4 ? real.mtu_bytes - kHeaderDifference
                                           : real.mtu_bytes + kHeaderDifference;
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
  const uint32_t link = RoomTowards<Address>(real);
  const bool is_cut_here = length > link && IsLeastOfIpv6(*parsed);
  const bool may_cut = is_cut_here || MayFragment(*parsed);
  if ((length > link && !may_cut) || length > 0xffff) {
    const uint32_t room = link - header.length();
    return AnswerTooBig(t, packet, parsed, parsed->is_v4() ? room : std::max(room, kLeastIpv6Mtu));
  }
  if (!PutBeforeDatagram(*packet, parsed, header.bytes())) {
    return t.Drop(packet, DropReason::kNoHeadroom);
  }
  if (!is_cut_here) return SendToReal<Address>(t, packet, parsed, record, real, local);
  if (IsMixed(record, real)) return SendToMixedReal(t, packet, parsed, record, real, local, true);
  TranslateBoth(packet, parsed, record, local);
  SendFragments6(t, packet, *parsed, real.mtu_bytes, real.output, real.next_hop,
                 real.next_hop_address);
}

template <Packet P>
void AddToaOf(Shard& shard, P& packet, ParsedPacket* parsed, const auto& record,
              uint32_t mtu_bytes) noexcept {
  BlankOption(packet.data(), *parsed, kTcpOptionToa);
  if ((parsed->tcp_flags & (kTcpSyn | kTcpRst)) != 0) return;
  // What does not fit goes without: the next segment may be the one that counts.
  const bool is_added =
      !parsed->is_fragment && AddToa(packet, parsed, record.client_address, record.client_port,
                                     mtu_bytes) == ToaOutcome::kAdded;
  if (!is_added) shard.counters.toa_left_out.Add(1);
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

// A SYN on its way to the real. Data in it would be there before anything that tells of the client:
// it is taken out, and the client sends it again behind the handshake, as after any SYN whose data
// were not taken. False: the packet is gone.
template <typename Address, Packet P>
bool PrepareSyn(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot,
                FlowSide* flow) noexcept {
  if (parsed->is_fragment) {  // some of its data are elsewhere
    t.Drop(packet, DropReason::kClientNotTold);
    return false;
  }
  MeetSyn(packet->data(), *parsed, &t.shard.template Connections<Address>().at(slot), flow);
  BlankOption(packet->data(), *parsed, kTcpOptionFastOpen);
  if (packet->length() > parsed->payload_offset) CutData(*packet, parsed);
  return true;
}

// A connection that no SYN has made here, for a real that expects a header: nobody can say where in
// the stream it would belong, and the real does not know its local endpoint.
template <typename Address, Packet P>
bool EndedAsUnbegun(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot,
                    const FlowSide& flow) noexcept {
  if ((flow.client_told & kSynUnseen) == 0 || (parsed->tcp_flags & kTcpRst) != 0) return false;
  t.shard.template Destroy<Address>(slot);
  AnswerWithReset(t, packet, parsed, DropReason::kClientNotTold);
  return true;
}

template <typename Address, Packet P>
void SendToldSegment(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot, FlowSide* flow,
                     const RealView& real, const LocalEndpoint& local) noexcept {
  const Connection<Address>& record = t.shard.template Connections<Address>().at(slot);
  const bool is_syn = IsFirstSyn(*parsed);
  if (is_syn && !PrepareSyn<Address>(t, packet, parsed, slot, flow)) return;
  uint8_t* frame = packet->data();
  if (HowToTell(*flow) == ClientAddress::kToa) {
    if (!IsTold(*flow)) {
      AddToaOf(t.shard, *packet, parsed, record, RoomTowards<Address>(real));
    }
    return SendToReal<Address>(t, packet, parsed, record, real, local);
  }
  if (is_syn) return SendToReal<Address>(t, packet, parsed, record, real, local);
  if (EndedAsUnbegun<Address>(t, packet, parsed, slot, *flow)) return;
  if (IsBeforeHeader(*flow, frame, packet->length(), *parsed)) {
    return t.Drop(packet, DropReason::kClientNotTold);
  }
  const bool is_header_due = !IsTold(*flow) && (parsed->tcp_flags & (kTcpSyn | kTcpRst)) == 0 &&
                             SequenceOf(frame, *parsed) == flow->to_real.initial + 1;
  // No header is made of a fragment. Without one the real would wait for what nobody sends.
  if (is_header_due && parsed->is_fragment) return t.Drop(packet, DropReason::kClientNotTold);
  if (is_header_due && !SendHeader(t, packet, parsed, record, *flow, real, local)) return;
  ShiftToReal(packet->data(), *parsed, {.to_real = flow->to_real, .to_client = flow->to_client});
  SendToReal<Address>(t, packet, parsed, record, real, local);
}

// What will be answered with an error is left as it is, so that the error quotes what was sent.
template <typename Address>
bool IsAnsweredWithError(const ParsedPacket& parsed, const RealView& real) noexcept {
  if (parsed.ttl <= 1 || real.next_hop.is_none()) return true;
  if (real.address.family() != Address::kFamily) [[unlikely]]
    return IsTooLongTranslated(parsed, real.mtu_bytes);
  return parsed.ip_length > real.mtu_bytes && !MayFragment(parsed);
}

template <typename Address, Packet P>
[[gnu::noinline]] void SendTelling(Turn<P>& t, P* packet, ParsedPacket* parsed, uint32_t slot,
                                   const RealView& real) noexcept {
  auto& table = t.shard.template Connections<Address>();
  const LocalEndpoint local = table.LocalEndpointOf(slot);
  const bool is_answered = IsAnsweredWithError<Address>(*parsed, real);
  FlowSide* flow = is_answered ? nullptr : ToldFlow<Address>(t.shard, slot);
  if (flow == nullptr && !is_answered && parsed->protocol == kProtocolTcp && IsFirstSyn(*parsed)) {
    flow = BeginAtSyn<Address>(t.shard, slot, real);
  }
  if (flow == nullptr) {
    return SendToReal<Address>(t, packet, parsed, table.at(slot), real, local);
  }
  switch (parsed->transport()) {
    case Transport::kTcp:
      return SendToldSegment<Address>(t, packet, parsed, slot, flow, real, local);
    case Transport::kUdp:
      return SendToldDatagram<Address>(t, packet, parsed, slot, real, local);
  }
}

// What the director has put into a packet of the client's, beyond what the client itself has sent.
template <typename Address>
uint32_t BytesPutIn(const FlowSide& flow, const Connection<Address>& record) noexcept {
  if (record.transport() == Transport::kUdp) {
    return ProxyHeaderOf(record, HowToTell(flow)).length();
  }
  // A header in a stream is in a packet of its own, or alone in one.
  return HowToTell(flow) == ClientAddress::kToa && !IsTold(flow) ? kToaBytes<Address> : 0;
}

// An ICMP error about what went to the real, on its way to the client: as if about the client's own
// packet.
template <typename Address, Packet P>
void CountErrorBack(Shard& shard, P& packet, const ParsedPacket& parsed, const QuotedPacket& quoted,
                    uint32_t slot) noexcept {
  const FlowSide* flow = ToldFlow<Address>(shard, slot);
  if (flow == nullptr) return;
  if (quoted.protocol == kProtocolTcp) {
    ShiftQuotedBack(packet.data(), packet.length(), parsed, quoted.l4_offset, flow->to_real);
  }
  LowerMtu(packet.data(), parsed, BytesPutIn(*flow, shard.Connections<Address>().at(slot)));
}

// Whether this segment of the real's shows that it has what it was to be told: all of the header;
// or a connection, which it has made of a segment with the option. An ACK alone shows none: whoever
// still waits for the handshake's end sends such too. And a number shows nothing before the real
// has said, by its SYN-ACK, from where it counts.
inline bool ShowsThatItKnows(const FlowSide& flow, const uint8_t* frame, uint32_t frame_length,
                             const ParsedPacket& parsed) noexcept {
  if ((parsed.tcp_flags & (kTcpSyn | kTcpRst | kTcpAck)) != kTcpAck) return false;
  const uint32_t acknowledged =
      HeaderAt<TcpHeader>(frame, parsed.l4_offset)->acknowledgement.get().host();
  const SequenceShift& shift = flow.to_real;
  const bool is_answered = (flow.client_told & kSynAnswered) != 0;
  if (HowToTell(flow) != ClientAddress::kToa) {
    return is_answered && !IsAfter(shift.initial + 1 + shift.delta, acknowledged);
  }
  return (is_answered && IsAfter(acknowledged, shift.initial + 1)) ||
         frame_length > parsed.payload_offset || (parsed.tcp_flags & kTcpFin) != 0;
}

// The SYN that the real has taken is the connection's first.
inline void NoteSynAck(const uint8_t* frame, const ParsedPacket& parsed, FlowSide* flow) noexcept {
  const uint32_t initial =
      HeaderAt<TcpHeader>(frame, parsed.l4_offset)->acknowledgement.get().host() - 1;
  const bool is_old = initial == flow->to_real.initial && (flow->client_told & kSynAgain) == 0;
  if (IsTold(*flow) && is_old) return;
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
