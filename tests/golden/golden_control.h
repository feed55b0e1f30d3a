// control::Director as the routes of the API see it, on one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "golden_director.h"

namespace fairlead::golden {

// What the routes ask, answered on this thread.
class GoldenDirector::Control : public control::ControlApi {
 public:
  Control(dataplane::Fabric& fabric, control::ConfigModel model, control::Prober& prober,
          uint16_t inside_mtu)
      : director(fabric, std::move(model), "golden.yaml",
                 {{PortMac(kOutside), 1500, ""}, {PortMac(kInside), inside_mtu, ""}}, prober, 1) {}

  [[nodiscard]] std::shared_ptr<const control::ControlView> view() const override {
    return director.view();
  }
  void Reload(std::string path, std::function<void(control::ReloadOutcome)> done) override {
    director.Reload(path, std::move(done));
  }
  void PreviewReload(std::string path, std::function<void(control::ReloadOutcome)> done) override {
    done(director.PreviewReload(path));
  }
  void Change(control::Edit edit, std::function<void(control::EditOutcome)> done) override {
    director.Change(edit, std::move(done));
  }
  void ChangeAt(uint64_t generation, control::Edit edit,
                std::function<void(control::EditOutcome)> done) override {
    director.ChangeAt(generation, edit, std::move(done));
  }
  void PreviewChange(control::Edit edit, std::function<void(control::EditOutcome)> done) override {
    done(director.PreviewChange(edit));
  }
  void ListNeighbours(std::function<void(std::vector<control::NeighbourInfo>)> done) override {
    done({});
  }
  void Zero(std::string service, std::function<void(Status)> done) override {
    done(director.Zero(service));
  }
  [[nodiscard]] control::ControlVitals vitals() const override {
    return {.turns = director.turns(), .longest_work_ns = 0};
  }
  dataplane::Fabric& fabric() override { return director.fabric(); }

  control::Director director;
};

}  // namespace fairlead::golden
