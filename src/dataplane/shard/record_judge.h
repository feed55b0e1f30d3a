// Whether a record that a previous process left may be used (docs/take_up.md). It may hold any
// bytes: no field is used before it has been looked at.
//
//   RecordJudge judge(known_reals, fabric.config.reals, now);
//   Judgement j = judge.Of(connection);           // from its own fields alone
//   if (j.fate == RecordFate::kBad) ++report.by_cause[static_cast<size_t>(j.cause)];
//   CauseName(TakeUpCause::kState)                // "state"
//   SideLists lists(side_records);
//   if (!lists.Take(owner, connection.side_slot)) …not its own, or not whole…
//
// Threads: one; before the workers start. Everything but the constructors is noexcept.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "dataplane/tables/connection_record.h"
#include "dataplane/tables/side_record.h"
#include "dataplane/tables/snat_record.h"
#include "dataplane/tables/template_record.h"

namespace fairlead::dataplane {

// Why a record was not taken up; of the last two: what a record that was taken up has lost.
enum class TakeUpCause : uint8_t {
  kGeneration,         // 0, which no live record has
  kProtocol,           // none that is balanced
  kMethod,             // no forwarding method
  kState,              // none of its protocol, or of a template
  kFlags,              // they contradict each other, or are not known
  kEndpoint,           // an address that no packet has, a port or a mask that fits nothing
  kReal,               // an id that nothing has
  kTime,               // a time beyond the longest that can be set
  kOwner,              // its key is another worker's
  kLocalEndpoint,      // its client is translated, and nothing says to what
  kSideList,           // its side records are not its own, or not whole
  kDuplicate,          // there is another of the same key
  kNoRoom,             // the table, the index or the side records are full
  kTemplateReference,  // the connection stays, without its template, which is gone
  kTemplateText,       // the template stays, without its engine's data
};
inline constexpr size_t kTakeUpCauseCount = 15;

// As metrics and the log name it: "template_reference".
std::string_view CauseName(TakeUpCause cause) noexcept;

// What becomes of the contents of a slot.
enum class RecordFate : uint8_t {
  kFree,     // nothing is there
  kEnded,    // its end had begun
  kExpired,  // its time is over
  kBad,
  kGood,
};

struct Judgement {
  RecordFate fate = RecordFate::kFree;
  TakeUpCause cause = TakeUpCause::kGeneration;  // with kBad
};

class RecordJudge {
 public:
  // `known_reals`: by RealId, which ids are somebody's; it outlives the judge. No id is known from
  // `real_capacity` on.
  RecordJudge(const std::vector<bool>& known_reals, size_t real_capacity, Tick now)
      : known_(known_reals), known_end_(std::min(known_reals.size(), real_capacity)), now_(now) {}

  // Everything but what takes other records to tell: owner, template, side list, duplicates.
  template <typename Address>
  [[nodiscard]] Judgement Of(const Connection<Address>& record) const noexcept;
  // Likewise; kGood also when the timer has fired, since only its children tell whether it is over.
  [[nodiscard]] Judgement Of(const TemplateRecord& record) const noexcept;
  // Likewise; its rule is for the rules in force to say.
  template <typename Address>
  [[nodiscard]] Judgement Of(const SnatFlow<Address>& flow) const noexcept;

 private:
  [[nodiscard]] bool IsKnown(RealId real) const noexcept {
    return real.index() < known_end_ && known_[real.index()];
  }
  // Not so far ahead that nothing could have set it.
  [[nodiscard]] bool IsWithin(Tick deadline, TickCount longest) const noexcept {
    return deadline.Remaining(now_) <= longest;
  }

  const std::vector<bool>& known_;
  size_t known_end_;
  Tick now_;
};

// What follows from the rest of a record and may have been caught between two stores: made to
// agree. Preconditions: it has been judged good.
template <typename Address>
void Mend(Connection<Address>* record) noexcept;
void Mend(TemplateRecord* record) noexcept;

// The template's owner has been told, or was to be told, that this child is established.
template <typename Address>
bool HasAssured(const Connection<Address>& record) noexcept;

// The lists of side records of one previous worker: each record is in one list at the most.
class SideLists {
 public:
  explicit SideLists(std::span<const SideRecord> records)
      : records_(records), is_taken_(records.size()) {}

  // The list that begins at `first` is the owner's and whole, and its records are now taken. False:
  // it is not, and nothing is.
  bool Take(const SideOwner& owner, uint32_t first) noexcept;
  // Gives a list back. Precondition: it was taken.
  void Return(uint32_t first) noexcept;
  // visit(const SideRecord&) in the order of the list. Precondition: it was taken.
  template <typename Visit>
  void ForEach(uint32_t first, Visit visit) const {
    for (uint32_t slot = first; slot != kEnd; slot = records_[slot].next) visit(records_[slot]);
  }

  [[nodiscard]] const std::vector<bool>& is_taken() const noexcept { return is_taken_; }

 private:
  static constexpr uint32_t kEnd = 0xffff'ffff;

  std::span<const SideRecord> records_;
  std::vector<bool> is_taken_;
};

}  // namespace fairlead::dataplane
