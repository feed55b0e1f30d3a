// fairlead real drain SERVICE REAL [--deadline 10m] [--then-remove] [--wait]
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

#include "cli/commands.h"
#include "cli/director_api.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

constexpr std::chrono::milliseconds kPoll{500};

// "10.0.0.11:80 of shop: 12 connections left (3 active), 9m12s until the deadline"
std::string Progress(const json::object& real) {
  const json::object& drain = Object(real, "drain");
  std::string text = fmt::format(
      "{} of {}: {} left ({} active)", Text(real, "name"), Text(real, "service"),
      Plural(Number(real, "connections_left"), "connection"), Number(real, "active_connections"));
  if (Flag(drain, "is_over")) {
    text += ", the deadline has passed: each is reset with its next packet";
  } else if (Text(drain, "remaining_seconds") != "-") {
    text += fmt::format(", {} until the deadline", Span(Number(drain, "remaining_seconds") * 1000));
  }
  return text;
}

// What ends the wait, as a sentence; empty while it goes on. `real` null: it is configured no more.
std::string EndOf(const json::object* real) {
  if (real == nullptr || Flag(*real, "removed")) return "removed";
  if (Text(*real, "admin") != "drain") return "the drain was taken back";
  const json::object& drain = Object(*real, "drain");
  if (Flag(drain, "then_remove")) return "";
  if (Number(*real, "connections_left") == 0) return "drained: no connection is left";
  if (Flag(drain, "is_over")) return "the deadline has passed; what is left is reset";
  return "";
}

// The real among the service's; a removed one of that name counts as gone.
const json::object* FindReal(const json::value& document, const std::string& name) {
  for (const json::value& item : Array(document.as_object(), "reals")) {
    if (Text(item.as_object(), "name") == name && !Flag(item.as_object(), "removed")) {
      return &item.as_object();
    }
  }
  return nullptr;
}

}  // namespace

int RunRealDrain(const Arguments& arguments) {
  const std::string reals = "/v1/services/" + Encode(arguments.service) + "/reals";
  Session session(arguments);
  json::object body;
  if (!arguments.deadline.empty()) body["deadline"] = arguments.deadline;
  if (arguments.is_then_remove) body["then_remove"] = true;
  auto answer =
      session.Ask("POST", reals + "/" + Encode(arguments.real) + "/drain", json::serialize(body));
  if (!answer) return session.exit_code();
  const std::string name = Text(answer->as_object(), "name");
  const auto show = [&arguments](const json::object& real) {
    if (!arguments.is_json) fmt::print("{}\n", Progress(real));
    std::fflush(stdout);
  };
  if (!arguments.is_wait) {
    if (arguments.is_json) fmt::print("{}\n", Indented(*answer));
    show(answer->as_object());
    return kOk;
  }
  uint64_t shown = UINT64_MAX;
  for (;;) {
    const auto document = session.Ask("GET", reals);
    if (!document) return session.exit_code();
    const json::object* real = FindReal(*document, name);
    if (real != nullptr && Number(*real, "connections_left") != shown) {
      shown = Number(*real, "connections_left");
      show(*real);
    }
    if (const std::string end = EndOf(real); !end.empty()) {
      if (arguments.is_json) {
        fmt::print("{}\n", Indented(json::object{{"name", name}, {"outcome", end}}));
      } else {
        fmt::print("{} of {}: {}\n", name, arguments.service, end);
      }
      return end == "the drain was taken back" ? kFailed : kOk;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace fairlead::cli
