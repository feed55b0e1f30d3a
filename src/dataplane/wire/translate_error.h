// ICMP errors between the IP versions (RFC 7915 sections 4.2 and 5.2): the error, what it quotes,
// and the figure of "too big".
//
//   std::array<uint8_t, kMaxTranslatedError> made;
//   const uint32_t length = TranslateIcmpError(frame, parsed, quoted, from, to, made.data());
//   if (length == 0) …the other version has no such error: kCannotTranslate
//
// As with RewriteIcmpFullnat, the error goes from → to whoever sent it, and the packet it quotes
// went to → from. What is quoted behind the ports is as it was, its checksum too; extensions (RFC
// 4884) are left out, and so is what exceeds the length of an error.
// Preconditions: kRelated, HasGoodIcmpChecksum, parsed.ttl > 1. Threads: pure.
#pragma once

#include "dataplane/wire/icmp_build.h"
#include "dataplane/wire/icmp_error.h"

namespace fairlead::dataplane {

inline constexpr uint32_t kMaxTranslatedError = kEthernetHeaderLength + kMaxIcmpv6ErrorBytes;

// Bytes of the frame written at `made`; its Ethernet addresses are the caller's to write.
[[nodiscard]] uint32_t TranslateIcmpError(const uint8_t* frame, const ParsedPacket& parsed,
                                          const QuotedPacket& quoted, const Endpoint& from,
                                          const Endpoint& to, uint8_t* made) noexcept;

}  // namespace fairlead::dataplane
