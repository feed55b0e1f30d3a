// The kinds of Answer (dispatcher.h).
//
//   return std::make_unique<Records>(std::vector<Record>{data, acknowledgement});
//   return MakeServiceDump(message, view, fabric);
//
// Threads: the API thread. Invariant: a dump holds its view, so it shows one moment, and never more
// than one record of bytes.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "control/api/ipvs/dispatcher.h"

namespace fairlead::dataplane {
class Fabric;
}

namespace fairlead::ipvs {

// What is known at once. Precondition: there is one.
class Records : public Answer {
 public:
  explicit Records(std::vector<Record> records) : records_(std::move(records)) {}
  void Next(Take take) override {
    Record record = std::move(records_[next_++]);
    take(std::move(record), next_ == records_.size());
  }

 private:
  std::vector<Record> records_;
  size_t next_ = 0;
};

// Every service, or every real server of one; `service` null: none, as of one that is not there.
std::unique_ptr<Answer> MakeServiceDump(const Message& message,
                                        std::shared_ptr<const control::ControlView> view,
                                        const dataplane::Fabric& fabric);
std::unique_ptr<Answer> MakeDestDump(const Message& message,
                                     std::shared_ptr<const control::ControlView> view,
                                     const control::ServiceInfo* service,
                                     const dataplane::Fabric& fabric);
// The halves of sync.ipvs that run, the master first.
std::unique_ptr<Answer> MakeDaemonDump(const Message& message, const control::ControlView& view);
std::unique_ptr<Answer> MakeFileAnswer(const Message& message, std::unique_ptr<FileText> text);

}  // namespace fairlead::ipvs
