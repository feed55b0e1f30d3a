// The interface of the kernel that a port's device names in its arguments.
//
//   KernelInterfaceOf("net_af_packet0,iface=eth1")   // "eth1"
//
// Empty: it names none. Threads: pure.
#pragma once

#include <string_view>

namespace fairlead::control {

inline std::string_view KernelInterfaceOf(std::string_view device) {
  constexpr std::string_view kKey = ",iface=";
  const size_t at = device.find(kKey);
  if (at == std::string_view::npos) return {};
  const std::string_view value = device.substr(at + kKey.size());
  return value.substr(0, value.find(','));
}

}  // namespace fairlead::control
