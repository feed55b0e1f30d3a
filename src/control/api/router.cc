#include "control/api/router.h"

#include <algorithm>

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

}  // namespace

void Router::Add(Method method, std::string_view pattern, Needs needs, RouteHandler handler) {
  entries_.push_back({method, needs, std::string(pattern), Split(pattern), std::move(handler)});
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
      if (changes) respond = Audit::Follow(request, std::move(respond));
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

}  // namespace fairlead::api
