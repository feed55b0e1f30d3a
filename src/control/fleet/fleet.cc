#include "control/fleet/fleet.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <random>
#include <utility>

#include "base/faults.h"
#include "base/log.h"
#include "control/config/scalar_reader.h"
#include "control/fleet/fleet_impl.h"
#include "control/fleet/kept_documents.h"
#include "control/view.h"

namespace fairlead::control {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kTurn{50};
constexpr std::chrono::milliseconds kShowInterval{200};
constexpr std::chrono::milliseconds kGoodbyeTime{300};

uint64_t Random64() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace

Fleet::Impl::Impl(EtcdPlace place, std::string name, LocalFile local)
    : place_(std::move(place)),
      name_(std::move(name)),
      local_(std::move(local)),
      incarnation_(Random64() >> 12),  // exact in JSON, whoever reads it
      client_(io_, place_, local_),
      source_(client_, {.place = place_, .name = name_, .local = local_, .seed = Random64()}),
      membership_(client_, {.key = place_.MemberKey(name_), .local_file = local_.path}),
      peers_(name_),
      timer_(io_),
      info_(std::make_shared<const FleetInfo>()),
      peer_list_(std::make_shared<const FleetPeerList>()) {}

// ---- the thread

void Fleet::Impl::Start(ControlApi& core) {
  core_ = &core;
  if (!is_from_disk_) Keep();
  Show();
  thread_ = std::thread([this] { Run(); });
}

void Fleet::Impl::Run() {
  ::pthread_setname_np(::pthread_self(), "fairlead-fleet");
  asio::post(io_, [this] { Turn(); });
  io_.restart();
  while (!io_.stopped()) {
    try {
      if (std::exchange(has_fault_, false)) RecoverFromFault();
      io_.run();
    } catch (...) {
      NoteFault(Thread::kControl);
      has_fault_ = true;
    }
  }
}

// Whatever was under way may have been in the middle of something, so all begins anew.
void Fleet::Impl::RecoverFromFault() {
  if (is_stopping_) return io_.stop();
  ArmTimer();
  membership_.Reset();
  source_.Fail("a fault of this director has ended what was under way");
}

void Fleet::Impl::ArmTimer() {
  timer_.expires_after(kTurn);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) Turn();
  });
}

void Fleet::Impl::Turn() {
  if (is_stopping_) return;
  const Clock::time_point now = Clock::now();
  source_.Turn(now);
  ApplyIfNew();
  TurnPeers(now);
  if (source_.is_connected()) TurnMembership(now);
  if (now >= next_show_) {
    next_show_ = now + kShowInterval;
    Show();
  }
  ArmTimer();
}

void Fleet::Impl::TurnMembership(TimePoint now) {
  membership_.Turn(now, source_.token(), OwnMember(), source_.members().contains(name_));
  if (membership_.TakeStaleToken()) {
    source_.ForgetToken();
    source_.Fail("etcd does not know this director's login any more; it logs in again");
  } else if (membership_.TakeSilence()) {
    source_.Fail("etcd does not answer, although it keeps the watch: " + membership_.problem());
  }
}

struct Fleet::Impl::Attempt {
  std::weak_ptr<Impl> of;
  Documents documents;

  Attempt(std::weak_ptr<Impl> fleet, Documents what)
      : of(std::move(fleet)), documents(std::move(what)) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    const auto fleet = of.lock();
    if (!fleet) return;
    asio::post(fleet->io_,
               [fleet = fleet.get(), what = std::move(documents)] { fleet->OnAttemptEnd(what); });
  }
};

