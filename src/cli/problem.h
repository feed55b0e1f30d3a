// How the command line says that something went wrong: in a sentence on standard error; with
// `-o json` as a problem document (RFC 9457) there, so that standard output has results alone.
//
//   return PrintProblem({is_json, "usage", "The command line is wrong", sentence}, kUsage);
//
// `word` is stable, as the words of the director's own problems are (docs/api.md).
#pragma once

#include <string>
#include <vector>

namespace fairlead::cli {

struct Problem {
  bool is_json = false;
  std::string word;    // "unreachable"
  std::string title;   // the same for every problem of that word
  std::string detail;  // a sentence about this one, with what to do
};

// Whether -o json is among the words: asked for when they could not be parsed.
bool IsJsonAsked(const std::vector<std::string>& words);

// Returns the exit code.
int PrintProblem(const Problem& problem, int exit_code);

}  // namespace fairlead::cli
