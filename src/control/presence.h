// Which virtual addresses this director speaks for at the moment, besides what the configuration
// says: it answers ARP and ND for them and announces them.
//
//   const Presence presence{.is_ready = true};
//   if (presence.Announces(vip)) …
//   for (const SilentAddress& silent : presence.SilentOf(model)) …silent.address, silent.why…
//
// Threads: values.
#pragma once

#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "control/config/model.h"
#include "control/config/virtual_addresses.h"

namespace fairlead::control {

// A virtual address that nobody is told of, and why.
struct SilentAddress {
  enum class Why { kNever, kNotReady };
  IpAddress address;
  Why why = Why::kNever;
  friend bool operator==(const SilentAddress&, const SilentAddress&) = default;
};
using SilentAddresses = std::vector<SilentAddress>;  // sorted by address, each once
[[nodiscard]] std::string_view SentenceOf(SilentAddress::Why why);

struct Presence {
  bool is_ready = false;  // readiness.h

  [[nodiscard]] bool Announces(const VirtualAddress& vip) const;
  [[nodiscard]] SilentAddresses SilentOf(const ConfigModel& model) const;
  friend bool operator==(const Presence&, const Presence&) = default;
};

}  // namespace fairlead::control
