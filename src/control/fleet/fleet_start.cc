// Before the thread runs: what a director has its first configuration from.
#include <utility>

#include "base/log.h"
#include "control/fleet/fleet_impl.h"
#include "control/fleet/kept_documents.h"

namespace fairlead::control {

using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kLookWhileWaiting{20};

LoadResult NothingThere(const EtcdPlace& place, const std::string& name) {
  return {.model = {},
          .errors = {{ErrorCode::kNotFound,
                      "has neither " + place.CommonKey() + " nor " + place.DirectorKey(name) +
                          "; put them there, for instance etcdctl put " + place.CommonKey() +
                          " < common.yaml",
                      place.url}},
          .warnings = {}};
}

}  // namespace

LoadResult Fleet::Impl::LoadOf(const Documents& documents) const {
  if (documents.revision() == 0) return NothingThere(place_, name_);
  return LoadDocuments(documents, name_, local_);
}

void Fleet::Impl::WaitForStore(bool has_kept) {
  const auto end = Clock::now() + (has_kept ? kPatienceWithKept : kPatience);
  while (!source_.documents() && Clock::now() < end) {
    source_.Turn(Clock::now());
    io_.restart();
    io_.run_for(kLookWhileWaiting);
    if (source_.is_problem_about_rights()) return;
    if (has_kept && source_.counts().failures >= place_.servers.size()) return;
  }
}

LoadResult Fleet::Impl::LoadAtStart() {
  std::optional<Documents> kept;
  if (auto read = ReadKeptDocuments(local_.state, name_, place_.prefix)) {
    kept = *std::move(read);
  } else {
    LogWarning("the last good configuration that was kept cannot be used",
               {{"reason", read.error().ToString()}});
  }
  WaitForStore(kept.has_value());
  source_.Rest();  // until the thread runs
  if (!source_.documents()) {
    const std::string why = source_.problem().empty() ? "no answer" : source_.problem();
    return TakeKept(kept, why);
  }
  const Documents heard = *source_.documents();
  LoadResult loaded = LoadOf(heard);
  tried_ = heard;
  if (loaded) {
    in_force_ = wanted_ = heard;
    ++applied_;
    return loaded;
  }
  if (!kept || *kept == heard) return loaded;
  NoteRefusal(heard, loaded.errors);
  LoadResult before = TakeKept(kept, "its configuration has errors");
  if (!before) return loaded;
  return before;
}

LoadResult Fleet::Impl::TakeKept(const std::optional<Documents>& kept, const std::string& why) {
  if (!kept) {
    return {
        .model = {},
        .errors = {{ErrorCode::kUnavailable,
                    "no configuration from etcd, and none was kept in " + local_.state + ": " + why,
                    place_.url}},
        .warnings = {}};
  }
  LoadResult loaded = LoadOf(*kept);
  if (!loaded) return loaded;
  LogWarning("the last good configuration that was kept is in force",
             {{"etcd", place_.url}, {"revision", kept->revision()}, {"reason", why}});
  in_force_ = wanted_ = *kept;
  is_from_disk_ = true;
  return loaded;
}

LoadResult Fleet::Impl::Load() {
  Documents documents;
  {
    const std::lock_guard lock(mutex_);
    documents = wanted_;
  }
  return LoadOf(documents);
}

}  // namespace fairlead::control
