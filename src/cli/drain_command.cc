// fairlead real drain SERVICE REAL [--deadline 10m] [--then-remove] [--all] [--wait], or
// --everywhere REAL
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

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

std::string RealsPath(const Arguments& arguments) {
  return ServicePath(arguments.service) + "/reals";
}

void ShowProgress(const Arguments& arguments, const json::object& real) {
  if (!arguments.is_json) fmt::print("{}\n", Progress(real));
  std::fflush(stdout);
}

// The real as it is now, or nothing after the problem was printed.
std::optional<json::value> Begin(Session* session, const Arguments& arguments) {
  json::object body;
  if (!arguments.deadline.empty()) body["deadline"] = arguments.deadline;
  if (arguments.is_then_remove) body["then_remove"] = true;
  if (arguments.is_all) body["all"] = true;
  auto answer = session->Ask("POST", RealsPath(arguments) + "/" + Encode(arguments.real) + "/drain",
                             json::serialize(body));
  if (!answer || arguments.is_wait) return answer;
  if (arguments.is_json) fmt::print("{}\n", Indented(*answer));
  ShowProgress(arguments, answer->as_object());
  return answer;
}

// Until the drain of the real of that name has ended.
int Await(Session* session, const Arguments& arguments, const std::string& name) {
  uint64_t shown = UINT64_MAX;
  for (;;) {
    const auto document = session->Ask("GET", RealsPath(arguments));
    if (!document) return session->exit_code();
    const json::object* real = FindReal(*document, name);
    if (real != nullptr && Number(*real, "connections_left") != shown) {
      shown = Number(*real, "connections_left");
      ShowProgress(arguments, *real);
    }
    if (const std::string end = EndOf(real); !end.empty()) {
      PrintEnd(arguments, name, end, end == "taken back" ? nullptr : FindOutcome(*document, name));
      return end == "taken back" ? kFailed : kOk;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

// The real of one service, or that of every service that has it.
std::optional<std::vector<Arguments>> DrainsOf(Session* session, const Arguments& arguments) {
  if (!arguments.is_everywhere) return std::vector{arguments};
  const auto reals = RealsAt(session, arguments);
  if (!reals) return std::nullopt;
  std::vector<Arguments> drains;
  for (const json::value& real : *reals) {
    drains.push_back(arguments);
    drains.back().service = Text(real.as_object(), "service");
    drains.back().real = Text(real.as_object(), "name");
  }
  return drains;
}

}  // namespace

// All drains begin before the first is waited for. One that is refused keeps no other from it.
int RunRealDrain(const Arguments& arguments) {
  Session session(arguments);
  const auto drains = DrainsOf(&session, arguments);
  if (!drains) return session.exit_code();
  int worst = kOk;
  std::vector<std::pair<const Arguments*, std::string>> begun;
  for (const Arguments& drain : *drains) {
    const auto answer = Begin(&session, drain);
    if (answer) {
      begun.emplace_back(&drain, Text(answer->as_object(), "name"));
    } else {
      worst = std::max(worst, session.exit_code());
    }
  }
  if (!arguments.is_wait) return worst;
  for (const auto& [drain, name] : begun) {
    worst = std::max(worst, Await(&session, *drain, name));
  }
  return worst;
}

}  // namespace fairlead::cli
