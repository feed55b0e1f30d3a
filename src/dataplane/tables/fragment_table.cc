#include "dataplane/tables/fragment_table.h"

#include <algorithm>
#include <bit>

namespace fairlead::dataplane {
namespace {

// Not of one that is done.
TickCount LifetimeOf(const FragmentTable::Datagram& d) noexcept {
  return d.key.is_v4() ? FragmentTable::kLifetime4 : FragmentTable::kLifetime6;
}

}  // namespace

FragmentTable::FragmentTable(uint32_t datagrams)
    : datagrams_(std::max(datagrams, 1u)), buckets_(std::bit_ceil(datagrams_.size()), kNoSlot) {
  for (uint32_t i = capacity(); i-- > 0;) {
    datagrams_[i].bucket_next = free_;
    free_ = i;
  }
  for (uint32_t i = 0; i < kMaxHeld; ++i) places_[i].next = i + 1 < kMaxHeld ? i + 1 : kNoSlot;
}

// ---- lists

[[gnu::always_inline]] inline void FragmentTable::Link(uint32_t slot, State state,
                                                       TickCount lifetime, Tick now) noexcept {
  static_assert(kWaiting6 == kWaiting4 + 1 && kSettled6 == kSettled4 + 1);
  Datagram& d = datagrams_[slot];
  const uint32_t family = d.key.is_v4() ? 0 : 1;
  const uint32_t name = state == State::kDone      ? uint32_t{kDoneList}
                        : state == State::kWaiting ? kWaiting4 + family
                                                   : kSettled4 + family;
  List& list = lists_[name];
  d.state = state;
  d.list = static_cast<uint8_t>(name);
  d.deadline = now + lifetime;
  d.before = list.tail;
  d.after = kNoSlot;
  (list.tail == kNoSlot ? list.head : datagrams_[list.tail].after) = slot;
  list.tail = slot;
  ++list.count;
}

[[gnu::always_inline]] inline void FragmentTable::Unlink(uint32_t slot) noexcept {
  const Datagram& d = datagrams_[slot];
  List& list = lists_[d.list];
  (d.before == kNoSlot ? list.head : datagrams_[d.before].after) = d.after;
  (d.after == kNoSlot ? list.tail : datagrams_[d.after].before) = d.before;
  --list.count;
}

uint32_t FragmentTable::Older(ListName a, ListName b) const noexcept {
  const uint32_t first = lists_[a].head, second = lists_[b].head;
  if (first == kNoSlot || second == kNoSlot) return first == kNoSlot ? second : first;
  const auto since = [this](uint32_t slot) {
    return datagrams_[slot].deadline - LifetimeOf(datagrams_[slot]);
  };
  return since(first).HasPassed(since(second)) ? first : second;
}

// ---- datagrams

uint32_t FragmentTable::FindOrAdd(const FragmentKey& key, uint64_t hash, Tick now) noexcept {
  uint32_t* bucket = &buckets_[hash & (buckets_.size() - 1)];
  for (uint32_t slot = *bucket; slot != kNoSlot; slot = datagrams_[slot].bucket_next) {
    if (datagrams_[slot].hash == hash && datagrams_[slot].key == key) return slot;
  }
  if (free_ == kNoSlot) Displace();
  const uint32_t slot = free_;
  Datagram& d = datagrams_[slot];
  free_ = d.bucket_next;
  // All but the list, and the runs, of which there are none: their line is not needed.
  d.hash = hash;
  d.key = key;
  d.bucket_next = *bucket;
  d.is_ready = false;
  d.run_count = 0;
  d.held_count = 0;
  d.total = 0;
  d.fate = {};
  d.held = kNoSlot;
  *bucket = slot;
  Link(slot, State::kWaiting, LifetimeOf(d), now);
  ++size_;
  return slot;
}

void FragmentTable::Displace() noexcept {
  const uint32_t waiting = lists_[kWaiting4].count + lists_[kWaiting6].count;
  const bool has_settled = lists_[kSettled4].count + lists_[kSettled6].count > 0;
  uint32_t slot = lists_[kDoneList].head;
  if (slot == kNoSlot) {
    ++displaced_;
    slot = !has_settled || 2 * waiting >= capacity() ? Older(kWaiting4, kWaiting6)
                                                     : Older(kSettled4, kSettled6);
  }
  Remove(slot, DropReason::kFragmentLimit);
}

void FragmentTable::Remove(uint32_t slot, DropReason reason) noexcept {
  Datagram& d = datagrams_[slot];
  GiveUp(&d, reason);
  if (d.is_ready) {
    uint32_t* at = &ready_;
    while (*at != slot) at = &datagrams_[*at].ready_next;
    *at = d.ready_next;
  }
  Unlink(slot);
  uint32_t* at = &buckets_[d.hash & (buckets_.size() - 1)];
  while (*at != slot) at = &datagrams_[*at].bucket_next;
  *at = d.bucket_next;
  d.state = State::kFree;
  d.bucket_next = free_;
  free_ = slot;
  --size_;
}

void FragmentTable::Restart(uint32_t slot, Tick now) noexcept {
  Datagram& d = datagrams_[slot];
  GiveUp(&d, DropReason::kFragmentLimit);
  Unlink(slot);
  d.fate = {};
  d.run_count = 0;
  d.total = 0;
  Link(slot, State::kWaiting, LifetimeOf(d), now);
}

bool FragmentTable::IsOver(const Datagram& d, Tick now) noexcept {
  if (d.state == State::kDone) return true;
  if (d.state != State::kSettled) return false;
  return d.deadline.Remaining(now) + kDoneLifetime < LifetimeOf(d);
}

void FragmentTable::Settle(uint32_t slot, Tick now) noexcept {
  Unlink(slot);
  Link(slot, State::kSettled, LifetimeOf(datagrams_[slot]), now);
}

void FragmentTable::FinishIfWhole(uint32_t slot, Tick now) noexcept {
  Datagram& d = datagrams_[slot];
  const bool is_whole = d.total != 0 && d.run_count == 1 && d.runs[0].begin == 0;
  if (d.state != State::kSettled || !is_whole || d.runs[0].end != d.total) return;
  if (d.held != kNoSlot || d.fate.kind == FragmentFate::Kind::kRefused) return;
  Unlink(slot);
  Link(slot, State::kDone, kDoneLifetime, now);
}

// ---- bytes

FragmentTable::Arrival FragmentTable::Note(Datagram* d, const FragmentRange& range) noexcept {
  const bool is_next = d->run_count == 0 || (d->run_count == 1 && d->runs[0].end == range.begin);
  if (is_next && d->total == 0) [[likely]] {  // in order, as nearly all come
    if (d->run_count == 0) d->runs[0].begin = static_cast<uint16_t>(range.begin);
    d->run_count = 1;
    d->runs[0].end = static_cast<uint16_t>(range.end);
    if (range.is_last) d->total = d->runs[0].end;
    return Arrival::kNew;
  }
  for (size_t i = 0; i < d->run_count; ++i) {
    const Run& run = d->runs[i];
    if (range.begin >= run.begin && range.end <= run.end) {
      const bool contradicts = range.is_last && d->total != 0 && d->total != range.end;
      const bool ends_too_soon = range.is_last && d->runs[d->run_count - 1].end > range.end;
      return contradicts || ends_too_soon ? Arrival::kOverlap : Arrival::kDuplicate;
    }
    if (range.begin < run.end && range.end > run.begin) return Arrival::kOverlap;
  }
  if (d->total != 0 && range.end > d->total) return Arrival::kOverlap;
  if (range.is_last) {
    if (d->run_count > 0 && d->runs[d->run_count - 1].end > range.end) return Arrival::kOverlap;
    if (d->total != 0 && d->total != range.end) return Arrival::kOverlap;
  }
  size_t at = 0;
  while (at < d->run_count && d->runs[at].end < range.begin) ++at;
  const auto begin = static_cast<uint16_t>(range.begin), end = static_cast<uint16_t>(range.end);
  const bool joins_left = at < d->run_count && d->runs[at].end == begin;
  const size_t right = joins_left ? at + 1 : at;
  const bool joins_right = right < d->run_count && d->runs[right].begin == end;
  if (joins_left && joins_right) {
    d->runs[at].end = d->runs[right].end;
    std::move(d->runs.begin() + right + 1, d->runs.begin() + d->run_count, d->runs.begin() + right);
    --d->run_count;
  } else if (joins_left) {
    d->runs[at].end = end;
  } else if (joins_right) {
    d->runs[right].begin = begin;
  } else {
    if (d->run_count == kMaxRuns) return Arrival::kScattered;
    std::move_backward(d->runs.begin() + at, d->runs.begin() + d->run_count,
                       d->runs.begin() + d->run_count + 1);
    d->runs[at] = {begin, end};
    ++d->run_count;
  }
  if (range.is_last) d->total = end;
  return Arrival::kNew;
}

FragmentTable::Arrival FragmentTable::Arrive(uint32_t slot, const FragmentRange& range,
                                             Tick now) noexcept {
  Datagram& d = datagrams_[slot];
  if (range.begin == 0 && IsOver(d, now)) Restart(slot, now);
  Arrival arrival = Note(&d, range);
  if (arrival == Arrival::kOverlap && d.state == State::kDone) {
    Restart(slot, now);
    arrival = Note(&d, range);
  }
  if (arrival == Arrival::kOverlap) {
    // RFC 5722: the whole datagram. Of what has gone on its receiver never gets the rest.
    GiveUp(&d, DropReason::kFragmentOverlap);
    d.fate = {};
    d.fate.kind = FragmentFate::Kind::kRefused;
    Settle(slot, now);
  }
  return arrival;
}

// ---- packets that wait

bool FragmentTable::HasRoom(const Datagram& d, uint32_t bytes) const noexcept {
  return free_place_ != kNoSlot && held_bytes_ + bytes <= kMaxHeldBytes &&
         d.held_count < kMaxHeldPerDatagram;
}

bool FragmentTable::Hold(uint32_t slot, void* packet, const ParsedPacket& parsed,
                         uint32_t begin) noexcept {
  Datagram& d = datagrams_[slot];
  if (!HasRoom(d, parsed.ip_length)) return false;
  const uint32_t place = free_place_;
  Held& held = places_[place];
  free_place_ = held.next;
  held = {.parsed = parsed, .packet = packet, .begin = begin};
  uint32_t* at = &d.held;
  while (*at != kNoSlot && places_[*at].begin < begin) at = &places_[*at].next;
  held.next = *at;
  *at = place;
  ++d.held_count;
  ++held_;
  held_bytes_ += parsed.ip_length;
  return true;
}

bool FragmentTable::MakeRoom(uint32_t slot, uint32_t bytes) noexcept {
  if (datagrams_[slot].held_count >= kMaxHeldPerDatagram) return false;
  // What is given up keeps its place until it is taken.
  const auto will_have_room = [&] {
    return held_ - given_up_count_ < kMaxHeld &&
           held_bytes_ - given_up_bytes_ + bytes <= kMaxHeldBytes;
  };
  for (uint32_t n = 0; n < kMostVictims && !will_have_room(); ++n) {
    const uint32_t oldest = Older(kWaiting4, kWaiting6);
    if (oldest == kNoSlot || oldest == slot) break;
    ++displaced_;
    Remove(oldest, DropReason::kFragmentLimit);
  }
  return will_have_room();
}

bool FragmentTable::Pop(uint32_t slot, Held* held) noexcept {
  Datagram& d = datagrams_[slot];
  const uint32_t place = d.held;
  if (place == kNoSlot) return false;
  *held = places_[place];
  d.held = held->next;
  --d.held_count;
  places_[place].next = free_place_;
  free_place_ = place;
  --held_;
  held_bytes_ -= held->parsed.ip_length;
  return true;
}

void FragmentTable::GiveUp(Datagram* d, DropReason reason) noexcept {
  while (d->held != kNoSlot) {
    const uint32_t place = d->held;
    d->held = places_[place].next;
    places_[place].reason = reason;
    places_[place].next = given_up_;
    given_up_ = place;
    ++given_up_count_;
    given_up_bytes_ += places_[place].parsed.ip_length;
  }
  d->held_count = 0;
}

bool FragmentTable::TakeGivenUp(Held* held) noexcept {
  const uint32_t place = given_up_;
  if (place == kNoSlot) return false;
  *held = places_[place];
  given_up_ = held->next;
  --given_up_count_;
  given_up_bytes_ -= held->parsed.ip_length;
  places_[place].next = free_place_;
  free_place_ = place;
  --held_;
  held_bytes_ -= held->parsed.ip_length;
  return true;
}

void FragmentTable::MarkReady(uint32_t slot) noexcept {
  Datagram& d = datagrams_[slot];
  if (d.is_ready) return;
  d.is_ready = true;
  d.ready_next = ready_;
  ready_ = slot;
}

uint32_t FragmentTable::NextReady() noexcept {
  const uint32_t slot = ready_;
  if (slot == kNoSlot) return slot;
  datagrams_[slot].is_ready = false;
  ready_ = datagrams_[slot].ready_next;
  return slot;
}

// ---- time

void FragmentTable::Expire(Tick now) noexcept {
  for (const List& list : lists_) {
    for (uint32_t n = 0; n < kExpirySteps && list.head != kNoSlot; ++n) {
      if (!datagrams_[list.head].deadline.HasPassed(now)) break;
      Remove(list.head, DropReason::kFragmentTimeout);
    }
  }
}

void FragmentTable::Clear(DropReason reason) noexcept {
  for (const List& list : lists_) {
    while (list.head != kNoSlot) Remove(list.head, reason);
  }
}

}  // namespace fairlead::dataplane
