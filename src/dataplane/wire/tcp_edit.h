// Changes inside a TCP header and its options, with the checksum kept as right or as wrong as it
// was.
//
//   TcpEdit edit(packet.data(), parsed);
//   edit.Put32(edit.at_sequence(), sequence);
//   ForEachTcpOption(packet.data(), parsed, [&](const TcpOption& option) { … });
//   edit.Finish();
//
// An option may begin at an odd byte, since a sender may pad as it likes. There the bytes of a
// number count in the other half of the checksum's words (RFC 1071 section 2 (B)); Put does that.
// Precondition: parsed is a kFlow of TCP, and as long as it is, payload_offset ends its header.
// Threads: pure functions over the caller's bytes.
#pragma once

#include <bit>
#include <cstdint>

#include "base/checksum.h"
#include "dataplane/wire/parse.h"

namespace fairlead::dataplane {

inline constexpr uint32_t kMostTcpHeader = 60;  // 15 words of four bytes

inline constexpr uint8_t kTcpOptionEnd = 0;
inline constexpr uint8_t kTcpOptionNop = 1;
inline constexpr uint8_t kTcpOptionMss = 2;         // length 4
inline constexpr uint8_t kTcpOptionSack = 5;        // length 2 + 8 for each block (RFC 2018)
inline constexpr uint8_t kTcpOptionTimestamps = 8;  // length 10: TSval, TSecr (RFC 7323)
inline constexpr uint8_t kTcpOptionFastOpen = 34;   // RFC 7413

struct TcpOption {
  uint8_t kind = 0;
  uint8_t length = 0;       // kind and length included
  uint8_t* data = nullptr;  // behind kind and length
};

// Visits every option that is whole; stops at the end of options and at nonsense, as receivers do.
template <typename Visit>
void ForEachTcpOption(uint8_t* frame, const ParsedPacket& parsed, Visit&& visit) noexcept {
  uint8_t* at = frame + parsed.l4_offset + sizeof(TcpHeader);
  uint8_t* const end = frame + parsed.payload_offset;
  while (at < end && *at != kTcpOptionEnd) {
    if (*at == kTcpOptionNop) {
      ++at;
      continue;
    }
    if (end - at < 2 || at[1] < 2 || at[1] > end - at) return;
    const uint8_t length = at[1];
    visit(TcpOption{.kind = *at, .length = length, .data = at + 2});
    at += length;
  }
}

class TcpEdit {
 public:
  TcpEdit(uint8_t* frame, const ParsedPacket& parsed) noexcept
      : header_(frame + parsed.l4_offset), tcp_(HeaderAt<TcpHeader>(frame, parsed.l4_offset)) {}

  [[nodiscard]] uint8_t* at_sequence() const noexcept { return header_ + 4; }
  [[nodiscard]] uint8_t* at_acknowledgement() const noexcept { return header_ + 8; }

  void Put8(uint8_t* at, uint8_t value) noexcept {
    const unsigned shift = IsOdd(at) ? 8 : 0;
    delta_.Replace(Be16::FromRaw(static_cast<uint16_t>(*at << shift)),
                   Be16::FromRaw(static_cast<uint16_t>(value << shift)));
    *at = value;
  }
  void Put16(uint8_t* at, uint16_t value) noexcept {
    Put8(at, static_cast<uint8_t>(value >> 8));
    Put8(at + 1, static_cast<uint8_t>(value));
  }
  void Put32(uint8_t* at, uint32_t value) noexcept {
    const Be32 to = Be32::FromHost(value);
    delta_.Replace(AsSummed(at, Be32::Load(at)), AsSummed(at, to));
    to.Store(at);
  }
  // NOPs in place of the option.
  void Blank(const TcpOption& option) noexcept {
    uint8_t* const at = option.data - 2;
    for (unsigned i = 0; i < option.length; ++i) Put8(at + i, kTcpOptionNop);
  }
  // What is not in the header: the length in the pseudo header, data.
  void Replace(Be16 from, Be16 to) noexcept { delta_.Replace(from, to); }

  void Finish() noexcept { tcp_->checksum = delta_.Apply(tcp_->checksum); }

 private:
  [[nodiscard]] bool IsOdd(const uint8_t* at) const noexcept { return ((at - header_) & 1) != 0; }
  [[nodiscard]] Be32 AsSummed(const uint8_t* at, Be32 value) const noexcept {
    return IsOdd(at) ? Be32::FromRaw(std::rotl(value.raw(), 8)) : value;
  }

  uint8_t* header_;
  TcpHeader* tcp_;
  ChecksumDelta delta_;
};

// The IP header says `ip_length` from now on, and so does `parsed`.
inline void SetIpLength(uint8_t* frame, ParsedPacket* parsed, uint32_t ip_length) noexcept {
  parsed->ip_length = ip_length;
  if (parsed->is_v4()) {
    auto* ip = HeaderAt<Ipv4Header>(frame, parsed->l3_offset);
    const Be16 length = Be16::FromHost(static_cast<uint16_t>(ip_length));
    ChecksumDelta delta;
    delta.Replace(ip->total_length, length);
    ip->total_length = length;
    ip->checksum = delta.Apply(ip->checksum);
  } else {
    HeaderAt<Ipv6Header>(frame, parsed->l3_offset)->payload_length =
        Be16::FromHost(static_cast<uint16_t>(ip_length - sizeof(Ipv6Header)));
  }
}

// Options of this kind become NOPs.
inline void BlankOption(uint8_t* frame, const ParsedPacket& parsed, uint8_t kind) noexcept {
  TcpEdit edit(frame, parsed);
  ForEachTcpOption(frame, parsed, [&](const TcpOption& option) {
    if (option.kind == kind) edit.Blank(option);
  });
  edit.Finish();
}

// The largest segment that the sender of this SYN takes becomes `bytes` smaller, so that what is
// put into segments to it later finds room in a packet. Without the option nothing is done: then
// the segments are small (RFC 9293 section 3.7.1).
inline void LowerMss(uint8_t* frame, const ParsedPacket& parsed, uint16_t bytes) noexcept {
  TcpEdit edit(frame, parsed);
  ForEachTcpOption(frame, parsed, [&](const TcpOption& option) {
    if (option.kind != kTcpOptionMss || option.length != 4) return;
    const uint16_t mss = Be16::Load(option.data).host();
    constexpr uint16_t kLeast = 64;  // below that Linux itself does not go
    if (mss >= kLeast + bytes) edit.Put16(option.data, static_cast<uint16_t>(mss - bytes));
  });
  edit.Finish();
}

}  // namespace fairlead::dataplane
