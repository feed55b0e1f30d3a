#include "cli/manual.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "cli/arguments.h"
#include "cli/word_path.h"

namespace fairlead::cli {

namespace {

constexpr const char* kHead =
    "is the command line of a Fairlead director.\n"
    "It asks a running director over its API, and needs no privileges but access to the socket:\n"
    "root and members of the group\n.B fairlead\nhave it.\n"
    "Options may stand before or after the command.\n";

constexpr const char* kTail =
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\nDone.\n"
    ".TP\n.B 1\nFailed or refused.\n"
    ".TP\n.B 2\nThe command line is wrong.\n"
    ".TP\n.B 3\nThe director cannot be reached.\n"
    ".TP\n.B 4\nA reload would take something away and was not confirmed. Nothing was done.\n"
    ".PP\n.B fairlead ipvsadm\nand\n.B fairlead ipvs\\-exec\n"
    "have the exit status of the program that they stand for.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B FAIRLEAD_API\nWhere the director listens when\n.B \\-\\-api\nis not given.\n"
    ".TP\n.B FAIRLEAD_IPVS_SOCKET\nThe socket of\n.B ipvs\\-exec\nwhen\n.B \\-\\-socket\n"
    "is not given.\n"
    ".SH FILES\n"
    ".TP\n.I /run/fairlead/api.sock\nWhere the director listens by default.\n"
    ".TP\n.I /etc/fairlead/fairlead.yaml\nThe configuration of the director.\n"
    ".SH EXAMPLES\n"
    ".EX\n"
    "fairlead status\n"
    "fairlead explain 198.51.100.7 192.0.2.10:80/tcp\n"
    "fairlead real drain shop 10.0.0.11:80 \\-\\-wait\n"
    "fairlead \\-o json connection list \\-\\-service shop | jq \\-r '.connections[].client'\n"
    ".EE\n"
    ".SH SEE ALSO\n"
    ".BR fairlead.yaml (5),\n"
    ".BR fairleadd (8)\n";

// Text that man(7) prints as it is, whatever it begins with.
std::string Plain(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool begins_line = i == 0 || text[i - 1] == '\n';
    if (begins_line && (c == '.' || c == '\'')) out += "\\&";
    if (text.compare(i, 3, "…") == 0) {
      out += "...";
      i += 2;
    } else if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string Sentence(const std::string& description) {
  std::string text = Plain(description);
  if (!text.empty()) {
    text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  }
  if (!text.empty() && !text.ends_with('.')) text += '.';
  return text + "\n";
}

std::string Bold(const std::string& text) { return "\\fB" + Plain(text) + "\\fR"; }
std::string Italic(const std::string& text) { return "\\fI" + Plain(text) + "\\fR"; }

std::string UpperCase(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

// "up|down" when only these are taken, else the option's name in capitals.
std::string ValueOf(const CLI::Option& option) {
  std::string words;
  for (const std::string& word : ChoicesOf(option)) words += (words.empty() ? "" : "|") + word;
  return words.empty() ? Italic(UpperCase(option.get_single_name())) : Bold(words);
}

std::string Tag(const CLI::Option& option) {
  std::string tag;
  for (const std::string& name : option.get_snames()) tag += Bold("-" + name) + ", ";
  for (const std::string& name : option.get_lnames()) tag += Bold("--" + name) + ", ";
  tag.erase(tag.size() - 2);
  return option.get_items_expected_max() == 0 ? tag : tag + " " + ValueOf(option);
}

std::string Positional(const CLI::Option& option) {
  std::string word = Italic(UpperCase(option.get_single_name()));
  if (option.get_items_expected_max() > 1) word += " ...";
  return option.get_required() ? word : "[" + word + "]";
}

std::vector<const CLI::Option*> OptionsOf(const CLI::App& app, bool is_positional) {
  std::vector<const CLI::Option*> options;
  for (const CLI::Option* option : app.get_options()) {
    const bool is_help = option == app.get_help_ptr() && app.get_parent() != nullptr;
    if (option->get_positional() == is_positional && !is_help) options.push_back(option);
  }
  return options;
}

// "fairlead real drain [OPTIONS] SERVICE REAL"
std::string Usage(const CLI::App& app) {
  WordPath path;
  path.app = &app;
  std::string usage = Bold(path.Name());
  if (!OptionsOf(app, false).empty()) usage += " [" + Italic("OPTIONS") + "]";
  for (const CLI::Option* option : OptionsOf(app, true)) usage += " " + Positional(*option);
  return usage;
}

// A list, indented when it belongs to a command.
std::string OptionList(const CLI::App& app) {
  std::string text;
  for (const bool is_positional : {true, false}) {
    for (const CLI::Option* option : OptionsOf(app, is_positional)) {
      text += ".TP\n" + (is_positional ? Positional(*option) : Tag(*option)) + "\n" +
              Sentence(option->get_description());
    }
  }
  return text;
}

std::string Commands(const CLI::App& app) {
  std::string text;
  for (const CLI::App* verb : VerbsOf(app)) {
    if (!VerbsOf(*verb).empty()) {
      text += Commands(*verb);
      continue;
    }
    text += ".TP\n" + Usage(*verb) + "\n" + Sentence(verb->get_description());
    const std::string options = OptionList(*verb);
    if (!options.empty()) text += ".RS\n" + options + ".RE\n";
  }
  return text;
}

}  // namespace

std::string ManualPage(const CLI::App& app) {
  return ".\\\" Made by `fairlead manual` from the grammar of the program.\n"
         ".TH FAIRLEAD 1 \"2026-11-29\" \"Fairlead " FAIRLEAD_VERSION
         "\" \"Fairlead\"\n"
         ".SH NAME\nfairlead \\- control a running Fairlead director\n"
         ".SH SYNOPSIS\n.B fairlead\n.RI [ OPTIONS ]\n.I COMMAND\n.RI [ ARGUMENTS ]\n"
         ".SH DESCRIPTION\n.B fairlead\n" +
         std::string(kHead) + ".SH OPTIONS\n" + OptionList(app) + ".SH COMMANDS\n" + Commands(app) +
         kTail;
}

}  // namespace fairlead::cli
