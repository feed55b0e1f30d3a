// fairlead drops
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>
#include <vector>

#include "cli/commands.h"
#include "cli/table.h"
#include "cli/text.h"

namespace fairlead::cli {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kPause{1};

// Samples that were not shown yet. Each worker numbers its own; it begins anew with the director.
class Seen {
 public:
  json::array New(const json::array& drops) {
    std::map<uint64_t, uint64_t> highest;
    json::array fresh;
    for (const json::value& item : drops) {
      const json::object& drop = item.as_object();
      const uint64_t worker = Number(drop, "worker"), number = Number(drop, "number");
      highest[worker] = std::max(highest[worker], number);
      if (number > shown_[worker]) fresh.push_back(item);
    }
    for (auto& [worker, number] : highest) {
      if (number < shown_[worker]) return Restarted(drops);
    }
    shown_ = std::move(highest);
    return fresh;
  }

 private:
  json::array Restarted(const json::array& drops) {
    shown_.clear();
    return New(drops);
  }

  std::map<uint64_t, uint64_t> shown_;  // worker → number
};

std::vector<std::string> CellsOf(const json::object& drop) {
  return {Text(drop, "time"),   Text(drop, "reason"),      Text(drop, "protocol"),
          Text(drop, "client"), Text(drop, "destination"), Text(drop, "service"),
          Text(drop, "port")};
}

void PrintTable(const json::array& drops) {
  Table table({"TIME", "REASON", "PROTOCOL?", "CLIENT", "DESTINATION", "SERVICE~", "PORT?"});
  for (const json::value& item : drops) table.Add(CellsOf(item.as_object()));
  table.Print();
}

// What comes later cannot be aligned with what is on the terminal already, but nearly.
void PrintLine(const json::object& drop) {
  const std::vector<std::string> cells = CellsOf(drop);
  fmt::print("{:20}  {:20}  {:8}  {:21}  {:21}  {}  {}\n", cells[0], cells[1], cells[2], cells[3],
             cells[4], cells[5], cells[6]);
}

}  // namespace

int RunDrops(const Arguments& arguments) {
  Session session(arguments);
  Seen seen;
  for (bool is_first = true;; is_first = false) {
    if (!is_first) std::this_thread::sleep_for(kPause);
    const auto document = session.Ask("GET", "/v1/drops");
    if (!document) return session.exit_code();
    const json::array drops = seen.New(Array(document->as_object(), "drops"));
    if (arguments.is_following && arguments.is_json) {
      for (const json::value& drop : drops) fmt::print("{}\n", json::serialize(drop));
    } else if (arguments.is_json) {
      fmt::print("{}\n", Indented(*document));
    } else if (is_first) {
      PrintTable(drops);
    } else {
      for (const json::value& drop : drops) PrintLine(drop.as_object());
    }
    if (std::fflush(stdout) != 0) return kFailed;
    if (!arguments.is_following) return kOk;
  }
}

}  // namespace fairlead::cli
