#include "control/fleet/fleet_membership.h"

#include <utility>

#include "base/log.h"
#include "control/fleet/etcd_messages.h"

namespace fairlead::control {

void FleetMembership::Turn(TimePoint now, const std::string& token, const FleetMember& own,
                           bool is_seen) {
  now_ = now;
  if (is_asking_ || now < not_before_) return;
  if (lease_.empty()) return AskForLease(token);
  if (now >= next_keep_) return KeepAlive(token);
  if (IsDue(own, is_seen)) Write(token, own);
}

bool FleetMembership::IsDue(const FleetMember& own, bool is_seen) const {
  if (!is_written_) return true;
  const auto since = now_ - written_at_;
  if (!is_seen && since >= kUnseen) return true;
  FleetMember of_generation = own;
  of_generation.generation = written_.generation;
  if (of_generation != written_) return since >= kPace;
  return own.generation != written_.generation && since >= kGenerationPace;
}

namespace {

// Of an etcd that is there and does not hear its cluster: it has no leader, or its time was up.
bool IsSilence(unsigned status) { return status == 408 || status >= 500; }

}  // namespace

template <typename Take>
std::function<void(Result<EtcdReply>)> FleetMembership::Then(Take take) {
  return [this, alive = alive_, epoch = epoch_, take](const Result<EtcdReply>& reply) {
    if (!*alive || epoch != epoch_) return;
    is_asking_ = false;
    if (!reply) {
      ++silences_;
      return Fail(reply.error().message);
    }
    if (reply->status != 200) {
      const EtcdRefusal refusal = ReadRefusal(reply->status, reply->body, setup_.local_file);
      is_token_stale_ |= refusal.is_token_stale;
      silences_ = IsSilence(reply->status) ? silences_ + 1 : 0;
      if (refusal.is_lease_gone) lease_.clear();
      return Fail(refusal.sentence);
    }
    take(reply->body);
  };
}

void FleetMembership::OnAnswer() {
  silences_ = 0;
  problem_.clear();
}

void FleetMembership::Reset() {
  ++epoch_;
  is_asking_ = is_written_ = false;
  lease_.clear();
  not_before_ = now_ + kRetry;
}

// A question is under way when Post has come back: it may throw.
void FleetMembership::AskForLease(const std::string& token) {
  transport_.Post("/v3/lease/grant", LeaseRequest(kLeaseSeconds), token,
                  Then([this](const std::string& body) {
                    auto lease = ReadLease(body);
                    if (!lease) return Fail(lease.error().message);
                    silences_ = 0;
                    lease_ = *std::move(lease);
                    is_written_ = false;
                    next_keep_ = now_ + std::chrono::seconds(kLeaseSeconds) / 3;
                  }));
  is_asking_ = true;
}

void FleetMembership::KeepAlive(const std::string& token) {
  next_keep_ = now_ + std::chrono::seconds(kLeaseSeconds) / 3;
  transport_.Post("/v3/lease/keepalive", KeepAliveRequest(lease_), token,
                  Then([this](const std::string& body) {
                    const auto left = ReadTimeToLive(body);
                    if (!left) {  // of a stream: what etcd says in its place has status 200
                      if (left.error().code == ErrorCode::kUnavailable) ++silences_;
                      return Fail(left.error().message);
                    }
                    OnAnswer();
                    if (*left > 0) return;
                    lease_.clear();  // etcd was away for longer than it lasts
                    is_written_ = false;
                  }));
  is_asking_ = true;
}

void FleetMembership::Write(const std::string& token, const FleetMember& own) {
  transport_.Post("/v3/kv/put", PutRequest(setup_.key, MemberToJson(own), lease_), token,
                  Then([this, own](const std::string&) {
                    is_written_ = true;
                    written_ = own;
                    written_at_ = now_;
                    OnAnswer();
                  }));
  is_asking_ = true;
}

// The lease stays: it is good for the next attempt, unless etcd has said that it is gone.
void FleetMembership::Fail(const std::string& why) {
  not_before_ = now_ + kRetry;
  is_written_ = false;
  if (std::exchange(problem_, why) == why) return;
  LogWarning("the fleet cannot be told of this director; it is tried again", {{"reason", why}});
}

void FleetMembership::Leave(const std::string& token, std::function<void()> done) {
  if (lease_.empty()) return done();
  transport_.Post("/v3/lease/revoke", KeepAliveRequest(std::exchange(lease_, {})), token,
                  [done = std::move(done)](const Result<EtcdReply>&) { done(); });
}

}  // namespace fairlead::control
