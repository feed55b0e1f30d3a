#include "control/api/readiness_json.h"

#include <algorithm>
#include <boost/json/array.hpp>

#include "control/api/context.h"
#include "control/api/json_views.h"
#include "control/api/metric_family.h"
#include "control/api/problem.h"
#include "control/api/pulse.h"
#include "control/control_api.h"
#include "control/view.h"

namespace fairlead::api {

namespace json = boost::json;

namespace {

json::array ReasonsToJson(const control::ControlView& view) {
  json::array reasons;
  for (const control::NotReady& why : view.not_ready) {
    reasons.push_back({{"reason", ToWord(why.kind)},
                       {"peer", OrNull(!why.peer.empty(), why.peer)},
                       {"sentence", why.sentence}});
  }
  return reasons;
}

bool Forwards(const control::ControlView& view) {
  return std::ranges::none_of(view.not_ready, [](const control::NotReady& why) {
    return why.kind == control::NotReady::Kind::kNotForwarding;
  });
}

std::string SentencesOf(const control::ControlView& view) {
  std::string sentences;
  for (const control::NotReady& why : view.not_ready) {
    sentences += (sentences.empty() ? "" : ". ") + why.sentence;
  }
  return sentences;
}

}  // namespace

HttpResponse ReadyAnswer(const Context& context) {
  if (std::string who = context.pulse.WhoStandsStill(Pulse::Clock::now()); !who.empty()) {
    json::array reasons{{{"reason", "stands-still"}, {"peer", nullptr}, {"sentence", who}}};
    return Problem(503, "stands-still", who,
                   {{"forwarding", false}, {"reasons", std::move(reasons)}});
  }
  const auto view = context.control.view();
  if (view->is_ready) {
    HttpResponse response;
    response.content_type = "text/plain; charset=utf-8";
    response.body = "ready\n";
    return response;
  }
  return Problem(503, "not-ready", SentencesOf(*view),
                 {{"forwarding", Forwards(*view)}, {"reasons", ReasonsToJson(*view)}});
}

void AddReadiness(const control::ControlView& view, json::object* status) {
  json::array peers;
  for (const control::PeerState& peer : view.peers) {
    peers.push_back(
        {{"name", peer.name}, {"in_sync", peer.is_in_sync}, {"given_up", peer.is_given_up}});
  }
  (*status)["forwarding"] = Forwards(view);
  (*status)["not_ready"] = ReasonsToJson(view);
  (*status)["peers"] = std::move(peers);
}

std::string WhySilent(const control::ControlView& view, const IpAddress& address) {
  if (view.silent == nullptr) return "";
  const auto found =
      std::ranges::lower_bound(*view.silent, address, {}, &control::SilentAddress::address);
  if (found == view.silent->end() || found->address != address) return "";
  return std::string(SentenceOf(found->why));
}

void AddAnnouncement(const control::ControlView& view, const control::ServiceInfo& service,
                     json::object* object) {
  const bool is_mark = service.mark != 0;
  const std::string why = is_mark ? "" : WhySilent(view, service.address);
  (*object)["announced"] = OrNull(!is_mark, why.empty());
  (*object)["not_announced"] = OrNull(!why.empty(), why);
}

void AddPeerMetrics(const control::ControlView& view,
                    std::vector<prometheus::MetricFamily>* families) {
  using prometheus::MetricType;
  FamilyBuilder in_sync(families, MetricType::Gauge, "fairlead_in_sync",
                        "1 while the peer is reachable, taken in, and its lag below ready_lag");
  FamilyBuilder given_up(families, MetricType::Gauge, "fairlead_peer_given_up",
                         "1 while the peer does not count: unreachable for ready_timeout");
  for (const control::PeerState& peer : view.peers) {
    in_sync.Add({{"peer", peer.name}}, peer.is_in_sync ? 1 : 0);
    given_up.Add({{"peer", peer.name}}, peer.is_given_up ? 1 : 0);
  }
}

}  // namespace fairlead::api
