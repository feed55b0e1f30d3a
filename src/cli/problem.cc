#include "cli/problem.h"

#include <fmt/format.h>

#include <cstdio>

#include "cli/text.h"

namespace fairlead::cli {

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