void Fleet::Impl::ApplyIfNew() {
  if (!source_.documents()) return;
  const Documents& heard = *source_.documents();
  const auto step = choice_.Next(Clock::now(), heard, source_.counts().connections);
  if (step == FleetChoice::Step::kNone) return;
  std::shared_ptr<Attempt> attempt;
  try {
    const std::lock_guard lock(mutex_);
    wanted_ = heard;
    if (step == FleetChoice::Step::kApply) {
      attempt = std::make_shared<Attempt>(weak_from_this(), heard);
    }
  } catch (...) {  // else it would be under way for ever
    choice_.OnAttemptEnd();
    throw;
  }
  if (step == FleetChoice::Step::kAdopt) {
    ForgetRefusal();
    is_from_disk_ = false;
    return Keep();
  }
  LogInfo("the fleet has another configuration",
          {{"etcd", place_.url}, {"revision", heard.revision()}});
  core_->Reload(place_.url, [attempt](const ReloadOutcome&) {});
}

// Of a reload of this source, whoever has asked for it.
void Fleet::Impl::OnReload(const Documents& documents, bool is_ok,
                           const std::vector<Error>& errors) {
  const bool was_in_force = HaveSameTexts(documents, choice_.in_force());
  next_show_ = {};  // who sees the change in force shall see its revision
  if (choice_.OnReload(documents, is_ok)) ++applied_;
  if (!choice_.is_refused()) ForgetRefusal();
  if (is_ok) {
    is_from_disk_ = is_from_disk_ && was_in_force;
    Keep();
  } else if (!was_in_force) {
    NoteRefusal(documents, errors);
  }
}

void Fleet::Impl::OnAttemptEnd(const Documents& documents) {
  if (!choice_.OnAttemptEnd()) {
    NoteRefusal(documents, {{ErrorCode::kUnavailable, "the director could not go on with it", ""}});
  }
}

void Fleet::Impl::ForgetRefusal() {
  refused_.clear();
  refused_revision_ = 0;
}

// What is refused again for the same reason is no news.
void Fleet::Impl::NoteRefusal(const Documents& documents, const std::vector<Error>& errors) {
  constexpr size_t kMostShown = 20;
  std::vector<std::string> refused;
  for (const Error& error : errors) {
    if (refused.size() == kMostShown) {
      refused.push_back("and " + std::to_string(errors.size() - kMostShown) + " more problems");
      break;
    }
    refused.push_back(error.ToString());
  }
  const uint64_t revision = documents.revision();
  if (std::exchange(refused_revision_, revision) == revision && refused == refused_) return;
  refused_ = std::move(refused);
  ++refusals_;
  LogError("the configuration of the fleet is refused; what is in force stays",
           {{"etcd", place_.url},
            {"revision", refused_revision_},
            {"problems", errors.size()},
            {"first", refused_.empty() ? std::string() : refused_.front()}});
}

void Fleet::Impl::Keep() {
  const Status kept = KeepDocuments(local_.state, name_, place_, choice_.in_force());
  const std::string problem = kept ? std::string() : kept.error().ToString();
  if (std::exchange(keep_problem_, problem) == problem || problem.empty()) return;
  LogWarning(
      "the configuration cannot be kept for a start without etcd; let the director write "
      "there, or name another directory by \"state\" of " +
          local_.path,
      {{"reason", problem}});
}

// ---- what is told and shown

FleetMember Fleet::Impl::OwnMember() const {
  const std::shared_ptr<const ControlView> view = core_->view();
  FleetMember own;
  own.name = name_;
  own.version = FAIRLEAD_VERSION;
  own.incarnation = incarnation_;
  own.revision = choice_.in_force().revision();
  own.generation = view->generation;
  own.is_ready = view->is_ready;
  own.refused_revision = refused_revision_;
  if (refused_revision_ != 0 && !refused_.empty()) own.refused = refused_.front();
  TellSyncPlace(*view, &own);
  return own;
}

