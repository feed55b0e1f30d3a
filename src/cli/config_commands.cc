// fairlead reload, check
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <filesystem>

#include "cli/commands.h"
#include "cli/text.h"
#include "control/config/yaml_loader.h"

namespace fairlead::cli {

namespace json = boost::json;

int RunReload(const Arguments& arguments) {
  json::object request;
  if (!arguments.file.empty()) {
    request["path"] = std::filesystem::absolute(arguments.file).lexically_normal().string();
  }
  Session session(arguments);
  const auto document = session.Ask("POST", "/v1/reload", json::serialize(request));
  if (!document) return session.exit_code();
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(*document));
    return kOk;
  }
  const json::object& outcome = document->as_object();
  const json::array& changes = Array(outcome, "changes");
  fmt::print("generation {}: {}\n", Text(outcome, "generation"),
             changes.empty() ? "nothing changed" : Plural(changes.size(), "change"));
  for (const json::value& change : changes) {
    fmt::print("  {}\n", std::string(change.as_string()));
  }
  return kOk;
}

int RunCheck(const Arguments& arguments) {
  const control::LoadResult loaded = control::LoadConfig(arguments.file);
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

}  // namespace fairlead::cli
