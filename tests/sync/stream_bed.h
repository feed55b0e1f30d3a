// A director on bytes with its side of the stream between directors, for tests: what its workers
// tell, and what they make of what another one tells.
//
//   StreamSide a({.workers = 2}, "a"), b({.workers = 2}, "b");
//   a.Tell();
//   a.d.Send(…);
//   b.Take(a.News());                 // all news since, at once
//   EXPECT_EQ(a.Records(), b.Records());
//
// Every call leaves mailboxes and rings empty.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "byte_director.h"
#include "control/sync/fabric_stream_tables.h"
#include "dataplane/tables/transport_state.h"
#include "dataplane/worker/commands.h"
#include "sync/stream/creator.h"

namespace fairlead::sync {

class StreamSide {
 public:
  using Entries = std::vector<StreamEntry>;

  explicit StreamSide(const dataplane::DirectorSpec& spec = {}, const std::string& name = "a")
      : d(spec),
        tables(
            d.fabric(), CreatorNumber(name),
            [this](size_t w, dataplane::Command* c) { out_.emplace_back(w, c); },
            [this] { return wall_ms + d.now().value * 10; }) {
    tables.OnNews([this](const StreamEntry& entry) { news_.push_back(entry); });
  }

  void Tell(bool is_on = true) {
    tables.Tell(is_on);
    Run();
  }
  // What workers have told since it was last asked for.
  Entries News() {
    Run();
    return std::exchange(news_, {});
  }
  control::StreamTaken Take(Entries entries) {
    control::StreamTaken sum;
    for (size_t at = 0; at < entries.size(); at += control::kMostEntriesOfBatch) {
      const size_t end = std::min(entries.size(), at + control::kMostEntriesOfBatch);
      bool is_done = false;
      tables.Take(Entries(entries.begin() + static_cast<ptrdiff_t>(at),
                          entries.begin() + static_cast<ptrdiff_t>(end)),
                  [&](const control::StreamTaken& taken) {
                    sum.connections += taken.connections;
                    sum.templates += taken.templates;
                    sum.gone += taken.gone;
                    for (size_t i = 0; i < sum.faults.size(); ++i) sum.faults[i] += taken.faults[i];
                    is_done = true;
                  });
      while (!is_done) Run();
    }
    d.Settle();
    return sum;
  }
  std::vector<RangeDigest> Digests() {
    std::vector<RangeDigest> digests;
    tables.Digests(
        [&](std::span<const RangeDigest> sums) { digests.assign(sums.begin(), sums.end()); });
    while (digests.empty()) Run();
    return digests;
  }
  Entries Walk(const StreamRanges& ranges) {
    Entries entries;
    bool is_last = false;
    tables.Walk(ranges, [&](Entries some, bool last) {
      EXPECT_LE(some.size(), control::kMostEntriesOfBatch);
      entries.insert(entries.end(), some.begin(), some.end());
      is_last = last;
      ++slices;
      if (!last) tables.WalkOn();
    });
    while (!is_last) Run();
    return entries;
  }
  Entries Walk(uint32_t range) {
    StreamRanges ranges;
    ranges.set(range);
    return Walk(ranges);
  }
  // The control core and the workers until nothing is on its way.
  void Run() {
    do {
      tables.Turn();
      while (!out_.empty()) {
        const auto [worker, command] = out_.front();
        out_.pop_front();
        d.RunCommand(worker, command);
        tables.TakeBack(worker, command);
      }
      tables.Turn();
    } while (!out_.empty());
  }

  // "client:port real STATE active 900 s 7 packets", sorted.
  std::vector<std::string> Connections() {
    std::vector<std::string> rows;
    for (const dataplane::ConnectionRow& row : ConnectionRows()) {
      rows.push_back(
          row.client.ToString() + " " + row.real_endpoint.ToString() + " " +
          std::string(dataplane::NameOf(static_cast<Transport>(row.protocol), row.state)) +
          (Has(row, dataplane::ConnectionFlag::kInactive) ? " inactive " : " active ") +
          std::to_string(row.remaining / 100) + " s" +
          (Has(row, dataplane::ConnectionFlag::kFromSync) ? " learnt" : ""));
    }
    std::ranges::sort(rows);
    return rows;
  }
  // "client real assured 300 s children 2 pinned", sorted; without those that are invalid.
  std::vector<std::string> Templates() {
    std::vector<std::string> rows;
    for (const dataplane::TemplateRow& row : TemplateRows()) {
      if (row.is_invalid) continue;
      rows.push_back(row.client.ToString() + " " + d.real(row.real).address.ToString() +
                     (row.is_assured ? " assured " : " new ") + TimeOf(row.remaining) +
                     " children " + std::to_string(row.children) +
                     (row.is_pinned ? " pinned" : ""));
    }
    std::ranges::sort(rows);
    return rows;
  }
  std::vector<dataplane::ConnectionRow> ConnectionRows() {
    return Rows<dataplane::ListConnections, dataplane::ConnectionRow>();
  }
  std::vector<dataplane::TemplateRow> TemplateRows() {
    return Rows<dataplane::ListTemplates, dataplane::TemplateRow>();
  }
  // active/inactive/templates
  std::string Load(RealId real) {
    const sched::Load load = d.fabric().loads.Sum(real);
    return std::to_string(load.active) + "/" + std::to_string(load.inactive) + "/" +
           std::to_string(load.templates);
  }
  static bool Has(const dataplane::ConnectionRow& row, dataplane::ConnectionFlag flag) {
    return (row.flags & dataplane::FlagMask(flag)) != 0;
  }

  uint64_t wall_ms = 1'800'000'000'000;  // at tick 0
  size_t slices = 0;                     // of all walks
  dataplane::ByteDirector d;
  control::FabricStreamTables tables;

 private:
  static std::string TimeOf(TickCount ticks) {
    return ticks == dataplane::kForever ? "for ever" : std::to_string(ticks / 100) + " s";
  }
  template <typename List, typename Row>
  std::vector<Row> Rows() {
    std::vector<Row> rows;
    for (size_t w = 0; w < d.worker_count(); ++w) {
      List list;
      list.limit = 10'000;
      list.rows.reserve(list.limit);
      do d.RunCommand(w, &list);
      while (!list.is_complete);
      rows.insert(rows.end(), list.rows.begin(), list.rows.end());
    }
    return rows;
  }

  std::deque<std::pair<size_t, dataplane::Command*>> out_;
  Entries news_;
};

}  // namespace fairlead::sync
