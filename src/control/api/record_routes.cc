// GET and DELETE of /v1/connections, and counts of them.
#include <algorithm>
#include <boost/json/array.hpp>
#include <map>

#include "control/api/record_pages.h"

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

// A listing that is counted and not shown. Groups are bounded: what comes after the last is
// counted as others.
class ConnectionCount {
 public:
  ConnectionCount(std::shared_ptr<const control::ControlView> view, GroupBy by, size_t top)
      : view_(std::move(view)), by_(by), top_(top) {}

  void Take(WorkerId worker, const ListConnections& list) {
    total_ += list.rows.size();
    if (by_ == GroupBy::kNothing) return;
    for (const auto& row : list.rows) {
      const std::string key = KeyOf(worker, row);
      const auto it = groups_.find(key);
      if (it != groups_.end()) {
        ++it->second;
      } else if (groups_.size() < kMaxGroups) {
        groups_.emplace(key, 1);
      }
    }
  }

  [[nodiscard]] HttpResponse ToResponse() const {
    std::vector<std::pair<std::string, uint64_t>> sorted(groups_.begin(), groups_.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    json::array groups;
    uint64_t shown = 0;
    for (size_t i = 0; i < sorted.size() && i < top_; ++i) {
      groups.push_back({{"name", sorted[i].first}, {"connections", sorted[i].second}});
      shown += sorted[i].second;
    }
    json::object object{{"connections", total_}};
    if (by_ != GroupBy::kNothing) {
      object["groups"] = std::move(groups);
      object["others"] = total_ - shown;
    }
    return JsonResponse(200, object);
  }

 private:
  static constexpr size_t kMaxGroups = 100'000;

  [[nodiscard]] std::string KeyOf(WorkerId worker, const dataplane::ConnectionRow& row) const {
    if (by_ == GroupBy::kClient) return row.client.address.ToString();
    const json::object object = RowToJson(names_, worker, row);
    const char* member = by_ == GroupBy::kService ? "service"
                         : by_ == GroupBy::kReal  ? "real"
                                                  : "state";
    const json::value& value = object.at(member);
    return value.is_string() ? std::string(value.as_string()) : "(gone)";
  }

  std::shared_ptr<const control::ControlView> view_;
  NameIndex names_{*view_};
  GroupBy by_;
  size_t top_;
  uint64_t total_ = 0;
  std::map<std::string, uint64_t> groups_;
};

void CountConnections(const Context& context, const Call& call, const Responder& respond) {
  HttpRequest request = call.request;
  GroupBy by = GroupBy::kNothing;
  size_t top = 10;
  for (const auto& [key, value] : call.request.query) {
    if (key == "by") {
      const auto parsed = GroupByFromWord(value);
      if (!parsed) {
        return respond(
            Problem(400, "invalid-filter", "by: must be service, real, state or client"));
      }
      by = *parsed;
    } else if (key == "top") {
      top = std::strtoul(value.c_str(), nullptr, 10);
      if (top < 1 || top > 1000) {
        return respond(Problem(400, "invalid-filter", "top: must be 1 to 1000"));
      }
    } else if (key == "limit" || key == "cursor") {
      return respond(Problem(400, "invalid-filter", key + ": a count takes everything"));
    }
  }
  std::erase_if(request.query, [](const auto& q) { return q.first == "by" || q.first == "top"; });
  const auto view = context.control.view();
  const auto query = QueryOf(context, request, RecordKind::kConnections, *view, respond);
  if (!query) return;
  auto count = std::make_shared<ConnectionCount>(view, by, top);
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
  router->Add(Method::kDelete, "/v1/connections", [&](const Call& call, const Responder& respond) {
    FlushRecords<FlushConnections>(context, kConnections, "flushed", call, respond,
                                   [](dataplane::RecordFilter*) {});
  });
  router->Add(Method::kGet, "/v1/connections/count",
              [&](const Call& call, const Responder& respond) {
                CountConnections(context, call, respond);
              });
}

}  // namespace fairlead::api
