#include "control/api/events.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <unordered_map>
#include <utility>

#include "base/utf8.h"
#include "control/api/figures.h"
#include "control/control_api.h"
#include "control/view.h"

namespace fairlead::api {

namespace json = boost::json;
using control::ControlView;
using control::RealInfo;
using control::ServiceInfo;

namespace {

class Comparison {
 public:
  Comparison(const ControlView& before, const ControlView& after)
      : before_(before), after_(after) {}

  std::vector<StateEvent> Run() {
    if (before_.generation != after_.generation) {
      Add("generation", {{"generation", after_.generation}, {"was", before_.generation}});
    }
    if (before_.is_ready != after_.is_ready) Add("ready", {{"ready", after_.is_ready}});
    if (before_.last_reload != after_.last_reload) {
      Add("reload", {{"ok", after_.last_reload_ok}, {"error", after_.last_reload_error}});
    }
    Services();
    Drains();
    if (events_.size() <= kMostEventsAtOnce) return std::move(events_);
    events_.resize(kMostEventsAtOnce);
    Add("missed", {{"detail", "More has changed than fits here; look at /v1/services"}});
    return std::move(events_);
  }

 private:
  void Add(std::string kind, json::object data) {
    if (events_.size() > kMostEventsAtOnce + 1) return;
    events_.push_back({std::move(kind), ToUtf8(json::serialize(data))});
  }

  // Services of which nothing has changed are the same object in both views.
  void Services() {
    std::unordered_map<std::string_view, const ServiceInfo*> known;
    for (const ServiceInfo& service : before_.services) known.emplace(service.name, &service);
    for (const ServiceInfo& service : after_.services) {
      const auto its = known.find(service.name);
      const ServiceInfo* const was = its == known.end() ? nullptr : its->second;
      if (was != nullptr) known.erase(its);
      if (was != &service) OneService(was, service);
    }
    for (const auto& [name, service] : known) {
      Add("service", {{"service", service->name}, {"state", "removed"}});
    }
  }

  void OneService(const ServiceInfo* was, const ServiceInfo& now) {
    if (was == nullptr) Add("service", {{"service", now.name}, {"state", "added"}});
    if (was != nullptr && was->has_quorum != now.has_quorum) {
      Add("quorum", {{"service", now.name},
                     {"has_quorum", now.has_quorum},
                     {"living_weight", now.living_weight},
                     {"quorum", now.quorum}});
    }
    if (was != nullptr && was->is_on_fallback != now.is_on_fallback) {
      Add("fallback", {{"service", now.name}, {"on_fallback", now.is_on_fallback}});
    }
    std::unordered_map<std::string_view, const RealInfo*> known;
    if (was != nullptr) {
      for (const RealInfo& real : was->reals) {
        if (!real.is_ghost) known.emplace(real.name, &real);
      }
    }
    for (const RealInfo& real : now.reals) {
      if (real.is_ghost) continue;
      const auto its = known.find(real.name);
      const auto before =
          its == known.end() ? std::string_view("absent") : StateWordOf(*its->second);
      if (its != known.end()) known.erase(its);
      const std::string_view after = StateWordOf(real);
      if (before == after) continue;
      Add("real", {{"service", now.name},
                   {"real", real.name},
                   {"state", after},
                   {"was", before},
                   {"detail", real.health_detail}});
    }
    for (const auto& [name, real] : known) {
      Add("real", {{"service", now.name},
                   {"real", real->name},
                   {"state", "absent"},
                   {"was", StateWordOf(*real)},
                   {"detail", ""}});
    }
  }

  // The list is of the last ones, and old ones leave it at its begin.
  void Drains() {
    const auto is_same = [](const control::DrainOutcome& a, const control::DrainOutcome& b) {
      return a.service == b.service && a.real == b.real && a.finished == b.finished &&
             a.cut == b.cut && a.left == b.left && a.is_removed == b.is_removed;
    };
    const auto& old = before_.ended_drains;
    const auto& all = after_.ended_drains;
    // The longest end of the old list that the new one begins with.
    size_t shared = std::min(old.size(), all.size());
    while (shared > 0 && !std::equal(all.begin(), all.begin() + static_cast<ptrdiff_t>(shared),
                                     old.end() - static_cast<ptrdiff_t>(shared), is_same)) {
      --shared;
    }
    for (size_t i = shared; i < all.size(); ++i) {
      Add("drain", {{"service", all[i].service},
                    {"real", all[i].real},
                    {"finished", all[i].finished},
                    {"cut", all[i].cut},
                    {"left", all[i].left},
                    {"removed", all[i].is_removed}});
    }
  }

  const ControlView& before_;
  const ControlView& after_;
  std::vector<StateEvent> events_;
};

}  // namespace

std::vector<StateEvent> EventsBetween(const ControlView& before, const ControlView& after) {
  return Comparison(before, after).Run();
}

bool EventHub::HasRoom() {
  if (followers_.size() < kMostFollowers) return true;
  std::erase_if(followers_, [](const Push& push) { return push("") != Pushed::kTaken; });
  return followers_.size() < kMostFollowers;
}

bool EventHub::Follow(Push push) {
  if (!HasRoom()) return false;
  if (followers_.empty()) {
    seen_ = control_.view();
    next_heartbeat_ = Clock::now() + kHeartbeat;
    Wait();
  }
  const Pushed first = push(
      "retry: 2000\n" +
      TextOf({"generation",
              json::serialize(json::object{{"generation", seen_->generation}, {"was", nullptr}})}));
  if (first != Pushed::kTaken) return false;
  followers_.push_back(std::move(push));
  return true;
}

void EventHub::Wait() {
  timer_.expires_after(kLookInterval);
  timer_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec) Look();
  });
}

void EventHub::Look() {
  if (followers_.empty()) return;  // the next one starts it again
  Wait();                          // first: whatever fails here must not be the end of it
  const auto now = control_.view();
  if (now != seen_) {
    std::string text;
    for (const StateEvent& event : EventsBetween(*seen_, *now)) text += TextOf(event);
    seen_ = now;
    if (!text.empty()) return Send(text);
  }
  if (Clock::now() < next_heartbeat_) return;
  Send(":\n\n");
}

void EventHub::Send(const std::string& text) {
  next_heartbeat_ = Clock::now() + kHeartbeat;
  std::erase_if(followers_, [&](const Push& push) {
    switch (push(text)) {
      case Pushed::kTaken:
        return false;
      case Pushed::kTooSlow:
        ++dropped_;
        return true;
      case Pushed::kGone:
        break;
    }
    return true;
  });
}

std::string EventHub::TextOf(const StateEvent& event) {
  return "id: " + std::to_string(++last_id_) + "\nevent: " + event.kind + "\ndata: " + event.data +
         "\n\n";
}

}  // namespace fairlead::api
