// What a director that died leaves, taken up by another and compared with what there was.
//
//   const Tables before = TablesOf(d);       // … a packet …
//   const Tables after = TablesOf(d);        // the death was between the two
//   EXPECT_EQ(WhatASuccessorLacks({.workers = 2, .next_workers = 3, .seed = 7}, left, before,
//   after,
//                                 d.now()), "");
//
// The model: what was there before and after the death, at one real, is there now, at that real and
// with a deadline between the two; nothing else is there; all counts are right; clients who come
// again stay at their reals; and when all is quiet nothing is left.
#pragma once

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "byte_director.h"
#include "dataplane/shard/take_up.h"
#include "director_memory.h"
#include "shard/take_up_story.h"
#include "take_up_checks.h"

namespace fairlead::dataplane::take_up {

struct Case {
  size_t workers = 1, next_workers = 1;
  bool has_other_sizes = false;  // other capacities, though as many workers
  uint32_t seed = 1;
  uint32_t down_seconds = 0;
  bool forgets_epoch = false;  // a successor that is wrong: its ticks begin anew
};

inline constexpr DirectorMemory::Sizes kSizes = {};
inline constexpr DirectorMemory::Sizes kOtherSizes = {512, 256, 256, 256};

inline std::string Name(const Case& c) {
  return std::to_string(c.workers) + " → " + std::to_string(c.next_workers) + " workers" +
         (c.has_other_sizes ? " of other sizes" : "") + ", seed " + std::to_string(c.seed) +
         ", down " + std::to_string(c.down_seconds) + " s";
}

struct Entry {
  RealId real;
  Tick deadline;
};
using Listing = std::map<std::string, Entry>;
struct Tables {
  Listing connections, templates;
  std::string wrong;  // what was there twice
};

template <typename Address>
void ListConnections(Shard& shard, Tables* all) {
  auto& table = shard.Connections<Address>();
  for (uint32_t slot = 0; slot < table.high_water(); ++slot) {
    const Connection<Address>& record = table.at(slot);
    const bool is_there = record.Has(ConnectionFlag::kLive) &&
                          record.Has(ConnectionFlag::kIndexed) && !table.IsExpired(slot, shard.now);
    if (!is_there) continue;
    const std::string key =
        std::to_string(record.protocol) + " " +
        Endpoint{IpAddress(record.client_address), record.client_port}.ToString() + " " +
        Endpoint{IpAddress(record.virtual_address), record.virtual_port}.ToString();
    if (!all->connections.emplace(key, Entry{record.real_id, record.deadline}).second) {
      all->wrong += "connection " + key + " is there twice; ";
    }
  }
}

// A template's key as it lies in memory, readable enough for a failure, and its engine's data.
inline std::string KeyText(TemplateTable& table, uint32_t slot) {
  const TemplateRecord& record = table.at(slot);
  std::array<char, 255> text{};
  const size_t length = table.CopyEngineText(slot, text);
  return record.client().ToString() + " " + record.virtual_address().ToString() + ":" +
         std::to_string(record.key.virtual_port.host()) + " protocol " +
         std::to_string(record.key.protocol) + " scope " + std::to_string(record.key.scope) + " " +
         std::string(text.data(), length);
}

inline void ListTemplates(Shard& shard, Tables* all) {
  TemplateTable& table = shard.templates();
  for (uint32_t slot = 0; slot < table.high_water(); ++slot) {
    const TemplateRecord& record = table.at(slot);
    const bool is_there = record.Has(TemplateFlag::kLive) && record.Has(TemplateFlag::kIndexed) &&
                          !table.IsExpired(slot, shard.now);
    if (!is_there) continue;
    const std::string key = KeyText(table, slot);
    if (!all->templates.emplace(key, Entry{record.real_id, record.deadline}).second) {
      all->wrong += "template " + key + " is there twice; ";
    }
  }
}

inline Tables TablesOf(ByteDirector& d) {
  Tables all;
  for (Shard* shard : d.shards()) {
    ListConnections<Ipv4Address>(*shard, &all);
    ListConnections<Ipv6Address>(*shard, &all);
    ListTemplates(*shard, &all);
  }
  return all;
}

class Successor {
 public:
  // `left` is taken up in place where that is possible. `died`: when.
  Successor(const Case& c, const DirectorMemory& left, Tick died)
      : case_(c),
        due_(died + TicksFromSeconds(c.down_seconds)),
        start_(c.forgets_epoch ? Tick{1000} : due_),
        is_in_place_(c.next_workers == c.workers && !c.has_other_sizes),
        moved_(c.next_workers, kOtherSizes),
        d_({.workers = c.next_workers,
            .ring_packets = 64,
            .seed = c.seed + 1,
            .memory = is_in_place_ ? left.tables() : moved_.tables(),
            .start = start_}) {
    Configure(d_);
    const std::vector<bool> known(d_.draft().reals.size(), true);
    const TakeUpReport report = is_in_place_
                                    ? TakeUp(d_.shards(), known, start_)
                                    : TakeUpFrom(left.tables(), d_.shards(), known, start_);
    wrong_ = WhatIsWrong(d_.shards());
    for (size_t i = 0; i < kTakeUpCauseCount; ++i) {
      const auto cause = static_cast<TakeUpCause>(i);
      if (report.of(cause) != 0) wrong_ += "cause " + std::string(CauseName(cause)) + "; ";
    }
  }

