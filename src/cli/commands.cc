#include "cli/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdio>
#include <regex>

#include "cli/problem.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

// Without "body:1:13: ", which is about what the program sends; and with the name of the option
// where that is the key's: "--deadline: must be …".
std::string InOptions(std::string sentence) {
  static const std::regex body("^body:[0-9]+:[0-9]+(: )?");
  static const std::regex key(
      "^(scheduler|scheduler_flags|forward|persistence|one_packet|name|mark|family|allow_any_port|"
      "weight|state|upper_threshold|lower_threshold|deadline): ");
  const std::string rest = std::regex_replace(sentence, body, "");
  if (rest.size() == sentence.size()) return sentence;
  std::smatch match;
  if (!std::regex_search(rest, match, key)) return rest;
  std::string option = match[1];
  std::ranges::replace(option, '_', '-');
  return "--" + option + ": " + match.suffix().str();
}

// "place: sentence" lines of a problem's errors, else its detail.
void PrintSentences(const json::object& problem) {
  fmt::print(stderr, "fairlead: {}\n", InOptions(Text(problem, "detail")));
  for (const json::value& item : Array(problem, "errors")) {
    if (!item.is_object() || Text(problem, "type") == "urn:fairlead:problem:invalid-body") continue;
    const json::object& error = item.as_object();
    const std::string place = Text(error, "place");
    const std::string sentence = (place == "-" ? "" : place + ": ") + Text(error, "detail");
    fmt::print(stderr, "{}\n", InOptions(sentence));
  }
}

void PrintDryRun(const json::value& outcome, bool is_json) {
  if (is_json) {
    fmt::print("{}\n", Indented(outcome));
    return;
  }
  const json::array& changes = Array(outcome.as_object(), "changes");
  fmt::print("{}\n", changes.empty() ? "nothing would change" : "it would change:");
  for (const json::value& change : changes) {
    fmt::print("  {}\n", change.is_string() ? std::string(change.as_string()) : "-");
  }
}

}  // namespace

void Session::PrintRefusal(const Reply& reply) {
  json::error_code ec;
  const json::value document = json::parse(reply.body, ec);
  if (ec || !document.is_object()) {
    exit_code_ =
        PrintProblem({is_json_, "no-problem-document", "The answer gives no reason",
                      fmt::format("the director answered with HTTP status {}", reply.status)},
                     kFailed);
    return;
  }
  exit_code_ = kFailed;
  if (is_json_) {
    fmt::print(stderr, "{}\n", Indented(document));
  } else {
    PrintSentences(document.as_object());
  }
}

void Session::Fail(const std::string& word, const std::string& title, const std::string& detail) {
  exit_code_ = PrintProblem({is_json_, word, title, detail}, kFailed);
}

std::optional<Reply> Session::AskEvenIfRefused(std::string_view method, const std::string& target,
                                               const std::string& body) {
  Result<Reply> reply = client_.Send(method, target, body);
  if (!reply) {
    const bool is_usage = reply.error().code == ErrorCode::kInvalid;
    exit_code_ =
        PrintProblem({is_json_, is_usage ? "usage" : "unreachable",
                      is_usage ? "The command line is wrong" : "The director cannot be reached",
                      reply.error().message},
                     is_usage ? kUsage : kUnreachable);
    return std::nullopt;
  }
  return *std::move(reply);
}

int Session::Refused(const Reply& reply) {
  PrintRefusal(reply);
  return exit_code_;
}

std::optional<std::string> Session::AskText(std::string_view method, const std::string& target,
                                            const std::string& body) {
  std::optional<Reply> reply = AskEvenIfRefused(method, target, body);
  if (!reply) return std::nullopt;
  if (reply->status >= 400) {
    PrintRefusal(*reply);
    return std::nullopt;
  }
  return std::move(reply->body);
}

std::optional<json::value> Session::Ask(std::string_view method, const std::string& target,
                                        const std::string& body) {
  const bool is_tried = target.find("dry_run=1") != std::string::npos;  // and shown by its verb
  if (!is_dry_run_ || method == "GET" || is_tried) return AskOnce(method, target, body);
  const char* const separator = target.find('?') == std::string::npos ? "?" : "&";
  const auto outcome = AskOnce(method, target + separator + "dry_run=1", body);
  if (outcome) PrintDryRun(*outcome, is_json_);
  return std::nullopt;
}

std::optional<json::value> Session::AskOnce(std::string_view method, const std::string& target,
                                            const std::string& body) {
  const auto text = AskText(method, target, body);
  if (!text) return std::nullopt;
  json::error_code ec;
  json::value document = json::parse(*text, ec);
  if (ec || !document.is_object()) {
    exit_code_ =
        PrintProblem({is_json_, "not-a-director", "No director answers there",
                      "what answers at " + client_.address() + " is not the API of a director"},
                     kUnreachable);
    return std::nullopt;
  }
  return document;
}

