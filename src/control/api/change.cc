#include "control/api/change.h"

#include <boost/json/array.hpp>
#include <optional>

#include "control/api/problem.h"
#include "control/config/units.h"
#include "control/view.h"

namespace fairlead::api {

namespace json = boost::json;
using control::EditOutcome;

namespace {

// If-Match carries the generation the caller has looked at: "7", quoted or not.
std::optional<uint64_t> GenerationOf(std::string if_match) {
  if (if_match.size() > 2 && if_match.front() == '"' && if_match.back() == '"') {
    if_match = if_match.substr(1, if_match.size() - 2);
  }
  return control::ParseDigits(if_match);
}

HttpResponse StaleProblem(uint64_t generation) {
  return Problem(412, "generation-changed",
                 "The configuration is at generation " + std::to_string(generation) +
                     " now, or on its way to the next; look again and repeat");
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

HttpResponse WouldChange(uint64_t generation, const std::vector<std::string>& changes) {
  return WithGeneration(
      JsonResponse(200, {{"generation", generation},
                         {"dry_run", true},
                         {"changes", json::array(changes.begin(), changes.end())}}),
      generation);
}

void Change(const Context& context, const Call& call, const Responder& respond, control::Edit edit,
            Show show) {
  const std::string& if_match = call.request.if_match;
  const bool is_guarded = !if_match.empty() && if_match != "*";
  const auto generation = is_guarded ? GenerationOf(if_match) : std::nullopt;
  if (is_guarded && !generation) return respond(StaleProblem(context.control.view()->generation));
  auto ticket = std::make_shared<ReturnTicket>(context.io, respond);
  if (call.request.is_dry_run) {
    return context.control.PreviewChange(std::move(edit), [ticket, generation,
                                                           show](const EditOutcome& outcome) {
      ticket->Answer([outcome, generation, show] {
        if (generation && *generation != outcome.generation) {
          return StaleProblem(outcome.generation);
        }
        return outcome.refusal ? show(outcome) : WouldChange(outcome.generation, outcome.changes);
      });
    });
  }
  auto done = [ticket, show = std::move(show)](EditOutcome outcome) {
    ticket->Answer([outcome = std::move(outcome), show] {
      return outcome.is_stale ? StaleProblem(outcome.generation) : show(outcome);
    });
  };
  if (generation) {
    context.control.ChangeAt(*generation, std::move(edit), std::move(done));
  } else {
    context.control.Change(std::move(edit), std::move(done));
  }
}

Show UnlessRefused(Show show) {
  return [show = std::move(show)](const EditOutcome& outcome) {
    return outcome.refusal ? ToProblem(*outcome.refusal) : show(outcome);
  };
}

}  // namespace fairlead::api
