// The ways a packet goes to its real server, each described once: whoever wants to know what a
// method does asks its description and compares with no enumerator.
//
//   if (RewritesReplies(record.method)) …the reply comes from the real server's own address…
//   TraitsOf(ForwardMethod::kTun).word;                     // "tun"
//   ForwardMethodOf("localnode");                           // nullopt
//   MadeHeaderBytes(ForwardMethod::kTun, Family::kIpv6);    // 40
//
// A method that is added does not compile until TraitsOf describes it: the switch there has no
// default, and each member of a description must be given. What differs in code is a switch of that
// kind too (path/forward.h, path/fast_path.h). docs/extending.md lists the places. Threads:
// constants.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ip_address.h"

namespace fairlead {

// The numbers are kept in records; 1 and 4 are for IPVS's local nodes and bypass. IPVS has no
// FULLNAT: to its sync messages and its tools it is masquerading.
enum class ForwardMethod : uint8_t { kNat = 0, kTun = 2, kDr = 3, kFullnat = 5 };

struct MethodTraits {
  std::string_view word;          // in YAML and JSON
  std::string_view option;        // of ipvsadm
  std::string_view listing_word;  // of ipvsadm -L
  uint8_t sync_number;            // in the flags of IPVS's sync messages, the low three bits
  // Replies come back here from the real server's own address and are rewritten. Else the real
  // server has the virtual address and answers past the director.
  bool rewrites_replies;
  // The real server sees an address and a port of ours in place of the client's, and answers to
  // those. A connection has them as its local endpoint.
  bool translates_client;
  bool may_change_port;     // the real server's port need not be the service's
  bool may_mix_families;    // the real server's address may be of the other family
  uint8_t made_header_ip4;  // bytes put in front of the packet, by the family of the outer header;
  uint8_t made_header_ip6;  // 0: none. Of tunnels the least, IP in IP: tunnel.h knows the others
};

constexpr MethodTraits TraitsOf(ForwardMethod method) noexcept {
  switch (method) {
    case ForwardMethod::kNat:
      return {.word = "nat",
              .option = "-m",
              .listing_word = "Masq",
              .sync_number = 0,
              .rewrites_replies = true,
              .translates_client = false,
              .may_change_port = true,
              .may_mix_families = false,
              .made_header_ip4 = 0,
              .made_header_ip6 = 0};
    case ForwardMethod::kDr:
      return {.word = "dr",
              .option = "-g",
              .listing_word = "Route",
              .sync_number = 3,
              .rewrites_replies = false,
              .translates_client = false,
              .may_change_port = false,
              .may_mix_families = false,
              .made_header_ip4 = 0,
              .made_header_ip6 = 0};
    case ForwardMethod::kTun:  // IP in IP, GUE, GRE (tunnel.h)
      return {.word = "tun",
              .option = "-i",
              .listing_word = "Tunnel",
              .sync_number = 2,
              .rewrites_replies = false,
              .translates_client = false,
              .may_change_port = false,
              .may_mix_families = true,
              .made_header_ip4 = 20,
              .made_header_ip6 = 40};
    case ForwardMethod::kFullnat:  // NAT of the client's endpoint too (docs/fullnat.md)
      return {.word = "fullnat",
              .option = "--fullnat",
              .listing_word = "FullNat",
              .sync_number = 0,
              .rewrites_replies = true,
              .translates_client = true,
              .may_change_port = true,
              .may_mix_families = true,
              .made_header_ip4 = 0,
              .made_header_ip6 = 0};
  }
  return {};  // no method has this number
}

// Every method, as lists name them.
inline constexpr std::array kForwardMethods = {ForwardMethod::kNat, ForwardMethod::kDr,
                                               ForwardMethod::kTun, ForwardMethod::kFullnat};

namespace internal {

constexpr bool IsMethod(unsigned number) noexcept {
  return !TraitsOf(static_cast<ForwardMethod>(number)).word.empty();
}
constexpr bool AreListed() noexcept {
  size_t count = 0;
  for (unsigned number = 0; number < 256; ++number) count += IsMethod(number) ? 1 : 0;
  for (const ForwardMethod method : kForwardMethods) {
    if (static_cast<unsigned>(method) >= 32) return false;  // a bit of a mask each
    count -= IsMethod(static_cast<unsigned>(method)) ? 1 : 0;
  }
  return count == 0;
}
static_assert(AreListed(), "kForwardMethods has every method that is described");

// Bit m: method m has the trait. The hot path asks with one instruction.
constexpr uint32_t MethodsThat(bool MethodTraits::*trait) noexcept {
  uint32_t mask = 0;
  for (const ForwardMethod method : kForwardMethods) {
    if (TraitsOf(method).*trait) mask |= uint32_t{1} << static_cast<unsigned>(method);
  }
  return mask;
}

}  // namespace internal

constexpr bool RewritesReplies(ForwardMethod method) noexcept {
  constexpr uint32_t kMask = internal::MethodsThat(&MethodTraits::rewrites_replies);
  return (kMask >> static_cast<unsigned>(method) & 1) != 0;
}

constexpr bool TranslatesClient(ForwardMethod method) noexcept {
  constexpr uint32_t kMask = internal::MethodsThat(&MethodTraits::translates_client);
  return (kMask >> static_cast<unsigned>(method) & 1) != 0;
}

constexpr uint32_t MadeHeaderBytes(ForwardMethod method, Family outer) noexcept {
  const MethodTraits traits = TraitsOf(method);
  return outer == Family::kIpv4 ? traits.made_header_ip4 : traits.made_header_ip6;
}

constexpr bool IsTunnel(ForwardMethod method) noexcept {
  return MadeHeaderBytes(method, Family::kIpv4) != 0;
}

// By its word in YAML and JSON.
constexpr std::optional<ForwardMethod> ForwardMethodOf(std::string_view word) noexcept {
  for (const ForwardMethod method : kForwardMethods) {
    if (TraitsOf(method).word == word) return method;
  }
  return std::nullopt;
}

}  // namespace fairlead
