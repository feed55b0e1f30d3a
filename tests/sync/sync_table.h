// What a backup makes of datagrams, against what the kernel's tables showed. For sync_replay.cc
// alone.
#pragma once

#include "sync_sent.h"

namespace fairlead::sync {

class TableCase : public SentCase {
 public:
  using SentCase::SentCase;

 protected:
  static BedRow RowOf(const json::object& entry) {
    return {TextOf(entry, "proto") + " " + TextOf(entry, "src") + " " + TextOf(entry, "vip") + " " +
                TextOf(entry, "dst"),
            TextOf(entry, "state"), entry.at("exp").to_number<int64_t>(),
            TextOf(entry, "origin") == "SYNC"};
  }

  // Why this director has not the row, or has another; null: it should have it.
  const char* ExceptionFor(const BedRow& row, const std::string& note) const {
    if (row.name.starts_with("SCTP")) return kNoSctp;
    if (row.state == "ERR!") return kTemplateState;
    if (row.seconds > 2'678'400 || note.find("timeout 21474837") != std::string::npos) {
      return kLongestTime;
    }
    if (Is("s2g")) return kNoFtp;
    if (Is("s4b") && row.name.ends_with(":0")) {
      return row.name.starts_with("IP") ? kTemplateOfNobody : kNowhere;
    }
    if (Is("s1l")) return kLateStart;
    if (Is("s4g") && row.name.find(":0 ") != std::string::npos) return kNotPersistent;
    if (Is("s4e") && row.state == "ASSURED") return kNotPersistent;
    return nullptr;
  }
  static std::string TextOfRow(const BedRow& row) {
    return row.name + " " + row.state + " " + std::to_string(row.seconds) + " s" +
           (row.is_from_sync ? " SYNC" : "");
  }

  void CompareRow(SyncBed& in, const BedRow& expected, const std::string& note) {
    for (const BedRow& row : in.Table()) {
      // A connection and a template may have the same name.
      const bool is_template = row.name.find(":0 ") != std::string::npos;
      if (row.name != expected.name) continue;
      if (is_template && (row.state == "NONE" || row.state == "ASSURED") !=
                             (expected.state == "NONE" || expected.state == "ASSURED")) {
        continue;
      }
      const bool is_equal = row.state == expected.state &&
                            std::abs(row.seconds - expected.seconds) <= 2 &&
                            row.is_from_sync == expected.is_from_sync;
      if (!is_equal) {
        if (const char* exception = ExceptionFor(expected, note)) return Use(exception);
      }
      return Expect(is_equal, "has " + TextOfRow(row) + ", expected " + TextOfRow(expected));
    }
    if (const char* exception = ExceptionFor(expected, note)) return Use(exception);
    if (expected.seconds <= 1) return;  // gone a moment earlier
    Expect(false, "lacks " + TextOfRow(expected));
  }

  void CompareTable(const json::object& step) {
    SyncBed& in = BedOf(step);
    std::set<std::string> names;
    for (const json::value& item : step.at("entries").as_array()) {
      const BedRow row = RowOf(item.as_object());
      names.insert(row.name);
      CompareRow(in, row, "");
    }
    for (const BedRow& row : in.Table()) {
      if (names.contains(row.name) || row.seconds <= 1) continue;
      if (const char* exception = ExceptionFor(row, "")) {
        Use(exception);
        continue;
      }
      Expect(false, "has " + TextOfRow(row) + " too");
    }
  }

  void HearOne(const json::object& step) {
    const std::string note = TextOf(step, "note");
    // Other ports and groups are the socket's to leave out.
    if (note.starts_with("port ") || note.starts_with("group ")) return;
    SyncBed& in = bed(IsSecond(TextOf(step, "link")));
    std::set<std::string> before;
    for (const BedRow& row : in.Table()) before.insert(row.name);
    in.Hear(FromHex(TextOf(step, "payload")));
    std::set<std::string> fresh;
    for (const char* list : {"new", "changed"}) {
      if (!step.contains(list)) continue;
      for (const json::value& item : step.at(list).as_array()) {
        BedRow row = RowOf(item.as_object());
        fresh.insert(row.name);
        if (row.seconds > 4'000'000) {  // the kernel's timers wrap
          Use(kLongestTime);
          continue;
        }
        if (!item.as_object().contains("origin")) row.is_from_sync = IsFromSync(in, row.name);
        CompareRow(in, row, note);
      }
    }
    if (!step.contains("new")) return;
    for (const BedRow& row : in.Table()) {
      if (before.contains(row.name)) continue;
      Expect(fresh.contains(row.name), "made " + TextOfRow(row) + " of it (" + note + ")");
    }
  }
  static bool IsFromSync(SyncBed& in, const std::string& name) {
    for (const BedRow& row : in.Table()) {
      if (row.name == name) return row.is_from_sync;
    }
    return false;
  }

  void CompareCounts(const json::object& step) {
    SyncBed& in = BedOf(step);
    for (const auto& item : step.at("reals").as_object()) {
      const json::object& wanted = item.value().as_object();
      const auto [active, inactive] = in.LoadOf(std::string(item.key()));
      const auto a = wanted.at("active").to_number<uint32_t>();
      const auto i = wanted.at("inactive").to_number<uint32_t>();
      if (active == a && inactive == i) {
        Expect(true, "");
      } else if (Is("s3h ") || Is("s3i")) {
        Use(kOwnAtOnce);
      } else if (Is("s4b") && active == a + 1) {  // the one whose timeout overflowed is here still
        Use(kLongestTime);
      } else {
        Expect(false, std::string(item.key()) + " has " + std::to_string(active) + " active and " +
                          std::to_string(inactive) + " inactive, expected " + std::to_string(a) +
                          " and " + std::to_string(i));
      }
    }
  }
};

}  // namespace fairlead::sync
