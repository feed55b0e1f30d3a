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

// Whether the file says what it said when the director read it: a reload would take every change by
// hand away, and change nothing else; with on_reload: keep it would change nothing at all.
bool IsAsRead(const json::object& diff, const json::object& preview) {
  const json::array& by_hand = Array(diff, "changes");
  const json::array& taken = Array(Object(preview, "takes_away"), "changes_by_hand");
  const json::array& changes = Array(preview, "changes");
  if (taken.empty() && changes.empty()) return true;
  return Sorted(by_hand) == Sorted(taken) && changes.size() == by_hand.size();
}

// Beside the file first, then in its place: whoever reads it meanwhile has the old one or the new.
Status Replace(const std::string& path, const std::string& text) {
  const auto failure = [&](const std::string& what) {
    return Error{ErrorCode::kSystem, "cannot " + what + ": " + std::strerror(errno), ""};
  };
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0) return failure("look at " + path);
  std::string beside = path + ".XXXXXX";  // a new name each time: a crash may have left a file
  FileDescriptor file(::mkostemp(beside.data(), O_CLOEXEC));
  if (!file) return failure("write " + beside);
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
  auto edit = EditConfig(text, *now.model, *wanted.model);
  if (!edit) return edit;
  const control::LoadResult then = control::LoadConfigText(edit->text, path);
  if (!then || then.model->services != wanted.model->services) {
    return Error{ErrorCode::kInvalid,
                 "the changes cannot be written into the file in place; write them by hand, as "
                 "fairlead diff has them",
                 ""};
  }
  // A reload would take away what the file does not say afterwards.
  for (const std::string& key : control::DifferingKeys(*then.model, *wanted.model)) {
    if (!key.starts_with("policy") && !key.starts_with("defaults")) continue;
    return Error{ErrorCode::kInvalid,
                 key +
                     " has been changed by hand too, and only services can be written into the "
                     "file in place; write it by hand, as fairlead diff has it, and reload",
                 ""};
  }
  if (edit->changes.empty()) {
    return Error{ErrorCode::kInvalid,
                 "the changes by hand are none of services, so they cannot be written into the "
                 "file in place; write them by hand, as fairlead diff has them",
                 ""};
  }
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

int Print(const Arguments& arguments, const std::string& path,
          const std::vector<std::string>& changes) {
  if (arguments.is_json) {
    fmt::print("{}\n",
               Indented(json::object{{"path", path},
                                     {"dry_run", arguments.is_dry_run},
                                     {"changes", json::array(changes.begin(), changes.end())}}));
    return kOk;
  }
  if (changes.empty()) fmt::print("nothing differs from {}\n", path);
  for (const std::string& change : changes) fmt::print("{}:{}\n", path, change);
  return kOk;
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
  if (Array(diff->as_object(), "changes").empty()) return Print(arguments, named, {});
  const auto preview = session.Ask("POST", "/v1/reload?dry_run=1", "{}");
  if (!preview) return session.exit_code();
  if (!IsAsRead(diff->as_object(), preview->as_object())) {
    return fail(named + " has changed since the director read it: reload it first, or undo that");
  }
  const auto in_force = session.AskText("GET", "/v1/config");
  if (!in_force) return session.exit_code();
  std::error_code ec;
  const fs::path real = fs::canonical(named, ec);  // of a link its end is replaced, not the link
  const std::string path = ec ? named : real.string();
  const Result<ConfigEdit> edit = EditFile(path, *in_force);
  if (!edit) return fail(edit.error().ToString());
  if (arguments.is_dry_run) return Print(arguments, path, edit->changes);
  if (const Status done = Replace(path, edit->text); !done) return fail(done.error().message);
  // What was by hand is the file's now.
  if (!session.Ask("POST", "/v1/reload", "{}")) return session.exit_code();
  return Print(arguments, path, edit->changes);
}

}  // namespace fairlead::cli
