// Which function answers which path and method.
//
//   Router router;
//   router.Add(Method::kGet, "/v1/services/{name}", [](const Call& call, Responder respond) {
//     respond(Find(call.args[0]));
//   });
//   router.Route(request, respond);      // 401, 403, 404, 405 with Allow, or the function
//
// What changes something is added with AddChange, and may be asked with ?dry_run=1: it then says
// what it would do, or why it would be refused, and changes nothing. Where it is not, dry_run is
// refused, so that nobody who only asks has it done.
//
// Patterns are literal segments and {placeholders} of one segment. Whoever may not even look is not
// told what there is. Each request that changes something leaves a line in the log (audit.h).
// Threads: built once, then used by one.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/audit.h"
#include "control/api/http.h"

namespace fairlead::api {

struct Call {
  HttpRequest request;
  std::vector<std::string> args;  // values of the placeholders, decoded
};

using RouteHandler = std::function<void(const Call&, Responder)>;

class Router {
 public:
  // What only looks is a GET, unless `needs` says something else.
  void Add(Method method, std::string_view pattern, RouteHandler handler) {
    Add(method, pattern, method == Method::kGet ? Needs::kRead : Needs::kAdmin, std::move(handler));
  }
  void Add(Method method, std::string_view pattern, Needs needs, RouteHandler handler);
  // The handler looks at call.request.is_dry_run.
  void AddChange(Method method, std::string_view pattern, RouteHandler handler);
  void Route(HttpRequest request, Responder respond);

  // "GET /v1/status" …, in order of Add; a test compares them with the OpenAPI document.
  [[nodiscard]] std::vector<std::string> list() const;
  // "GET /v1/status read" …, the same with what each asks for: scrape, read or admin.
  [[nodiscard]] std::vector<std::string> roles() const;
  // "POST /v1/services" …: those that are asked with ?dry_run=1.
  [[nodiscard]] std::vector<std::string> dry_runs() const;

 private:
  struct Entry {
    Method method;
    Needs needs;
    bool takes_dry_run;
    std::string pattern;
    std::vector<std::string> segments;
    RouteHandler handler;
  };
  std::vector<Entry> entries_;
  Audit audit_;
};

}  // namespace fairlead::api
