// Follows what a fleet's store says: the documents of one director, and the members.
//
//   FleetSource source(transport, {.place = place, .name = "edge-1", .local = local});
//   source.Turn(now);                // every 50 ms, and whenever it likes
//   if (source.documents()) …        // as they were heard last
//   source.members().at("edge-2")    // what it says of itself in PREFIX/members/edge-2
//
// Theory of operation. Both documents are read at one moment of the store, by one transaction; then
// the members, as they were at that moment; and from the moment after it everything below the
// prefix is watched. So no change is missed. The members are asked for separately, so whatever
// stands there keeps nobody from the documents. A change of a document has both read again, since
// they must be of one moment; a change of a member is taken as it is told. When the watch ends, for
// whatever reason, all begins anew, on another server, after a pause that grows from kFirstPause to
// kLongestPause; when the store has forgotten the moment (it was compacted), at once, but not twice
// in kLongestPause. A login that has run out is made anew.
//
// Of a member what can be read of it is kept, never its text; names that are none are skipped.
// What was heard stays until something else is heard: a store that is away changes nothing here.
// Threads: that of the transport.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "control/fleet/documents.h"
#include "control/fleet/etcd_messages.h"
#include "control/fleet/etcd_place.h"
#include "control/fleet/etcd_transport.h"
#include "control/fleet/fleet_member.h"
#include "control/time_point.h"

namespace fairlead::control {

class FleetSource {
 public:
  static constexpr std::chrono::milliseconds kFirstPause{500}, kLongestPause{8'000};
  // A watch that has stood so long was a good one: the next pause is short.
  static constexpr std::chrono::seconds kGoodWatch{5};

  struct Setup {
    EtcdPlace place{};
    std::string name{};  // of the director
    LocalFile local{};
    uint64_t seed = 1;  // of pauses
  };
  struct Counts {
    uint64_t connections = 0;  // watches that stood
    uint64_t failures = 0;     // of the way, or of what etcd said
    uint64_t reads = 0;        // of everything
    uint64_t compactions = 0;
  };

  // `transport` outlives it, and calls nobody after it.
  FleetSource(EtcdTransport& transport, Setup setup);
  ~FleetSource();
  FleetSource(const FleetSource&) = delete;
  FleetSource& operator=(const FleetSource&) = delete;

  void Turn(TimePoint now);
  // Whatever is under way has failed, and all begins anew. Also for who has found out by himself
  // that nobody answers (FleetMembership::TakeSilence), or that a fault has ended it.
  void Fail(const std::string& why, bool is_about_rights = false);
  void ForgetToken() { token_.clear(); }
  // Nothing is under way any more; the next Turn begins anew. For a time in which nobody listens.
  void Rest();

  // Everything was read and is watched.
  [[nodiscard]] bool is_connected() const { return state_ == State::kWatching; }
  [[nodiscard]] const std::optional<Documents>& documents() const { return documents_; }
  // Nothing: what it says of itself cannot be read.
  using Members = std::map<std::string, std::optional<FleetMember>>;
  [[nodiscard]] const Members& members() const { return members_; }
  // All members were read and are watched; false while too many bytes keep them from being read.
  [[nodiscard]] bool hears_members() const { return is_connected() && are_members_read_; }
  [[nodiscard]] const std::string& token() const { return token_; }
  // Why it is not connected; empty: nothing has failed since it was.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // Waiting does not help.
  [[nodiscard]] bool is_problem_about_rights() const { return is_about_rights_; }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // A revision of the store that was heard last.
  [[nodiscard]] uint64_t revision() const { return revision_; }

 private:
  enum class State : uint8_t {
    kWaiting,
    kLoggingIn,
    kReading,
    kReadingMembers,
    kOpening,
    kWatching
  };

  void Begin();
  void LogIn();
  void Read();
  void OnSnapshot(EtcdSnapshot snapshot);
  void ReadMembers();
  void TakeMember(const std::string& name, const std::string& value);
  void OnCompacted();
  void Watch();
  void OnLine(std::string_view line);
  void OnEvent(const WatchEvent& event);
  void OnReplyFailure(const EtcdReply& reply);
  // Calls `take(body)` with the answer, unless all has begun anew since, or it is none.
  template <typename Take>
  std::function<void(Result<EtcdReply>)> Then(Take take);

  EtcdTransport& transport_;
  const Setup setup_;
  std::mt19937_64 random_;
  State state_ = State::kWaiting;
  TimePoint now_{}, next_try_{}, watching_since_{};
  std::chrono::milliseconds pause_ = kFirstPause;
  uint64_t epoch_ = 0;  // rises when all begins anew
  bool is_reading_ = false, is_read_wanted_ = false;
  std::string token_;
  std::optional<Documents> documents_;
  Members members_;
  bool are_members_read_ = false;
  std::optional<TimePoint> compacted_at_;  // last
  uint64_t revision_ = 0;
  std::string problem_;
  bool is_about_rights_ = false;
  Counts counts_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace fairlead::control
