// What the API thread may ask of the control core, and what it is answered.
//
//   control.Change(PatchReal{"shop", "10.0.0.11:80", R"({"weight": 0})"},
//                  [](EditOutcome outcome) { …post it back… });
//   std::shared_ptr<const ControlView> view = control.view();     // view.h
//
// Threads: any may call; `done` runs on the control core's thread, so post it back.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/edit.h"
#include "control/mail/mail_counts.h"
#include "control/model_diff.h"
#include "control/neighbour_info.h"

namespace fairlead::dataplane {
class Fabric;
}

namespace fairlead::control {

struct ControlView;

struct ReloadOutcome {
  bool ok = false;
  uint64_t generation = 0;
  std::vector<Error> errors;         // every problem of a refused file
  std::vector<std::string> changes;  // "service shop: real 10.0.0.12:80 weight 1 → 3"
  std::string path{};                // of the file
  Losses losses{};                   // what it takes away
  std::vector<std::string> warnings{};
  std::vector<std::string> waiting{};  // of the changes those that need a restart
};

// What became of a change by hand.
struct EditOutcome {
  bool is_stale = false;               // not tried: the generation is no longer the one asked for
  std::optional<EditRefusal> refusal;  // none: it is in force on every worker
  uint64_t generation = 0;             // that carries it; of what runs, if it was refused
  std::string service{}, real{};       // names of what was edited, as the view has them
  std::vector<std::string> changes{};  // "service shop: real 10.0.0.12:80 weight 1 → 3"
};

// Signs of life of the control core's thread; both only rise.
struct ControlVitals {
  uint64_t turns = 0;
  // CPU time of the longest single piece of work since the first turn.
  uint64_t longest_work_ns = 0;
  MailCounts mail{};
};

class ControlApi {
 public:
  virtual ~ControlApi() = default;
  [[nodiscard]] virtual std::shared_ptr<const ControlView> view() const = 0;
  // Reads the configuration file again (`path` empty: the one loaded last) and applies it.
  virtual void Reload(std::string path, std::function<void(ReloadOutcome)> done) = 0;
  // What a Reload would do now. Changes nothing.
  virtual void PreviewReload(std::string path, std::function<void(ReloadOutcome)> done) = 0;
  // A change by hand, until the next reload.
  virtual void Change(Edit edit, std::function<void(EditOutcome)> done) = 0;
  // The same, only if nothing has changed since `generation`. The control core decides that where
  // changes are in line.
  virtual void ChangeAt(uint64_t generation, Edit edit, std::function<void(EditOutcome)> done) = 0;
  // What a Change would do now, or why it would be refused. Changes nothing.
  virtual void PreviewChange(Edit edit, std::function<void(EditOutcome)> done) = 0;
  // In order of port and address.
  virtual void ListNeighbours(std::function<void(std::vector<NeighbourInfo>)> done) = 0;
  // Lets the figures that are shown "since zero" of a service, or of everything (no name), start
  // over; the view shows it when `done` is called.
  virtual void Zero(std::string service, std::function<void(Status)> done) = 0;
  [[nodiscard]] virtual ControlVitals vitals() const = 0;
  virtual dataplane::Fabric& fabric() = 0;
};

}  // namespace fairlead::control
