// An ExplainAnswer in words: JSON members for scripts and a sentence for each step.
//
//   ExplainReport report(view, question);
//   report.Add(first_answer);            // of the connection's owner
//   report.Add(second_answer);           // of the worker that the first names, if it names one
//   respond(JsonResponse(200, report.ToJson()));
//
// Threads: a value over a view that outlives it. docs/explain.md tells operators how to read it.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <variant>
#include <vector>

#include "control/api/name_index.h"
#include "control/view.h"
#include "dataplane/shard/explanation.h"

namespace fairlead::api {

// "14 min 58 s", "2 h 5 min", "0.4 s"
std::string Span(TickCount ticks);

class ExplainReport {
 public:
  ExplainReport(const control::ControlView& view, const dataplane::ExplainQuestion& question)
      : view_(view), names_(view), question_(question) {}

  void Add(const dataplane::ExplainAnswer& answer);
  [[nodiscard]] boost::json::object ToJson() const;

 private:
  using Step = dataplane::ExplainStep;
  // Each has one overload a step and none for all others: a step that is not handled does not
  // compile.
  struct Members;    // explain_json.cc
  struct Sentences;  // explain_sentences.cc

  [[nodiscard]] boost::json::object StepToJson(const Step& step) const;
  [[nodiscard]] std::string Sentence(const Step& step) const;
  [[nodiscard]] std::string Summary() const;
  // What becomes of a datagram of the flow that comes in fragments.
  [[nodiscard]] std::string Fragments() const;
  [[nodiscard]] const char* WhyThisReal() const;
  [[nodiscard]] std::string WhyZero(RealId id) const;
  [[nodiscard]] std::string Service(ServiceId id) const;
  [[nodiscard]] std::string Real(RealId id) const;
  // Of the real as lists show it; the scheduler may count in hundredths.
  [[nodiscard]] double WeightOf(RealId id, int32_t scheduled) const;
  [[nodiscard]] std::string Port(PortId id) const;
  [[nodiscard]] std::string SnatRule(uint32_t index) const;
  // " in a tunnel (gue)", or nothing: how the packet goes to the real it is for.
  [[nodiscard]] std::string InTunnel() const;
  [[nodiscard]] bool HasLink(PortId id) const;
  [[nodiscard]] std::string Scheduler() const;
  [[nodiscard]] std::string Client() const;
  [[nodiscard]] std::string ClientNetwork() const;
  [[nodiscard]] std::string ClientUnder(uint8_t prefix_length, uint32_t mask) const;
  // The first of the steps of this kind; null: there is none.
  template <typename Kind>
  [[nodiscard]] const Kind* Find() const {
    for (const Step& step : steps_) {
      if (const auto* found = std::get_if<Kind>(&step)) return found;
    }
    return nullptr;
  }
  template <typename Kind>
  [[nodiscard]] bool Has() const {
    return Find<Kind>() != nullptr;
  }

  const control::ControlView& view_;
  const NameIndex names_;
  const dataplane::ExplainQuestion question_;
  std::vector<Step> steps_;
  uint32_t left_out_ = 0;
  dataplane::ExplainAnswer last_;  // decides
  std::vector<WorkerId> workers_;  // who answered, in order
};

}  // namespace fairlead::api
