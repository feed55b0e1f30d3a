// fairlead complete WORD…: what the last word may become, a line each; asked by
// packaging/fairlead.bash. Names of services and reals come from the director, when it answers.
#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "cli/commands.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

void PrintNames(const Arguments& at, const std::string& target, const char* member,
                const std::string& begin) {
  const Result<Reply> reply = ApiClient(at.api, at.credentials).Send("GET", target, "");
  if (!reply || reply->status >= 400) return;  // nothing to offer is no fault of a completion
  json::error_code ec;
  const json::value document = json::parse(reply->body, ec);
  if (ec || !document.is_object()) return;
  for (const json::value& item : Array(document.as_object(), member)) {
    if (!item.is_object() || Flag(item.as_object(), "removed")) continue;
    const std::string name = Text(item.as_object(), "name");
    if (name.starts_with(begin)) fmt::print("{}\n", name);
  }
}

}  // namespace

int RunComplete(const Arguments& arguments) {
  const std::string begin = arguments.complete.empty() ? "" : arguments.complete.back();
  std::string service;
  Arguments at = arguments;
  for (const std::string& word : CandidatesOf(arguments.complete, &service, &at)) {
    if (word == kServiceNames) {
      PrintNames(at, "/v1/services", "services", begin);
    } else if (word != kRealNames) {
      fmt::print("{}\n", word);
    } else if (!service.empty()) {
      PrintNames(at, "/v1/services/" + Encode(service) + "/reals", "reals", begin);
    }
  }
  return kOk;
}

}  // namespace fairlead::cli
