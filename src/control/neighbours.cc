#include "control/neighbours.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"
#include "dataplane/wire/arp.h"
#include "dataplane/wire/neighbour_discovery.h"

namespace fairlead::control {
namespace {

constexpr size_t kForgetAtOnce = 256;  // so that making room is cheap for each that needs it
constexpr std::chrono::milliseconds kTryAgain{200};  // when no frame was free

Tick TickOf(TimePoint now) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  return Tick{static_cast<uint32_t>(since.count() * kTicksPerSecond / 1000)};
}

}  // namespace

Neighbours::Neighbours(dataplane::Fabric& fabric, WorkerMail& mail,
                       std::span<const PortConfig> ports, std::span<const PortRuntime> runtimes)
    : table_(fabric.neighbours),
      counters_(fabric.stats.neighbours()),
      mail_(mail),
      ports_(ports.begin(), ports.end()),
      runtimes_(runtimes.begin(), runtimes.end()),
      pinned_(table_.capacity(), 0),
      limits_(ports.size()) {
  for (const PortConfig& port : ports_) addresses_.push_back(port.addresses);
}

NeighbourId Neighbours::Intern(PortId port, const IpAddress& address, uint64_t generation) {
  const Key key{port, address};
  auto it = entries_.find(key);
  Entry* entry = it == entries_.end() ? Add(key, true, TimePoint{}) : &it->second;
  if (entry == nullptr) {
    // Once a snapshot: there may be thousands.
    if (std::exchange(full_said_, generation) != generation) {
      LogWarning("no room for another next hop: packets to it, and to others after it, are refused",
                 {{"address", address.ToString()}, {"capacity", table_.capacity()}});
    }
    return NeighbourId{};
  }
  uint64_t& pinned = pinned_[entry->id.index()];
  pinned = std::max(pinned, generation);
  if (!entry->is_pinned) SetPinned(*entry, true);
  return entry->id;
}

void Neighbours::Pin(std::span<const dataplane::RealView> reals, uint64_t generation) {
  for (const dataplane::RealView& real : reals) {
    if (!real.next_hop.is_none()) pinned_[real.next_hop.index()] = generation;
  }
}

void Neighbours::OnEvent(const dataplane::Event& event, TimePoint now) {
  const Key key{event.port, event.address};
  if (event.port.index() >= ports_.size() || !IsOnLink(key)) return;
  const bool is_seen = event.kind == dataplane::Event::Kind::kNeighbourSeen;
  auto it = entries_.find(key);
  Entry* entry = it == entries_.end() ? nullptr : &it->second;
  if (entry == nullptr) {
    const auto need = is_seen ? dataplane::NeighbourNeed::kSeen : event.need;
    if (!limits_[event.port.index()].learned[static_cast<size_t>(need)].Take(TickOf(now))) {
      return counters_.limited.Add(1);
    }
    if (learned_schedule_.size() >= kMaxLearned) MakeRoom();
    entry = Add(key, false, now);
    if (entry == nullptr) return;
    if (!is_seen) Probe(key, *entry, now);
  }
  if (is_seen) return Confirm(key, *entry, event.mac, now);
  entry->wanted = now;
}

void Neighbours::Tick(TimePoint now, uint64_t oldest_generation) {
  oldest_generation_ = oldest_generation;
  VisitDue(pinned_schedule_, now);
  VisitDue(learned_schedule_, now);
  counters_.pinned.Set(pinned_schedule_.size());
  counters_.learned.Set(learned_schedule_.size());
}

void Neighbours::VisitDue(Schedule& schedule, TimePoint now) {
  for (size_t left = kVisits; left > 0 && !schedule.empty(); --left) {
    const auto first = schedule.begin();
    if (now < first->first) return;
    Visit(entries_.find(*first->second), now);
  }
}

// The entry leaves the head of its schedule: it is put behind, or forgotten.
void Neighbours::Visit(Entries::iterator at, TimePoint now) {
  auto& [key, entry] = *at;
  if (entry.is_pinned && !IsNamed(entry)) SetPinned(entry, false);
  if (entry.state == State::kFailed && !entry.is_pinned && now - entry.wanted >= kForgetFailed) {
    return Forget(at);
  }
  if (entry.probes >= kProbes) {
    Fail(key, entry, now);
  } else {
    Probe(key, entry, now);
  }
}

Neighbours::Entry* Neighbours::Add(const Key& key, bool is_pinned, TimePoint now) {
  const NeighbourId id = table_.Intern(key.first, key.second);
  if (id.is_none()) return nullptr;
  // Memory first: no entry may be without a place in its schedule.
  Schedule one;
  auto node = one.extract(one.emplace(now, nullptr));
  const auto at =
      entries_
          .try_emplace(key,
                       Entry{.id = id, .is_pinned = is_pinned, .confirmed = now, .wanted = now})
          .first;
  node.mapped() = &at->first;
  at->second.next = ScheduleOf(at->second).insert(std::move(node));
  table_.SetPinned(id, is_pinned);
  return &at->second;
}

void Neighbours::Move(Entry& entry, TimePoint when) {
  Schedule& schedule = ScheduleOf(entry);
  auto node = schedule.extract(entry.next);
  node.key() = when;
  entry.next = schedule.insert(std::move(node));
}

void Neighbours::SetPinned(Entry& entry, bool is_pinned) {
  auto node = ScheduleOf(entry).extract(entry.next);
  entry.is_pinned = is_pinned;
  entry.next = ScheduleOf(entry).insert(std::move(node));
  table_.SetPinned(entry.id, is_pinned);
}

