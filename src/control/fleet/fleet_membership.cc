#include "control/fleet/fleet_membership.h"

#include <utility>

#include "base/log.h"
#include "control/fleet/etcd_messages.h"

namespace fairlead::control {

void FleetMembership::Turn(TimePoint now, const std::string& token, const std::string& value,
                           bool is_seen) {
  now_ = now;
  if (is_asking_ || now < not_before_) return;
  if (lease_.empty()) return AskForLease(token);
  if (now >= next_keep_) return KeepAlive(token);
  const bool is_lost = is_written_ && !is_seen && now - written_at_ >= kUnseen;
  const bool is_due = !is_written_ || value != written_ || is_lost;
  if (is_due && (!is_written_ || now - written_at_ >= kPace)) Write(token, value);
}

template <typename Take>
std::function<void(Result<EtcdReply>)> FleetMembership::Then(Take take) {
  is_asking_ = true;
  return [this, alive = alive_, take](const Result<EtcdReply>& reply) {
    if (!*alive) return;
    is_asking_ = false;
    if (!reply) return Fail(reply.error().message);
    if (reply->status != 200) {
      const EtcdRefusal refusal = ReadRefusal(reply->status, reply->body, setup_.local_file);
      is_token_stale_ |= refusal.is_token_stale;
      return Fail(refusal.sentence);
    }
    take(reply->body);
  };
}

void FleetMembership::AskForLease(const std::string& token) {
  transport_.Post("/v3/lease/grant", LeaseRequest(kLeaseSeconds), token,
                  Then([this](const std::string& body) {
                    auto lease = ReadLease(body);
                    if (!lease) return Fail(lease.error().message);
                    lease_ = *std::move(lease);
                    is_written_ = false;
                    next_keep_ = now_ + std::chrono::seconds(kLeaseSeconds) / 3;
                  }));
}

void FleetMembership::KeepAlive(const std::string& token) {
  next_keep_ = now_ + std::chrono::seconds(kLeaseSeconds) / 3;
  transport_.Post("/v3/lease/keepalive", KeepAliveRequest(lease_), token,
                  Then([this](const std::string& body) {
                    const auto left = ReadTimeToLive(body);
                    if (!left) return Fail(left.error().message);
                    problem_.clear();
                    if (*left > 0) return;
                    lease_.clear();  // etcd was away for longer than it lasts
                    is_written_ = false;
                  }));
}

void FleetMembership::Write(const std::string& token, const std::string& value) {
  transport_.Post("/v3/kv/put", PutRequest(setup_.key, value, lease_), token,
                  Then([this, value](const std::string&) {
                    is_written_ = true;
                    written_ = value;
                    written_at_ = now_;
                    problem_.clear();
                  }));
}

// A put with a lease that has ended is refused too: the next one is asked for.
void FleetMembership::Fail(const std::string& why) {
  not_before_ = now_ + kRetry;
  if (!is_written_) lease_.clear();
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
