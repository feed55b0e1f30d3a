// fairlead explain
#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "cli/commands.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

int RunExplain(const Arguments& arguments) {
  std::string destination = arguments.destination;
  std::string protocol = "tcp";
  if (const size_t slash = destination.rfind('/'); slash != destination.npos) {
    protocol = destination.substr(slash + 1);
    destination.resize(slash);
  }
  json::object question{
      {"client", arguments.client}, {"destination", destination}, {"protocol", protocol}};
  if (!arguments.port.empty()) question["port"] = arguments.port;
  if (arguments.is_later) question["packet"] = "later";
  Session session(arguments);
  const auto document = session.Ask("POST", "/v1/explain", json::serialize(question));
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  const json::object& answer = document->as_object();
  fmt::print("{}\n", Text(answer, "summary"));
  if (const std::string why = Text(answer, "not_announced"); why != "-") {
    fmt::print("This director does not announce the address: {}.\n", why);
  }
  if (arguments.shows_fragments) fmt::print("{}\n", Text(answer, "fragments"));
  fmt::print("\n");
  size_t number = 0;
  for (const json::value& item : Array(answer, "steps")) {
    const json::object& step = item.as_object();
    // The reals that stood for election are details of the scheduler's choice.
    if (Text(step, "step") == "real") {
      fmt::print("      {}\n", Text(step, "sentence"));
    } else {
      fmt::print("{:>3}.  {}\n", ++number, Text(step, "sentence"));
    }
  }
  if (const uint64_t left_out = Number(answer, "steps_left_out"); left_out > 0) {
    fmt::print("      … and {}\n", Plural(left_out, "more real"));
  }
  return kOk;
}

}  // namespace fairlead::cli