void Neighbours::MakeRoom() {
  std::vector<Entries::iterator> candidates;
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (!it->second.is_pinned) candidates.push_back(it);
  }
  const size_t count = std::min(kForgetAtOnce, candidates.size());
  std::ranges::nth_element(
      candidates, candidates.begin() + static_cast<ptrdiff_t>(count), {}, [](const auto& it) {
        // What answered is worth more than what never did.
        return std::pair{it->second.state == State::kReachable, it->second.confirmed};
      });
  for (size_t i = 0; i < count; ++i) Forget(candidates[i]);
  counters_.evicted.Add(count);
}

void Neighbours::Forget(Entries::iterator at) {
  table_.Set(at->second.id, {MacAddress{}, at->first.first, State::kFailed});
  table_.Forget(at->second.id);
  pinned_[at->second.id.index()] = 0;
  ScheduleOf(at->second).erase(at->second.next);
  entries_.erase(at);
}

void Neighbours::Probe(const Key& key, Entry& entry, TimePoint now) {
  if (!SendProbe(key, entry)) {
    counters_.deferred_frames.Add(1);
    return Move(entry, now + kTryAgain);
  }
  ++entry.probes;
  Move(entry, now + kProbeInterval);
}

void Neighbours::Fail(const Key& key, Entry& entry, TimePoint now) {
  entry.probes = 0;
  Move(entry, now + entry.pause);
  entry.pause = std::min(entry.pause * 2, kMaxPause);
  if (entry.state == State::kFailed) return;
  entry.state = State::kFailed;
  table_.Set(entry.id, {MacAddress{}, key.first, State::kFailed});
  Say("next hop does not answer: packets to it are refused until it does", key, entry, now);
}

void Neighbours::Confirm(const Key& key, Entry& entry, const MacAddress& mac, TimePoint now) {
  const bool is_move = entry.state == State::kReachable && entry.mac != mac;
  const bool is_news = is_move || entry.state != State::kReachable;
  entry.state = State::kReachable;
  entry.mac = mac;
  entry.probes = 0;
  entry.pause = std::chrono::seconds{1};
  entry.confirmed = now;
  Move(entry, now + kRefresh);
  if (!is_news) return;
  table_.Set(entry.id, {mac, key.first, State::kReachable});
  if (is_move && entry.is_pinned) counters_.moves.Add(1);
  Say(is_move ? "next hop has moved" : "next hop answers", key, entry, now);
}

void Neighbours::Say(const char* what, const Key& key, Entry& entry, TimePoint now) {
  if (!entry.is_pinned) return;
  if (!entry.lines.Take(TickOf(now)) || !lines_.Take(TickOf(now))) {
    ++entry.unsaid;
    return;
  }
  std::string text = what;
  if (const uint32_t unsaid = std::exchange(entry.unsaid, 0); unsaid > 0) {
    text += "; " + std::to_string(unsaid) + " earlier changes were not logged";
  }
  const std::string& port = ports_[key.first.index()].name;
  if (entry.state == State::kFailed) {
    LogWarning(text, {{"address", key.second.ToString()}, {"port", port}});
  } else {
    LogInfo(text,
            {{"address", key.second.ToString()}, {"port", port}, {"mac", entry.mac.ToString()}});
  }
}

bool Neighbours::SendProbe(const Key& key, const Entry& entry) {
  const bool is_reachable = entry.state == State::kReachable;
  const Urgency urgency = entry.is_pinned ? Urgency::kPinned
                          : is_reachable  ? Urgency::kOrdinary
                                          : Urgency::kStranger;
  // Thousands may be due: do not make frames that have no place.
  if (!mail_.HasRoom(urgency)) return false;
  std::array<uint8_t, dataplane::kMaxFrameBytes> frame{};
  const MacAddress& ours = runtimes_[key.first.index()].mac;
  const IpAddress source = SourceFor(key);
  const uint32_t length =
      key.second.is_v4()
          ? dataplane::BuildArpRequest(frame.data(), ours, source.v4(), key.second.v4())
          : dataplane::BuildNeighbourSolicitation(frame.data(), ours, source.v6(), key.second.v6());
  if (is_reachable && entry.probes == 0) entry.mac.Store(frame.data());  // unicast first
  return mail_.SendFrame(key.first, {frame.data(), length}, urgency);
}

bool Neighbours::IsOnLink(const Key& key) const {
  if (key.second.is_unspecified() || key.second.is_multicast()) return false;
  return std::ranges::any_of(addresses_[key.first.index()],
                             [&](const Prefix& prefix) { return prefix.Contains(key.second); }) ||
         entries_.contains(key);
}

std::vector<NeighbourInfo> Neighbours::List(TimePoint now) const {
  std::vector<NeighbourInfo> list;
  list.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) {
    const dataplane::Neighbour read = table_.Load(entry.id);
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - entry.confirmed);
    list.push_back({.port = key.first,
                    .address = key.second,
                    .mac = entry.mac,
                    .state = entry.state,
                    .is_pinned = entry.is_pinned,
                    .is_seen_by_workers = read.state == entry.state && read.port == key.first &&
                                          (!read.is_reachable() || read.mac == entry.mac),
                    .age = entry.confirmed == TimePoint{} ? std::nullopt : std::optional(age)});
  }
  return list;
}

// Our address in the neighbour's network, else the first of its family.
IpAddress Neighbours::SourceFor(const Key& key) const {
  IpAddress source = key.second.is_v4() ? IpAddress{} : IpAddress{Ipv6Address{}};
  bool is_found = false;
  for (const Prefix& prefix : addresses_[key.first.index()]) {
    if (prefix.address.family() != key.second.family()) continue;
    if (prefix.Contains(key.second)) return prefix.address;
    if (!is_found) source = prefix.address;
    is_found = true;
  }
  return source;
}

}  // namespace fairlead::control
