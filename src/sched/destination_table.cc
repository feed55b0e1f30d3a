#include "sched/destination_table.h"

#include <algorithm>
#include <limits>
#include <new>

namespace fairlead::sched {

std::unique_ptr<DestinationTable> DestinationTable::Create(uint32_t members, Tick now) noexcept {
  std::unique_ptr<DestinationTable> table(new (std::nothrow) DestinationTable);
  if (table == nullptr) return nullptr;
  // calloc: the system hands out big zeroed blocks without touching their pages.
  table->entries_.reset(static_cast<Entry*>(std::calloc(kCapacity, sizeof(Entry))));
  table->members_.reset(static_cast<Member*>(std::calloc(members, sizeof(Member))));
  if (table->entries_ == nullptr || table->members_ == nullptr) return nullptr;
  table->buckets_.fill(kEnd);
  table->member_capacity_ = members;
  table->next_run_ = now + kCollectInterval;
  return table;
}

uint32_t DestinationTable::Find(const IpAddress& destination) const noexcept {
  uint32_t slot = buckets_[BucketOf<10>(destination.Fold())];
  while (slot != kEnd && entries_[slot].address != destination.bytes()) slot = entries_[slot].next;
  return slot;
}

uint32_t DestinationTable::TakeMember(RealId real, uint32_t next) noexcept {
  uint32_t member = free_member_;
  if (member != kEnd) {
    free_member_ = members_[member].next;
  } else if (used_members_ < member_capacity_) {
    member = used_members_++;
  } else {
    return kEnd;
  }
  members_[member] = {real, next};
  return member;
}

void DestinationTable::FreeMember(uint32_t member) noexcept {
  members_[member].next = free_member_;
  free_member_ = member;
}

uint32_t DestinationTable::Insert(const IpAddress& destination, RealId real, Tick now) noexcept {
  if (size_ >= kCapacity) return kNoDestination;
  const uint32_t member = TakeMember(real, kEnd);
  if (member == kEnd) return kNoDestination;
  uint32_t slot = free_entry_;
  if (slot != kEnd) {
    free_entry_ = entries_[slot].next;
  } else {
    slot = used_entries_++;
  }
  uint32_t& head = buckets_[BucketOf<10>(destination.Fold())];
  entries_[slot] = {destination.bytes(), head, member, now, now};
  head = slot;
  ++size_;
  return slot;
}

bool DestinationTable::Add(uint32_t slot, RealId real, Tick now) noexcept {
  Entry& entry = entries_[slot];
  for (uint32_t m = entry.first_member; m != kEnd; m = members_[m].next) {
    if (members_[m].real == real) return false;
  }
  const uint32_t member = TakeMember(real, entry.first_member);
  if (member == kEnd) return false;
  entry.first_member = member;
  entry.changed = now;
  return true;
}

bool DestinationTable::Remove(uint32_t slot, RealId real, Tick now) noexcept {
  Entry& entry = entries_[slot];
  if (members_[entry.first_member].next == kEnd) return false;
  uint32_t* link = &entry.first_member;
  while (*link != kEnd && members_[*link].real != real) link = &members_[*link].next;
  if (*link == kEnd) return false;
  const uint32_t gone = *link;
  *link = members_[gone].next;
  FreeMember(gone);
  entry.changed = now;
  return true;
}

uint32_t DestinationTable::SetSize(uint32_t slot) const noexcept {
  uint32_t size = 0;
  VisitReals(slot, [&size](RealId) { ++size; });
  return size;
}

void DestinationTable::BeginCollection(Tick now) noexcept {
  next_run_ = now + kCollectInterval;
  is_full_run_ = ++runs_ % kRunsPerFullCollection == 0;
  if (is_full_run_) {
    wanted_ = std::numeric_limits<uint32_t>::max();
  } else if (size_ > kWantedSize) {
    wanted_ = std::min((size_ - kWantedSize) * 4 / 3, kWantedSize / 2);
  } else {
    return;
  }
  buckets_left_ = kBuckets;
}

void DestinationTable::CollectBucket(uint32_t bucket, Tick now, TickCount idle) noexcept {
  uint32_t* link = &buckets_[bucket];
  while (*link != kEnd && wanted_ > 0) {
    const uint32_t slot = *link;
    Entry& entry = entries_[slot];
    if (!(entry.last_used + idle).HasPassed(now)) {
      link = &entry.next;
      continue;
    }
    *link = entry.next;
    for (uint32_t m = entry.first_member; m != kEnd;) {
      const uint32_t next = members_[m].next;
      FreeMember(m);
      m = next;
    }
    entry.next = free_entry_;
    free_entry_ = slot;
    --size_;
    --wanted_;
  }
}

void DestinationTable::Collect(Tick now, TickCount lifetime) noexcept {
  if (buckets_left_ == 0) {
    if (!next_run_.HasPassed(now)) return;
    BeginCollection(now);
  }
  const TickCount idle = is_full_run_ ? lifetime : kIdleWhenCrowded;
  for (uint32_t step = 0; step < kBucketsPerStep && buckets_left_ > 0; ++step) {
    CollectBucket(bucket_, now, idle);
    bucket_ = (bucket_ + 1) % kBuckets;
    buckets_left_ = wanted_ > 0 ? buckets_left_ - 1 : 0;
  }
}

}  // namespace fairlead::sched
