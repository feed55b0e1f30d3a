// POST /v1/explain at a director that takes the steps that a test says.
//
//   const json::object answer = Explain({step::NoClassifierRule{}}, ExplainVerdict::kDropped,
//                                       kNone, kNone);
//   EXPECT_EQ(Sentences(answer)[0], "No classifier rule matches: no mark.");
#pragma once

#include <boost/json/array.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api_test.h"
#include "dataplane/tables/neighbour_table.h"

namespace fairlead::testing::explain_bed {

namespace json = boost::json;
using dataplane::Eligibility;
using dataplane::ExplainAnswer;
using dataplane::ExplainQuestion;
using dataplane::ExplainStep;
using dataplane::ExplainVerdict;
using dataplane::FoundBy;
using dataplane::HandOff;
using dataplane::LaterBy;
using dataplane::NeighbourState;
using dataplane::TemplateFault;
namespace step = dataplane::step;

// One of each kind, with nothing in it.
template <size_t... kKinds>
std::vector<ExplainStep> EachKind(std::index_sequence<kKinds...>) {
  return {ExplainStep(std::in_place_index<kKinds>)...};
}
inline std::vector<ExplainStep> EveryStep() {
  return EachKind(std::make_index_sequence<std::variant_size_v<ExplainStep>>());
}

class ExplainBed : public ApiTest {
 protected:
  // The answer of a director that takes these steps.
  json::object Explain(std::vector<ExplainStep> steps, ExplainVerdict verdict, uint32_t real,
                       uint32_t service, const std::string& destination = "192.0.2.80:443") {
    director.explain = [=](WorkerId, const ExplainQuestion&, ExplainAnswer* answer) {
      for (const ExplainStep& step : steps) answer->Add(step);
      answer->verdict = verdict;
      answer->real = real == kNone ? RealId{} : RealId{real};
      answer->service = service == kNone ? ServiceId{} : ServiceId{service};
    };
    if (peer == nullptr) Start();
    const Answer answer = peer->Ask(
        "POST /v1/explain", R"({"client":"198.51.100.7","destination":")" + destination + R"("})");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  static constexpr uint32_t kNone = ~0u;

  static std::vector<std::string> Sentences(const json::object& answer) {
    std::vector<std::string> lines;
    for (const auto& step : answer.at("steps").as_array()) {
      lines.emplace_back(step.at("sentence").as_string());
    }
    return lines;
  }
};

}  // namespace fairlead::testing::explain_bed
