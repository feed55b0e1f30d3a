// What is compared: tables, counts, and what polling saw.

#include <algorithm>
#include <regex>
#include <sstream>

#include "case_run.h"
#include "compare.h"

namespace fairlead::golden {
namespace {

namespace json = boost::json;

TableRow EntryOf(const json::value& value) {
  const json::object& e = value.as_object();
  return {TextOf(e, "proto"), TextOf(e, "src"),   TextOf(e, "vip"),
          TextOf(e, "dst"),   TextOf(e, "state"), static_cast<int64_t>(NumberOf(e.at("exp")))};
}

bool IsRawClient(const TableRow& row) { return row.source.starts_with("10.8."); }

}  // namespace

void CaseRun::DropExcepted(std::vector<TableRow>* rows) {
  std::erase_if(*rows, [this](const TableRow& row) {
    if (orphans_.contains(row.source)) {
      Use(Exception::kLastService);
      return true;
    }
    if (timed_out_.contains(row.source)) {
      Use(Exception::kNatToDr);
      return true;
    }
    return false;
  });
}

// The same for lines of a listing: rows of such clients, counts of such reals.
std::string CaseRun::WithoutExcepted(const std::string& listing) {
  if (orphans_.empty() && timed_out_.empty()) return listing;
  static const std::regex kCounts(R"(( +\d+){2} *$)");
  std::istringstream in(listing);
  std::string kept;
  for (std::string line; std::getline(in, line);) {
    const auto names = [&](const std::string& client) {
      return line.find(" " + client + " ") != std::string::npos;
    };
    if (std::ranges::any_of(timed_out_, names)) {
      Use(Exception::kNatToDr);
      continue;
    }
    for (const std::string& real : edited_) {
      if (timed_out_.empty() || line.find("  -> 10.1.0.1" + real.substr(2) + ":") != 0) continue;
      line = std::regex_replace(line, kCounts, "");
      Use(Exception::kNatToDr);
    }
    kept += line + "\n";
  }
  return kept;
}

void CaseRun::CompareConnections(const Keys& keys) {
  std::vector<TableRow> expected;
  for (const json::value& entry : keys.at("entries").as_array()) {
    expected.push_back(EntryOf(entry));
    if (!has_raw_ && IsRawClient(expected.back()) && expected.back().protocol == "TCP") {
      SendUnrecorded(expected.back());
    }
  }
  std::vector<TableRow> ours = director_.Table();
  for (TableRow& row : expected) {
    const auto same = std::ranges::find(ours, row.Key(), &TableRow::Key);
    if (same == ours.end() || !fired_.contains(row.Name())) continue;
    const auto apart = static_cast<double>(std::abs(same->expires - row.expires));
    if (apart <= kSecondsApart + LatenessOf(row)) row.expires = same->expires;
  }
  // As many observations as there are rows; an empty table is one, too.
  for (size_t i = 1; i < expected.size(); ++i) Expect(true, "");
  std::string wrong = CompareTables(expected, ours);
  if (!wrong.empty()) {
    DropExcepted(&expected);
    DropExcepted(&ours);
    wrong = CompareTables(std::move(expected), std::move(ours));
  }
  Expect(wrong.empty(), "the table differs: " + wrong);
}

void CaseRun::CompareCounts(const Keys& keys) {
  std::map<std::string, sched::Load> loads;
  const auto view = director_.view();
  for (const control::ServiceInfo& service : view->services) {
    for (const control::RealInfo& real : service.reals) {
      if (real.is_ghost) continue;
      const sched::Load load = director_.LoadOf(real.id);
      sched::Load& sum = loads[RealNameOf(real.endpoint.address)];
      sum.active += load.active;
      sum.inactive += load.inactive;
    }
  }
  for (const auto& real : keys.at("reals").as_object()) {
    const std::string name(real.key());
    const json::object& wanted = real.value().as_object();
    if (!timed_out_.empty() && edited_.contains(name)) {
      Use(Exception::kNatToDr);
      continue;
    }
    ExpectText((name + "'s ActiveConn").c_str(), std::to_string(loads[name].active),
               std::to_string(wanted.at("active").to_number<int64_t>()));
    ExpectText((name + "'s InActConn").c_str(), std::to_string(loads[name].inactive),
               std::to_string(wanted.at("inactive").to_number<int64_t>()));
  }
}

// ---- watches

void CaseRun::TakeSample() {
  constexpr double kInterval = 0.05;
  if (!is_watched_) return;
  const double now = director_.now();
  const bool is_due = samples_.empty() || now - samples_.back().at >= kInterval ||
                      now == case_.steps[std::min(step_, case_.steps.size() - 1)].at;
  if (!is_due) return;
  samples_.push_back({now, director_.Table()});
  while (now - samples_.front().at > kLongestLate) samples_.pop_front();
}

// A timer that the kernel sets when it fires late is late the next time by both.
double CaseRun::LatenessOf(const TableRow& row) const {
  const auto fired = fired_.find(row.Name());
  return kLate * (fired == fired_.end() ? 1 : 1 + fired->second);
}

bool CaseRun::WasSeen(const TableRow& row, double late) const {
  const double now = director_.now();
  return std::ranges::any_of(samples_, [&](const Sample& sample) {
    return now - sample.at <= late + kSeenLate &&
           std::ranges::any_of(sample.rows, [&](const TableRow& seen) {
             const auto apart = static_cast<double>(std::abs(seen.expires - row.expires));
             return seen.Key() == row.Key() && apart <= kSecondsApart + late;
           });
  });
}

bool CaseRun::WasAbsent(const TableRow& row, double late) const {
  const double now = director_.now();
  return std::ranges::any_of(samples_, [&](const Sample& sample) {
    return now - sample.at <= late + kSeenLate &&
           std::ranges::none_of(sample.rows,
                                [&](const TableRow& seen) { return seen.Name() == row.Name(); });
  });
}

void CaseRun::CompareWatch(const Keys& keys) {
  const std::string event = TextOf(keys, "event");
  const TableRow entry = EntryOf(keys.at("entry"));
  const double late = LatenessOf(entry);
  const std::vector<TableRow> rows = director_.Table();
  if (event == "gone") {
    const bool is_there = std::ranges::any_of(
        rows, [&](const TableRow& row) { return row.Name() == entry.Name() && row.expires > 0; });
    Expect(!is_there, "should be gone: " + entry.ToString());
    return Expect(WasSeen(entry, late), "went too early, or was never so: " + entry.ToString());
  }
  const auto same =
      std::ranges::find_if(rows, [&](const TableRow& row) { return row.Key() == entry.Key(); });
  if (same == rows.end()) return Expect(false, "is not in the table: " + entry.ToString());
  const double apart = kSecondsApart + (event == "present" ? 0 : late);
  Expect(static_cast<double>(std::abs(same->expires - entry.expires)) <= apart,
         "has " + std::to_string(same->expires) + " s left: expected " + entry.ToString());
  if (event == "new") Expect(WasAbsent(entry, late), "was there before: " + entry.ToString());
  if (const json::value* old = keys.if_contains("old"); old != nullptr && !old->is_null()) {
    const TableRow before = EntryOf(*old);
    Expect(WasSeen(before, late), "was not so just before: " + before.ToString());
    if (event == "timer" && before.expires <= kSecondsApart) ++fired_[entry.Name()];
  }
}

}  // namespace fairlead::golden
