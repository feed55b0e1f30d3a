// fairlead config save
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "cli/commands.h"
#include "cli/config_edit.h"
#include "cli/edited_since.h"
#include "cli/replace_file.h"
#include "cli/text.h"
#include "control/config/dump.h"
#include "control/config/read_file.h"
#include "control/config/yaml_loader.h"

namespace fairlead::cli {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kTitle = "The file was not changed";

// What a director says of its file, beside which the file is looked at.
struct Told {
  std::string named;                // as it names the file
  std::string as_read;              // what the file said then, as a dump
  std::string in_force;             // likewise
  std::set<std::string> waiting{};  // keys that wait for a restart
  bool is_taken_away = false;       // a reload would take changes by hand away
};

// "director.workers" of "director.workers has changed in the file: it takes effect at …"
std::set<std::string> WaitingIn(const json::object& preview) {
  std::set<std::string> keys;
  for (const json::value& change : Array(preview, "changes")) {
    const std::string sentence(change.as_string());
    if (sentence.ends_with("it takes effect at the next restart")) {
      keys.insert(sentence.substr(0, sentence.find(' ')));
    }
  }
  return keys;
}

// What to do about a file that somebody has edited meanwhile.
std::string HowToGoOn(const Told& told, const control::ConfigModel& now,
                      const std::vector<std::string>& edited) {
  std::string keys;
  for (const std::string& key : edited) keys += (keys.empty() ? "" : ", ") + key;
  const std::string first = told.named + " has changed since the director read it (" + keys + "). ";
  const std::string then = "fairlead reload, and then fairlead config save";
  if (now.api.on_reload == control::OnReload::kKeep) {
    return first + "Load that first: " + then +
           (told.is_taken_away ? ". Where the file and a change by hand differ, the file wins, and "
                                 "the reload says so"
                               : "; no change by hand is taken away");
  }
  if (!told.is_taken_away) {
    return first + "Load that first, which takes no change by hand away: " + then;
  }
  return first +
         "Load that first without losing the changes by hand: put on_reload: keep under api: in "
         "the file, then " +
         then + "; or undo what was edited";
}

// The changes by hand that the file does not have afterwards, in words.
std::vector<std::string> LeftBy(const ConfigEdit& edit, const control::ConfigModel& then,
                                const control::ConfigModel& wanted) {
  std::vector<std::string> left = edit.left;
  for (const std::string& key : control::DifferingKeys(then, wanted)) {
    const bool is_by_hand =
        key.starts_with("policy") || key.starts_with("defaults") || key.starts_with("sync");
    if (is_by_hand && std::ranges::find(left, key) == left.end()) left.push_back(key);
  }
  return left;
}

// Whether the edited file says what it should, but for what was left, and nothing else has changed.
bool IsAsMeant(const ConfigEdit& edit, const control::ConfigModel& now,
               const control::ConfigModel& then, const control::ConfigModel& wanted) {
  for (const std::string& key : control::DifferingKeys(now, then)) {
    if (!key.starts_with("policy") && !key.starts_with("defaults")) return false;
  }
  if (then.services == wanted.services) return true;
  if (edit.left.empty()) return false;
  std::map<std::string, const control::ServiceConfig*> known;
  for (const control::ServiceConfig& service : then.services) known[service.name] = &service;
  return std::ranges::all_of(wanted.services, [&](const control::ServiceConfig& service) {
    const auto is_about = [&](const std::string& left) { return IsAbout(left, service.name); };
    const auto it = known.find(service.name);
    return (it != known.end() && *it->second == service) ||
           std::ranges::any_of(edit.left, is_about);
  });
}

// What services share first: those that follow it need no word of their own then.
Result<ConfigEdit> EditText(const std::string& text, const std::string& path,
                            const control::ConfigModel& now, const control::ConfigModel& wanted) {
  ConfigEdit shared = EditShared(text, now, wanted);
  const control::LoadResult with_shared = control::LoadConfigText(shared.text, path);
  if (!with_shared) return with_shared.errors.front();
  ConfigEdit edit = EditServices(shared.text, *with_shared.model, wanted);
  edit.changes.insert(edit.changes.begin(), shared.changes.begin(), shared.changes.end());
  edit.left.insert(edit.left.begin(), shared.left.begin(), shared.left.end());
  return edit;
}

// The file as it is to be, or why it cannot be made.
Result<ConfigEdit> EditFile(const std::string& text, const Told& told) {
  const control::LoadResult wanted = control::LoadConfigText(told.in_force, told.named);
  if (!wanted) return wanted.errors.front();
  const control::LoadResult now = control::LoadConfigText(text, told.named);
  if (!now) return now.errors.front();
  const std::vector<std::string> edited =
      EditedSince(told.as_read, control::Dump(*now.model), told.in_force, told.waiting);
  if (!edited.empty()) return Error{ErrorCode::kInvalid, HowToGoOn(told, *now.model, edited), ""};
  auto edit = EditText(text, told.named, *now.model, *wanted.model);
  if (!edit) return edit;
  const control::LoadResult then = control::LoadConfigText(edit->text, told.named);
  if (!then || !IsAsMeant(*edit, *now.model, *then.model, *wanted.model)) {
    return Error{ErrorCode::kInvalid,
                 "the changes cannot be written into the file in place; write them by hand, as "
                 "fairlead diff has them",
                 ""};
  }
  edit->left = LeftBy(*edit, *then.model, *wanted.model);
  return edit;
}

// Why the file that a director names cannot be known to be a file of this machine; empty: it is.
std::string WhyNotHere(const std::string& api, const std::string& named) {
  if (!api.starts_with("unix:")) {
    return "the file is on the director's machine, and " + api +
           " may be another one; run this there, over the director's Unix socket (--api "
           "unix:/run/fairlead/api.sock)";
  }
  if (named.starts_with("etcd://")) {
    return "the configuration is that of a fleet and not a file: write the change into " + named +
           " by etcdctl; fairlead diff shows what it is";
  }
  if (!named.empty() && !fs::path(named).is_absolute()) {
    return "the director was started with a relative path, " + named +
           ", which may be another file here; start it with an absolute one (fairleadd -c "
           "/etc/fairlead/fairlead.yaml), or write the changes by hand, as fairlead diff has them";
  }
  return "";
}

int PrintSaved(const Arguments& arguments, const std::string& path, const ConfigEdit& edit) {
  const auto array = [](const std::vector<std::string>& words) {
    return json::array(words.begin(), words.end());
  };
  if (arguments.is_json) {
    fmt::print("{}\n", Indented(json::object{{"path", path},
                                             {"dry_run", arguments.is_dry_run},
                                             {"changes", array(edit.changes)},
                                             {"left", array(edit.left)}}));
    return kOk;
  }
  if (edit.changes.empty() && edit.left.empty()) fmt::print("nothing differs from {}\n", path);
  for (const std::string& change : edit.changes) fmt::print("{}:{}\n", path, change);
  return kOk;
}

// "these changes …: a, b"
std::string WhatIsLeft(const ConfigEdit& edit) {
  constexpr size_t kMost = 20;
  std::string list;
  for (size_t i = 0; i < std::min(edit.left.size(), kMost); ++i) {
    list += (i == 0 ? "" : ", ") + edit.left[i];
  }
  if (edit.left.size() > kMost)
    list += ", and " + std::to_string(edit.left.size() - kMost) + " more";
  return "these changes cannot be written into the file in place and stay by hand: " + list +
         ". Write them into it (fairlead config show has all that is in force), then fairlead "
         "reload";
}

// Writes the file, which says `text` now, and lets the director read it, unless that would undo
// what is left.
int Finish(Session* session, const Arguments& arguments, const std::string& path,
           const std::string& text, const ConfigEdit& edit) {
  const bool is_whole = edit.left.empty();
  if (!arguments.is_dry_run && !edit.changes.empty()) {
    if (const Status done = ReplaceFile(path, text, edit.text); !done) {
      session->Fail("not-saved", kTitle, done.error().message);
      return session->exit_code();
    }
  }
  // What was by hand is the file's now.
  if (!arguments.is_dry_run && is_whole && !session->Ask("POST", "/v1/reload", "{}")) {
    return session->exit_code();
  }
  PrintSaved(arguments, path, edit);
  if (is_whole) return kOk;
  session->Fail("not-saved", edit.changes.empty() ? kTitle : "Not every change was saved",
                WhatIsLeft(edit));
  return session->exit_code();
}

}  // namespace

