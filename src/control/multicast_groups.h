// The multicast groups the director listens to, told to switches and routers that ask (MLD).
//
//   groups.Join(GroupsOf(model, addresses, presence, snapshot.local_pools));
//                                                // what is new is reported, what has gone is left
//   groups.OnQuery(event, now);                  // a worker has seen a query
//   groups.Tick(now);                            // sends what is due
//
// Theory of operation. Whoever looks for an IPv6 address asks the address's solicited-node group,
// and a switch that snoops gives such a question only to ports from which the group was reported.
// So each port reports the groups of every address that is answered for on it: at once and again
// twice when they change, and when asked, at a random moment of the time the question allows. A
// question about all groups is answered by as many reports as it takes, kMaxListenerRecords groups
// each. Where the one that asks speaks only version 1, so do we for a while: a message a group.
// Everything is paced: kFramesPerTick, so that 20,000 addresses neither flood a link nor fill the
// mail to the workers.
//
// Of IPv4 no group is joined: ARP is broadcast. The kernel twin reports what the kernel has joined.
// Threads: the control core.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "control/config/model.h"
#include "control/port_addresses.h"
#include "control/port_runtime.h"
#include "control/presence.h"
#include "control/time_point.h"
#include "control/worker_mail.h"
#include "dataplane/shard/mailbox.h"
#include "dataplane/snapshot/snapshot.h"
#include "dataplane/wire/multicast_listener.h"

namespace fairlead::control {

// By port: sorted groups, each once.
using PortGroups = std::vector<std::vector<IpAddress>>;

// Those of its own addresses on each port, of every virtual address answered for on all, and of
// FULLNAT's local addresses on all but those of role outside.
PortGroups GroupsOf(const ConfigModel& model, const PortAddresses& addresses,
                    const Presence& presence, std::span<const dataplane::LocalPool> local_pools);

class MulticastGroups {
 public:
  static constexpr int kRepeats = 2;
  static constexpr std::chrono::seconds kRepeatInterval{1};
  static constexpr std::chrono::seconds kLongestDelay{10};
  static constexpr std::chrono::seconds kVersion1Time{260};  // RFC 3810 section 9.12
  static constexpr size_t kFramesPerTick = 32;

  MulticastGroups(WorkerMail& mail, std::span<const PortConfig> ports,
                  std::span<const PortRuntime> runtimes, uint32_t seed);

  // Precondition: an entry for each port.
  void Join(PortGroups wanted);
  // An event kMulticastQuery.
  void OnQuery(const dataplane::Event& event, TimePoint now);
  void Tick(TimePoint now);

  [[nodiscard]] size_t size(PortId port) const { return ports_[port.index()].groups.size(); }

 private:
  struct Change {
    dataplane::ListenerRecord record;
    TimePoint when;  // of a repetition
    int left;
  };
  struct Port {
    Ipv6Address source;
    MacAddress mac;
    std::vector<IpAddress> groups;       // sorted
    std::deque<Change> news;             // to be said at once
    std::deque<Change> repeats;          // in the order they are due
    std::optional<TimePoint> all_due;    // an answer about all groups
    std::optional<IpAddress> all_after;  // under way: the group told of last
    std::map<IpAddress, TimePoint> due;  // answers about single groups; at most `groups`
    TimePoint version_1_until{};
  };
  using Records = std::vector<dataplane::ListenerRecord>;

  // At most `room` records that are due, taken off what waits.
  Records TakeDue(Port& port, size_t room, TimePoint now);
  void TakeChange(std::deque<Change>* from, Port& port, Records* into, TimePoint now);
  void TakeOfAll(Port& port, size_t room, Records* into);
  TimePoint RandomMoment(TimePoint now, uint32_t delay_ms);

  WorkerMail& mail_;
  std::vector<Port> ports_;
  size_t next_port_ = 0;  // whose turn it is: none waits for ever
  std::minstd_rand random_;
};

}  // namespace fairlead::control
