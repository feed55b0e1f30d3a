// The PROXY protocol, versions 1 and 2: who the client is and whom it asked for, as the first bytes
// of its stream, or of a datagram (HAProxy's proxy-protocol.txt).
//
//   ProxyHeader header;
//   MakeProxyHeader(ProxyVersion::k1, Transport::kTcp, client, service, &header);
//   header.bytes()      // "PROXY TCP4 198.51.100.7 192.0.2.10 4000 80\r\n"
//   if (packet.length() == parsed.payload_offset && PutData(packet, &parsed, header.bytes())) …
//   CutData(packet, &parsed);      // the segment's header alone
//
// A header follows from the connection alone, so it is made again whenever it has to be sent again.
//
// How it gets into a stream. The header is a piece of the stream of its own: it begins at the
// client's first byte, and all the client sends comes later by its length (sequence_shift.h).
// * A segment without data at the client's first byte, which the third of the handshake is, takes
//   it along (PutData). Header and handshake arrive or are lost together. That is why it is not a
//   packet beside the ACK: where the real speaks first, the client has nothing to send again after
//   the header was lost, and both would wait for ever.
// * In front of a segment with data goes a segment of the director's with the header alone: its
//   copy without data (CopyWithoutData), then PutData. Put into the client's own segment the header
//   could make that longer than the MTU.
// * It is sent again with whatever the client sends again from its first byte, until the real has
//   acknowledged all of it. No timer is needed: the real acknowledges nothing of the client's
//   before it has the header, so the client sends its first byte again, or the real its SYN-ACK.
//
// Threads: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/ip_address.h"
#include "base/transport.h"
#include "dataplane/wire/rewrite_nat.h"
#include "dataplane/wire/tcp_edit.h"

namespace fairlead::dataplane {

enum class ProxyVersion : uint8_t { k1 = 1, k2 = 2 };

class ProxyHeader {
 public:
  static constexpr uint32_t kMostBytes = 107;  // of version 1; of version 2 52

  [[nodiscard]] std::span<const uint8_t> bytes() const noexcept { return {bytes_.data(), length_}; }
  [[nodiscard]] uint8_t length() const noexcept { return length_; }
  void Append(const void* from, size_t length) noexcept {
    std::memcpy(bytes_.data() + length_, from, length);
    length_ = static_cast<uint8_t>(length_ + length);
  }

