// fairlead real drain SERVICE REAL [--deadline 10m] [--then-remove] [--all] [--wait]
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
  if (Flag(drain, "then_remove")) text += ", then it is removed";
  return text;
}

// What ends the wait, in a word; empty while it goes on. `real` null: it is configured no more.
std::string EndOf(const json::object* real) {
  if (real == nullptr) return "removed";
  if (Text(*real, "admin") != "drain") return "taken back";
  const json::object& drain = Object(*real, "drain");
  return Flag(drain, "is_ended") && !Flag(drain, "then_remove") ? "drained" : "";
}

// The last drain of that real that has ended; null when the director tells of none.
const json::object* FindOutcome(const json::value& document, const std::string& name) {
  const json::object* found = nullptr;
  for (const json::value& item : Array(document.as_object(), "ended_drains")) {
    if (Text(item.as_object(), "real") == name) found = &item.as_object();
  }
  return found;
}

// "drained: 12 connections finished, 2 cut (each is reset with its next packet), 3 left (closed)"
std::string Sentence(const std::string& end, const json::object* outcome) {
  if (end == "taken back") return "the drain was cancelled";
  if (outcome == nullptr) return end;  // by another hand
  const uint64_t cut = Number(*outcome, "cut"), left = Number(*outcome, "left");
  return fmt::format("{}: {} finished, {} cut{}, {} left{}", end,
                     Plural(Number(*outcome, "finished"), "connection"), cut,
                     cut > 0 ? " (each is reset with its next packet)" : "", left,
                     left > 0 ? " (closed ones, until their time is over)" : "");
}

void PrintEnd(const Arguments& arguments, const std::string& name, const std::string& end,
              const json::object* outcome) {
  if (!arguments.is_json) {
    fmt::print("{} of {}: {}\n", name, arguments.service, Sentence(end, outcome));
    return;
  }
  json::object object{{"name", name}, {"outcome", end}};
  for (const char* count : {"finished", "cut", "left"}) {
    if (outcome != nullptr) object[count] = Number(*outcome, count);
  }
  fmt::print("{}\n", Indented(object));
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
  if (arguments.is_all) body["all"] = true;
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
      PrintEnd(arguments, name, end, end == "taken back" ? nullptr : FindOutcome(*document, name));
      return end == "taken back" ? kFailed : kOk;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace fairlead::cli
