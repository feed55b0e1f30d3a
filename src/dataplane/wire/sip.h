// The Call-ID of a SIP message, for the persistence engine `sip` (ipvs.md, SIP engine).
//
//   std::string_view payload = …;                       // of a UDP datagram
//   std::string_view call_id = FindCallId(payload);     // empty: none that counts
//
// What counts (RFC 3261 sections 7.3, 20.8, 25.1): a header line "Call-ID" or "i", in any case,
// with blanks around the colon allowed, whose value is word ["@" word] of 1 to 255 bytes and is
// followed at once by CR or LF. The first such header decides; the start line and the body are not
// looked at. Folded lines do not count.
//
// Threads: pure functions over bytes that anybody may have sent; linear in the length, no
// allocation.
#pragma once

#include <cstdint>
#include <string_view>

namespace fairlead::dataplane {

inline constexpr size_t kMaxCallId = 255;  // bytes

// A part of `message`, or empty.
std::string_view FindCallId(std::string_view message) noexcept;

}  // namespace fairlead::dataplane
