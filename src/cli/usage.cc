#include "cli/usage.h"

#include <iostream>

#include "base/utf8.h"
#include "cli/problem.h"
#include "cli/word_path.h"

namespace fairlead::cli {

int EndParsing(const CLI::App& app, const CLI::ParseError& error,
               const std::vector<std::string>& words) {
  if (error.get_exit_code() == 0) return app.exit(error, std::cout, std::cerr);
  const WordPath path = FollowWords(app, words);
  std::string fault = FaultOf(path);
  // The error's name is the verb's.
  constexpr int kExtras = static_cast<int>(CLI::ExitCodes::ExtrasError);
  if (fault.empty() && error.get_exit_code() == kExtras) fault = FaultOfExtras(path);
  if (fault.empty()) {
    fault = error.what();
    const std::string verb = path.app->get_name() + ": ";  // CLI11 puts it before our own checks
    fault = path.Name() + ": " + (fault.starts_with(verb) ? fault.substr(verb.size()) : fault);
  }
  const std::string hint = (fault.ends_with('?') ? " Try " : "; try ") + path.Name() + " --help";
  return PrintProblem({IsJsonAsked(words), "usage", "The command line is wrong", fault + hint},
                      kUsage);
}

std::optional<int> RefuseOtherThanUtf8(const std::vector<std::string>& words,
                                       const Arguments& arguments) {
  for (const std::string& word : words) {
    const bool is_local_file = arguments.verb == Verb::kCheck && word == arguments.file;
    if (IsUtf8(word) || is_local_file) continue;
    return PrintProblem({arguments.is_json, "usage", "The command line is wrong",
                         "\"" + ToUtf8(word) + "\" is not UTF-8, as names and values must be"},
                        kUsage);
  }
  return std::nullopt;
}

}  // namespace fairlead::cli
