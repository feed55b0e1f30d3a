// What each verb does: ask the API, print, give the exit code.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cli/api_client.h"
#include "cli/arguments.h"

namespace fairlead::cli {

// Exit code. Prints to standard output, errors to standard error.
int Run(const Arguments& arguments);

// A conversation with the director in which every failure has been printed and has its exit code.
//
//   Session session(arguments);
//   const auto status = session.Ask("GET", "/v1/status");
//   if (!status) return session.exit_code();
// With --dry-run whatever is not a GET is only tried: what would change is printed, and Ask gives
// nothing and the exit code of that. So no verb has to think of it.
class Session {
 public:
  explicit Session(const Arguments& arguments)
      : client_(arguments.api, arguments.credentials),
        is_json_(arguments.is_json),
        is_dry_run_(arguments.is_dry_run) {}

  // The document, or nothing after the problem was printed.
  std::optional<boost::json::value> Ask(std::string_view method, const std::string& target,
                                        const std::string& body = "");
  std::optional<std::string> AskText(std::string_view method, const std::string& target,
                                     const std::string& body = "");
  // The answer whatever its status; nothing when nobody answers.
  std::optional<Reply> AskEvenIfRefused(std::string_view method, const std::string& target,
                                        const std::string& body = "");
  // Prints the problem that an answer is. The exit code.
  int Refused(const Reply& reply);
  [[nodiscard]] int exit_code() const { return exit_code_; }
  // A problem of the command line's own.
  void Fail(const std::string& word, const std::string& title, const std::string& detail);

 private:
  void PrintRefusal(const Reply& reply);
  std::optional<boost::json::value> AskOnce(std::string_view method, const std::string& target,
                                            const std::string& body);

  ApiClient client_;
  const bool is_json_, is_dry_run_;
  int exit_code_ = kOk;
};

// Reals with that address, or address and port, of all services, each with its service's name; not
// fallbacks, and not those that are removed. Nothing after a problem was printed: none is one, too.
std::optional<boost::json::array> RealsAt(Session* session, const Arguments& arguments);
// A table of reals as services show them.
void PrintReals(const boost::json::array& reals, bool with_service);

int RunStatus(const Arguments& arguments);
int RunDrops(const Arguments& arguments);
int RunReady(const Arguments& arguments);
int RunSyncStatus(const Arguments& arguments);
int RunFleetStatus(const Arguments& arguments);
int RunServiceList(const Arguments& arguments);
int RunServiceShow(const Arguments& arguments);
int RunServiceAdd(const Arguments& arguments);
int RunServiceEdit(const Arguments& arguments);
int RunServiceRemove(const Arguments& arguments);
int RunRealAdd(const Arguments& arguments);
int RunRealRemove(const Arguments& arguments);
int RunDiff(const Arguments& arguments);
int RunRealList(const Arguments& arguments);
int RunRealShow(const Arguments& arguments);
int RunRealSet(const Arguments& arguments);
int RunRealDrain(const Arguments& arguments);
int RunConnectionList(const Arguments& arguments);
int RunConnectionCount(const Arguments& arguments);
int RunTemplateList(const Arguments& arguments);
int RunTemplatePin(const Arguments& arguments);
int RunTemplateRetime(const Arguments& arguments);
int RunFlush(const Arguments& arguments);
int RunExplain(const Arguments& arguments);
int RunPortList(const Arguments& arguments);
int RunPortRelease(const Arguments& arguments);
int RunReload(const Arguments& arguments);
int RunUpgrade(const Arguments& arguments);
int RunCheck(const Arguments& arguments);
int RunConfigShow(const Arguments& arguments);
int RunConfigSave(const Arguments& arguments);
int RunConfigSchema();
int RunRouteList(const Arguments& arguments);
int RunSnatList(const Arguments& arguments);
int RunNeighbourList(const Arguments& arguments);
int RunTop(const Arguments& arguments);
int RunDoctor(const Arguments& arguments);
int RunComplete(const Arguments& arguments);
int RunMetrics(const Arguments& arguments);
int RunLogLevel(const Arguments& arguments);
int RunIpvsadm(const Arguments& arguments);
int RunIpvsExec(const Arguments& arguments);

}  // namespace fairlead::cli
