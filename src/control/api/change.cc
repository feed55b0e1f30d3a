#include "control/api/change.h"

#include <boost/json/array.hpp>

#include "control/api/problem.h"

namespace fairlead::api {

namespace json = boost::json;
using control::EditOutcome;

namespace {

// If-Match carries the generation the caller has looked at: "7", quoted or not.
bool IsCurrent(const std::string& if_match, uint64_t generation) {
  if (if_match.empty() || if_match == "*") return true;
  return if_match == "\"" + std::to_string(generation) + "\"" ||
         if_match == std::to_string(generation);
}

}  // namespace

HttpResponse ToProblem(const control::EditRefusal& refusal) {
  if (refusal.code != ErrorCode::kInvalid) return Problem(refusal.errors.front());
  std::string detail;
  json::array errors;
  for (const Error& error : refusal.errors) {
    detail += (detail.empty() ? "" : "; ") + error.ToString();
    errors.push_back({{"place", error.place}, {"detail", error.message}});
  }
  return Problem(422, "invalid-body", detail, {{"errors", std::move(errors)}});
}

HttpResponse Changed(const EditOutcome& outcome) {
  const json::array changes(outcome.changes.begin(), outcome.changes.end());
  return WithGeneration(
      JsonResponse(200, {{"generation", outcome.generation}, {"changes", changes}}),
      outcome.generation);
}

void Change(const Context& context, const Call& call, const Responder& respond, control::Edit edit,
            Show show) {
  const uint64_t generation = context.control.view()->generation;
  if (!IsCurrent(call.request.if_match, generation)) {
    return respond(Problem(412, "generation-changed",
                           "The configuration is at generation " + std::to_string(generation) +
                               " now; look again and repeat"));
  }
  auto ticket = std::make_shared<ReturnTicket>(context.io, respond);
  context.control.Change(std::move(edit), [ticket, show = std::move(show)](EditOutcome outcome) {
    ticket->Answer([outcome = std::move(outcome), show] { return show(outcome); });
  });
}

Show UnlessRefused(Show show) {
  return [show = std::move(show)](const EditOutcome& outcome) {
    return outcome.refusal ? ToProblem(*outcome.refusal) : show(outcome);
  };
}

}  // namespace fairlead::api
