// Sequence numbers where the director has put bytes into a stream, or begun it at another number:
// the two sides count differently, and each segment is changed on its way.
//
//   ShiftToReal(packet.data(), parsed, shifts);      // of the client: its sequence; what it
//   ShiftToClient(packet.data(), parsed, shifts);    // acknowledges is counted as the real counts
//
// Changed are sequence and acknowledgement, the edges of all SACK blocks, and the client's
// timestamps with their echo; the checksum follows by difference, so a bad one stays bad. The
// option of timestamps counts only where `timestamp_shift` is set.
// Precondition: parsed is a kFlow of TCP. Threads: pure functions over the caller's bytes.
#pragma once

#include "dataplane/wire/tcp_edit.h"

namespace fairlead::dataplane {

// Sequence numbers of one direction, as the kernel's sync option 1 has them: a number after
// `initial` is shifted by `delta`, an earlier one by `previous_delta`. *After* is a comparison in a
// circle, so it is right for two gigabytes. Who shifts a stream for longer sets previous_delta to
// delta as soon as no earlier number can come.
struct SequenceShift {
  uint32_t initial = 0;
  uint32_t delta = 0;
  uint32_t previous_delta = 0;

  [[nodiscard]] constexpr bool is_none() const noexcept { return (delta | previous_delta) == 0; }
};

constexpr bool IsAfter(uint32_t a, uint32_t b) noexcept { return static_cast<int32_t>(a - b) > 0; }

// From the sender's count to the receiver's.
constexpr uint32_t Shifted(const SequenceShift& shift, uint32_t number) noexcept {
  return number + (IsAfter(number, shift.initial) ? shift.delta : shift.previous_delta);
}

// From the receiver's count to the sender's. Bytes that were put in are nobody's: who has
// acknowledged some of them waits for the byte behind them, the first after `initial`.
constexpr uint32_t ShiftedBack(const SequenceShift& shift, uint32_t number) noexcept {
  if (IsAfter(number, shift.initial + shift.delta)) return number - shift.delta;
  const uint32_t earlier = number - shift.previous_delta;
  return IsAfter(earlier, shift.initial) ? shift.initial + 1 : earlier;
}

struct FlowShifts {
  SequenceShift to_real;
  SequenceShift to_client;
  uint32_t timestamp_shift = 0;  // added to the client's timestamps
  // While the real lacks what was put in front of the client's data, everything that it reports
  // with SACK would, counted back, begin with the very byte that the client waits to see
  // acknowledged. A sender may then keep that byte and never send it again. Without SACK it does.
  bool hides_sack_from_client = false;
};

namespace internal {

inline void ShiftOptions(uint8_t* frame, const ParsedPacket& parsed, TcpEdit* edit,
                         const SequenceShift& acknowledged, bool hides_sack, uint32_t at_timestamp,
                         uint32_t timestamp_shift) noexcept {
  ForEachTcpOption(frame, parsed, [&](const TcpOption& option) {
    if (option.kind == kTcpOptionSack) {
      if (hides_sack) return edit->Blank(option);
      if (acknowledged.is_none()) return;
      for (int edge = 0; edge < (option.length - 2) / 4; ++edge) {
        uint8_t* at = option.data + edge * 4;
        edit->Put32(at, ShiftedBack(acknowledged, Be32::Load(at).host()));
      }
    } else if (option.kind == kTcpOptionTimestamps && option.length == 10 && timestamp_shift != 0) {
      uint8_t* at = option.data + at_timestamp;
      edit->Put32(at, Be32::Load(at).host() + timestamp_shift);
    }
  });
}

inline void Shift(uint8_t* frame, const ParsedPacket& parsed, const SequenceShift& sent,
                  const SequenceShift& acknowledged, bool hides_sack, uint32_t at_timestamp,
                  uint32_t timestamp_shift) noexcept {
  TcpEdit edit(frame, parsed);
  if (!sent.is_none()) {
    edit.Put32(edit.at_sequence(), Shifted(sent, Be32::Load(edit.at_sequence()).host()));
  }
  const bool acknowledges = (parsed.tcp_flags & kTcpAck) != 0;
  if (acknowledges && !acknowledged.is_none()) {
    uint8_t* at = edit.at_acknowledgement();
    edit.Put32(at, ShiftedBack(acknowledged, Be32::Load(at).host()));
  }
  if (hides_sack || timestamp_shift != 0 || !acknowledged.is_none()) {
    ShiftOptions(frame, parsed, &edit, acknowledged, hides_sack, at_timestamp, timestamp_shift);
  }
  edit.Finish();
}

}  // namespace internal

inline void ShiftToReal(uint8_t* frame, const ParsedPacket& parsed,
                        const FlowShifts& shifts) noexcept {
  constexpr uint32_t kValue = 0;
  internal::Shift(frame, parsed, shifts.to_real, shifts.to_client, false, kValue,
                  shifts.timestamp_shift);
}

inline void ShiftToClient(uint8_t* frame, const ParsedPacket& parsed,
                          const FlowShifts& shifts) noexcept {
  constexpr uint32_t kEcho = 4;
  // An echo is one only beside an acknowledgement (RFC 7323 section 3.2).
  const bool has_echo = (parsed.tcp_flags & kTcpAck) != 0;
  internal::Shift(frame, parsed, shifts.to_client, shifts.to_real, shifts.hides_sack_from_client,
                  kEcho, has_echo ? 0 - shifts.timestamp_shift : 0);
}

// An ICMP error about a segment that was shifted to the real, on its way to the client: the client
// believes it only with a number that it has sent (RFC 5927 section 4.1). `quoted_l4_offset`: where
// the quoted TCP header begins. A quotation without the whole number is left.
inline void ShiftQuotedBack(uint8_t* frame, uint32_t frame_length, const ParsedPacket& parsed,
                            uint32_t quoted_l4_offset, const SequenceShift& to_real) noexcept {
  if (quoted_l4_offset + 8 > frame_length || to_real.is_none()) return;
  uint8_t* at = frame + quoted_l4_offset + 4;
  const Be32 before = Be32::Load(at);
  const Be32 after = Be32::FromHost(ShiftedBack(to_real, before.host()));
  after.Store(at);
  auto* icmp = HeaderAt<IcmpHeader>(frame, parsed.l4_offset);
  ChecksumDelta delta;
  delta.Replace(before, after);
  icmp->checksum = delta.Apply(icmp->checksum);
}

}  // namespace fairlead::dataplane
