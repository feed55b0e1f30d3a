#include "control/fleet/fleet_source.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "control/config/problems.h"

namespace fairlead::control {

using std::chrono::milliseconds;

namespace {

constexpr size_t kRanges = 3;  // common, own, members
constexpr size_t kMostReasonBytes = 200;

Document DocumentOf(std::string place, const std::vector<EtcdPair>& pairs) {
  if (pairs.empty()) return {.place = std::move(place)};
  return {std::move(place), pairs.front().value, pairs.front().mod_revision};
}

}  // namespace

FleetSource::FleetSource(EtcdTransport& transport, Setup setup)
    : transport_(transport), setup_(std::move(setup)), random_(setup_.seed) {}

FleetSource::~FleetSource() {
  *alive_ = false;
  transport_.CloseStream();
}

void FleetSource::Turn(TimePoint now) {
  now_ = now;
  if (state_ == State::kWaiting && now >= next_try_) Begin();
}

void FleetSource::Rest() {
  ++epoch_;
  state_ = State::kWaiting;
  next_try_ = {};
  transport_.CloseStream();
}

template <typename Take>
std::function<void(Result<EtcdReply>)> FleetSource::Then(Take take) {
  return [this, alive = alive_, epoch = epoch_, take](const Result<EtcdReply>& reply) {
    if (!*alive || epoch != epoch_) return;
    if (!reply) return Fail(reply.error().message);
    if (reply->status != 200) return OnReplyFailure(*reply);
    take(reply->body);
  };
}

void FleetSource::Begin() {
  ++epoch_;
  is_reading_ = is_read_wanted_ = false;
  if (!setup_.local.user.empty() && token_.empty()) return LogIn();
  state_ = State::kReading;
  Read();
}

void FleetSource::LogIn() {
  state_ = State::kLoggingIn;
  transport_.Post("/v3/auth/authenticate",
                  AuthenticateRequest(setup_.local.user, setup_.local.password), "",
                  Then([this](const std::string& body) {
                    auto token = ReadToken(body);
                    if (!token) return Fail(token.error().message);
                    token_ = *std::move(token);
                    state_ = State::kReading;
                    Read();
                  }));
}

void FleetSource::Read() {
  is_reading_ = true;
  is_read_wanted_ = false;
  ++counts_.reads;
  const EtcdPlace& place = setup_.place;
  transport_.Post(
      "/v3/kv/txn",
      ReadAllRequest({place.CommonKey(), place.DirectorKey(setup_.name)}, place.MembersPrefix()),
      token_, Then([this](const std::string& body) {
        const auto snapshot = ReadSnapshot(body, kRanges);
        if (!snapshot) return Fail(snapshot.error().message);
        OnSnapshot(*snapshot);
      }));
}

void FleetSource::OnSnapshot(const EtcdSnapshot& snapshot) {
  is_reading_ = false;
  revision_ = std::max(revision_, snapshot.revision);
  const EtcdPlace& place = setup_.place;
  documents_ =
      Documents{.common = DocumentOf("etcd:" + place.CommonKey(), snapshot.ranges[0]),
                .own = DocumentOf("etcd:" + place.DirectorKey(setup_.name), snapshot.ranges[1])};
  if (state_ != State::kReading) {  // the members are told by the watch
    if (is_read_wanted_) Read();
    return;
  }
  const size_t head = place.MembersPrefix().size();
  members_.clear();
  for (const EtcdPair& pair : snapshot.ranges[2]) members_[pair.key.substr(head)] = pair.value;
  revision_ = snapshot.revision;
  Watch();
}

void FleetSource::Watch() {
  state_ = State::kOpening;
  transport_.OpenStream(
      "/v3/watch", WatchRequest(setup_.place.prefix + "/", revision_ + 1), token_,
      {.line =
           [this, alive = alive_, epoch = epoch_](std::string_view line) {
             if (*alive && epoch == epoch_) OnLine(line);
           },
       .ended = Then([this](const std::string&) { Fail("etcd has ended the watch"); })});
}

void FleetSource::OnLine(std::string_view line) {
  const auto news = ReadWatchNews(line);
  if (!news) return Fail(news.error().message);
  if (news->compact_revision != 0) {
    ++counts_.compactions;
    transport_.CloseStream();
    return Begin();
  }
  if (news->is_canceled) {
    if (news->reason.find("invalid auth token") != std::string::npos) token_.clear();
    return Fail("etcd has canceled the watch: " + Quote(news->reason, kMostReasonBytes));
  }
  if (news->is_created && state_ == State::kOpening) {
    state_ = State::kWatching;
    watching_since_ = now_;
    ++counts_.connections;
    if (!problem_.empty()) LogInfo("etcd answers again", {{"etcd", setup_.place.url}});
    problem_.clear();
    is_about_rights_ = false;
  }
  for (const WatchEvent& event : news->events) OnEvent(event);
  if (is_read_wanted_ && !is_reading_) Read();
}

void FleetSource::OnEvent(const WatchEvent& event) {
  const EtcdPlace& place = setup_.place;
  const std::string& key = event.pair.key;
  revision_ = std::max(revision_, event.pair.mod_revision);
  if (key == place.CommonKey() || key == place.DirectorKey(setup_.name)) {
    is_read_wanted_ = true;
    return;
  }
  const std::string head = place.MembersPrefix();
  if (!key.starts_with(head)) return;
  const std::string name = key.substr(head.size());
  if (event.is_gone) {
    members_.erase(name);
  } else if (members_.size() < kMostPairs || members_.contains(name)) {
    members_[name] = event.pair.value;
  }
}

void FleetSource::OnReplyFailure(const EtcdReply& reply) {
  const EtcdRefusal refusal = ReadRefusal(reply.status, reply.body, setup_.local.path);
  if (refusal.is_token_stale) {
    token_.clear();
    transport_.CloseStream();
    // Once without a pause: a token has its time.
    if (problem_.empty()) {
      problem_ = refusal.sentence;
      return Begin();
    }
  }
  Fail(refusal.sentence, refusal.is_about_rights);
}

void FleetSource::Fail(const std::string& why, bool is_about_rights) {
  ++counts_.failures;
  ++epoch_;
  if (state_ == State::kWatching && now_ - watching_since_ >= kGoodWatch) pause_ = kFirstPause;
  state_ = State::kWaiting;
  transport_.CloseStream();
  transport_.NextServer();
  const auto half = pause_ / 2;
  next_try_ = now_ + half + milliseconds(random_() % static_cast<uint64_t>(half.count() + 1));
  pause_ = std::min(pause_ * 2, kLongestPause);
  is_about_rights_ = is_about_rights;
  if (std::exchange(problem_, why) == why) return;
  LogWarning("no connection to etcd; what is in force stays, and it is tried again",
             {{"etcd", setup_.place.url}, {"reason", why}});
}

}  // namespace fairlead::control
