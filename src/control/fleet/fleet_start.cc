// Before the thread runs: what a director has its first configuration from.
#include <boost/asio/post.hpp>
#include <utility>

#include "base/faults.h"
#include "base/log.h"
#include "control/config/check_config.h"
#include "control/fleet/fleet_impl.h"
#include "control/fleet/kept_documents.h"

namespace fairlead::control {

namespace asio = boost::asio;
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

void Fleet::Impl::WaitForStore(std::chrono::milliseconds patience, bool is_one_round_enough) {
  const auto end = Clock::now() + patience;
  while (!source_.documents() && Clock::now() < end) {
    try {
      source_.Turn(Clock::now());
      io_.restart();
      io_.run_for(kLookWhileWaiting);
    } catch (...) {
      NoteFault(Thread::kControl);
      source_.Fail("a fault of this director has ended the question");
    }
    if (source_.is_problem_about_rights()) return;
    if (is_one_round_enough && source_.counts().failures >= place_.servers.size()) return;
  }
}

LoadResult Fleet::Impl::Check() {
  WaitForStore(kPatience, /*is_one_round_enough=*/true);
  if (!source_.documents()) {
    const std::string why = source_.problem().empty() ? "no answer" : source_.problem();
    return {.model = {},
            .errors = {CannotRead(place_.url, {ErrorCode::kUnavailable, why, ""})},
            .warnings = {}};
  }
  LoadResult loaded = LoadOf(*source_.documents());
  AddMachineWarnings(place_.url, &loaded);
  return loaded;
}

LoadResult Fleet::Impl::LoadAtStart() {
  std::optional<Documents> kept;
  if (auto read = ReadKeptDocuments(local_.state, name_, place_)) {
    kept = *std::move(read);
  } else {
    LogWarning("the last good configuration that was kept cannot be used",
               {{"reason", read.error().ToString()}});
  }
  WaitForStore(kept ? kPatienceWithKept : kPatience, kept.has_value());
  source_.Rest();  // until the thread runs
  BeginPeers();
  if (!source_.documents()) {
    const std::string why = source_.problem().empty() ? "no answer" : source_.problem();
    return TakeKept(kept, why);
  }
  const Documents heard = *source_.documents();
  wanted_ = heard;
  LoadResult loaded = LoadOf(heard);
  if (loaded) {
    choice_.Begin(heard, heard, Clock::now());
    ++applied_;
    return loaded;
  }
  if (!kept || HaveSameTexts(*kept, heard)) return loaded;
  NoteRefusal(heard, loaded.errors);
  LoadResult before = TakeKept(kept, "its configuration has errors");
  if (!before) return loaded;
  choice_.Begin(*kept, heard, Clock::now());
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
  choice_.Begin(*kept, std::nullopt, Clock::now());
  if (!source_.documents()) wanted_ = *kept;
  is_from_disk_ = true;
  return loaded;
}

Fleet::Loaded Fleet::Impl::Load() {
  Documents documents;
  {
    const std::lock_guard lock(mutex_);
    documents = wanted_;
  }
  LoadResult loaded = LoadOf(documents);
  return {.loaded = std::move(loaded),
          .told = [of = weak_from_this(),
                   documents = std::move(documents)](const ReloadOutcome& outcome) {
            const auto fleet = of.lock();
            if (!fleet) return;
            asio::post(fleet->io_,
                       [fleet = fleet.get(), documents, is_ok = outcome.ok,
                        errors = outcome.errors] { fleet->OnReload(documents, is_ok, errors); });
          }};
}

}  // namespace fairlead::control
