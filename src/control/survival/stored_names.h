// The names of the records that a director leaves behind: which service and which real server each
// id means, and what went with them.
//
//   std::string contents = EncodeNames(names);
//   Result<StoredNames> names = DecodeNames(contents, real_capacity, version);
//   ids.Restore(*names, now);              // and the builder, and the ledger
//
// Written before the snapshot that uses a new id is published, so that no record ever names an id
// which the file gives to somebody else. A real that was removed (a ghost) brings along how its
// connections go on, since no file says that any more. The free ids stand in the order in which
// they would be given out, so that a director that was restarted names what comes as one that was
// not. Threads: values. Invariants of what Decode returns: ids are dense, each is in use or free,
// and below the capacity; every real has a service in use; keys are different.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/forward_method.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/tunnel.h"
#include "control/config/model.h"
#include "control/identity.h"
#include "dataplane/shard/counters.h"

namespace fairlead::control {

// How the connections of a real go on when it is in the configuration no more.
struct KeptReal {
  ForwardMethod method = ForwardMethod::kNat;
  Tunnel tunnel{};
  bool is_draining = false;               // when it was last configured
  bool is_drain_over = false;             // likewise
  std::optional<bool> removed_by_hand{};  // none: it is no ghost
  friend bool operator==(const KeptReal&, const KeptReal&) = default;
};

struct StoredNames {
  struct Service {
    ServiceId id{};
    ServiceIdentity key{};
    bool is_configured = false;
    std::optional<OnRemove> on_remove{};
    dataplane::TrafficSum retired{};  // of reals that are gone for good
    dataplane::TrafficSum zero{};     // what to subtract (traffic_ledger.h)
  };
  struct Real {
    RealId id{};
    ServiceId service{};
    RealIdentity key{};
    bool is_unknown = false;  // no configuration has named it (id_map.h); of `kept` only the method
    KeptReal kept{};
    dataplane::TrafficSum baseline{};  // what the board showed when the id was given out
    dataplane::TrafficSum zero{};
  };
  std::vector<Service> services{};
  std::vector<Real> reals{};
  std::vector<ServiceId> free_services{};  // the last one is the next
  std::vector<RealId> free_reals{};        // likewise
  dataplane::TrafficSum total_zero{};
};

// Whether counters that showed `before` can show `now`.
constexpr bool Covers(const dataplane::TrafficSum& now, const dataplane::TrafficSum& before) {
  return now.connections >= before.connections && now.in_packets >= before.in_packets &&
         now.out_packets >= before.out_packets && now.in_bytes >= before.in_bytes &&
         now.out_bytes >= before.out_bytes;
}

std::string EncodeNames(const StoredNames& names);
// `version`: of the contents (stored_file.h). Those of version 1 say nothing of tunnels: all are IP
// in IP.
inline constexpr uint32_t kNamesVersion = 2;
Result<StoredNames> DecodeNames(std::string_view contents, uint32_t real_capacity,
                                uint32_t version = kNamesVersion);

// Keys of services and reals, as all files of kept state have them.
class ByteReader;
class ByteWriter;
inline constexpr size_t kLeastRealKey = 20;  // bytes of a real
void Put(const ServiceIdentity& key, ByteWriter* out);
void Put(const RealIdentity& key, ByteWriter* out);
ServiceIdentity TakeService(ByteReader* in);
RealIdentity TakeReal(ByteReader* in);

}  // namespace fairlead::control
