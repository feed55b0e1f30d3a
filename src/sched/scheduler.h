// Schedulers: given a request and the reals of a service, name one.
//
//   const Plan plan = Plan::Build(Kind::kWrr, {}, newest_first, edit_count);   // control core
//   State state = InitialState(plan);                                          // each worker
//   Choice choice = Pick(plan, &state, request, board);                        // first packet
//   if (choice.real.is_none()) …                                               // nobody eligible
//   state = Adopt(plan, state, new_plan);                                      // a new snapshot
//
// A Plan is immutable, is built off the packet path and may be shared by all workers. A State
// belongs to one worker and one service; `explain` picks on PreviewOf(state). Pick neither locks,
// allocates, throws nor calls through a pointer.
//
// Order: reals come newest first, as IPVS keeps them, and every tie goes to the newest. A real is
// eligible when its weight is above 0 and the board does not call it overloaded. With one worker
// every choice is the one IPVS makes; with several each worker runs its own sequence, so shares
// hold in total.
//
// To add a scheduler, say `best`:
//   1. src/sched/best.cc defines Best::Build (tables, off the packet path), Best::Adopt (what its
//      memory becomes over a change of the reals; `return {};` when it has none) and Best::Pick.
//      lc.cc is the least there can be, wrr.cc has tables and memory, twos.cc a random source.
//   2. One line in FAIRLEAD_SCHEDULERS below: X(Best, "best"). Enumerator, name, dispatch and the
//      declaration of the three functions follow from it; so do file, CLI, API and listings.
//   3. The file's name in meson.build, a row in docs/schedulers.md, a test in tests/sched.
// Memory that is small goes into State. Memory that grows with traffic is a fixed table of the
// worker, which State points to: destination_table.h (lblc, lblcr). Pick must work without it, and
// must not write through `known`, so that `explain` can ask (PreviewOf).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/clock.h"
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
  X(Dh, "dh")                  \
  X(Mh, "mh")                  \
  X(Fo, "fo")                  \
  X(Ovf, "ovf")                \
  X(Twos, "twos")              \
  X(Lblc, "lblc")              \
  X(Lblcr, "lblcr")            \
  X(None, "none")

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

// What a service sets of its scheduler.
struct Flags {
  bool fallback = false;  // sh, mh: the hashed real is not eligible: try others in a fixed order
  bool port = false;      // sh, mh: the client's port is hashed too
  // lblc, lblcr: an unused destination is forgotten after it, an unchanged set shrinks after it.
  TickCount destination_lifetime = TicksFromSeconds(86400);

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

// Copies share what Build made, so a snapshot takes over the plan of an unchanged service for
// nothing.
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
  [[nodiscard]] const Tables& tables() const noexcept { return *tables_; }
  // Position in list order, or nothing. O(log size).
  [[nodiscard]] std::optional<size_t> Find(RealId id) const noexcept;

 private:
  struct Entry {
    RealId id;
    uint32_t position = 0;
  };

  // Immutable, except in Build.
  struct Parts {
    std::vector<Real> reals;   // newest first
    std::vector<Entry> by_id;  // sorted
    Tables tables;
  };
  static const Tables kNoTables;

  Kind kind_ = Kind::kRr;
  Flags flags_;
  uint32_t edit_count_ = 0;
  std::shared_ptr<const Parts> parts_;  // null without reals; the members below look into it
  std::span<const Real> reals_;
  std::span<const Entry> by_id_;
  const Tables* tables_ = &kNoTables;
};

struct Request {
  uint32_t client_fold = 0;  // IpAddress::Fold of the client
  uint16_t client_port = 0;  // host order; 0 where the protocol has no ports
  IpAddress destination{};   // of the packet (dh, lblc, lblcr)
  Tick now{};                // lblc, lblcr
};

class DestinationTable;
class Tournament;

// What a worker remembers of a service between two picks. Small and trivially copyable.
struct State {
  uint32_t cursor = 0;  // rr, wrr: how many reals from the head the scan has passed, 0…size
  int32_t current_weight = 0;  // wrr: the weight a real must reach to be chosen now
  uint64_t random = 0;         // twos: where the generator stands (random.h)
  // lblc, lblcr: the worker's memory of destinations, to read and to change; null: there is none.
  const DestinationTable* known = nullptr;
  DestinationTable* destinations = nullptr;
  // lc, wlc, sed, nq, lblc, lblcr: the worker's tournament of this plan's reals; null: scan them.
  Tournament* tournament = nullptr;

  friend constexpr bool operator==(const State&, const State&) = default;
};
static_assert(std::is_trivially_copyable_v<State> && sizeof(State) == 40);

// A copy to pick on with no effect on anything but the copy: it scans.
inline State PreviewOf(State state) noexcept {
  state.destinations = nullptr;
  state.tournament = nullptr;
  return state;
}

// How many {destination, real} pairs a service of this kind remembers; 0: none, no table needed.
uint32_t DestinationMembers(Kind kind) noexcept;

struct Choice {
  RealId real;  // none when nobody is eligible
};

// The state of a service seen for the first time: as if its reals had been added one by one.
// `seed`: of its random source. The owner attaches a DestinationTable or a Tournament if the kind
// wants one.
State InitialState(const Plan& plan, uint64_t seed = 0) noexcept;

// What `state` becomes when `now` takes the place of `before`: reals removed and edited, or another
// scheduler bound, then reals added, as if one by one. The same plan in a new snapshot changes
// nothing. The random source goes on; destinations are kept unless the scheduler changed; there is
// no tournament until the owner attaches one of the new plan (tournaments.h). O(n log n) in the
// reals; once a worker, service and change.
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
