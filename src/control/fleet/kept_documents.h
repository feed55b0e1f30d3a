// The last good documents of a fleet on the director's disk, for a start while the store is away.
//
//   Status s = KeepDocuments("/var/lib/fairlead", "edge-1", place, documents);
//   Result<std::optional<Documents>> kept = ReadKeptDocuments("/var/lib/fairlead", "edge-1",
//   place);
//   // none: nothing was kept of this director, this prefix and any of these servers
//
//   Status s = KeepPeers("/var/lib/fairlead", "edge-1", place, peers);     // and ReadKeptPeers
//
// The peers are those of `sync.peers: fleet`, who are needed before the store is heard again.
//
// A file each, fleet-NAME and peers-NAME, in the form of stored_file.h, and forced to the disk
// before it takes the place of the one before: it is for the day on which the store and the
// director have both been without power. Two stores may have one prefix, so the servers are kept
// too, and one of them must be among those that are asked now. Threads: any; one writer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/config/sync_config.h"
#include "control/fleet/documents.h"
#include "control/fleet/etcd_place.h"

namespace fairlead::control {

Status KeepDocuments(const std::string& directory, const std::string& name, const EtcdPlace& place,
                     const Documents& documents);
Result<std::optional<Documents>> ReadKeptDocuments(const std::string& directory,
                                                   const std::string& name, const EtcdPlace& place);

Status KeepPeers(const std::string& directory, const std::string& name, const EtcdPlace& place,
                 const std::vector<SyncPeer>& peers);
Result<std::optional<std::vector<SyncPeer>>> ReadKeptPeers(const std::string& directory,
                                                           const std::string& name,
                                                           const EtcdPlace& place);

}  // namespace fairlead::control