namespace {

int RunOnServices(const Arguments& arguments) {
  switch (arguments.verb) {
    case Verb::kServiceList:
      return RunServiceList(arguments);
    case Verb::kServiceShow:
      return RunServiceShow(arguments);
    case Verb::kServiceAdd:
      return RunServiceAdd(arguments);
    case Verb::kServiceEdit:
      return RunServiceEdit(arguments);
    case Verb::kServiceRemove:
      return RunServiceRemove(arguments);
    case Verb::kRealAdd:
      return RunRealAdd(arguments);
    case Verb::kRealRemove:
      return RunRealRemove(arguments);
    case Verb::kRealList:
      return RunRealList(arguments);
    case Verb::kRealShow:
      return RunRealShow(arguments);
    case Verb::kRealDrain:
      return RunRealDrain(arguments);
    case Verb::kRealSet:
      return RunRealSet(arguments);
    default:
      return kUsage;
  }
}

int RunOnRecords(const Arguments& arguments) {
  switch (arguments.verb) {
    case Verb::kConnectionList:
      return RunConnectionList(arguments);
    case Verb::kConnectionCount:
      return RunConnectionCount(arguments);
    case Verb::kTemplateList:
      return RunTemplateList(arguments);
    case Verb::kConnectionFlush:
    case Verb::kTemplateFlush:
    case Verb::kTemplateUnpin:
      return RunFlush(arguments);
    case Verb::kTemplatePin:
      return RunTemplatePin(arguments);
    case Verb::kTemplateRetime:
      return RunTemplateRetime(arguments);
    default:
      return kUsage;
  }
}

int RunOnConfig(const Arguments& arguments) {
  switch (arguments.verb) {
    case Verb::kReload:
      return RunReload(arguments);
    case Verb::kCheck:
      return RunCheck(arguments);
    case Verb::kDiff:
      return RunDiff(arguments);
    case Verb::kConfigShow:
      return RunConfigShow(arguments);
    case Verb::kConfigSave:
      return RunConfigSave(arguments);
    case Verb::kConfigSchema:
      return RunConfigSchema();
    default:
      return kUsage;
  }
}

}  // namespace

int Run(const Arguments& arguments) {
  switch (arguments.verb) {
    case Verb::kServiceList:
    case Verb::kServiceShow:
    case Verb::kServiceAdd:
    case Verb::kServiceEdit:
    case Verb::kServiceRemove:
    case Verb::kRealAdd:
    case Verb::kRealRemove:
    case Verb::kRealList:
    case Verb::kRealShow:
    case Verb::kRealDrain:
    case Verb::kRealSet:
      return RunOnServices(arguments);
    case Verb::kConnectionList:
    case Verb::kConnectionCount:
    case Verb::kTemplateList:
    case Verb::kConnectionFlush:
    case Verb::kTemplateFlush:
    case Verb::kTemplateUnpin:
    case Verb::kTemplatePin:
    case Verb::kTemplateRetime:
      return RunOnRecords(arguments);
    case Verb::kReload:
    case Verb::kCheck:
    case Verb::kDiff:
    case Verb::kConfigShow:
    case Verb::kConfigSave:
    case Verb::kConfigSchema:
      return RunOnConfig(arguments);
    case Verb::kStatus:
      return RunStatus(arguments);
    case Verb::kReady:
      return RunReady(arguments);
    case Verb::kSyncStatus:
      return RunSyncStatus(arguments);
    case Verb::kFleetStatus:
      return RunFleetStatus(arguments);
    case Verb::kExplain:
      return RunExplain(arguments);
    case Verb::kPortList:
      return RunPortList(arguments);
    case Verb::kPortRelease:
      return RunPortRelease(arguments);
    case Verb::kUpgrade:
      return RunUpgrade(arguments);
    case Verb::kRouteList:
      return RunRouteList(arguments);
    case Verb::kSnatList:
      return RunSnatList(arguments);
    case Verb::kNeighbourList:
      return RunNeighbourList(arguments);
    case Verb::kDrops:
      return RunDrops(arguments);
    case Verb::kTopClients:
    case Verb::kTopServices:
      return RunTop(arguments);
    case Verb::kDoctor:
      return RunDoctor(arguments);
    case Verb::kMetrics:
      return RunMetrics(arguments);
    case Verb::kLogLevel:
      return RunLogLevel(arguments);
    case Verb::kIpvsadm:
      return RunIpvsadm(arguments);
    case Verb::kIpvsExec:
      return RunIpvsExec(arguments);
    case Verb::kComplete:
      return RunComplete(arguments);
  }
  return kUsage;
}

}  // namespace fairlead::cli