  std::string Compare(const Tables& before, const Tables& after) {
    d_.Publish();
    const Tables now = TablesOf(d_);
    wrong_ += now.wrong;
    Compare("connection", before.connections, after.connections, now.connections, true);
    // A template's deadline also moves when a child goes that had expired meanwhile.
    Compare("template", before.templates, after.templates, now.templates, false);
    GoOn(now.templates);
    return wrong_;
  }

 private:
  void Compare(const std::string& what, const Listing& before, const Listing& after,
               const Listing& now, bool has_exact_times) {
    for (const auto& [key, entry] : before) {
      const auto later = after.find(key);
      if (later == after.end() || later->second.real != entry.real) continue;
      const auto [least, most] = std::minmax(entry.deadline.value, later->second.deadline.value);
      const auto found = now.find(key);
      if (found == now.end()) {
        if (least > due_.value) wrong_ += what + " " + key + " is lost; ";
        continue;
      }
      if (found->second.real != entry.real) wrong_ += what + " " + key + " has moved; ";
      const uint32_t then = found->second.deadline.value - start_.value + due_.value;
      if (has_exact_times && (then < least || then > most)) {
        wrong_ += what + " " + key + " ends at tick " + std::to_string(then) + " instead of " +
                  std::to_string(least) + " to " + std::to_string(most) + "; ";
      }
    }
    for (const auto& [key, entry] : now) {
      const bool was_there = before.contains(key) || after.contains(key);
      if (!was_there) wrong_ += what + " " + key + " comes from nowhere; ";
    }
  }

  // Clients talk and connect again, and then all is quiet.
  void GoOn(const Listing& known) {
    Draw draw(case_.seed);
    for (int i = 0; i < 60; ++i) Play(d_, draw.Packet());
    d_.Settle();
    for (const auto& [key, entry] : TablesOf(d_).templates) {
      const auto was = known.find(key);
      if (was != known.end() && was->second.real != entry.real) wrong_ += "a client moved; ";
    }
    wrong_ += WhatIsWrong(d_.shards());
    wrong_ += d_.CheckConservation();
    d_.Advance(1000);
    d_.Advance(700);
    wrong_ += d_.CheckNothingLeft();
    for (Shard* shard : d_.shards()) {
      if (shard->side_records().size() != 0) wrong_ += "side records are left; ";
    }
  }

  const Case case_;
  const Tick due_;    // when it starts, as the director before it counted
  const Tick start_;  // and as it counts itself: the same
  const bool is_in_place_;
  const DirectorMemory moved_;
  ByteDirector d_;
  std::string wrong_;
};

// "" or what is wrong. Writes to `left` where it is taken up in place.
inline std::string WhatASuccessorLacks(const Case& c, const DirectorMemory& left,
                                       const Tables& before, const Tables& after, Tick died) {
  return Successor(c, left, died).Compare(before, after);
}

// FAIRLEAD_TAKE_UP_CUTS, or 240.
inline uint32_t CutsWanted() {
  const char* wanted = std::getenv("FAIRLEAD_TAKE_UP_CUTS");
  return wanted == nullptr ? 240 : static_cast<uint32_t>(std::atoi(wanted));
}

// Every change of workers and sizes, and time between, comes in turn.
inline Case CaseOf(uint32_t number) {
  constexpr std::array<std::array<size_t, 2>, 8> kWorkers = {
      {{1, 1}, {2, 2}, {3, 3}, {1, 2}, {2, 1}, {2, 3}, {4, 2}, {2, 2}}};
  constexpr std::array<uint32_t, 4> kDown = {0, 1, 30, 250};
  const auto& [workers, next] = kWorkers[number % kWorkers.size()];
  return {.workers = workers,
          .next_workers = next,
          .has_other_sizes = number % kWorkers.size() == kWorkers.size() - 1,
          .seed = 1000 + number,
          .down_seconds = kDown[number / kWorkers.size() % kDown.size()]};
}

}  // namespace fairlead::dataplane::take_up
