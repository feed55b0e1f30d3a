#include "control/api/router.h"

#include <algorithm>
#include <optional>

#include "control/api/access.h"
#include "control/api/problem.h"

namespace fairlead::api {

namespace {

std::vector<std::string> Split(std::string_view pattern) {
  std::vector<std::string> segments;
  for (size_t at = 1; at < pattern.size();) {
    const size_t end = std::min(pattern.find('/', at), pattern.size());
    segments.emplace_back(pattern.substr(at, end - at));
    at = end + 1;
  }
  return segments;
}

bool Matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             std::vector<std::string>* args) {
  if (pattern.size() != path.size()) return false;
  args->clear();
  for (size_t i = 0; i < path.size(); ++i) {
    if (pattern[i].starts_with('{')) {
      args->push_back(path[i]);
    } else if (pattern[i] != path[i]) {
      return false;
    }
  }
  return true;
}

// Takes dry_run out of the query of what changes something. A slip must not be a change.
std::optional<HttpResponse> ReadDryRun(bool takes_it, HttpRequest* request) {
  const std::string* const wish = request->FindQuery("dry_run");
  if (wish == nullptr) return std::nullopt;
  if (*wish != "0" && *wish != "1") {
    return Problem(400, "invalid-filter", "dry_run must be 0 or 1");
  }
  request->is_dry_run = *wish == "1";
  if (request->is_dry_run && !takes_it) {
    return Problem(400, "no-dry-run",
                   "This can only be done, not tried: there is no dry_run of it");
  }
  std::erase_if(request->query, [](const auto& q) { return q.first == "dry_run"; });
  return std::nullopt;
}

}  // namespace

void Router::Add(Method method, std::string_view pattern, Needs needs, RouteHandler handler) {
  entries_.push_back(
      {method, needs, false, std::string(pattern), Split(pattern), std::move(handler)});
}

void Router::AddChange(Method method, std::string_view pattern, RouteHandler handler) {
  Add(method, pattern, Needs::kAdmin, std::move(handler));
  entries_.back().takes_dry_run = true;
}

void Router::Route(HttpRequest request, Responder respond) {
  Call call;
  std::string allow;
  for (const Entry& entry : entries_) {
    if (!Matches(entry.segments, request.segments, &call.args)) continue;
    if (entry.method == request.method) {
      const bool changes = entry.needs == Needs::kAdmin;
      if (auto refusal = Refuse(request.caller, entry.needs)) {
        if (changes) audit_.Refused(request, *refusal);
        return respond(std::move(*refusal));
      }
      if (changes) {
        if (auto refusal = ReadDryRun(entry.takes_dry_run, &request)) {
          return respond(std::move(*refusal));
        }
        if (!request.is_dry_run) respond = Audit::Follow(request, std::move(respond));
      }
      call.request = std::move(request);
      return entry.handler(call, respond);
    }
    if (!allow.empty()) allow += ", ";
    allow += entry.method == Method::kGet ? "GET, HEAD" : NameOf(entry.method);
  }
  if (auto refusal = Refuse(request.caller, Needs::kRead)) return respond(std::move(*refusal));
  if (allow.empty()) {
    return respond(
        Problem(404, "no-such-resource",
                "There is no " + request.path + "; /v1/openapi.json lists what there is"));
  }
  HttpResponse refusal =
      Problem(405, "method-not-allowed", request.path + " takes " + allow + " only");
  refusal.headers.emplace_back("Allow", allow);
  respond(std::move(refusal));
}

std::vector<std::string> Router::list() const {
  std::vector<std::string> lines;
  for (const Entry& entry : entries_) {
    lines.push_back(std::string(NameOf(entry.method)) + " " + entry.pattern);
  }
  return lines;
}

std::vector<std::string> Router::roles() const {
  constexpr const char* kWords[] = {" scrape", " read", " admin"};
  std::vector<std::string> lines = list();
  for (size_t i = 0; i < lines.size(); ++i) {
    lines[i] += kWords[static_cast<size_t>(entries_[i].needs)];
  }
  return lines;
}

std::vector<std::string> Router::dry_runs() const {
  std::vector<std::string> lines;
  for (const Entry& entry : entries_) {
    if (entry.takes_dry_run)
      lines.push_back(std::string(NameOf(entry.method)) + " " + entry.pattern);
  }
  return lines;
}

}  // namespace fairlead::api
