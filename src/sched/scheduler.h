// Schedulers: given a request and the reals of a service, name one.
//
//   const Plan plan = Plan::Build(Kind::kWrr, {}, newest_first, edit_count);   // control core
//   State state = InitialState(plan);                                          // each worker
//   Choice choice = Pick(plan, &state, request, board);                        // first packet
//   if (choice.real.is_none()) …                                               // nobody eligible
//   state = Adopt(plan, state, new_plan);                                      // a new snapshot
//
// A Plan is immutable, is built off the packet path and may be shared by all workers. A State
// belongs to one worker and one service; `explain` copies it and picks on the copy. Pick neither
// locks, allocates, throws nor calls through a pointer.
//
// Order: reals come newest first, as IPVS keeps them, and every tie goes to the newest. A real is
// eligible when its weight is above 0 and the board does not call it overloaded. With one worker
// every choice is the one IPVS makes; with several each worker runs its own sequence, so shares
// hold in total.
//
// To add a scheduler: one file that defines its Build, Adopt and Pick (see lc.cc for the least a
// scheduler needs, wrr.cc for one with tables and memory), one line in FAIRLEAD_SCHEDULERS below,
// and the file's name in meson.build. Parser, CLI and API know it by its name from then on.
// What memory a new one needs goes into State (a random seed for twos); a table that grows with
// traffic (lblc) does not: it has a key, therefore an owner, and lives with the owner's tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/ids.h"
#include "base/ip_address.h"
#include "sched/load_board.h"

namespace fairlead::sched {

// X(struct and enumerator, name in files and on the command line)
#define FAIRLEAD_SCHEDULERS(X) \
  X(Rr, "rr")                  \
  X(Wrr, "wrr")                \
  X(Lc, "lc")                  \
  X(Wlc, "wlc")                \
  X(Sed, "sed")                \
  X(Nq, "nq")                  \
  X(Sh, "sh")                  \
  X(Mh, "mh")

enum class Kind : uint8_t {
#define FAIRLEAD_SCHEDULER_ENUMERATOR(Name, text) k##Name,
  FAIRLEAD_SCHEDULERS(FAIRLEAD_SCHEDULER_ENUMERATOR)
#undef FAIRLEAD_SCHEDULER_ENUMERATOR
};

inline constexpr std::array kAllKinds{
#define FAIRLEAD_SCHEDULER_KIND(Name, text) Kind::k##Name,
    FAIRLEAD_SCHEDULERS(FAIRLEAD_SCHEDULER_KIND)
#undef FAIRLEAD_SCHEDULER_KIND
};

std::string_view KindName(Kind kind) noexcept;                     // "wrr"
std::optional<Kind> KindFromName(std::string_view name) noexcept;  // exact, lower case

// sh-fallback and mh-fallback, sh-port and mh-port; the other kinds ignore them.
struct Flags {
  bool fallback = false;  // the hashed real is not eligible: try others in a fixed order
  bool port = false;      // the client's port is hashed too

  friend constexpr bool operator==(Flags, Flags) = default;
};

// What Build is told about a real.
struct RealInput {
  RealId id;
  IpAddress address;  // mh places a real by address and port
  Be16 port;
  int32_t weight = 1;       // 0…2^31−1; 0 takes no scheduled connection
  int32_t last_weight = 1;  // the last weight that was not 0: mh keeps its table over a quiesce
};

// A Maglev table has this many slots; a service may not have more mh reals.
inline constexpr size_t kMaglevSlots = 4093;

// The most reals a service of this kind may have. Build ignores the oldest beyond it.
size_t MaxReals(Kind kind) noexcept;

// What a kind computes ahead from the reals. Each uses its own members.
struct Tables {
  // wrr: gcd of the positive weights (1 when none), and highest weight − (gcd − 1).
  int32_t weight_step = 1;
  int32_t weight_ceiling = 0;
  // sh: 256 buckets; mh: kMaglevSlots slots. Each holds a position in list order; empty when there
  // is nobody to hold.
  std::vector<uint16_t> slots;
};

class Plan {
 public:
  struct Real {
    RealId id;
    int32_t weight = 0;
  };

  Plan() = default;  // rr without reals
  // `edit_count` is the service's number of changes to its reals so far, an edit to the same values
  // included: wrr starts over from the newest real after each. Ids are distinct.
  static Plan Build(Kind kind, Flags flags, std::span<const RealInput> newest_first,
                    uint32_t edit_count);

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] Flags flags() const noexcept { return flags_; }
  [[nodiscard]] uint32_t edit_count() const noexcept { return edit_count_; }
  [[nodiscard]] size_t size() const noexcept { return reals_.size(); }
  [[nodiscard]] const Real& real(size_t position) const noexcept { return reals_[position]; }
  [[nodiscard]] std::span<const Real> reals() const noexcept { return reals_; }
  [[nodiscard]] const Tables& tables() const noexcept { return tables_; }
  // Position in list order, or nothing. O(log size).
  [[nodiscard]] std::optional<size_t> Find(RealId id) const noexcept;

 private:
  struct Entry {
    RealId id;
    uint32_t position = 0;
  };

  Kind kind_ = Kind::kRr;
  Flags flags_;
  uint32_t edit_count_ = 0;
  std::vector<Real> reals_;   // newest first
  std::vector<Entry> by_id_;  // sorted
  Tables tables_;
};

struct Request {
  uint32_t client_fold = 0;       // IpAddress::Fold of the client
  uint32_t destination_fold = 0;  // of the packet's destination (dh, lblc, lblcr)
  uint16_t client_port = 0;       // host order; 0 where the protocol has no ports
};

// What a worker remembers of a service between two picks. Small and trivially copyable.
struct State {
  uint32_t cursor = 0;  // rr, wrr: how many reals from the head the scan has passed, 0…size
  int32_t current_weight = 0;  // wrr: the weight a real must reach to be chosen now

  friend constexpr bool operator==(const State&, const State&) = default;
};
static_assert(std::is_trivially_copyable_v<State> && sizeof(State) == 8);

struct Choice {
  RealId real;  // none when nobody is eligible
};

// The state of a service seen for the first time: as if its reals had been added one by one.
State InitialState(const Plan& plan) noexcept;

// What `state` becomes when `now` takes the place of `before`: reals removed and edited, or another
// scheduler bound, then reals added, as if one by one. The same plan in a new snapshot changes
// nothing. O(n log n) in the reals; once a worker, service and change.
State Adopt(const Plan& before, const State& state, const Plan& now) noexcept;

// Precondition: `state` is of this plan.
Choice Pick(const Plan& plan, State* state, const Request& request,
            const LoadBoard& board) noexcept;

inline bool IsEligible(const Plan::Real& real, const LoadBoard& board) noexcept {
  return real.weight > 0 && !board.overloaded(real.id);
}

// The kinds, each defined in a file of its own. Only scheduler.cc calls these.
#define FAIRLEAD_SCHEDULER_STRUCT(Name, text)                                             \
  struct Name {                                                                           \
    static Tables Build(std::span<const RealInput> newest_first);                         \
    static State Adopt(const Plan& before, const State& state, const Plan& now) noexcept; \
    static Choice Pick(const Plan& plan, State* state, const Request& request,            \
                       const LoadBoard& board) noexcept;                                  \
  };
FAIRLEAD_SCHEDULERS(FAIRLEAD_SCHEDULER_STRUCT)
#undef FAIRLEAD_SCHEDULER_STRUCT

}  // namespace fairlead::sched
