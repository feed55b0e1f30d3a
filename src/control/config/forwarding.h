// How packets go to a real server, and what the method of it needs besides.
//
//   real.forward = ForwardMethod::kDr;                      // a method alone is one
//   if (HasLocalAddresses(real.forward.method)) …its local_addresses are not empty…
//
// Threads: values. Copies share the lists of addresses.
#pragma once

#include <cstddef>
#include <string>

#include "base/client_address.h"
#include "base/forward_method.h"
#include "base/ip_address.h"
#include "base/shared_list.h"
#include "base/tunnel.h"
#include "control/config/address_match.h"

namespace fairlead::control {

// Whether the director speaks to real servers from addresses that the method is given.
constexpr bool HasLocalAddresses(ForwardMethod method) { return method == ForwardMethod::kFullnat; }

// The addresses that FULLNAT speaks to real servers from. Copies share them.
inline constexpr size_t kMaxLocalAddresses = 256;  // of one `forward`
struct LocalAddresses {
  SharedVector<std::string> sets{};  // names of prefix sets, without the "@"
  SharedVector<Prefix> prefixes{};
  [[nodiscard]] bool empty() const { return sets.empty() && prefixes.empty(); }
  [[nodiscard]] AddressMatch match() const { return {sets.vector(), prefixes.vector()}; }
  friend bool operator==(const LocalAddresses&, const LocalAddresses&) = default;
};

// How packets go to a real server. The tunnel says something with kTun alone, and is plain else;
// the last two say something with kFullnat alone.
struct Forwarding {
  Forwarding(ForwardMethod how = ForwardMethod::kNat,
             const Tunnel& through = {})  // NOLINT: a method alone is one
      : method(how), tunnel(through) {}

  ForwardMethod method;
  Tunnel tunnel;
  LocalAddresses local_addresses{};  // kFullnat: not empty
  ClientAddress client_address = ClientAddress::kNone;
  friend bool operator==(const Forwarding&, const Forwarding&) = default;
};

}  // namespace fairlead::control
