// One case of a recording while it is played: what its steps share. For sync_replay.cc alone.
#pragma once

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "hex.h"
#include "sync_bed.h"
#include "sync_exceptions.h"
#include "sync_replay.h"
#include "sync_text.h"

namespace fairlead::sync {

namespace json = boost::json;

inline std::string TextOf(const json::object& step, const char* key) {
  const json::value* value = step.if_contains(key);
  if (value == nullptr) return {};
  if (value->is_string()) return std::string(value->as_string());
  return value->is_null() ? std::string() : json::serialize(*value);
}
inline double NumberOf(const json::value& value) {
  return value.is_double() ? value.as_double() : static_cast<double>(value.to_number<int64_t>());
}
// "client2" is of the second director.
inline bool IsSecond(const std::string& place) { return place.ends_with("2"); }

class SyncCase {
 public:
  SyncCase(std::string place, const json::object& recorded, const SyncReplayOptions& options,
           SyncReport* report)
      : place_(std::move(place)), case_(recorded), report_(*report) {
    for (auto& bed : beds_) bed = std::make_unique<SyncBed>(options.workers);
    workers_ = options.workers;
  }

 protected:
  SyncBed& bed(bool is_second) { return *beds_[is_second ? 1 : 0]; }
  SyncBed& BedOf(const json::object& step) { return bed(TextOf(step, "director") == "dir2"); }

  void Expect(bool is_equal, const std::string& sentence) {
    ++report_.observations;
    if (is_equal) return;
    report_.failures.push_back(place_ + ": step " + std::to_string(number_) + " (" + op_ +
                               "): " + sentence);
  }
  void Use(const char* exception) { ++report_.exceptions[exception]; }
  [[nodiscard]] bool Is(std::string_view title) const {
    return std::string_view(place_).find(title) != std::string_view::npos;
  }

  void AdvanceTo(double at) {
    for (auto& b : beds_) b->AdvanceTo(at);
  }

  const std::string place_;
  const json::object& case_;
  SyncReport& report_;
  std::unique_ptr<SyncBed> beds_[2];
  size_t workers_ = 1;
  std::set<std::string> said_;                     // of templates
  bool has_packets_ = false, has_played_ = false;  // since the last sync-out
  size_t number_ = 0;
  std::string op_;
};

}  // namespace fairlead::sync
