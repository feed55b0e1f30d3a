// Which virtual addresses this director speaks for at the moment: it answers ARP and ND for them
// and announces them.
//
//   const Presence presence{.is_ready = true};
//   const auto answers = AnswersOf(model, addresses, presence);
//   for (const AnsweredVip& vip : answers) if (vip.is_answered) …
//   for (const SilentAddress& silent : SilentOf(answers)) …silent.address, silent.why…
//
// A virtual address is answered for as `announce` of its services says: always, never, while the
// director is ready, or while some kernel twin has it. What the configuration gives to a port is
// answered for there in any case.
// Threads: values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "control/config/model.h"
#include "control/config/virtual_addresses.h"
#include "control/port_addresses.h"

namespace fairlead::control {

struct Presence {
  bool is_ready = false;  // readiness.h
  friend bool operator==(const Presence&, const Presence&) = default;
};

struct AnsweredVip {
  IpAddress address;
  Announce announce = Announce::kNever;
  bool is_answered = false;
};
// Of each virtual address, sorted.
std::vector<AnsweredVip> AnswersOf(const ConfigModel& model, const PortAddresses& addresses,
                                   const Presence& presence);
// "announce: follow-kernel, and no kernel twin has the address"
std::string WhyAnswered(Announce announce, bool is_answered);

// A virtual address that nobody is told of, and why.
struct SilentAddress {
  enum class Why { kNever, kNotReady, kNotOnTwin };
  IpAddress address;
  Why why = Why::kNever;
  friend bool operator==(const SilentAddress&, const SilentAddress&) = default;
};
using SilentAddresses = std::vector<SilentAddress>;  // sorted by address, each once
SilentAddresses SilentOf(const std::vector<AnsweredVip>& answers);
[[nodiscard]] std::string_view SentenceOf(SilentAddress::Why why);

// Whether a port is one on which virtual addresses are spoken of.
using PortChoice = bool (*)(const PortConfig& port);
// What is answered for, by PortId, sorted: the port's own addresses; with `choice` virtual ones.
std::vector<std::vector<IpAddress>> AnsweredOn(const ConfigModel& model,
                                               const PortAddresses& addresses,
                                               const Presence& presence, PortChoice choice);

}  // namespace fairlead::control
