// A machine whose director can die at any time: files, and the process that is gone with Kill().
//
//   Machine machine("my-test");
//   machine.Write("a.yaml", yaml);
//   machine.Start();
//   machine.Change(PatchReal{…});
//   machine.Kill();                 // nothing is written any more
//   machine.Start();                // as main does
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/config/yaml_loader.h"
#include "control/director.h"
#include "director_fixture.h"

namespace fairlead::control {

// Answers all looks alike, at once.
class UniformProber : public Prober {
 public:
  void Start(const ProbeTarget&, std::function<void(ProbeResult)> done) override {
    ++asked;
    if (is_ok) done({.is_ok = *is_ok, .detail = *is_ok ? "connected" : "refused"});
  }
  std::optional<bool> is_ok;  // none: no answer
  size_t asked = 0;
};

class Machine {
 public:
  explicit Machine(const std::string& name)
      : root_(testing::TempDir() + name + "-" + std::to_string(getpid())) {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(directory());
  }
  ~Machine() {
    Kill();
    std::filesystem::remove_all(root_);
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  [[nodiscard]] std::string directory() const { return root_ + "/kept"; }
  [[nodiscard]] std::string PathOf(const std::string& file) const { return root_ + "/" + file; }
  // The ports of the fixture, and this.
  void Write(const std::string& file, const std::string& yaml) {
    std::ofstream(PathOf(file)) << kPorts << "log: { level: error }\n" << yaml;
  }

  void Start(const std::string& file = "a.yaml") {
    LoadResult loaded = LoadConfig(PathOf(file));
    ASSERT_TRUE(loaded) << loaded.errors.front().ToString();
    process_ = std::make_unique<Process>(*std::move(loaded.model), PathOf(file));
    if (take_up) take_up(process_->fabric);
    KeptState state = ReadState(directory(), process_->fabric.config.reals);
    if (is_fresh) state.names.reset();
    director().Restore(std::move(state), now);
    director().KeepIn(directory());
    ASSERT_TRUE(director().PublishFirst(now));
    Turn(3);
  }
  void Kill() { process_.reset(); }
  void Restart(const std::string& file = "a.yaml") {
    Kill();
    Start(file);
  }

  void Turn(int times = 1, std::chrono::milliseconds pass = std::chrono::milliseconds{5}) {
    for (int i = 0; i < times; ++i) {
      AdoptAll(fabric());
      director().Turn(now += pass);
    }
  }
  EditOutcome Change(const Edit& edit) {
    std::optional<EditOutcome> answer;
    director().Change(edit, [&answer](EditOutcome outcome) { answer = std::move(outcome); });
    for (int i = 0; i < 5 && !answer; ++i) Turn();
    EXPECT_TRUE(answer);
    return answer.value_or(EditOutcome{});
  }
  void Reload(const std::string& file) {
    std::optional<ReloadOutcome> answer;
    director().Reload(PathOf(file),
                      [&answer](ReloadOutcome outcome) { answer = std::move(outcome); });
    for (int i = 0; i < 5 && !answer; ++i) Turn();
    ASSERT_TRUE(answer && answer->ok);
  }

  dataplane::Fabric& fabric() { return process_->fabric; }
  UniformProber& prober() { return process_->prober; }
  Director& director() { return process_->director; }
  const IdMap& ids() { return director().publication().ids(); }
  const dataplane::Snapshot& snapshot() { return *fabric().publisher.current(); }
  std::shared_ptr<const ControlView> view() { return director().view(); }

  TimePoint now = At(std::chrono::milliseconds{0});
  bool is_fresh = false;                              // start with empty tables
  std::function<void(dataplane::Fabric&)> take_up{};  // what the tables bring along

 private:
  struct Process {
    Process(ConfigModel model, const std::string& path)
        : director(fabric, std::move(model), path, TwoPorts(), prober, 1) {}
    dataplane::Fabric fabric{SmallFabric()};
    UniformProber prober;
    Director director;
  };

  const std::string root_;
  std::unique_ptr<Process> process_;
};

}  // namespace fairlead::control
