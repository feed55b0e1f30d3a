// Where FULLNAT's connections come from, as workers see it: a pool for each list of addresses that
// real servers have, under a number that stays while one has it.
//
//   LocalPools pools;
//   view.local_pool = pools.Intern(model.prefix_sets, forward.local_addresses, real.family());
//   if (!pools.Settle(&snapshot)) …the pools are those of the snapshot before…
//
// A real that was removed keeps its pool until its last connection has gone, since the director
// answers for the addresses until then. Threads: the control core.
#pragma once

#include <map>
#include <vector>

#include "control/config/model.h"
#include "dataplane/snapshot/snapshot.h"

namespace fairlead::control {

class LocalPools {
 public:
  // The pool of the addresses of this family.
  dataplane::LocalPoolId Intern(const std::vector<PrefixSet>& sets, const LocalAddresses& addresses,
                                Family family);
  // A real has its pool no more, or has another.
  void NoteReleased() { has_changed_ = true; }
  // Once all reals have theirs: forgets what none has, and puts the others into the snapshot.
  // False: nothing has changed since the last time, and `snapshot` is left as it is.
  bool Settle(dataplane::Snapshot* snapshot);

 private:
  using Addresses = std::vector<IpAddress>;

  std::map<Addresses, dataplane::LocalPoolId> ids_;
  std::vector<Addresses> pools_;  // [LocalPoolId]; empty: free
  bool has_changed_ = false;
  // What was asked last: mostly the next real has the same.
  std::vector<PrefixSet> last_sets_;
  LocalAddresses last_addresses_;
  Family last_family_ = Family::kIpv4;
  dataplane::LocalPoolId last_id_;
};

}  // namespace fairlead::control
