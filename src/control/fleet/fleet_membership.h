// Keeps this director's entry among the members of its fleet: a value under a lease, which ends
// when nobody keeps it alive.
//
//   FleetMembership membership(transport, {.key = place.MemberKey("edge-1"), .local_file = …});
//   membership.Turn(now, token, own, is_seen);      // while the source is connected
//   if (!membership.problem().empty()) …
//   membership.Leave(done);                         // a clean stop: the others see it at once
//
// A lease of kLeaseSeconds is kept alive three times in that; one that has ended is asked for anew.
// What has changed is written at once, but not more often than every kPace; every write is a
// revision of the store, so a generation that has changed alone waits for kGenerationPace. When the
// entry is not seen among the members, somebody has taken it away, and it is written again. One
// question is under way at a time. When kSilences questions in a row got no answer, the server that
// is asked is frozen, or cut off from its cluster, although its kernel keeps the watch's
// connection: TakeSilence says so. Threads: that of the transport.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "control/fleet/etcd_transport.h"
#include "control/fleet/fleet_member.h"
#include "control/time_point.h"

namespace fairlead::control {

class FleetMembership {
 public:
  static constexpr uint64_t kLeaseSeconds = 10;
  static constexpr std::chrono::milliseconds kPace{500}, kRetry{1'000};
  static constexpr std::chrono::seconds kGenerationPace{10};
  static constexpr std::chrono::seconds kUnseen{3};
  static constexpr unsigned kSilences = 2;

  struct Setup {
    std::string key{};
    std::string local_file{};  // for sentences
  };

  FleetMembership(EtcdTransport& transport, Setup setup)
      : transport_(transport), setup_(std::move(setup)) {}
  ~FleetMembership() { *alive_ = false; }
  FleetMembership(const FleetMembership&) = delete;
  FleetMembership& operator=(const FleetMembership&) = delete;

  // `is_seen`: the entry is among the members that were heard of.
  void Turn(TimePoint now, const std::string& token, const FleetMember& own, bool is_seen);
  // Gives the lease back. `done` is called later, whatever becomes of it.
  void Leave(const std::string& token, std::function<void()> done);

  [[nodiscard]] bool is_member() const { return !lease_.empty() && is_written_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // The login has run out. True once.
  bool TakeStaleToken() { return std::exchange(is_token_stale_, false); }
  // Nobody has answered, several times. True once.
  bool TakeSilence() {
    if (silences_ < kSilences) return false;
    silences_ = 0;
    return true;
  }
  // A fault has ended whatever was under way: nothing is waited for.
  void Reset();

 private:
  void AskForLease(const std::string& token);
  void KeepAlive(const std::string& token);
  [[nodiscard]] bool IsDue(const FleetMember& own, bool is_seen) const;
  void Write(const std::string& token, const FleetMember& own);
  void Fail(const std::string& why);
  void OnAnswer();  // a good one
  template <typename Take>
  std::function<void(Result<EtcdReply>)> Then(Take take);

  EtcdTransport& transport_;
  const Setup setup_;
  TimePoint now_{}, not_before_{}, next_keep_{}, written_at_{};
  bool is_asking_ = false, is_written_ = false, is_token_stale_ = false;
  unsigned silences_ = 0;
  uint64_t epoch_ = 0;  // rises when what was under way is forgotten
  std::string lease_;   // empty: none
  FleetMember written_;
  std::string problem_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace fairlead::control
