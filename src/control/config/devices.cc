#include "control/config/devices.h"

#include "control/config/names.h"

namespace fairlead::control {
namespace {

std::string_view InterfaceOf(std::string_view device) {
  constexpr std::string_view kKey = ",iface=";
  const size_t at = device.find(kKey);
  if (at == std::string_view::npos) return {};
  const std::string_view value = device.substr(at + kKey.size());
  return value.substr(0, value.find(','));
}

std::string_view WithoutDomain(std::string_view name) {
  constexpr std::string_view kDomain = "0000:";
  return name.starts_with(kDomain) ? name.substr(kDomain.size()) : name;
}

}  // namespace

std::vector<std::string> DevicesOf(const PortConfig& port) {
  return port.bond ? port.bond->members : std::vector<std::string>{port.device};
}

std::string_view DeviceName(std::string_view device) { return device.substr(0, device.find(',')); }

bool IsSameDevice(std::string_view one, std::string_view other) {
  const std::string_view interface = InterfaceOf(one);
  return WithoutDomain(DeviceName(one)) == WithoutDomain(DeviceName(other)) ||
         (!interface.empty() && interface == InterfaceOf(other));
}

std::string BondText(const BondConfig& bond) {
  std::string text = "bond " + std::string(ToWord(bond.mode)) + ":";
  for (const std::string& member : bond.members) text += " " + member;
  if (!bond.primary.empty()) text += " primary " + bond.primary;
  if (bond.rate != LacpRate::kSlow) text += " rate " + std::string(ToWord(bond.rate));
  return text;
}

}  // namespace fairlead::control
