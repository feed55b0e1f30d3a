#include "cli/problem.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/text.h"

namespace fairlead::cli {

bool IsJsonAsked(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "-ojson" || words[i] == "-o=json" || words[i] == "--output=json") return true;
    const bool is_output = words[i] == "-o" || words[i] == "--output";
    if (is_output && i + 1 < words.size() && words[i + 1] == "json") return true;
  }
  return false;
}

int PrintProblem(const Problem& problem, int exit_code) {
  if (!problem.is_json) {
    fmt::print(stderr, "fairlead: {}\n", problem.detail);
    return exit_code;
  }
  const boost::json::object document{{"type", "urn:fairlead:problem:" + problem.word},
                                     {"title", problem.title},
                                     {"detail", problem.detail},
                                     {"exit_code", exit_code}};
  fmt::print(stderr, "{}\n", Indented(document));
  return exit_code;
}

}  // namespace fairlead::cli
