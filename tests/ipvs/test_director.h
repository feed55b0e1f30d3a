// A real control side without an edge behind the dispatcher: what programs of IPVS ask is carried
// out by it, on one thread.
//
//   TestDirector director("services: […]");
//   std::vector<Answered> answers = director.Ask(Plain(IPVS_CMD_GET_INFO));
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client.h"
#include "control/api/ipvs/dispatcher.h"
#include "control/director.h"
#include "director_fixture.h"

namespace fairlead::testing {

class TestControl : public control::ControlApi {
 public:
  TestControl(dataplane::Fabric& fabric, control::ConfigModel model, control::Prober& prober)
      : director(fabric, std::move(model), "test.yaml", control::TwoPorts(), prober, 1) {}

  [[nodiscard]] std::shared_ptr<const control::ControlView> view() const override {
    return director.view();
  }
  void Reload(std::string, std::function<void(control::ReloadOutcome)>) override {}
  void PreviewReload(std::string, std::function<void(control::ReloadOutcome)>) override {}
  void Change(control::Edit edit, std::function<void(control::EditOutcome)> done) override {
    if (is_stopping) return;  // `done` is let go of
    last_author = edit.author;
    director.Change(edit, std::move(done));
  }
  void ChangeAt(uint64_t, control::Edit, std::function<void(control::EditOutcome)>) override {}
  void PreviewChange(control::Edit, std::function<void(control::EditOutcome)>) override {}
  void ListNeighbours(std::function<void(std::vector<control::NeighbourInfo>)>) override {}
  void Zero(std::string service, std::function<void(Status)> done) override {
    done(director.Zero(service));
  }
  [[nodiscard]] control::ControlVitals vitals() const override { return {}; }
  dataplane::Fabric& fabric() override { return director.fabric(); }

  control::Director director;
  std::string last_author;
  bool is_stopping = false;
};

class TestDirector {
 public:
  explicit TestDirector(const std::string& yaml, ipvs::FileService* files = nullptr)
      : control(fabric, control::ModelOf(yaml), prober), dispatcher(io, control, files) {
    EXPECT_TRUE(control.director.PublishFirst(control::At({})));
    Turn();
  }

  void Turn() {
    control::AdoptAll(fabric);
    control.director.Turn(control::At(std::chrono::milliseconds(5 * ++turns)));
  }

  // Every record of the answer to the one message of the request. None: nothing was said.
  std::vector<ipvs::Record> Records(const ipvs::Record& request) {
    std::vector<ipvs::Record> records;
    const auto message = ipvs::RecordReader(request).Next();
    EXPECT_TRUE(message);
    std::unique_ptr<ipvs::Answer> answer;
    bool is_answered = false, is_last = false;
    dispatcher.Handle(*message, peer, [&](std::unique_ptr<ipvs::Answer> given) {
      answer = std::move(given);
      is_answered = true;
    });
    for (int round = 0; round < 100 && !is_answered; ++round) {
      Turn();
      io->restart();
      io->poll();
    }
    EXPECT_TRUE(is_answered);
    while (answer != nullptr && !is_last) {
      answer->Next([&](ipvs::Record record, bool last) {
        records.push_back(std::move(record));
        is_last = last;
      });
    }
    return records;
  }
  std::vector<Answered> Ask(const ipvs::Record& request) {
    std::vector<Answered> answers;
    for (const ipvs::Record& record : Records(request)) {
      for (Answered& one : ReadAnswers(record)) answers.push_back(std::move(one));
    }
    return answers;
  }
  // Of a request that ends with an acknowledgement or a refusal.
  int ErrorOf(const ipvs::Record& request) {
    const auto answers = Ask(request);
    if (answers.empty() || !answers.back().error) return -1;
    return *answers.back().error;
  }

  dataplane::Fabric fabric{control::SmallFabric()};
  control::SilentProber prober;
  const std::shared_ptr<boost::asio::io_context> io = std::make_shared<boost::asio::io_context>(1);
  TestControl control;
  ipvs::Dispatcher dispatcher;
  ipvs::Peer peer{.uid = 0, .pid = 123, .program = "keepalived", .may_use = true};
  int turns = 0;
};

}  // namespace fairlead::testing
