// Where FULLNAT's connections come from, as workers see it: a pool for each list of addresses that
// real servers have, under a number that stays while one has it.
//
//   LocalPools pools;
//   pools.Begin(model.prefix_sets);
//   view.local_pool = pools.Intern(forward.local_addresses, real.family());
//   if (!pools.Settle(&snapshot)) …the pools are those of the snapshot before…
//
// A real that was removed keeps its pool until its last connection has gone, since the director
// answers for the addresses until then. So there may be more pools than the configuration has lists
// (kMaxLocalLists), but never more than have numbers: a real that finds none free has no pool.
// Reals with one list cost a look-up each, however long the list. Threads: the control core.
#pragma once

#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "control/config/local_addresses.h"
#include "control/config/model.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

class LocalPools {
 public:
  static constexpr size_t kMostPools = dataplane::LocalPoolId::kNoneValue;

  // Before reals are asked for: the sets that lists name.
  void Begin(const std::vector<PrefixSet>& sets);
  // The pool of the addresses of this family.
  dataplane::LocalPoolId Intern(const LocalAddresses& addresses, Family family);
  // A real has its pool no more, or has another.
  void NoteReleased() { has_changed_ = true; }
  // Once all reals have theirs: forgets what none has, and puts the others into the snapshot.
  // False: nothing has changed since the last time, and `snapshot` is left as it is.
  bool Settle(dataplane::Snapshot* snapshot);

 private:
  using Addresses = std::vector<IpAddress>;
  // By list as written, of one family.
  using Known = std::unordered_map<LocalAddresses, dataplane::LocalPoolId, LocalAddressesHash>;

  dataplane::LocalPoolId IdOf(Addresses list);

  std::map<Addresses, dataplane::LocalPoolId> ids_;
  std::vector<Addresses> pools_;  // [LocalPoolId]; empty: free
  std::vector<size_t> free_;      // places in pools_
  bool has_changed_ = false;
  std::vector<PrefixSet> sets_;
  Known known4_, known6_;  // what was asked with these sets
};

// Adds the addresses of all pools to those of each port ([PortId]) where they are answered for:
// where real servers may be. Pools may share addresses.
void AddLocalAddresses(const ConfigModel& model, std::span<const dataplane::LocalPool> pools,
                       std::vector<std::vector<IpAddress>>* of_ports);

}  // namespace fairlead::control
