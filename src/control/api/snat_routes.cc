// GET /v1/snat, and the metrics of the same.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/api/context.h"
#include "control/api/json_views.h"
#include "control/api/metric_family.h"
#include "control/api/problem.h"
#include "control/api/router.h"
#include "control/api/snat_metrics.h"
#include "control/control_api.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"

namespace fairlead::api {

namespace json = boost::json;

namespace {

using dataplane::SnatSum;
using dataplane::WorkerCounters;

uint64_t SumOfWorkers(const dataplane::StatsBoard& stats,
                      dataplane::Counter WorkerCounters::*column) {
  uint64_t sum = 0;
  for (size_t w = 0; w < stats.worker_count(); ++w) {
    sum += (stats.worker(WorkerId{static_cast<uint8_t>(w)}).*column).value();
  }
  return sum;
}

json::object SnatToJson(const control::SnatInfo& rule, const SnatSum& sum) {
  json::array addresses;
  for (const std::string& address : rule.addresses) addresses.emplace_back(address);
  return {{"source", rule.source},
          {"output", OrNull(!rule.output.empty(), rule.output)},
          {"addresses", std::move(addresses)},
          {"ports", std::to_string(rule.first_port) + "-" + std::to_string(rule.last_port)},
          {"flows", sum.flows},
          {"flows_total", sum.begun},
          {"exhausted_total", sum.exhausted},
          {"out_packets", sum.out_packets},
          {"out_bytes", sum.out_bytes},
          {"in_packets", sum.in_packets},
          {"in_bytes", sum.in_bytes}};
}

struct SnatColumn {
  const char* name;
  const char* help;
  uint64_t SnatSum::*member;
  bool is_gauge;
};
constexpr SnatColumn kSnatColumns[] = {
    {"flows", "Flows of source NAT that live", &SnatSum::flows, true},
    {"flows_total", "Flows of source NAT that were begun", &SnatSum::begun, false},
    {"exhausted_total", "First packets for which no port of the rule was left", &SnatSum::exhausted,
     false},
    {"out_packets_total", "Packets from inside hosts to the world", &SnatSum::out_packets, false},
    {"out_bytes_total", "Bytes from inside hosts to the world", &SnatSum::out_bytes, false},
    {"in_packets_total", "Packets from the world to inside hosts", &SnatSum::in_packets, false},
    {"in_bytes_total", "Bytes from the world to inside hosts", &SnatSum::in_bytes, false},
};

}  // namespace

void AddSnatRoutes(Router* router, const Context& context) {
  router->Add(Method::kGet, "/v1/snat", [&context](const Call&, const Responder& respond) {
    const auto view = context.control.view();
    const dataplane::StatsBoard& stats = context.control.fabric().stats;
    json::array rules;
    for (const control::SnatInfo& rule : view->snat) {
      rules.push_back(SnatToJson(rule, stats.SumSnat(rule.slot)));
    }
    respond(JsonResponse(
        200, json::object{{"rules", std::move(rules)},
                          {"flows", SumOfWorkers(stats, &WorkerCounters::snat_flows)},
                          {"capacity", SumOfWorkers(stats, &WorkerCounters::snat_capacity)}}));
  });
}

void AddSnatMetrics(const dataplane::StatsBoard& stats, const control::ControlView& view,
                    std::vector<prometheus::MetricFamily>* families) {
  using prometheus::MetricType;
  for (const SnatColumn& column : kSnatColumns) {
    FamilyBuilder family(families, column.is_gauge ? MetricType::Gauge : MetricType::Counter,
                         "fairlead_snat_" + std::string(column.name), column.help);
    for (const control::SnatInfo& rule : view.snat) {
      family.Add({{"source", rule.source}, {"output", rule.output}},
                 stats.SumSnat(rule.slot).*column.member);
    }
  }
}

}  // namespace fairlead::api
