// fairlead reload, check, log
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <iostream>
#include <optional>

#include "cli/commands.h"
#include "cli/problem.h"
#include "cli/text.h"
#include "control/config/check_config.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

const json::array& TakenAway(const json::value& outcome, std::string_view what) {
  return Array(Object(outcome.as_object(), "takes_away"), what);
}

bool TakesAway(const json::value& outcome) {
  return !TakenAway(outcome, "changes_by_hand").empty() || !TakenAway(outcome, "services").empty();
}

// "2 changes by hand and 1 service"
std::string WhatIsTakenAway(const json::value& outcome) {
  const size_t edits = TakenAway(outcome, "changes_by_hand").size();
  const size_t services = TakenAway(outcome, "services").size();
  std::string text;
  if (edits > 0) text = Plural(edits, "change by hand", "changes by hand");
  if (services > 0) text += (edits > 0 ? " and " : "") + Plural(services, "service");
  return text;
}

void ListTakenAway(const json::value& outcome) {
  for (const json::value& edit : TakenAway(outcome, "changes_by_hand")) {
    fmt::print(stderr, "  by hand: {}\n", std::string(edit.as_string()));
  }
  for (const json::value& service : TakenAway(outcome, "services")) {
    fmt::print(stderr, "  service {}\n", std::string(service.as_string()));
  }
}

// Whether the person at the terminal wants it. `preview`: what the reload would do.
int Confirm(const json::value& preview, bool is_json) {
  const std::string path = Text(preview.as_object(), "path");
  if (is_json || isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
    PrintProblem({is_json, "unconfirmed", "The reload would take something away",
                  "a reload of " + path + " takes away " + WhatIsTakenAway(preview) +
                      ", which the file does not have. Nothing was done: add to the file what "
                      "must stay, or api: { on_reload: keep }, or use --yes"},
                 kUnconfirmed);
    if (!is_json) ListTakenAway(preview);
    return kUnconfirmed;
  }
  fmt::print(stderr, "A reload of {} takes away {}, which the file does not have:\n", path,
             WhatIsTakenAway(preview));
  ListTakenAway(preview);
  fmt::print(stderr, "Go on? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return kOk;
  fmt::print(stderr, "nothing was done\n");
  return kUnconfirmed;
}

// kOk: the reload may be sent, since it takes nothing away, somebody wants it, or it will be
// refused.
int AskFirst(Session* session, const std::string& body, bool is_json) {
  const auto preview = session->AskEvenIfRefused("POST", "/v1/reload?dry_run=1", body);
  if (!preview) return session->exit_code();
  // A broken file is sent all the same: what is only tried leaves no trace in the log, in status
  // and in metrics, and a reload that was refused must leave one.
  if (preview->status == 422) return kOk;
  if (preview->status >= 400) return session->Refused(*preview);
  json::error_code ec;
  const json::value document = json::parse(preview->body, ec);
  if (ec || !document.is_object()) {
    session->Fail("not-a-director", "No director answers there",
                  "what answers is not the API of a director");
    return session->exit_code();
  }
  return TakesAway(document) ? Confirm(document, is_json) : kOk;
}

void PrintOutcome(const json::value& document) {
  const json::object& outcome = document.as_object();
  const json::array& changes = Array(outcome, "changes");
  if (Flag(outcome, "dry_run")) {
    fmt::print("a reload of {} would make {}\n", Text(outcome, "path"),
               changes.empty() ? "no changes" : Plural(changes.size(), "change"));
  } else {
    fmt::print("generation {}: {}\n", Text(outcome, "generation"),
               changes.empty() ? "nothing changed" : Plural(changes.size(), "change"));
  }
  for (const json::value& change : changes) {
    fmt::print("  {}\n", std::string(change.as_string()));
  }
  if (TakesAway(document)) {
    fmt::print("{} away {}\n", Flag(outcome, "dry_run") ? "it would take" : "took",
               WhatIsTakenAway(document));
  }
  for (const json::value& warning : Array(outcome, "warnings")) {
    fmt::print(stderr, "warning: {}\n", std::string(warning.as_string()));
  }
}

}  // namespace

int RunReload(const Arguments& arguments) {
  json::object request;
  if (!arguments.file.empty()) {
    request["path"] = std::filesystem::absolute(arguments.file).lexically_normal().string();
  }
  const std::string body = json::serialize(request);
  Session session(arguments);
  std::optional<json::value> outcome;
  if (arguments.is_dry_run) {
    outcome = session.Ask("POST", "/v1/reload?dry_run=1", body);
  } else if (!arguments.is_yes) {
    if (const int code = AskFirst(&session, body, arguments.is_json); code != kOk) return code;
  }
  if (!arguments.is_dry_run) outcome = session.Ask("POST", "/v1/reload", body);
  if (!outcome) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*outcome));
  } else {
    PrintOutcome(*outcome);
  }
  return kOk;
}

namespace {

// The store of a fleet is asked by fairleadd, which has the means.
control::LoadResult CheckFile(const std::string& path) {
  if (!path.starts_with("etcd://")) return control::CheckConfig(path);
  const Error elsewhere{ErrorCode::kInvalid,
                        "is no file; on a director, fairleadd --check " + path +
                            " --name NAME checks what the store has for it",
                        path};
  return {.model = {}, .errors = {elsewhere}, .warnings = {}};
}

}  // namespace

int RunCheck(const Arguments& arguments) {
  const control::LoadResult loaded = CheckFile(arguments.file);
  if (arguments.is_json) {
    const auto list = [](const std::vector<Error>& problems) {
      json::array array;
      for (const Error& p : problems) array.push_back({{"place", p.place}, {"detail", p.message}});
      return array;
    };
    fmt::print("{}\n", Indented(json::object{{"ok", bool(loaded)},
                                             {"errors", list(loaded.errors)},
                                             {"warnings", list(loaded.warnings)}}));
    return loaded ? kOk : kFailed;
  }
  // Line by line what `fairleadd --check` prints.
  for (const Error& error : loaded.errors) fmt::print(stderr, "{}\n", error.ToString());
  if (!loaded) return kFailed;
  for (const Error& warning : loaded.warnings) {
    fmt::print(stderr, "warning: {}\n", warning.ToString());
  }
  fmt::print("{}: ok\n", arguments.file);
  return kOk;
}

int RunLogLevel(const Arguments& arguments) {
  Session session(arguments);
  const bool is_change = !arguments.level.empty();
  const auto answer =
      is_change
          ? session.Ask("PUT", "/v1/log", json::serialize(json::object{{"level", arguments.level}}))
          : session.Ask("GET", "/v1/log");
  if (!answer) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*answer));
    return kOk;
  }
  const std::string level = Text(answer->as_object(), "level");
  const std::string configured = Text(answer->as_object(), "configured");
  fmt::print("{}{}\n", level,
             level == configured ? "" : ", until the next reload; the file says " + configured);
  return kOk;
}

}  // namespace fairlead::cli
