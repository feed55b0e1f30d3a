#include "control/presence.h"

namespace fairlead::control {

std::string_view SentenceOf(SilentAddress::Why why) {
  switch (why) {
    case SilentAddress::Why::kNever:
      return "announce is never";
    case SilentAddress::Why::kNotReady:
      return "announce is when-ready, and the director is not ready; fairlead ready says why";
  }
  return "";
}

bool Presence::Announces(const VirtualAddress& vip) const {
  return vip.announce == Announce::kAlways || (vip.announce == Announce::kWhenReady && is_ready);
}

SilentAddresses Presence::SilentOf(const ConfigModel& model) const {
  SilentAddresses silent;
  for (const VirtualAddress& vip : VirtualAddresses(model)) {
    if (Announces(vip)) continue;
    const bool waits = vip.announce == Announce::kWhenReady;
    silent.push_back(
        {vip.address, waits ? SilentAddress::Why::kNotReady : SilentAddress::Why::kNever});
  }
  return silent;
}

}  // namespace fairlead::control
