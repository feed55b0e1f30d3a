// fairlead complete WORD…: what the last word may become, a line each; asked by
// packaging/fairlead.bash. Names of services and reals come from the director, when it answers.
#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <set>

#include "base/ip_address.h"
#include "cli/commands.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

// The items of the answer that are objects; nothing to offer is no fault of a completion.
json::array ItemsAt(const Arguments& at, const std::string& target, const char* member) {
  const Result<Reply> reply = ApiClient(at.api, at.credentials).Send("GET", target, "");
  if (!reply || reply->status >= 400) return {};
  json::error_code ec;
  const json::value document = json::parse(reply->body, ec);
  if (ec || !document.is_object()) return {};
  return Array(document.as_object(), member);
}

// Addresses of the configured reals of all services, each once.
void PrintAddresses(const Arguments& at, const std::string& begin) {
  std::set<std::string> addresses;
  for (const json::value& service : ItemsAt(at, "/v1/services?reals=true", "services")) {
    if (!service.is_object()) continue;
    for (const json::value& item : Array(service.as_object(), "reals")) {
      if (!item.is_object()) continue;
      const json::object& real = item.as_object();
      if (Flag(real, "removed") || Flag(real, "fallback")) continue;
      if (const auto endpoint = Endpoint::Parse(Text(real, "name"))) {
        addresses.insert(endpoint->address.ToString());
      }
    }
  }
  for (const std::string& address : addresses) {
    if (address.starts_with(begin)) fmt::print("{}\n", address);
  }
}

void PrintNames(const Arguments& at, const std::string& target, const char* member,
                const std::string& begin) {
  for (const json::value& item : ItemsAt(at, target, member)) {
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
    } else if (word == kRealAddresses) {
      PrintAddresses(at, begin);
    } else if (word != kRealNames) {
      fmt::print("{}\n", word);
    } else if (!service.empty()) {
      PrintNames(at, "/v1/services/" + Encode(service) + "/reals", "reals", begin);
    }
  }
  return kOk;
}

}  // namespace fairlead::cli
