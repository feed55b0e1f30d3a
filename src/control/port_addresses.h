// Which addresses the director has on its networks, and which of them it answers for.
//
//   PortAddresses addresses = AddressesOf(model, kernel);
//   for (const Prefix& prefix : addresses[port.index()]) …        // configured ones first
//   for (const AnsweredVip& vip : AnswersOf(model, addresses)) if (vip.is_answered) …
//
// Whatever is on the kernel twin of a port is an address of that port, whoever put it there. A
// virtual address is answered for as `announce` of its services says: always, never, or while some
// twin has it. What the configuration gives to a port is answered for there in any case.
// Threads: pure.
#pragma once

#include <string>
#include <vector>

#include "control/config/model.h"
#include "control/config/virtual_addresses.h"
#include "control/kernel_network.h"

namespace fairlead::control {

// By PortId; host bits are the address.
using PortAddresses = std::vector<std::vector<Prefix>>;

// `kernel`: null, the twins have what the configuration names.
PortAddresses AddressesOf(const ConfigModel& model, const KernelNetwork* kernel);

struct AnsweredVip {
  IpAddress address;
  Announce announce = Announce::kNever;
  bool is_answered = false;
};
// Of one of its services, which says `announce`: "announce: follow-kernel, and no kernel twin has
// the address".
std::string WhyAnswered(Announce announce, bool is_answered);
// Each virtual address once, sorted.
std::vector<AnsweredVip> AnswersOf(const ConfigModel& model, const PortAddresses& addresses);

// Whether a port is one on which virtual addresses are spoken of.
using PortChoice = bool (*)(const PortConfig& port);
// What is answered for, by PortId, sorted: the port's own addresses; with `choice` virtual ones.
std::vector<std::vector<IpAddress>> AnsweredOn(const ConfigModel& model,
                                               const PortAddresses& addresses, PortChoice choice);

}  // namespace fairlead::control
