// The protocols of ipvsadm's grammar: those that the director balances, and SCTP, which it refuses.
//
//   NamesOf(kUdp).option          // "-u"
//   ProtocolOf("tcp")             // 6; 0 for a word that is none
//
// Threads: constants.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/transport.h"

namespace fairlead::cli::ipvsadm {

// Numbers of IPPROTO_*; a mark has none.
inline constexpr uint8_t kAnyProtocol = 0, kSctp = 132;
inline constexpr auto kTcp = static_cast<uint8_t>(Transport::kTcp);
inline constexpr auto kUdp = static_cast<uint8_t>(Transport::kUdp);

inline constexpr TransportTraits kSctpNames = {
    .word = "sctp", .option = "--sctp-service", .listing_word = "SCTP", .has_states = true};
static_assert(!IsTransport(kSctp), "it is described now: NamesOf needs no names of its own");

// Without names for kAnyProtocol.
constexpr TransportTraits NamesOf(uint8_t protocol) noexcept {
  return protocol == kSctp ? kSctpNames : TraitsOf(static_cast<Transport>(protocol));
}

constexpr uint8_t ProtocolOf(std::string_view word) noexcept {
  if (word == kSctpNames.word) return kSctp;
  const auto transport = TransportOf(word);
  return transport ? static_cast<uint8_t>(*transport) : kAnyProtocol;
}

}  // namespace fairlead::cli::ipvsadm
