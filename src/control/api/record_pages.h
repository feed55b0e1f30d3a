// Answers that are made of many workers' records: a page of a listing, a flush.
//
//   ListRecords<dataplane::ListTemplates>(context, RecordKind::kTemplates, "templates", call,
//   respond);
//
// Threads: the API thread.
#pragma once

#include <boost/json/array.hpp>
#include <memory>
#include <optional>

#include "control/api/context.h"
#include "control/api/problem.h"
#include "control/api/record_json.h"
#include "control/api/record_query.h"
#include "control/api/router.h"
#include "control/api/sweep.h"
#include "control/control_api.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {

inline HttpResponse WorkerIsSilent(WorkerId worker) {
  return Problem(503, "worker-silent",
                 "Worker " + std::to_string(worker.value()) +
                     " did not answer in time; fairlead status shows whether it turns");
}

// The query, or nothing when the problem has been answered.
inline std::optional<RecordQuery> QueryOf(const Context& context, const HttpRequest& request,
                                          RecordKind kind, const control::ControlView& view,
                                          const Responder& respond) {
  auto parsed = ParseRecordQuery(request, kind, view, context.workers.worker_count());
  if (auto* problem = std::get_if<HttpResponse>(&parsed)) {
    respond(std::move(*problem));
    return std::nullopt;
  }
  return std::get<RecordQuery>(std::move(parsed));
}

// GET: one page.
template <typename List>
void ListRecords(const Context& context, RecordKind kind, const char* member, const Call& call,
                 const Responder& respond) {
  struct Page {
    std::shared_ptr<const control::ControlView> view;
    NameIndex names{*view};
    boost::json::array rows = {};
  };
  auto page = std::make_shared<Page>(Page{context.control.view()});
  const auto query = QueryOf(context, call.request, kind, *page->view, respond);
  if (!query) return;
  Sweep<List>::Start(
      context.workers, *query, true,
      [page, limit = query->limit](List& list) {
        list.limit = limit - static_cast<uint32_t>(page->rows.size());
        list.rows.reserve(list.limit);
      },
      [page, limit = query->limit](WorkerId worker, List& list) {
        for (const auto& row : list.rows) page->rows.push_back(RowToJson(page->names, worker, row));
        return page->rows.size() < limit;
      },
      [page, query, member, respond](const SweepEnd& end) {
        if (end.silent_worker) return respond(WorkerIsSilent(*end.silent_worker));
        boost::json::value cursor = nullptr;
        if (end.next) cursor = EncodeCursor(*query, *end.next);
        respond(JsonResponse(
            200, {{member, std::move(page->rows)}, {"next_cursor", std::move(cursor)}}));
      });
}

// What a dry run says of it.
inline HttpResponse WouldFlush(RecordKind kind, const char* member, uint64_t total) {
  boost::json::array changes;
  if (total > 0) {
    const char* const what = kind == RecordKind::kConnections ? "connection" : "template";
    changes.push_back(boost::json::string(std::to_string(total) + " " + what +
                                          (total == 1 ? " " : "s ") + member));
  }
  return JsonResponse(200, {{member, total}, {"dry_run", true}, {"changes", std::move(changes)}});
}

// Everything that matches, however long it takes; `member` names the count. `adjust` may change
// what was asked for.
template <typename Flush, typename Adjust>
void FlushRecords(const Context& context, RecordKind kind, const char* member, const Call& call,
                  const Responder& respond, Adjust adjust) {
  for (const char* paging : {"limit", "cursor"}) {
    if (call.request.FindQuery(paging) != nullptr) {
      return respond(Problem(400, "invalid-filter",
                             std::string(paging) + ": a flush takes everything that matches"));
    }
  }
  const auto view = context.control.view();
  auto query = QueryOf(context, call.request, kind, *view, respond);
  if (!query) return;
  for (dataplane::RecordFilter& filter : query->filters) adjust(&filter);
  auto total = std::make_shared<uint64_t>(0);
  const bool is_dry_run = call.request.is_dry_run;
  Sweep<Flush>::Start(
      context.workers, *query, false, [is_dry_run](Flush& flush) { flush.is_trial = is_dry_run; },
      [total](WorkerId, Flush& flush) {
        *total += flush.flushed;
        return true;
      },
      [total, kind, member, is_dry_run, respond](const SweepEnd& end) {
        if (end.silent_worker) return respond(WorkerIsSilent(*end.silent_worker));
        if (!is_dry_run) return respond(JsonResponse(200, {{member, *total}}));
        respond(WouldFlush(kind, member, *total));
      });
}

}  // namespace fairlead::api
