// The transports whose packets are balanced, each described once: what is not TCP is not therefore
// UDP.
//
//   if (HasStates(record.transport())) …a real that is down keeps the connection…
//   switch (parsed.transport()) {          // no default: where transports differ in code
//     case Transport::kTcp: …
//     case Transport::kUdp: …
//   }
//   IsTransport(parsed.protocol)           // before transport() of a packet that may be anything
//   TraitsOf(Transport::kUdp).word         // "udp"
//
// A transport that is added does not compile until it is described here and in each of those
// switches; docs/extending.md lists them. Threads: constants.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fairlead {

// Numbers of IANA, as in an IP header.
enum class Transport : uint8_t { kTcp = 6, kUdp = 17 };

struct TransportTraits {
  // In YAML, JSON and names of services; the key, in `timeouts`, of how long an established flow
  // may be silent; services(5) knows ports by it.
  std::string_view word;
  std::string_view option;        // of ipvsadm
  std::string_view listing_word;  // of ipvsadm -L
  // Packets tell where a connection begins and ends, and it moves through states in between
  // (dataplane/tables/transport_state.h). Else there is one state, which counts as inactive.
  bool has_states;
};

constexpr TransportTraits TraitsOf(Transport transport) noexcept {
  switch (transport) {
    case Transport::kTcp:
      return {.word = "tcp", .option = "-t", .listing_word = "TCP", .has_states = true};
    case Transport::kUdp:
      return {.word = "udp", .option = "-u", .listing_word = "UDP", .has_states = false};
  }
  return {};  // another protocol
}

constexpr bool HasStates(Transport transport) noexcept { return TraitsOf(transport).has_states; }

// Whether the number of an IP header is that of a transport.
constexpr bool IsTransport(uint8_t protocol) noexcept {
  return !TraitsOf(static_cast<Transport>(protocol)).word.empty();
}

namespace internal {

constexpr size_t CountTransports() noexcept {
  size_t count = 0;
  for (unsigned number = 0; number < 256; ++number) {
    count += IsTransport(static_cast<uint8_t>(number)) ? 1 : 0;
  }
  return count;
}

}  // namespace internal

// Every transport, in the order of the numbers.
inline constexpr auto kTransports = [] {
  std::array<Transport, internal::CountTransports()> all{};
  size_t count = 0;
  for (unsigned number = 0; number < 256; ++number) {
    if (IsTransport(static_cast<uint8_t>(number))) all[count++] = static_cast<Transport>(number);
  }
  return all;
}();

constexpr std::optional<Transport> TransportOf(std::string_view word) noexcept {
  for (const Transport transport : kTransports) {
    if (TraitsOf(transport).word == word) return transport;
  }
  return std::nullopt;
}

}  // namespace fairlead
