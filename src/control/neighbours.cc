#include "control/neighbours.h"

#include <algorithm>

#include "base/log.h"
#include "dataplane/arp.h"
#include "dataplane/neighbour_discovery.h"

namespace fairlead::control {
namespace {

constexpr std::chrono::seconds kAnnounceInterval{1};
constexpr int kAnnounceRepeats = 2;
constexpr size_t kForgetAtOnce = 256;  // so that making room is cheap for each that needs it

}  // namespace

Neighbours::Neighbours(dataplane::NeighbourTable& table, WorkerMail& mail,
                       std::span<const PortConfig> ports, std::span<const PortRuntime> runtimes)
    : table_(table),
      mail_(mail),
      ports_(ports.begin(), ports.end()),
      runtimes_(runtimes.begin(), runtimes.end()),
      pinned_(table.capacity(), 0) {}

NeighbourId Neighbours::Intern(PortId port, const IpAddress& address, uint64_t generation) {
  const Key key{port, address};
  auto it = entries_.find(key);
  Entry* entry = it == entries_.end() ? Add(key, TimePoint{}) : &it->second;
  if (entry == nullptr) {
    LogWarning("no room for another next hop: packets to it are refused",
               {{"address", address.ToString()}, {"capacity", table_.capacity()}});
    return NeighbourId{};
  }
  uint64_t& pinned = pinned_[entry->id.index()];
  pinned = std::max(pinned, generation);
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
  auto it = entries_.find(key);
  Entry* entry = it == entries_.end() ? nullptr : &it->second;
  if (entry == nullptr) {
    if (dynamic_count_ >= kMaxDynamic) MakeRoom();
    entry = Add(key, now);
    if (entry == nullptr) return;
    ++dynamic_count_;
    if (event.kind == dataplane::Event::Kind::kNeighbourWanted) Probe(key, *entry, now);
  }
  if (event.kind == dataplane::Event::Kind::kNeighbourSeen) {
    Confirm(key, *entry, event.mac, now);
    return;
  }
  entry->wanted = now;
  // A worker that asks has packets waiting, perhaps since before the entry was made.
  if (entry->state == State::kReachable) mail_.TellNeighbourChanged(entry->id);
}

void Neighbours::Tick(TimePoint now, uint64_t oldest_generation) {
  oldest_generation_ = oldest_generation;
  dynamic_count_ = 0;
  for (auto it = entries_.begin(); it != entries_.end();) {
    const auto at = it++;
    auto& [key, entry] = *at;
    const bool is_pinned = IsPinned(entry);
    dynamic_count_ += is_pinned ? 0 : 1;
    if (now < entry.next_probe) continue;
    if (entry.state == State::kFailed && !is_pinned && now - entry.wanted >= kForgetFailed) {
      Forget(at);
      continue;
    }
    if (entry.probes >= kProbes) {
      Fail(key, entry, now);
    } else {
      Probe(key, entry, now);
    }
  }
  for (PendingAnnouncement& pending : pending_) {
    if (now < pending.when) continue;
    SendAnnouncement(pending.what);
    pending.when = now + kAnnounceInterval;
    --pending.left;
  }
  std::erase_if(pending_, [](const PendingAnnouncement& p) { return p.left == 0; });
}

void Neighbours::Announce(std::vector<Announcement> all, TimePoint now) {
  std::ranges::sort(all);
  for (const Announcement& what : all) {
    if (std::ranges::binary_search(announced_, what)) continue;
    SendAnnouncement(what);
    pending_.push_back({what, now + kAnnounceInterval, kAnnounceRepeats});
  }
  announced_ = std::move(all);
}

Neighbours::Entry* Neighbours::Add(const Key& key, TimePoint now) {
  const NeighbourId id = table_.Intern(key.first, key.second);
  if (id.is_none()) return nullptr;
  return &entries_.insert_or_assign(key, Entry{.id = id, .confirmed = now, .wanted = now})
              .first->second;
}

void Neighbours::MakeRoom() {
  std::vector<std::map<Key, Entry>::iterator> candidates;
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (!IsPinned(it->second)) candidates.push_back(it);
  }
  const size_t count = std::min(kForgetAtOnce, candidates.size());
  std::ranges::nth_element(
      candidates, candidates.begin() + static_cast<ptrdiff_t>(count), {}, [](const auto& it) {
        // What answered is worth more than what never did.
        return std::pair{it->second.state == State::kReachable, it->second.confirmed};
      });
  for (size_t i = 0; i < count; ++i) Forget(candidates[i]);
  dynamic_count_ -= std::min(dynamic_count_, count);
}

