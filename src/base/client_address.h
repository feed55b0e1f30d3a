// How a FULLNAT real server learns its client's address, each way described once
// (docs/client_address.md).
//
//   ToWord(ClientAddress::kProxyV1);      // "proxy-v1"
//   ClientAddressOf("toa");               // kToa
//   CanTell(ClientAddress::kToa, Transport::kUdp);    // false: it is a TCP option
//
// The numbers are kept in side records. Threads: constants.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/transport.h"

namespace fairlead {

enum class ClientAddress : uint8_t { kNone = 0, kToa = 1, kProxyV1 = 2, kProxyV2 = 3 };
inline constexpr std::array kClientAddresses = {ClientAddress::kNone, ClientAddress::kToa,
                                                ClientAddress::kProxyV1, ClientAddress::kProxyV2};

constexpr std::string_view ToWord(ClientAddress how) noexcept {
  switch (how) {
    case ClientAddress::kNone:
      return "none";
    case ClientAddress::kToa:
      return "toa";
    case ClientAddress::kProxyV1:
      return "proxy-v1";
    case ClientAddress::kProxyV2:
      return "proxy-v2";
  }
  return {};
}

constexpr std::optional<ClientAddress> ClientAddressOf(std::string_view word) noexcept {
  for (const ClientAddress how : kClientAddresses) {
    if (ToWord(how) == word) return how;
  }
  return std::nullopt;
}

constexpr bool CanTell(ClientAddress how, Transport transport) noexcept {
  switch (transport) {
    case Transport::kTcp:
      return true;
    case Transport::kUdp:  // version 1 is for streams alone
      return how == ClientAddress::kNone || how == ClientAddress::kProxyV2;
  }
  return false;
}

}  // namespace fairlead
