// A director that has its configuration from the store of its fleet (docs/fleet.md): what -c
// etcd://… makes.
//
//   auto fleet = Fleet::Open("etcd://127.0.0.1:2379/fairlead", "edge-1", local);
//   LoadResult loaded = (*fleet)->LoadAtStart();        // waits, and says in the log what it found
//   core.SetSource(url, [&] { return …fleet->Load()… });
//   fleet->Start(core);                                  // a thread of its own
//   …
//   fleet->Stop(Fleet::Parting::kLeaves);
//
// A change that is heard is applied as a reload is: the core asks Load on its loading thread, and
// takes all of it or nothing. What was applied is kept on the disk. While the store is away nothing
// changes here, and a start takes what was kept. What was refused is tried again
// (fleet_choice.h), and a reload that somebody else has asked for counts as well.
//
// Threads: Open, LoadAtStart, Check, Start and Stop: main's. Load, info and peers
// from any. The rest happens on
// the fleet's own thread, which alone speaks with the store.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "control/config/yaml_loader.h"
#include "control/fleet/fleet_info.h"
#include "control/fleet/local_file.h"
#include "control/sync/stream/fleet_peer_list.h"

namespace fairlead::control {

class ControlApi;
struct ReloadOutcome;

class Fleet : public FleetApi {
 public:
  // How long a start waits for the store: with something kept, and without.
  static constexpr std::chrono::milliseconds kPatienceWithKept{2'000}, kPatience{10'000};

  enum class Parting : uint8_t { kLeaves, kStaysMember };

  // An error says what is wrong with the place, the name, or the encryption.
  static Result<std::unique_ptr<Fleet>> Open(const std::string& url, const std::string& name,
                                             LocalFile local);
  ~Fleet() override;
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  LoadResult LoadAtStart();
  // What the store has, checked as CheckConfig checks a file; nothing that was kept counts. In
  // place of LoadAtStart.
  LoadResult Check();
  // The documents as they were heard last. Reads the files of prefix sets.
  struct Loaded {
    LoadResult loaded;
    std::function<void(const ReloadOutcome&)> told;  // wants the outcome of its reload
  };
  Loaded Load();
  // `core` outlives the thread. The configuration of LoadAtStart is in force.
  void Start(ControlApi& core);
  // kStaysMember: another process goes on under this name.
  void Stop(Parting parting);

  [[nodiscard]] std::shared_ptr<const FleetInfo> info() const override;
  // Who `sync.peers: fleet` means.
  [[nodiscard]] std::shared_ptr<const FleetPeerList> peers() const;

 private:
  class Impl;
  explicit Fleet(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace fairlead::control