 private:
  std::array<uint8_t, kMostBytes> bytes_{};
  uint8_t length_ = 0;
};

// Precondition: both endpoints are of one family; version 1 is for TCP alone. `header` is empty
// before.
void MakeProxyHeader(ProxyVersion version, Transport transport, const Endpoint& client,
                     const Endpoint& service, ProxyHeader* header) noexcept;

// Puts these in front of a datagram's data. False, and nothing changed, when the buffer has no
// room. Precondition: parsed is a kFlow of UDP; an even number of bytes, as version 2 has; the
// packet stays within the MTU.
template <Packet P>
[[nodiscard]] bool PutBeforeDatagram(P& packet, ParsedPacket* parsed,
                                     std::span<const uint8_t> data) noexcept {
  const auto bytes = static_cast<uint32_t>(data.size());
  uint8_t* frame = packet.Prepend(bytes);
  if (frame == nullptr) return false;
  std::memmove(frame, frame + bytes, parsed->payload_offset);
  std::memcpy(frame + parsed->payload_offset, data.data(), bytes);
  auto* udp = HeaderAt<UdpHeader>(frame, parsed->l4_offset);
  // The datagram's own length: behind it the IP packet may have bytes that are no data.
  const Be16 length = Be16::FromHost(static_cast<uint16_t>(udp->length.get().host() + bytes));
  ChecksumDelta delta;
  delta.Replace(udp->length, length);  // twice: it is in the pseudo header too
  delta.Replace(udp->length, length);
  delta.Replace(Be16{}, Be16::FromRaw(FoldChecksum(ChecksumAdd(data.data(), bytes))));
  udp->length = length;
  UpdateChecksum(udp, delta);
  SetIpLength(frame, parsed, parsed->ip_length + bytes);
  return true;
}

// Gives a segment without data these. False, and nothing changed, when the buffer has no room.
// Precondition: packet.length() == parsed->payload_offset, and the packet stays within the MTU.
template <Packet P>
[[nodiscard]] bool PutData(P& packet, ParsedPacket* parsed,
                           std::span<const uint8_t> data) noexcept {
  const auto bytes = static_cast<uint32_t>(data.size());
  const uint32_t l4_length = parsed->l4_length();
  if (!packet.Resize(packet.length() + bytes)) return false;
  uint8_t* frame = packet.data();
  std::memcpy(frame + parsed->payload_offset, data.data(), bytes);
  TcpEdit edit(frame, *parsed);
  edit.Replace(Be16::FromHost(static_cast<uint16_t>(l4_length)),
               Be16::FromHost(static_cast<uint16_t>(l4_length + bytes)));
  edit.Replace(Be16{}, Be16::FromRaw(FoldChecksum(ChecksumAdd(data.data(), bytes))));
  auto* tcp = HeaderAt<TcpHeader>(frame, parsed->l4_offset);
  edit.Put8(&tcp->flags, tcp->flags | kTcpPsh);
  edit.Finish();
  parsed->tcp_flags |= kTcpPsh;
  SetIpLength(frame, parsed, parsed->ip_length + bytes);
  return true;
}

// The header becomes that of the segment without its data, `bytes` of which the sum is `data_sum`,
// and without what data end with (FIN, URG, PSH).
inline void EndAtHeader(uint8_t* frame, ParsedPacket* parsed, uint32_t bytes,
                        uint64_t data_sum) noexcept {
  const uint32_t l4_length = parsed->l4_length();
  TcpEdit edit(frame, *parsed);
  edit.Replace(Be16::FromHost(static_cast<uint16_t>(l4_length)),
               Be16::FromHost(static_cast<uint16_t>(l4_length - bytes)));
  edit.Replace(Be16::FromRaw(FoldChecksum(data_sum)), Be16{});
  constexpr uint8_t kTcpUrg = 0x20;
  constexpr uint8_t kOfData = kTcpFin | kTcpPsh | kTcpUrg;
  auto* tcp = HeaderAt<TcpHeader>(frame, parsed->l4_offset);
  edit.Put8(&tcp->flags, static_cast<uint8_t>(tcp->flags & ~kOfData));
  edit.Put16(frame + parsed->l4_offset + offsetof(TcpHeader, urgent), 0);
  edit.Finish();
  parsed->tcp_flags = static_cast<uint8_t>(parsed->tcp_flags & ~kOfData);
  SetIpLength(frame, parsed, parsed->ip_length - bytes);
}

// The segment keeps its header alone.
template <Packet P>
void CutData(P& packet, ParsedPacket* parsed) noexcept {
  const uint32_t bytes = packet.length() - parsed->payload_offset;
  EndAtHeader(packet.data(), parsed, bytes,
              ChecksumAdd(packet.data() + parsed->payload_offset, bytes));
  packet.Resize(parsed->payload_offset);  // shrinking always fits
}

// `to` becomes the header of the segment `from`. False, and `to` is of no use, when its buffer has
// no room.
template <Packet P>
[[nodiscard]] bool CopyWithoutData(P& from, const ParsedPacket& parsed, P& to,
                                   ParsedPacket* fields) noexcept {
  if (!to.Resize(parsed.payload_offset)) return false;
  std::memcpy(to.data(), from.data(), parsed.payload_offset);
  *fields = parsed;
  const uint32_t bytes = from.length() - parsed.payload_offset;
  EndAtHeader(to.data(), fields, bytes, ChecksumAdd(from.data() + parsed.payload_offset, bytes));
  return true;
}

}  // namespace fairlead::dataplane
