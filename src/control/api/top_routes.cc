// GET /v1/top/clients and /v1/top/services: who has most, over the seconds that the request waits.
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <charconv>
#include <map>

#include "control/api/figures.h"
#include "control/api/record_pages.h"
#include "control/api/top_clients.h"

namespace fairlead::api {

namespace {

namespace json = boost::json;
using dataplane::ClientMeasure;
using dataplane::ClientRanking;
using dataplane::ClientSketch;
using dataplane::ListConnections;
using Seconds = ClientLook::Seconds;

enum class TopBy : uint8_t { kPackets, kBytes, kConnections, kNew };
constexpr std::pair<std::string_view, TopBy> kTopWords[] = {{"packets", TopBy::kPackets},
                                                            {"bytes", TopBy::kBytes},
                                                            {"connections", TopBy::kConnections},
                                                            {"new", TopBy::kNew}};
// Clients whose connections are counted exactly, nearly; 2 MiB while a request is answered.
constexpr size_t kConnectionBuckets = 8192;

struct TopWish {
  TopBy by = TopBy::kPackets;
  std::string by_word = "packets";
  size_t limit = 10;
  Seconds time{2};
};

template <typename Number>
bool IsNumber(const std::string& text, double least, double most, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size() &&
         static_cast<double>(*number) >= least && static_cast<double>(*number) <= most;
}

// The faults, or "".
std::string ReadTopWish(const HttpRequest& request, TopWish* wish) {
  std::string faults;
  const auto fault = [&](const std::string& text) {
    faults += (faults.empty() ? "" : "; ") + text;
  };
  for (const auto& [key, value] : request.query) {
    if (key == "by") {
      const auto* word =
          std::find_if(std::begin(kTopWords), std::end(kTopWords),
                       [&wanted = value](const auto& known) { return known.first == wanted; });
      if (word == std::end(kTopWords)) {
        fault("by: must be packets, bytes, connections or new");
      } else {
        wish->by = word->second;
        wish->by_word = value;
      }
    } else if (key == "limit") {
      if (!IsNumber(value, 1, 1000, &wish->limit)) fault("limit: must be 1 to 1000");
    } else if (key == "seconds") {
      double seconds = 0;
      if (!IsNumber(value, 0.1, 60, &seconds)) fault("seconds: must be 0.1 to 60");
      wish->time = Seconds(seconds);
    } else {
      fault(key + ": no such parameter; there are by, limit and seconds");
    }
  }
  return faults;
}

HttpResponse ShowClients(const TopWish& wish, const ClientRanking& ranking, Seconds time) {
  json::array clients;
  for (const dataplane::RankedClient& ranked : ranking.clients) {
    // The middle of what it may be: so the error is the same both ways.
    const uint64_t width = ranked.amount.at_most - ranked.amount.at_least;
    clients.push_back({{"client", ranked.client.ToString()},
                       {"amount", ranked.amount.at_least + width / 2},
                       {"error", width - width / 2}});
  }
  return JsonResponse(200, {{"by", wish.by_word},
                            {"seconds", time.count()},
                            {"total", ranking.total},
                            {"known", ranking.known},
                            {"unknown_at_most", ranking.unknown_at_most},
                            {"clients", std::move(clients)}});
}

// Connections are what is there, so nobody waits: the tables are gone over once.
void CountClientConnections(const Context& context, const TopWish& wish, LookPlaces::Place place,
                            const Responder& respond) {
  struct Count {
    LookPlaces::Place place;
    ClientSketch sketch;
  };
  auto count = std::make_shared<Count>(
      Count{std::move(place), ClientSketch(kConnectionBuckets, context.control.fabric().hash)});
  RecordQuery all;
  all.filters.emplace_back();
  Sweep<ListConnections>::Start(
      context.workers, std::move(all), false,
      [](ListConnections& list) {
        list.limit = dataplane::kSliceRecords;
        list.rows.reserve(list.limit);
      },
      [count](WorkerId, const ListConnections& list) {
        for (const auto& row : list.rows) count->sketch.Add(row.client.address, 1);
        return true;
      },
      [count, wish, respond](const SweepEnd& end) {
        if (end.silent_worker) return respond(WorkerIsSilent(*end.silent_worker));
        const ClientSketch* sketch = &count->sketch;
        respond(ShowClients(wish, dataplane::RankClients({&sketch, 1}, wish.limit), Seconds(0)));
      });
}

void TopClients(const Context& context, const TopWish& wish, LookPlaces* places,
                const Responder& respond) {
  auto place = places->Take();
  if (!place) {
    return respond(Problem(503, "unavailable",
                           "So many look at clients now that there is no place for another; try "
                           "again when one of them has ended"));
  }
  if (wish.by == TopBy::kConnections) {
    return CountClientConnections(context, wish, *std::move(place), respond);
  }
  const ClientMeasure measure = wish.by == TopBy::kPackets ? ClientMeasure::kPackets
                                : wish.by == TopBy::kBytes ? ClientMeasure::kBytes
                                                           : ClientMeasure::kNew;
  ClientLook::Start(context, *std::move(place), measure, wish.time, wish.limit,
                    [wish, respond](const ClientLook::Outcome& outcome) {
                      if (outcome.silent_worker) {
                        return respond(WorkerIsSilent(*outcome.silent_worker));
                      }
                      respond(ShowClients(wish, outcome.ranking, outcome.time));
                    });
}

// ---- services: the counters that are there

struct ServiceAmounts {
  uint64_t packets = 0, bytes = 0, new_connections = 0, connections = 0;

