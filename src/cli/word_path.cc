#include "cli/word_path.h"

#include <algorithm>

#include "cli/arguments.h"
#include "cli/other_words.h"
#include "control/config/names.h"
#include "control/config/suggest.h"

namespace fairlead::cli {

// A hidden one has no group.
std::vector<const CLI::App*> VerbsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* verb) { return !verb->get_group().empty(); });
}

// CLI11 keeps them in the name of the option's type: "TEXT:{up,down}".
std::vector<std::string> ChoicesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t begin = type.find('{'), end = type.rfind('}');
  if (begin == std::string::npos || end == std::string::npos) return {};
  return CLI::detail::split(type.substr(begin + 1, end - begin - 1), ',');
}

namespace {

const CLI::App* FindVerb(const CLI::App& app, const std::string& name) {
  for (const CLI::App* verb : VerbsOf(app)) {
    if (verb->check_name(name)) return verb;
  }
  return nullptr;
}

// The option, of this verb or of those before it.
const CLI::Option* FindOption(const CLI::App* app, const std::string& name) {
  for (; app != nullptr; app = app->get_parent()) {
    if (const CLI::Option* option = app->get_option_no_throw(name)) return option;
  }
  return nullptr;
}

// "--weight", "-o"…: all that may stand here.
std::vector<std::string> OptionNames(const CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<std::string> VerbNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : VerbsOf(app)) names.push_back(verb->get_name());
  return names;
}

std::string Nearest(const std::string& word, const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  return std::string(control::Suggest(word, views));
}

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

template <typename E>
std::vector<std::string> WordsOfEnum() {
  std::vector<std::string> words;
  for (const auto& [value, word] : control::kWords<E>) words.emplace_back(word);
  return words;
}

// "there are list, count, flush"
std::string ThereAre(const std::vector<std::string>& names) {
  return (names.size() == 1 ? "there is " : "there are ") + Joined(names);
}

// What a value may be: by the set of words, else by what the name says.
std::vector<std::string> ValuesOf(const CLI::Option& option) {
  if (auto choices = ChoicesOf(option); !choices.empty()) return choices;
  const std::string name = option.get_single_name();
  if (name == "scheduler") return WordsOfEnum<control::SchedulerKind>();
  if (name == "forward") return WordsOfEnum<ForwardMethod>();
  if (name == "family") return {"ipv4", "ipv6"};
  if (name == "one-packet") return {"false", "true"};
  if (name == "command") return {kProgramNames};
  if (name == "service") return {kServiceNames};
  if (name == "real") return {kRealNames};
  if (name == "file" || name == "binary") return {kFileNames};
  return {};
}

// What a word without an option may be. With --everywhere a real server is named alone, in the
// place of a service.
std::vector<std::string> PositionalValues(const WordPath& path, const CLI::Option& option) {
  const bool is_everywhere = path.given.contains("--everywhere");
  const bool is_real = is_everywhere || path.Name() == "fairlead real show";
  if (!is_real) return ValuesOf(option);
  return path.positionals.empty() ? std::vector<std::string>{kRealAddresses}
                                  : std::vector<std::string>{};
}

const CLI::Option* NextPositional(const WordPath& path) {
  size_t n = 0;
  for (const CLI::Option* option : path.app->get_options()) {
    if (option->get_positional() && n++ == path.positionals.size()) return option;
  }
  return nullptr;
}

}  // namespace

std::string WordPath::Name() const {
  std::string name;
  for (const CLI::App* at = app; at != nullptr; at = at->get_parent()) {
    name = at->get_name() + (name.empty() ? "" : " " + name);
  }
  return name;
}

WordPath FollowWords(const CLI::App& app, const std::vector<std::string>& words) {
  WordPath path;
  path.app = &app;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.size() > 1 && word.starts_with('-')) {
      const size_t equals = word.find('=');
      const std::string name = word.substr(0, equals);
      const CLI::Option* option = FindOption(path.app, name);
      if (option == nullptr && word[1] != '-') option = FindOption(path.app, word.substr(0, 2));
      if (option == nullptr) {
        path.unknown_option = name;
        return path;
      }
      if (option->get_items_expected_max() == 0) {
        path.given["--" + option->get_single_name()] = "";
        continue;
      }
      const bool has_value = equals != std::string::npos || (word[1] != '-' && word.size() > 2);
      if (has_value) continue;
      if (i + 1 == words.size()) {
        path.open = option;
      } else {
        path.given["--" + option->get_single_name()] = words[++i];
      }
      continue;
    }
    if (const CLI::App* verb = FindVerb(*path.app, word)) {
      path.app = verb;
    } else if (!VerbsOf(*path.app).empty()) {
      path.unknown_verb = word;
      return path;
    } else {
      path.positionals.push_back(word);
    }
  }
  return path;
}

std::string FaultOf(const WordPath& path) {
  const std::string name = path.Name();
  if (!path.unknown_option.empty()) {
    const std::string nearest = Nearest(path.unknown_option, OptionNames(path.app));
    return path.unknown_option + " is not an option of " + name +
           (nearest.empty() ? "" : "; did you mean " + nearest + "?");
  }
  const std::vector<std::string> verbs = VerbNames(*path.app);
  if (!path.unknown_verb.empty()) {
    const std::string fault = "\"" + path.unknown_verb + "\" is not a command of " + name + "; ";
    if (const auto meant = WhatIsMeant(name, path.unknown_verb); !meant.empty()) {
      return fault + "use " + std::string(meant);
    }
    const std::string nearest = Nearest(path.unknown_verb, verbs);
    return fault + (nearest.empty() ? ThereAre(verbs) : "did you mean \"" + nearest + "\"?");
  }
  if (!verbs.empty()) return name + " needs a command; " + ThereAre(verbs);
  return "";
}

std::string FaultOfExtras(const WordPath& path) {
  size_t places = 0;
  for (const CLI::Option* option : path.app->get_options()) {
    places += option->get_positional() ? 1 : 0;
  }
  if (path.positionals.size() <= places) return "";
  std::string extras;
  for (size_t i = places; i < path.positionals.size(); ++i) {
    extras += (i == places ? "" : " ") + path.positionals[i];
  }
  const std::vector<std::string> options = OptionNames(path.app);
  const std::string option = "--" + path.positionals[places];
  const bool is_option = std::find(options.begin(), options.end(), option) != options.end();
  return path.Name() + ": not expected: " + extras +
         (is_option ? "; did you mean --" + extras + "?" : "");
}

std::vector<std::string> CandidatesAt(const WordPath& path, const std::string& begin) {
  if (!path.unknown_verb.empty() || !path.unknown_option.empty()) return {};
  std::vector<std::string> all;
  if (path.open != nullptr) {
    all = ValuesOf(*path.open);
  } else if (begin.starts_with('-')) {
    all = OptionNames(path.app);
  } else if (!VerbsOf(*path.app).empty()) {
    all = VerbNames(*path.app);
  } else if (const CLI::Option* next = NextPositional(path)) {
    all = PositionalValues(path, *next);
  }
  std::erase_if(all, [&](const std::string& word) {
    return !word.starts_with('@') && !word.starts_with(begin);
  });
  return all;
}

std::string ServiceIn(const WordPath& path) {
  const auto given = path.given.find("--service");
  if (given != path.given.end()) return given->second;
  size_t n = 0;
  for (const CLI::Option* option : path.app->get_options()) {
    if (!option->get_positional()) continue;
    if (option->get_single_name() == "service" && n < path.positionals.size()) {
      return path.positionals[n];
    }
    ++n;
  }
  return "";
}

}  // namespace fairlead::cli