void Fleet::Impl::Show() {
  auto info = std::make_shared<FleetInfo>();
  info->url = place_.url;
  info->name = name_;
  info->server = client_.server().ToString();
  info->is_connected = source_.is_connected();
  info->problem = source_.problem();
  info->is_member = source_.is_connected() && membership_.is_member();
  info->member_problem = membership_.problem();
  info->heard_revision = source_.documents() ? source_.documents()->revision() : 0;
  info->revision = choice_.in_force().revision();
  info->is_from_disk = is_from_disk_;
  info->refused_revision = refused_revision_;
  info->refused = refused_;
  info->keep_problem = keep_problem_;
  info->connections = source_.counts().connections;
  info->failures = source_.counts().failures;
  info->applied = applied_;
  info->refusals = refusals_;
  for (const auto& [name, member] : source_.members()) {
    if (member) {
      info->members.push_back(*member);
    } else {
      ++info->unreadable_members;
    }
  }
  ShowPeers(info.get());
  WarnOfDouble(*info);
  const std::lock_guard lock(mutex_);
  info_ = std::move(info);
}

// An entry of the program before an upgrade, or before a restart, is overwritten before long.
void Fleet::Impl::WarnOfDouble(const FleetInfo& info) {
  constexpr std::chrono::seconds kTimeToOverwrite{2};
  const auto own = std::ranges::find(info.members, name_, &FleetMember::name);
  const bool is_double =
      own != info.members.end() && membership_.is_member() && own->incarnation != incarnation_;
  if (!is_double) return double_since_.reset();
  const auto now = Clock::now();
  if (!double_since_) double_since_ = now;
  if (now - *double_since_ < kTimeToOverwrite || std::exchange(is_double_told_, true)) return;
  LogWarning("another director runs under this director's name; give it another --name",
             {{"name", name_}, {"address", own->address}});
}

// ---- the end

void Fleet::Impl::Stop(Parting parting) {
  if (!thread_.joinable()) return;
  asio::post(io_, [this, parting] {
    is_stopping_ = true;
    timer_.cancel();
    client_.CloseStream();
    if (parting == Parting::kStaysMember || !source_.is_connected()) return io_.stop();
    timer_.expires_after(kGoodbyeTime);
    timer_.async_wait([this](boost::system::error_code) { io_.stop(); });
    membership_.Leave(source_.token(), [this] { io_.stop(); });
  });
  thread_.join();
}

// ---- Fleet

Result<std::unique_ptr<Fleet>> Fleet::Open(const std::string& url, const std::string& name,
                                           LocalFile local) {
  auto place = ParseEtcdPlace(url);
  if (!place) return place.error();
  YamlNode node;
  node.kind = YamlNode::Kind::kScalar;
  node.text = name;
  if (name.empty()) {
    return Error{ErrorCode::kInvalid,
                 "needs --name NAME beside it: which director of the fleet this one is", url};
  }
  if (const auto read = ReadName(node); !read) {
    return Error{ErrorCode::kInvalid, read.error().message, "--name"};
  }
  if (Status s = CheckEncryption(*place, local); !s) return s.error();
  return std::unique_ptr<Fleet>(
      new Fleet(std::make_shared<Impl>(*std::move(place), name, std::move(local))));
}

// Destroying what a resolver's thread works for would wait for the name server, which may take long
// and keep the director from its end. So it is left.
Fleet::~Fleet() {
  Stop(Parting::kLeaves);
  if (!impl_->must_be_left()) return;
  static auto* const left = new std::vector<std::shared_ptr<Impl>>();
  left->push_back(std::move(impl_));
}
LoadResult Fleet::LoadAtStart() { return impl_->LoadAtStart(); }
LoadResult Fleet::Check() { return impl_->Check(); }
Fleet::Loaded Fleet::Load() { return impl_->Load(); }
void Fleet::Start(ControlApi& core) { impl_->Start(core); }
void Fleet::Stop(Parting parting) { impl_->Stop(parting); }
std::shared_ptr<const FleetInfo> Fleet::info() const { return impl_->info(); }
std::shared_ptr<const FleetPeerList> Fleet::peers() const { return impl_->peers(); }

}  // namespace fairlead::control
