#include "control/presence.h"

#include <algorithm>
#include <unordered_set>

#include "control/config/names.h"

namespace fairlead::control {
namespace {

using AddressSet = std::unordered_set<IpAddress>;

bool IsAnswered(const VirtualAddress& vip, const AddressSet& on_twins, const Presence& presence) {
  switch (vip.announce) {
    case Announce::kAlways:
      return true;
    case Announce::kWhenReady:
      return presence.is_ready;
    case Announce::kFollowKernel:
      return on_twins.contains(vip.address);
    case Announce::kNever:
      break;
  }
  return false;
}

bool HasAddress(const PortConfig& port, const IpAddress& address) {
  return std::ranges::any_of(port.addresses,
                             [&](const Prefix& prefix) { return prefix.address == address; });
}

SilentAddress::Why WhySilent(Announce announce) {
  switch (announce) {
    case Announce::kWhenReady:
      return SilentAddress::Why::kNotReady;
    case Announce::kFollowKernel:
      return SilentAddress::Why::kNotOnTwin;
    case Announce::kAlways:
    case Announce::kNever:
      break;
  }
  return SilentAddress::Why::kNever;
}

}  // namespace

std::vector<AnsweredVip> AnswersOf(const ConfigModel& model, const PortAddresses& addresses,
                                   const Presence& presence) {
  AddressSet on_twins;
  for (const std::vector<Prefix>& port : addresses) {
    for (const Prefix& prefix : port) on_twins.insert(prefix.address);
  }
  std::vector<AnsweredVip> all;
  for (const VirtualAddress& vip : VirtualAddresses(model)) {
    all.push_back({vip.address, vip.announce, IsAnswered(vip, on_twins, presence)});
  }
  return all;
}

std::string WhyAnswered(Announce announce, bool is_answered) {
  const std::string wanted = "announce: " + std::string(ToWord(announce));
  switch (announce) {
    case Announce::kAlways:
    case Announce::kNever:
      break;
    case Announce::kWhenReady:
      return wanted + (is_answered ? ", and the director is ready" : ", and it is not ready yet");
    case Announce::kFollowKernel:
      return wanted + (is_answered ? ", and a kernel twin has the address"
                                   : ", and no kernel twin has the address");
  }
  return wanted;
}

SilentAddresses SilentOf(const std::vector<AnsweredVip>& answers) {
  SilentAddresses silent;
  for (const AnsweredVip& vip : answers) {
    if (!vip.is_answered) silent.push_back({vip.address, WhySilent(vip.announce)});
  }
  return silent;
}

std::string_view SentenceOf(SilentAddress::Why why) {
  switch (why) {
    case SilentAddress::Why::kNever:
      return "announce is never";
    case SilentAddress::Why::kNotReady:
      return "announce is when-ready, and the director is not ready; fairlead ready says why";
    case SilentAddress::Why::kNotOnTwin:
      return "announce is follow-kernel, and no kernel twin has the address";
  }
  return "";
}

std::vector<std::vector<IpAddress>> AnsweredOn(const ConfigModel& model,
                                               const PortAddresses& addresses,
                                               const Presence& presence, PortChoice choice) {
  const std::vector<AnsweredVip> virtual_ones = AnswersOf(model, addresses, presence);
  AddressSet silent;
  for (const AnsweredVip& vip : virtual_ones) {
    if (!vip.is_answered) silent.insert(vip.address);
  }
  std::vector<std::vector<IpAddress>> all;
  for (size_t i = 0; i < model.ports.size(); ++i) {
    std::vector<IpAddress>& answered = all.emplace_back();
    for (const Prefix& prefix : addresses[i]) {
      const IpAddress& address = prefix.address;
      if (!silent.contains(address) || HasAddress(model.ports[i], address)) {
        answered.push_back(address);
      }
    }
    for (const AnsweredVip& vip : virtual_ones) {
      if (vip.is_answered && choice(model.ports[i])) answered.push_back(vip.address);
    }
    std::ranges::sort(answered);
    answered.erase(std::unique(answered.begin(), answered.end()), answered.end());
  }
  return all;
}

}  // namespace fairlead::control
