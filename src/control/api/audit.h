// A line in the log for each request that changes something: who, from where, what, and what became
// of it.
//
//   respond = audit.Follow(request, std::move(respond));
//
//   msg="API change" by="token alice" from=198.51.100.7:40312 what="DELETE /v1/services/shop"
//   status=200 generation=12
//
// What was sent is not in it, nor a token; a path is cut after kMostWhatBytes. Of those who may not
// change anything there is a line a minute, with how often they tried, so that nobody can fill the
// log. Threads: the API thread.
#pragma once

#include <string>

#include "base/log_pace.h"
#include "control/api/http.h"

namespace fairlead::api {

inline constexpr size_t kMostWhatBytes = 300;

class Audit {
 public:
  // What to answer with instead of `respond`; writes the line and passes the answer on.
  static Responder Follow(const HttpRequest& request, Responder respond);
  // A request to change something that was not let through to its route.
  void Refused(const HttpRequest& request, const HttpResponse& refusal);

 private:
  LogPace pace_;
};

// "PATCH /v1/services/shop?x=1", readable and bounded.
std::string WhatOf(const HttpRequest& request);

}  // namespace fairlead::api
