#include "control/fleet/fleet_source.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "control/config/problems.h"
#include "control/config/scalar_reader.h"

namespace fairlead::control {

using std::chrono::milliseconds;

namespace {

constexpr size_t kMostReasonBytes = 200;

Document DocumentOf(const std::string& key, std::optional<EtcdPair> pair) {
  if (!pair) return {.place = "etcd:" + key};
  return {"etcd:" + key, std::move(pair->value), pair->mod_revision};
}

bool IsName(const std::string& text) {
  YamlNode node;
  node.kind = YamlNode::Kind::kScalar;
  node.text = text;
  return static_cast<bool>(ReadName(node));
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
    if (!reply && state_ == State::kReadingMembers && reply.error().code == ErrorCode::kInvalid) {
      // Too long: somebody has filled the place of the members. The documents matter more.
      LogWarning("the members of the fleet cannot be read; those who change are heard",
                 {{"reason", reply.error().message}});
      members_.clear();
      are_members_read_ = false;
      return Watch();
    }
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
  const std::vector<std::string> keys{place.CommonKey(), place.DirectorKey(setup_.name)};
  transport_.Post("/v3/kv/txn", ReadKeysRequest(keys), token_,
                  Then([this, keys](const std::string& body) {
                    auto snapshot = ReadSnapshot(body, keys);
                    if (!snapshot) return Fail(snapshot.error().message);
                    OnSnapshot(*std::move(snapshot));
                  }));
}

void FleetSource::OnSnapshot(EtcdSnapshot snapshot) {
  is_reading_ = false;
  const EtcdPlace& place = setup_.place;
  documents_ =
      Documents{.common = DocumentOf(place.CommonKey(), std::move(snapshot.pairs[0])),
                .own = DocumentOf(place.DirectorKey(setup_.name), std::move(snapshot.pairs[1]))};
  if (state_ != State::kReading) {  // the members are told by the watch
    revision_ = std::max(revision_, snapshot.revision);
    if (is_read_wanted_) Read();
    return;
  }
  revision_ = snapshot.revision;
  ReadMembers();
}

void FleetSource::ReadMembers() {
  state_ = State::kReadingMembers;
  const std::string head = setup_.place.MembersPrefix();
  transport_.Post("/v3/kv/range", RangeRequest(head, revision_), token_,
                  Then([this, head](const std::string& body) {
                    const auto pairs = ReadRange(body, head);
                    if (!pairs) return Fail(pairs.error().message);
                    members_.clear();
                    are_members_read_ = true;
                    for (const EtcdPair& pair : *pairs) {
                      TakeMember(pair.key.substr(head.size()), pair.value);
                    }
                    Watch();
                  }));
}

void FleetSource::TakeMember(const std::string& name, const std::string& value) {
  if (!IsName(name) || (members_.size() >= kMostPairs && !members_.contains(name))) return;
  auto member = MemberFromJson(name, value);
  members_[name] = member ? std::optional(*std::move(member)) : std::nullopt;
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
  if (news->compact_revision != 0) return OnCompacted();
  if (news->is_canceled) {
    if (SaysStaleToken(news->reason)) token_.clear();
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
  } else {
    TakeMember(name, event.pair.value);
  }
}

// At once, but not again and again: a store that compacts all the time would be asked all the time.
void FleetSource::OnCompacted() {
  ++counts_.compactions;
  const bool is_again = compacted_at_ && now_ - *compacted_at_ < kLongestPause;
  compacted_at_ = now_;
  if (is_again) return Fail("etcd has compacted the moment that was read, twice in a row");
  transport_.CloseStream();
  Begin();
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
