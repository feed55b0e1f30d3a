// A JSON request body as typed members; what is wrong becomes one problem document with all faults.
//
//   BodyReader body(request.body, {"weight", "admin"});
//   std::optional<int64_t> weight = body.Integer("weight", 0, 65535);
//   if (!body.ok()) return respond(body.problem());
//
// Threads: a value for one request.
#pragma once

#include <boost/json/object.hpp>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/http.h"

namespace fairlead::api {

class BodyReader {
 public:
  // `known`: the members there may be. An empty body reads as {}.
  BodyReader(std::string_view text, std::initializer_list<std::string_view> known);

  std::optional<int64_t> Integer(std::string_view name, int64_t low, int64_t high);
  std::optional<std::string> String(std::string_view name);
  void Fault(std::string_view name, const std::string& sentence);

  [[nodiscard]] bool ok() const { return faults_.empty(); }
  // Precondition: !ok(). 400 when the body is no JSON object, 422 otherwise.
  [[nodiscard]] HttpResponse problem() const;

 private:
  const boost::json::value* Find(std::string_view name) const;

  struct Fault_ {
    std::string place, sentence;
  };
  boost::json::object object_;
  bool is_object_ = true;
  std::vector<Fault_> faults_;
};

}  // namespace fairlead::api
