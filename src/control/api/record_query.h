// What a listing or a flush asks for: the query string as filters for the workers, and where to go
// on.
//
//   auto query = ParseRecordQuery(request, RecordKind::kConnections, view);   // or a problem
//   for (const dataplane::RecordFilter& filter : query->filters) …all workers, one after another…
//
// A real server may stand in several services and so have several ids, and a worker filters by one:
// there is one filter for each id, in order of id. A cursor names the id, the worker and the
// worker's own cursor, so that a page can go on after a reload. Threads: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control/api/http.h"
#include "dataplane/shard/mailbox.h"

namespace fairlead::control {
struct ControlView;
}

namespace fairlead::api {

enum class RecordKind : uint8_t { kConnections, kTemplates };

inline constexpr uint32_t kDefaultPageRows = 100;
inline constexpr uint32_t kMaxPageRows = 10'000;

struct RecordPosition {
  size_t filter = 0;
  size_t worker = 0;
  uint64_t cursor = 0;  // of that worker

  friend bool operator==(const RecordPosition&, const RecordPosition&) = default;
};

struct RecordQuery {
  std::vector<dataplane::RecordFilter> filters;  // at least one
  uint32_t limit = kDefaultPageRows;
  RecordPosition start;
};

std::variant<RecordQuery, HttpResponse> ParseRecordQuery(const HttpRequest& request,
                                                         RecordKind kind,
                                                         const control::ControlView& view,
                                                         size_t workers);

// "3.0.1f" (real id or "-", worker, cursor in hexadecimal): opaque to callers.
std::string EncodeCursor(const RecordQuery& query, const RecordPosition& position);

}  // namespace fairlead::api