void Neighbours::Forget(std::map<Key, Entry>::iterator at) {
  table_.Set(at->second.id, {MacAddress{}, at->first.first, State::kFailed});
  mail_.TellNeighbourChanged(at->second.id);
  table_.Forget(at->second.id);
  pinned_[at->second.id.index()] = 0;
  entries_.erase(at);
}

void Neighbours::Probe(const Key& key, Entry& entry, TimePoint now) {
  const bool is_refresh = entry.state == State::kReachable && entry.probes == 0;
  SendProbe(key, is_refresh ? &entry.mac : nullptr);
  ++entry.probes;
  entry.next_probe = now + kProbeInterval;
}

void Neighbours::Fail(const Key& key, Entry& entry, TimePoint now) {
  entry.probes = 0;
  entry.next_probe = now + entry.pause;
  entry.pause = std::min(entry.pause * 2, kMaxPause);
  if (entry.state == State::kFailed) return;
  if (IsPinned(entry)) {
    LogWarning("next hop does not answer: packets to it are refused until it does",
               {{"address", key.second.ToString()}, {"port", ports_[key.first.index()].name}});
  }
  entry.state = State::kFailed;
  table_.Set(entry.id, {MacAddress{}, key.first, State::kFailed});
  mail_.TellNeighbourChanged(entry.id);
}

void Neighbours::Confirm(const Key& key, Entry& entry, const MacAddress& mac, TimePoint now) {
  const bool is_news = entry.state != State::kReachable || entry.mac != mac;
  if (is_news && IsPinned(entry)) {
    LogInfo(entry.state == State::kReachable ? "next hop has moved" : "next hop answers",
            {{"address", key.second.ToString()},
             {"port", ports_[key.first.index()].name},
             {"mac", mac.ToString()}});
  }
  entry.state = State::kReachable;
  entry.mac = mac;
  entry.probes = 0;
  entry.pause = std::chrono::seconds{1};
  entry.confirmed = now;
  entry.next_probe = now + kRefresh;
  if (!is_news) return;
  table_.Set(entry.id, {mac, key.first, State::kReachable});
  mail_.TellNeighbourChanged(entry.id);
}

void Neighbours::SendProbe(const Key& key, const MacAddress* unicast_to) {
  std::array<uint8_t, dataplane::kMaxFrameBytes> frame{};
  const MacAddress& ours = runtimes_[key.first.index()].mac;
  const IpAddress source = SourceFor(key);
  const uint32_t length =
      key.second.is_v4()
          ? dataplane::BuildArpRequest(frame.data(), ours, source.v4(), key.second.v4())
          : dataplane::BuildNeighbourSolicitation(frame.data(), ours, source.v6(), key.second.v6());
  if (unicast_to != nullptr) unicast_to->Store(frame.data());
  mail_.SendFrame(key.first, {frame.data(), length});
}

void Neighbours::SendAnnouncement(const Announcement& what) {
  std::array<uint8_t, dataplane::kMaxFrameBytes> frame{};
  const MacAddress& ours = runtimes_[what.port.index()].mac;
  const uint32_t length =
      what.address.is_v4()
          ? dataplane::BuildGratuitousArp(frame.data(), ours, what.address.v4())
          : dataplane::BuildUnsolicitedAdvertisement(frame.data(), ours, what.address.v6());
  mail_.SendFrame(what.port, {frame.data(), length});
}

bool Neighbours::IsOnLink(const Key& key) const {
  if (key.second.is_unspecified() || key.second.is_multicast()) return false;
  return entries_.contains(key) ||
         std::ranges::any_of(ports_[key.first.index()].addresses,
                             [&](const Prefix& prefix) { return prefix.Contains(key.second); });
}

// Our address in the neighbour's network, else the first of its family.
IpAddress Neighbours::SourceFor(const Key& key) const {
  IpAddress source = key.second.is_v4() ? IpAddress{} : IpAddress{Ipv6Address{}};
  bool is_found = false;
  for (const Prefix& prefix : ports_[key.first.index()].addresses) {
    if (prefix.address.family() != key.second.family()) continue;
    if (prefix.Contains(key.second)) return prefix.address;
    if (!is_found) source = prefix.address;
    is_found = true;
  }
  return source;
}

}  // namespace fairlead::control
