#include "control/health/real_events.h"

#include <set>

#include "control/config/names.h"

namespace fairlead::control {
namespace {

std::string_view TransportWordOf(const ServiceIdentity& service) {
  return service.mark != 0 ? "any" : ToWord(static_cast<Protocol>(service.protocol));
}

std::string EndpointWord(const IpAddress& address, std::string_view transport, uint16_t port) {
  std::string word(1, '[');
  word.append(address.ToString()).append("]:").append(transport);
  return word.append(":").append(std::to_string(port));
}

// As keepalived writes them into its FIFO: "[192.0.2.80]:tcp:80", "FWM 2".
std::vector<std::string> WordsOf(const ServiceIdentity& service) {
  if (service.mark != 0) return {"FWM", std::to_string(service.mark)};
  return {EndpointWord(service.address, TransportWordOf(service), service.port)};
}

std::string JoinedWords(const ServiceIdentity& service) {
  std::string text;
  for (const std::string& word : WordsOf(service)) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

void RealEvents::Note(const ServiceConfig& service, const RealConfig& real, HealthState state,
                      const std::string& detail, bool is_first_up) {
  // One that is not to be remembered any more may have been told to be down.
  const bool is_remembered = IsRemembered(service, real);
  if (!is_remembered && is_down_.empty()) return;
  Noted noted{{KeyOf(service), {real.address, real.port}}, state == HealthState::kDown};
  const auto known = is_down_.find(noted.key);
  if (known == is_down_.end() && !is_remembered) return;
  if (known == is_down_.end()) return noted_.push_back(std::move(noted));  // nothing to be told
  if (known->second == noted.is_down) return;
  const std::string reason = state == HealthState::kUnchecked ? "it is no longer checked" : detail;
  const ServiceIdentity& identity = noted.key.first;
  Notification& told = noted.told;
  told.subject = service.name;
  told.command = noted.is_down ? real.on_down : real.on_up;
  told.words = {"RS", EndpointWord(real.address, TransportWordOf(identity), real.port)};
  for (std::string& each : WordsOf(identity)) told.words.push_back(std::move(each));
  told.words.emplace_back(noted.is_down ? "DOWN" : "UP");
  told.environment = {"FAIRLEAD_EVENT=real_" + std::string(noted.is_down ? "down" : "up"),
                      "FAIRLEAD_SERVICE=" + service.name,
                      "FAIRLEAD_VIRTUAL=" + JoinedWords(identity),
                      "FAIRLEAD_REAL_ADDRESS=" + real.address.ToString(),
                      "FAIRLEAD_REAL_PORT=" + std::to_string(real.port),
                      "FAIRLEAD_REASON=" + reason};
  told.detail = reason;
  if (is_first_up && state == HealthState::kUp) return noted_.push_back(std::move(noted));
  const Endpoint endpoint{real.address, Be16::FromHost(real.port)};
  told.title = "real server " + (real.port == 0 ? real.address.ToString() : endpoint.ToString()) +
               " of " + service.name + (noted.is_down ? " is down" : " is up again");
  noted_.push_back(std::move(noted));
}

void RealEvents::Remember(const ServiceConfig& service, const RealConfig& real, bool is_down) {
  if (!IsRemembered(service, real)) return;
  is_down_.try_emplace({KeyOf(service), {real.address, real.port}}, is_down);
}

bool RealEvents::IsRemembered(const ServiceConfig& service, const RealConfig& real) const {
  if (!real.on_up.empty() || !real.on_down.empty()) return true;
  return tells_all_ && !service.ChecksFor(real).empty();
}

std::vector<Notification> RealEvents::Commit() {
  std::vector<Notification> all;
  for (Noted& noted : noted_) {
    const auto [it, is_first] = is_down_.try_emplace(noted.key, noted.is_down);
    if (it->second == noted.is_down) continue;
    it->second = noted.is_down;
    const bool is_mailed = tells_all_ && !noted.told.title.empty();
    if (!noted.told.command.empty() || is_mailed) all.push_back(std::move(noted.told));
  }
  noted_.clear();
  return all;
}

void RealEvents::Follow(const ConfigModel& model) {
  if (is_down_.empty()) return;
  std::set<Key> there;
  for (const ServiceConfig& service : model.services) {
    const ServiceIdentity key = KeyOf(service);
    for (const RealConfig& real : service.reals) {
      if (IsRemembered(service, real)) there.insert({key, {real.address, real.port}});
    }
  }
  std::erase_if(is_down_, [&](const auto& item) { return !there.contains(item.first); });
}

Notification NotificationOf(const QuorumChange& change) {
  Notification told{.subject = change.name, .command = change.command, .words = {"VS"}};
  for (std::string& word : WordsOf(change.service)) told.words.push_back(std::move(word));
  told.words.emplace_back(change.has_quorum ? "UP" : "DOWN");
  told.environment = {"FAIRLEAD_EVENT=quorum_" + std::string(change.has_quorum ? "up" : "down"),
                      "FAIRLEAD_SERVICE=" + change.name,
                      "FAIRLEAD_VIRTUAL=" + JoinedWords(change.service),
                      "FAIRLEAD_LIVING_WEIGHT=" + std::to_string(change.weight.living),
                      "FAIRLEAD_QUORUM=" + std::to_string(change.quorum)};
  // A start is no news for mail.
  if (!change.ends_start) {
    told.title = "service " + change.name +
                 (change.has_quorum ? " has its quorum again" : " has lost its quorum");
  }
  told.detail = "living weight " + std::to_string(change.weight.living) + " of " +
                std::to_string(change.weight.all) + ", quorum " + std::to_string(change.quorum);
  return told;
}

}  // namespace fairlead::control
