// fairlead upgrade
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include "cli/commands.h"
#include "cli/problem.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr auto kLook = 100ms;
// Longer than the director waits for its successor, and that for its devices.
constexpr auto kPatience = 100s;

// The upgrade as whoever answers sees it. Nobody answers for a moment, and that is no error.
std::optional<json::object> Look(ApiClient& client) {
  const Result<Reply> reply = client.Send("GET", "/v1/upgrade", "");
  if (!reply || reply->status != 200) return std::nullopt;
  json::error_code ec;
  json::value document = json::parse(reply->body, ec);
  if (ec || !document.is_object()) return std::nullopt;
  return std::move(document.as_object());
}

// Whether it waits for peers is no matter of the upgrade. An earlier version says only whether it
// is ready.
bool Forwards(ApiClient& client) {
  const Result<Reply> reply = client.Send("GET", "/v1/status", "");
  if (!reply || reply->status != 200) return false;
  json::error_code ec;
  const json::value document = json::parse(reply->body, ec);
  if (ec || !document.is_object()) return false;
  const json::object& status = document.as_object();
  return Flag(status, status.contains("forwarding") ? "forwarding" : "ready");
}

int ShowSuccess(const Arguments& arguments, const json::object& begun, const json::object& now) {
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(now));
  } else {
    fmt::print("process {}, version {}, has taken over from process {}, version {}\n",
               Text(now, "pid"), Text(now, "version"), Text(begun, "pid"), Text(begun, "version"));
  }
  return kOk;
}

int ShowFailure(const Arguments& arguments, const json::object& now) {
  return PrintProblem(
      {arguments.is_json, "upgrade-failed", "The upgrade has failed",
       fmt::format("the upgrade to {} has failed, and process {} goes on as before: {}",
                   Text(now, "binary"), Text(now, "pid"), Text(now, "reason"))},
      kFailed);
}

}  // namespace

int RunUpgrade(const Arguments& arguments) {
  json::object request;
  if (!arguments.file.empty()) {
    request["binary"] = std::filesystem::absolute(arguments.file).lexically_normal().string();
  }
  Session session(arguments);
  const auto answer = session.Ask("POST", "/v1/upgrade", json::serialize(request));
  if (!answer) return session.exit_code();
  const json::object& begun = answer->as_object();
  ApiClient client(arguments.api, arguments.credentials);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kLook);
    const std::optional<json::object> now = Look(client);
    if (!now) continue;
    const bool is_successor = Text(*now, "pid") != Text(begun, "pid");
    if (is_successor && Forwards(client)) return ShowSuccess(arguments, begun, *now);
    if (!is_successor && Text(*now, "phase") == "failed") return ShowFailure(arguments, *now);
  }
  return PrintProblem(
      {arguments.is_json, "unreachable", "The director cannot be reached",
       fmt::format("nobody has answered at {} that forwards; the log of the director says how far "
                   "the upgrade to {} has come",
                   client.address(), Text(begun, "binary"))},
      kUnreachable);
}

}  // namespace fairlead::cli