  [[nodiscard]] uint64_t Of(TopBy by) const {
    switch (by) {
      case TopBy::kPackets:
        return packets;
      case TopBy::kBytes:
        return bytes;
      case TopBy::kConnections:
        return connections;
      case TopBy::kNew:
        return new_connections;
    }
    return 0;
  }
};
using AmountsByService = std::map<std::string, ServiceAmounts>;

AmountsByService AmountsNow(const Context& context) {
  AmountsByService amounts;
  const auto view = context.control.view();
  for (const control::ServiceInfo& service : view->services) {
    const Figures figures = FiguresOf(context.control.fabric(), service);
    amounts[service.name] = {figures.traffic.in_packets + figures.traffic.out_packets,
                             figures.traffic.in_bytes + figures.traffic.out_bytes,
                             figures.traffic.connections, figures.active + figures.inactive};
  }
  return amounts;
}

// What has come since; a service that was made anew meanwhile begins with nothing.
uint64_t Since(uint64_t before, uint64_t now) { return now > before ? now - before : 0; }

HttpResponse ShowServices(const TopWish& wish, const AmountsByService& before,
                          const AmountsByService& now, Seconds time) {
  std::vector<std::pair<std::string, ServiceAmounts>> sorted;
  uint64_t total = 0;
  for (const auto& [name, last] : now) {
    const auto found = before.find(name);
    const ServiceAmounts first = found == before.end() ? ServiceAmounts{} : found->second;
    const ServiceAmounts since{Since(first.packets, last.packets), Since(first.bytes, last.bytes),
                               Since(first.new_connections, last.new_connections),
                               last.connections};
    total += since.Of(wish.by);
    sorted.emplace_back(name, since);
  }
  std::stable_sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) {
    return a.second.Of(wish.by) > b.second.Of(wish.by);
  });
  json::array services;
  for (size_t i = 0; i < sorted.size() && i < wish.limit; ++i) {
    const auto& [name, amounts] = sorted[i];
    services.push_back({{"service", name},
                        {"packets", amounts.packets},
                        {"bytes", amounts.bytes},
                        {"new", amounts.new_connections},
                        {"connections", amounts.connections}});
  }
  return JsonResponse(200, {{"by", wish.by_word},
                            {"seconds", time.count()},
                            {"total", total},
                            {"services", std::move(services)}});
}

void TopServices(const Context& context, const TopWish& wish, const Responder& respond) {
  const auto began = std::chrono::steady_clock::now();
  auto timer = std::make_shared<boost::asio::steady_timer>(*context.io);
  timer->expires_after(std::chrono::duration_cast<std::chrono::nanoseconds>(wish.time));
  timer->async_wait([&context, wish, respond, timer, began,
                     before = AmountsNow(context)](const boost::system::error_code& ec) {
    if (ec) return;
    respond(
        ShowServices(wish, before, AmountsNow(context), std::chrono::steady_clock::now() - began));
  });
}

}  // namespace

void AddTopRoutes(Router* router, const Context& context) {
  const auto add = [&](std::string_view path, auto show) {
    router->Add(Method::kGet, path, [show](const Call& call, const Responder& respond) {
      TopWish wish;
      if (const std::string faults = ReadTopWish(call.request, &wish); !faults.empty()) {
        return respond(Problem(400, "invalid-filter", faults));
      }
      show(wish, respond);
    });
  };
  add("/v1/top/clients", [&context, places = std::make_shared<LookPlaces>()](
                             const TopWish& wish, const Responder& respond) {
    TopClients(context, wish, places.get(), respond);
  });
  add("/v1/top/services", [&context](const TopWish& wish, const Responder& respond) {
    TopServices(context, wish, respond);
  });
}

}  // namespace fairlead::api
