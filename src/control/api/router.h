// Which function answers which path and method.
//
//   Router router;
//   router.Add(Method::kGet, "/v1/services/{name}", [](const Call& call, Responder respond) {
//     respond(Find(call.args[0]));
//   });
//   router.Route(request, respond);      // 404, 405 with Allow, or the function
//
// Patterns are literal segments and {placeholders} of one segment. Threads: built once, then read.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/http.h"

namespace fairlead::api {

struct Call {
  HttpRequest request;
  std::vector<std::string> args;  // values of the placeholders, decoded
};

using RouteHandler = std::function<void(const Call&, Responder)>;

class Router {
 public:
  void Add(Method method, std::string_view pattern, RouteHandler handler);
  void Route(HttpRequest request, Responder respond) const;

  // "GET /v1/status" …, in order of Add; a test compares them with the OpenAPI document.
  [[nodiscard]] std::vector<std::string> list() const;

 private:
  struct Entry {
    Method method;
    std::string pattern;
    std::vector<std::string> segments;
    RouteHandler handler;
  };
  std::vector<Entry> entries_;
};

}  // namespace fairlead::api
