// A director without EAL, packets or root: a control core that remembers what it was asked, a real
// Fabric, and one thread that plays all workers and answers mailbox commands from lists.
//
//   FakeDirector director;
//   director.connections[0].push_back(row);     // before Start, of worker 0
//   director.Start();                           // the workers' thread
//   ApiServer server(director, {.listen = {director.socket()}});
#pragma once

#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/control_api.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::testing {

inline constexpr size_t kWorkers = 2;
inline constexpr size_t kSliceOfFake = 3;  // records looked at per command: small, to see slices

inline Endpoint At(std::string_view text) { return *Endpoint::Parse(text); }
inline IpAddress Ip(std::string_view text) { return *IpAddress::Parse(text); }

class FakeDirector : public control::ControlApi {
 public:
  FakeDirector();
  ~FakeDirector() override;

  // control::ControlApi; answers on a thread of their own, as the control core would.
  [[nodiscard]] std::shared_ptr<const control::ControlView> view() const override;
  void Reload(std::string path, std::function<void(control::ReloadOutcome)> done) override;
  // The outcome that a Reload would have; counted as a look, not as a reload.
  void PreviewReload(std::string path, std::function<void(control::ReloadOutcome)> done) override;
  // Weight and state of a real are changed in the view; weight 65534 is refused, 65535 never
  // answered. Any other edit is only remembered.
  void Change(control::Edit edit, std::function<void(control::EditOutcome)> done) override;
  void ChangeAt(uint64_t generation, control::Edit edit,
                std::function<void(control::EditOutcome)> done) override;
  // As a Change, but for the view, and one change in words.
  void PreviewChange(control::Edit edit, std::function<void(control::EditOutcome)> done) override;
  void ListNeighbours(std::function<void(std::vector<control::NeighbourInfo>)> done) override;
  void Zero(std::string service, std::function<void(Status)> done) override;
  [[nodiscard]] control::ControlVitals vitals() const override {
    return {.turns = control_turns ? ++turns_ : turns_.load(), .longest_work_ns = 1'500'000};
  }
  dataplane::Fabric& fabric() override;

  void Start();  // workers begin to answer
  void SetView(control::ControlView view);
  void SetReloadOutcome(control::ReloadOutcome outcome);
  [[nodiscard]] std::string last_reload_path() const;
  [[nodiscard]] std::string socket() const { return "unix:" + directory_ + "/run/api.sock"; }
  [[nodiscard]] const std::string& directory() const { return directory_; }

  // By worker. Changed only before Start and by flushes.
  std::vector<dataplane::ConnectionRow> connections[kWorkers];
  std::vector<dataplane::TemplateRow> templates[kWorkers];
  std::function<void(WorkerId, const dataplane::ExplainQuestion&, dataplane::ExplainAnswer*)>
      explain;
  // What each worker counts of clients in every look, from its beginning on.
  std::vector<std::pair<IpAddress, uint64_t>> amounts[kWorkers];
  // What each worker has dropped, when it is asked at that tick.
  std::vector<dataplane::DropSample> drops[kWorkers];
  Tick drops_now;
  // Worker 0 has dropped an ACK of a client's, the first of its service, a hundred ticks ago.
  void DropOne();
  std::vector<control::NeighbourInfo> neighbours;
  std::optional<Error> refusal;  // of every change; set before one is asked for
  std::atomic<int> looks{0};     // sketches that workers have now
  std::atomic<uint64_t> commands{0};
  std::atomic<uint64_t> reloads{0}, previews{0}, changes{0}, zeroes{0};
  // Whether their counts of turns rise: at each look, and all the while.
  std::atomic<bool> control_turns{false};
  std::atomic<bool> worker_turns[kWorkers]{};
  // What fabric() throws instead of an answer: routes that show figures fail.
  enum class Fault : uint8_t { kNone, kException, kOther };
  std::atomic<Fault> fault{Fault::kNone};

 private:
  void Answer(WorkerId worker, dataplane::Command* command);
  control::EditOutcome OutcomeOf(const control::Edit& edit, control::ControlView* next);
  template <typename Row, typename Command>
  void List(const std::vector<Row>& rows, Command* command);
  template <typename Row, typename Command>
  void Flush(std::vector<Row>* rows, Command* command);

  std::unique_ptr<dataplane::ClientSketch> sketches_[kWorkers][dataplane::kClientLooks];
  std::string directory_;
  dataplane::Fabric fabric_;
  mutable std::atomic<uint64_t> turns_{500};
  mutable std::mutex mutex_;
  // Under the mutex:
  std::shared_ptr<const control::ControlView> view_;
  control::ReloadOutcome reload_outcome_{.ok = true, .generation = 8, .errors = {}, .changes = {}};
  std::string last_reload_path_ = "(none)";
  std::atomic<bool> is_stopping_{false};
  std::thread workers_;
};

// Two services: web (192.0.2.10:80, wlc) with two reals, shop (mark 2, persistent) with one real, a
// fallback and a removed one; counters and loads are set.
control::ControlView MakeView();

}  // namespace fairlead::testing
