#include "control/api/audit.h"

#include <chrono>
#include <memory>

#include "base/log.h"
#include "base/utf8.h"

namespace fairlead::api {

namespace {

// The ETag without its quotes: the generation that the answer is about.
std::string GenerationIn(const HttpResponse& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "ETag" && value.size() > 2) return value.substr(1, value.size() - 2);
  }
  return "-";
}

}  // namespace

std::string WhatOf(const HttpRequest& request) {
  std::string what = std::string(NameOf(request.method)) + " " + request.path;
  char separator = '?';
  for (const auto& [key, value] : request.query) {
    what += separator + key + "=" + value;
    separator = '&';
    if (what.size() > kMostWhatBytes) break;
  }
  if (what.size() > kMostWhatBytes) what = what.substr(0, kMostWhatBytes) + "…";
  return ToUtf8(what);
}

Responder Audit::Follow(const HttpRequest& request, Responder respond) {
  struct Line {
    std::string by, from, what;
  };
  auto line =
      std::make_shared<const Line>(Line{request.caller.name, request.caller.from, WhatOf(request)});
  return [line = std::move(line), respond = std::move(respond)](HttpResponse response) {
    const auto level = response.status < 400 ? LogLevel::kInfo : LogLevel::kWarning;
    Log(level, level == LogLevel::kInfo ? "API change" : "API change refused",
        {{"by", line->by},
         {"from", line->from},
         {"what", line->what},
         {"status", response.status},
         {"generation", GenerationIn(response)},
         {"problem", response.problem.empty() ? "none" : response.problem}});
    respond(std::move(response));
  };
}

void Audit::Refused(const HttpRequest& request, const HttpResponse& refusal) {
  const uint64_t times = pace_.Note(std::chrono::steady_clock::now());
  if (times == 0) return;
  LogWarning("API change refused: not allowed", {{"by", request.caller.name},
                                                 {"from", request.caller.from},
                                                 {"what", WhatOf(request)},
                                                 {"status", refusal.status},
                                                 {"problem", refusal.problem},
                                                 {"times", times}});
}

}  // namespace fairlead::api
