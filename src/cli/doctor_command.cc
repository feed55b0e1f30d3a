// fairlead doctor
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "cli/commands.h"
#include "cli/doctor/doctor.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

constexpr size_t kLineWidth = 80;
constexpr size_t kIndent = 21;  // "WRONG  configuration " and what follows

// The sentence in lines that begin at the same column; the first has its place already.
std::string Wrapped(const std::string& sentence) {
  std::istringstream words(sentence);
  std::string text;
  size_t column = kIndent;
  for (std::string word; words >> word; column += word.size() + 1) {
    if (column > kIndent && column + word.size() > kLineWidth) {
      text += "\n" + std::string(kIndent, ' ');
      column = kIndent;
    } else if (!text.empty()) {
      text += ' ';
    }
    text += word;
  }
  return text;
}

void PrintFindings(const Findings& findings) {
  for (const Finding& finding : findings) {
    fmt::print("{:<6} {:<13} {}\n", finding.is_good ? "ok" : "WRONG", finding.check,
               Wrapped(finding.what));
    for (const std::string& command : finding.remedy) {
      fmt::print("{:{}}# {}\n", "", kIndent, command);
    }
  }
}

json::object DocumentOf(const Findings& findings, bool is_well) {
  json::array list;
  for (const Finding& finding : findings) {
    json::array remedy;
    for (const std::string& command : finding.remedy) remedy.emplace_back(command);
    list.push_back(json::object{{"check", finding.check},
                                {"ok", finding.is_good},
                                {"what", finding.what},
                                {"remedy", std::move(remedy)}});
  }
  return {{"ok", is_well}, {"findings", std::move(list)}};
}

}  // namespace

int RunDoctor(const Arguments& arguments) {
  const std::string path = arguments.file.empty() ? kDefaultConfig : arguments.file;
  const Findings findings = Examine(Machine(arguments.root), path);
  const auto wrong = std::ranges::count_if(findings, [](const Finding& f) { return !f.is_good; });
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(DocumentOf(findings, wrong == 0)));
  } else {
    PrintFindings(findings);
    fmt::print("{}\n", wrong == 0 ? "nothing is wrong"
                                  : Plural(static_cast<uint64_t>(wrong), "thing") +
                                        " to mend, by the commands above, as root");
  }
  return wrong == 0 ? kOk : kFailed;
}

}  // namespace fairlead::cli
