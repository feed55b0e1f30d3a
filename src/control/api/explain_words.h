// The words of an explanation: what `step`, `verdict` and the other members say.
//
//   WordOf(answer.steps[0]);                  // "template"
//   SentenceOf(TemplateFault::kRealRemoved);  // "its real is removed or down"
//
// Threads: constants.
#pragma once

#include <string_view>

#include "dataplane/shard/explanation.h"
#include "dataplane/tables/neighbour_table.h"

namespace fairlead::api {

std::string_view WordOf(const dataplane::ExplainStep& step);
std::string_view WordOf(dataplane::FoundBy found_by);
// The key of `policy` that has decided, and its value.
struct PolicyWords {
  std::string_view key, value;
};
PolicyWords PolicyOf(dataplane::LaterBy decided_by);
std::string_view WordOf(dataplane::ExplainVerdict verdict);
std::string_view WordOf(dataplane::Eligibility e);
std::string_view WordOf(dataplane::TemplateFault fault);
std::string_view SentenceOf(dataplane::TemplateFault fault);
std::string_view WordOf(dataplane::NeighbourState state);

}  // namespace fairlead::api
