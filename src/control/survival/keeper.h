// Writes what the director's successor would need, when it has changed.
//
//   Keeper keeper("/dev/shm/fairlead-edge-1", start_path);
//   keeper.BeforePublish(state);     // ids given out, nothing published yet
//   keeper.Turn(state);              // every few milliseconds
//   keeper.problem()                 // what could not be written, or empty
//
// Names are written before the snapshot that uses them is published, whatever that costs; when they
// cannot be, the file is removed, for wrong names would send connections to other servers, and none
// only make a restart start with empty tables. Changes by hand are written with them, before they
// are answered, unless they are many (kPerMebibyte); health a few times a second. What fails is
// tried again. Threads: the control core.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/log_pace.h"
#include "control/health/monitor.h"
#include "control/id_map.h"
#include "control/intent.h"
#include "control/snapshot_builder.h"
#include "control/survival/replay.h"
#include "control/survival/stored_file.h"
#include "control/time_point.h"
#include "control/traffic_ledger.h"

namespace fairlead::control {

// From one write to the next, a mebibyte of the one before: so writing takes a few percent of the
// thread at most. Below a mebibyte there is no pause.
inline constexpr std::chrono::milliseconds kPausePerMebibyte{50};
inline constexpr std::chrono::milliseconds kHealthPause{250};
inline constexpr std::chrono::seconds kRetryKeeping{1};

class Keeper {
 public:
  struct State {
    const Intent& intent;  // about to be published, or in force
    const IdMap& ids;
    const SnapshotBuilder& builder;
    const TrafficLedger& ledger;  // follows the ids
    const HealthMonitor& health;
    const QuorumBook& quorums;
    const std::string& path;  // of the file in force
    const std::map<std::string, std::string>& authors;
    TimePoint now;
  };

  Keeper(std::string directory, std::string start_path);

  void BeforePublish(const State& state);
  void Turn(const State& state);
  // What is in force now, at once: a reload is about to be answered.
  void KeepIntent(const State& state);
  [[nodiscard]] std::string problem() const;

 private:
  struct NamesMark {  // equal: the names are as they were
    uint64_t ids = 0, kept = 0, zeroes = 0;
    friend bool operator==(const NamesMark&, const NamesMark&) = default;
  };
  static NamesMark MarkOfNames(const State& state);
  // Of health; both parts only rise.
  static uint64_t RevisionOf(const State& state) {
    return state.health.revision() + state.quorums.revision();
  }
  [[nodiscard]] bool IsOtherIntent(const State& state) const;
  void WriteNames(const State& state);
  void WriteIntent(const State& state);
  void WriteHealth(const State& state);
  // Writes a file, and says when that fails or works again.
  bool Write(const StoredKind& kind, const std::string& contents, TimePoint now);

  const std::string directory_;
  const std::string start_path_;
  const std::string boot_;
  ChangesByHand changes_;

  NamesMark names_;
  // As last written; the models are held, so that no other can have their addresses.
  Intent intent_;
  std::string path_;
  FileMark start_mark_;
  uint64_t health_ = 0;        // RevisionOf
  bool is_intent_due_ = true;  // what is in force, or is about to be, is not written yet
  TimePoint next_names_, next_intent_, next_health_;
  std::array<std::string, kStoredKinds> problems_;  // of each kind; empty: it is kept
  LogPace pace_;
};

}  // namespace fairlead::control
