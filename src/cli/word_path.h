// Where a line of words leads in the grammar of the command line: what is wrong with it, and what
// may come next.
//
//   WordPath path = FollowWords(app, {"real", "set", "web", "--wieght"});
//   path.Name();                 // "fairlead real set"
//   FaultOf(path);               // "--wieght is not an option of fairlead real set; did you mean
//   …" CandidatesAt(path, "--we");  // {"--weight"}
//
// CLI11 says of a misspelt verb that one is required, and of a misspelt option which words it does
// not expect, its value among them. Threads: values that point into `app`.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace fairlead::cli {

struct WordPath {
  const CLI::App* app = nullptr;             // of the last verb that was found
  const CLI::Option* open = nullptr;         // the line ends where its value belongs
  std::vector<std::string> positionals;      // words that are neither verbs nor options
  std::map<std::string, std::string> given;  // options: "--service" → "web", flags → ""
  std::string unknown_verb, unknown_option;  // the first of them; the path ends there

  // "fairlead real set"
  [[nodiscard]] std::string Name() const;
};

// Verbs that help shows, in their order.
std::vector<const CLI::App*> VerbsOf(const CLI::App& app);

// The words that an option takes, when it takes only these.
std::vector<std::string> ChoicesOf(const CLI::Option& option);

WordPath FollowWords(const CLI::App& app, const std::vector<std::string>& words);

// A sentence about the unknown verb or option, or the verb that is missing; empty when the path
// knows of no fault.
std::string FaultOf(const WordPath& path);

// The words that are too many, in the order in which they stand; empty: there are none.
std::string FaultOfExtras(const WordPath& path);

// What a word that begins with `begin` may become; kServiceNames and the like (arguments.h) stand
// for names that are not in the grammar.
std::vector<std::string> CandidatesAt(const WordPath& path, const std::string& begin);

// The service that the line names, or "".
std::string ServiceIn(const WordPath& path);

}  // namespace fairlead::cli
