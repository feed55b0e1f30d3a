// fairlead config save
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "base/file_descriptor.h"
#include "cli/commands.h"
#include "cli/config_edit.h"
#include "cli/text.h"
#include "control/config/dump.h"
#include "control/config/yaml_loader.h"

namespace fairlead::cli {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kTitle = "The file was not changed";

std::vector<std::string> Sorted(const json::array& texts) {
  std::vector<std::string> sorted;
  for (const json::value& text : texts) sorted.emplace_back(text.as_string());
  std::ranges::sort(sorted);
  return sorted;
}

// Whether a reload would do nothing but undo changes by hand: the file says what it said when the
// director read it, or has some of these changes already. With on_reload: keep it would do nothing.
bool IsAsRead(const json::object& diff, const json::object& preview) {
  const std::vector<std::string> by_hand = Sorted(Array(diff, "changes"));
  const std::vector<std::string> taken =
      Sorted(Array(Object(preview, "takes_away"), "changes_by_hand"));
  return Array(preview, "changes").size() == taken.size() && std::ranges::includes(by_hand, taken);
}

// What to do about a file that somebody has edited meanwhile.
std::string HowToGoOn(const std::string& path, const json::object& preview) {
  const bool is_kept = Array(Object(preview, "takes_away"), "changes_by_hand").empty();
  return path + " has changed since the director read it. " +
         (is_kept ? std::string("Load that first, which takes no change by hand away: ")
                  : "Load that first without losing the changes by hand: put on_reload: keep under "
                    "api: in the file, then ") +
         "fairlead reload, and then fairlead config save; or undo what was edited";
}

// Beside the file first, then in its place: whoever reads it meanwhile has the old one or the new.
Status Replace(const std::string& path, const std::string& text) {
  const auto failure = [&](const std::string& what) {
    const bool is_denied = errno == EACCES || errno == EPERM;
    return Error{ErrorCode::kSystem,
                 "cannot " + what + ": " + std::strerror(errno) +
                     (is_denied ? "; who runs this must be allowed to write the file and its "
                                  "directory: sudo fairlead config save"
                                : ""),
                 ""};
  };
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0) return failure("look at " + path);
  std::string beside = path + ".XXXXXX";  // a new name each time: a crash may have left a file
  FileDescriptor file(::mkostemp(beside.data(), O_CLOEXEC));
  if (!file) return failure("write " + path);
  bool is_good = ::fchown(file.get(), is.st_uid, is.st_gid) == 0 &&
                 ::fchmod(file.get(), is.st_mode & 07777) == 0;
  for (size_t at = 0; is_good && at < text.size();) {
    const ssize_t n = ::write(file.get(), text.data() + at, text.size() - at);
    is_good = n > 0;
    at += is_good ? static_cast<size_t>(n) : 0;
  }
  is_good = is_good && ::fsync(file.get()) == 0 && ::rename(beside.c_str(), path.c_str()) == 0;
  if (is_good) return Done{};
  const Error error = failure("write " + path);
  ::unlink(beside.c_str());
  return error;
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
    const std::string name = "service " + service.name;
    const auto is_about = [&](const std::string& left) {
      return left.find(name) != std::string::npos || left == "services";
    };
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
Result<ConfigEdit> EditFile(const std::string& path, const std::string& in_force) {
  const control::LoadResult wanted = control::LoadConfigText(in_force, path);
  if (!wanted) return wanted.errors.front();
  std::ifstream file(path);
  if (!file) {
    return Error{ErrorCode::kSystem,
                 "cannot read " + path + " (" + std::strerror(errno) +
                     "); the file is on the director's machine, and this has to run there, too",
                 ""};
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const control::LoadResult now = control::LoadConfigText(text, path);
  if (!now) return now.errors.front();
  auto edit = EditText(text, path, *now.model, *wanted.model);
  if (!edit) return edit;
  const control::LoadResult then = control::LoadConfigText(edit->text, path);
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

// Writes the file and lets the director read it, unless that would undo what is left.
int Finish(Session* session, const Arguments& arguments, const std::string& path,
           const ConfigEdit& edit) {
  const bool is_whole = edit.left.empty();
  if (!arguments.is_dry_run && !edit.changes.empty()) {
    if (const Status done = Replace(path, edit.text); !done) {
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
  if (!IsAsRead(diff->as_object(), preview->as_object())) {
    return fail(HowToGoOn(named, preview->as_object()));
  }
  const auto in_force = session.AskText("GET", "/v1/config");
  if (!in_force) return session.exit_code();
  std::error_code ec;
  const fs::path real = fs::canonical(named, ec);  // of a link its end is replaced, not the link
  const std::string path = ec ? named : real.string();
  const Result<ConfigEdit> edit = EditFile(path, *in_force);
  if (!edit) return fail(edit.error().ToString());
  return Finish(&session, arguments, path, *edit);
}

}  // namespace fairlead::cli