int RunConfigSave(const Arguments& arguments) {
  Session session(arguments);
  const auto fail = [&](const std::string& sentence) {
    session.Fail("not-saved", kTitle, sentence);
    return session.exit_code();
  };
  if (std::string why = WhyNotHere(arguments.api, ""); !why.empty()) return fail(why);
  const auto diff = session.Ask("GET", "/v1/diff");
  if (!diff) return session.exit_code();
  const std::string named = Text(diff->as_object(), "file");
  if (std::string why = WhyNotHere(arguments.api, named); !why.empty()) return fail(why);
  if (Array(diff->as_object(), "changes").empty()) return PrintSaved(arguments, named, {});
  const auto preview = session.Ask("POST", "/v1/reload?dry_run=1", "{}");
  if (!preview) return session.exit_code();
  // The file first: after a reload in between it is an old one, and nothing is written over.
  const auto as_read = session.AskText("GET", "/v1/config?of=file");
  if (!as_read) return session.exit_code();
  const auto in_force = session.AskText("GET", "/v1/config");
  if (!in_force) return session.exit_code();
  const json::array& taken = Array(Object(preview->as_object(), "takes_away"), "changes_by_hand");
  const Told told{named, *as_read, *in_force, WaitingIn(preview->as_object()), !taken.empty()};
  std::error_code ec;
  const fs::path real = fs::canonical(named, ec);  // of a link its end is replaced, not the link
  const std::string path = ec ? named : real.string();
  const Result<std::string> text = control::ReadFile(path, control::kMaxYamlBytes);
  if (!text) {
    return fail("cannot read " + path + " (" + text.error().message +
                "); the file is on the director's machine, and this has to run there, too");
  }
  const Result<ConfigEdit> edit = EditFile(*text, told);
  if (!edit) return fail(edit.error().ToString());
  return Finish(&session, arguments, path, *text, *edit);
}

}  // namespace fairlead::cli
