// fairlead ready
#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "cli/commands.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

// A line for each reason, and the exit code for scripts that move an address.
int RunReady(const Arguments& arguments) {
  Session session(arguments);
  const auto reply = session.AskEvenIfRefused("GET", "/readyz");
  if (!reply) return session.exit_code();
  const bool is_ready = reply->status == 200;
  json::error_code ec;
  json::value problem = is_ready ? json::value() : json::parse(reply->body, ec);
  const bool has_reasons = problem.is_object() && problem.as_object().contains("reasons");
  if (!is_ready && (ec || !has_reasons)) return session.Refused(*reply);
  json::array reasons;
  if (has_reasons) reasons = std::move(problem.as_object().at("reasons").as_array());
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(json::object{{"ready", is_ready}, {"reasons", reasons}}));
  } else if (is_ready) {
    fmt::print("ready\n");
  }
  for (const json::value& reason : reasons) {
    if (!arguments.is_json) fmt::print("{}\n", Text(reason.as_object(), "sentence"));
  }
  return is_ready ? kOk : kFailed;
}

}  // namespace fairlead::cli
