// GET and DELETE of /v1/connections, and counts of them.
#include <algorithm>
#include <boost/json/array.hpp>
#include <charconv>
#include <map>

#include "control/api/record_pages.h"
#include "dataplane/tables/transport_state.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;
using dataplane::FlushConnections;
using dataplane::ListConnections;

enum class GroupBy : uint8_t { kNothing, kService, kReal, kState, kClient };

std::optional<GroupBy> GroupByFromWord(std::string_view word) {
  constexpr std::pair<std::string_view, GroupBy> kWords[] = {{"service", GroupBy::kService},
                                                             {"real", GroupBy::kReal},
                                                             {"state", GroupBy::kState},
                                                             {"client", GroupBy::kClient}};
  for (const auto& [known, by] : kWords) {
    if (known == word) return by;
  }
  return std::nullopt;
}

struct Tally {
  uint64_t connections = 0, open = 0;  // of the first, those that nobody has closed

  void Add(const dataplane::ConnectionRow& row) {
    ++connections;
    open += dataplane::IsClosing(static_cast<Transport>(row.protocol), row.state) ? 0 : 1;
  }
};

// What is counted, and what the greatest groups are the greatest of.
struct CountWish {
  GroupBy by = GroupBy::kNothing;
  size_t top = 10;
  bool is_all = false;  // of all records, else of the open ones
};

// A listing that is counted and not shown. Groups are bounded: what comes after the last is
// counted as others.
class ConnectionCount {
 public:
  ConnectionCount(std::shared_ptr<const control::ControlView> view, const CountWish& wish)
      : view_(std::move(view)), wish_(wish) {}

  void Take(WorkerId worker, const ListConnections& list) {
    for (const auto& row : list.rows) {
      total_.Add(row);
      if (wish_.by == GroupBy::kNothing) continue;
      const std::string key = KeyOf(worker, row);
      const auto it = groups_.find(key);
      if (it != groups_.end()) {
        it->second.Add(row);
      } else if (groups_.size() < kMaxGroups) {
        groups_[key].Add(row);
      }
    }
  }

  [[nodiscard]] HttpResponse ToResponse() const {
    std::vector<std::pair<std::string, Tally>> sorted(groups_.begin(), groups_.end());
    std::stable_sort(sorted.begin(), sorted.end(), [this](const auto& a, const auto& b) {
      return Measure(a.second) > Measure(b.second);
    });
    json::array groups;
    Tally others = total_;
    for (size_t i = 0; i < sorted.size() && i < wish_.top; ++i) {
      const auto& [name, tally] = sorted[i];
      groups.push_back({{"name", name}, {"connections", tally.connections}, {"open", tally.open}});
      others.connections -= tally.connections;
      others.open -= tally.open;
    }
    json::object object{{"connections", total_.connections}, {"open", total_.open}};
    if (wish_.by != GroupBy::kNothing) {
      object["groups"] = std::move(groups);
      object["others"] = others.connections;
      object["others_open"] = others.open;
    }
    return JsonResponse(200, object);
  }

 private:
  static constexpr size_t kMaxGroups = 100'000;

  [[nodiscard]] std::string KeyOf(WorkerId worker, const dataplane::ConnectionRow& row) const {
    if (wish_.by == GroupBy::kClient) return row.client.address.ToString();
    const json::object object = RowToJson(names_, worker, row);
    const char* member = wish_.by == GroupBy::kService ? "service"
                         : wish_.by == GroupBy::kReal  ? "real"
                                                       : "state";
    const json::value& value = object.at(member);
    return value.is_string() ? std::string(value.as_string()) : "(gone)";
  }

  std::shared_ptr<const control::ControlView> view_;
  NameIndex names_{*view_};
  const CountWish wish_;
  Tally total_;
  std::map<std::string, Tally> groups_;

  [[nodiscard]] uint64_t Measure(const Tally& tally) const {
    return wish_.is_all ? tally.connections : tally.open;
  }
};

// Takes what is a count's own out of the query; the rest are filters. A fault, or "".
std::string ReadWish(HttpRequest* request, CountWish* wish) {
  for (const auto& [key, value] : request->query) {
    if (key == "by") {
      const auto by = GroupByFromWord(value);
      if (!by) return "by: must be service, real, state or client";
      wish->by = *by;
    } else if (key == "top") {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), wish->top);
      const bool is_whole = error == std::errc() && end == value.data() + value.size();
      if (!is_whole || wish->top < 1 || wish->top > 1000) return "top: must be 1 to 1000";
    } else if (key == "all") {
      if (value != "true" && value != "false") return "all: must be true or false";
      wish->is_all = value == "true";
    } else if (key == "limit" || key == "cursor") {
      return key + ": a count takes everything";
    }
  }
  std::erase_if(request->query, [](const auto& q) {
    return q.first == "by" || q.first == "top" || q.first == "all";
  });
  return "";
}

void CountConnections(const Context& context, const Call& call, const Responder& respond) {
  HttpRequest request = call.request;
  CountWish wish;
  if (const std::string fault = ReadWish(&request, &wish); !fault.empty()) {
    return respond(Problem(400, "invalid-filter", fault));
  }
  const auto view = context.control.view();
  const auto query = QueryOf(context, request, RecordKind::kConnections, *view, respond);
  if (!query) return;
  auto count = std::make_shared<ConnectionCount>(view, wish);
  Sweep<ListConnections>::Start(
      context.workers, *query, false,
      [](ListConnections& list) {
        list.limit = dataplane::kSliceRecords;
        list.rows.reserve(list.limit);
      },
      [count](WorkerId worker, ListConnections& list) {
        count->Take(worker, list);
        return true;
      },
      [count, respond](const SweepEnd& end) {
        respond(end.silent_worker ? WorkerIsSilent(*end.silent_worker) : count->ToResponse());
      });
}

}  // namespace

void AddRecordRoutes(Router* router, const Context& context) {
  constexpr auto kConnections = RecordKind::kConnections;
  router->Add(Method::kGet, "/v1/connections", [&](const Call& call, const Responder& respond) {
    ListRecords<ListConnections>(context, kConnections, "connections", call, respond);
  });
  router->AddChange(Method::kDelete, "/v1/connections",
                    [&](const Call& call, const Responder& respond) {
                      FlushRecords<FlushConnections>(context, kConnections, "flushed", call,
                                                     respond, [](dataplane::RecordFilter*) {});
                    });
  router->Add(Method::kGet, "/v1/connections/count",
              [&](const Call& call, const Responder& respond) {
                CountConnections(context, call, respond);
              });
}

}  // namespace fairlead::api
