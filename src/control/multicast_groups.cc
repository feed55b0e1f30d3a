#include "control/multicast_groups.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "control/local_pools.h"
#include "dataplane/wire/neighbour_discovery.h"

namespace fairlead::control {

using dataplane::ListenerChange;
using dataplane::ListenerRecord;

namespace {

// One of the port's own addresses where there is a link-local one, else that of its MAC.
Ipv6Address SourceOf(const PortConfig& port, const PortRuntime& runtime) {
  for (const Prefix& prefix : port.addresses) {
    if (!prefix.address.is_v4() && prefix.address.is_link_local()) return prefix.address.v6();
  }
  return dataplane::LinkLocalAddress(runtime.mac);
}

}  // namespace

PortGroups GroupsOf(const ConfigModel& model, const PortAddresses& addresses,
                    const Presence& presence, std::span<const dataplane::LocalPool> local_pools) {
  PortGroups all = AnsweredOn(model, addresses, presence, [](const PortConfig&) { return true; });
  AddLocalAddresses(model, local_pools, &all);
  for (std::vector<IpAddress>& groups : all) {
    std::erase_if(groups, [](const IpAddress& address) { return address.is_v4(); });
    for (IpAddress& address : groups) address = dataplane::SolicitedNodeAddress(address.v6());
    std::ranges::sort(groups);
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  }
  return all;
}

MulticastGroups::MulticastGroups(WorkerMail& mail, std::span<const PortConfig> ports,
                                 std::span<const PortRuntime> runtimes, uint32_t seed)
    : mail_(mail), random_(seed) {
  for (size_t i = 0; i < ports.size(); ++i) {
    Port& port = ports_.emplace_back();
    port.source = SourceOf(ports[i], runtimes[i]);
    port.mac = runtimes[i].mac;
  }
}

void MulticastGroups::Join(PortGroups wanted) {
  for (size_t i = 0; i < ports_.size(); ++i) {
    Port& port = ports_[i];
    std::vector<IpAddress> left, joined;
    std::ranges::set_difference(port.groups, wanted[i], std::back_inserter(left));
    std::ranges::set_difference(wanted[i], port.groups, std::back_inserter(joined));
    if (left.empty() && joined.empty()) continue;
    // What was said of these before is no longer true.
    const auto is_over = [&](const Change& change) {
      return std::ranges::binary_search(left, IpAddress(change.record.group)) ||
             std::ranges::binary_search(joined, IpAddress(change.record.group));
    };
    std::erase_if(port.news, is_over);
    std::erase_if(port.repeats, is_over);
    for (const IpAddress& group : left) {
      port.due.erase(group);
      port.news.push_back({{ListenerChange::kLeft, group.v6()}, {}, kRepeats});
    }
    for (const IpAddress& group : joined) {
      port.news.push_back({{ListenerChange::kJoined, group.v6()}, {}, kRepeats});
    }
    port.groups = std::move(wanted[i]);
  }
}

void MulticastGroups::OnQuery(const dataplane::Event& event, TimePoint now) {
  if (event.port.index() >= ports_.size()) return;
  Port& port = ports_[event.port.index()];
  if (event.is_version_1) port.version_1_until = now + kVersion1Time;
  const TimePoint when = RandomMoment(now, event.delay_ms);
  if (event.address.is_unspecified()) {
    // An answer that comes sooner is an answer to this one too (RFC 3810 section 6.2).
    port.all_due = port.all_due ? std::min(*port.all_due, when) : when;
    return;
  }
  if (!std::ranges::binary_search(port.groups, event.address)) return;
  const auto [it, is_new] = port.due.try_emplace(event.address, when);
  if (!is_new) it->second = std::min(it->second, when);
}

void MulticastGroups::Tick(TimePoint now) {
  std::array<uint8_t, dataplane::kMaxFrameBytes> frame{};
  size_t idle = 0;  // ports in a row with nothing to say
  for (size_t left = kFramesPerTick; left > 0 && idle < ports_.size();) {
    if (!mail_.HasRoom(Urgency::kOrdinary)) return;  // what is due stays due
    const size_t index = next_port_++ % ports_.size();
    Port& port = ports_[index];
    const PortId id{static_cast<uint8_t>(index)};
    const bool is_version_1 = now < port.version_1_until;
    const Records records = TakeDue(port, is_version_1 ? 1 : dataplane::kMaxListenerRecords, now);
    idle = records.empty() ? idle + 1 : 0;
    if (records.empty()) continue;
    --left;
    const uint32_t length =
        is_version_1
            ? dataplane::BuildListenerMessage(frame.data(), port.mac, port.source, records[0])
            : dataplane::BuildListenerReport(frame.data(), port.mac, port.source, records);
    if (!mail_.SendFrame(id, {frame.data(), length}, Urgency::kOrdinary)) return;  // there was room
  }
}

MulticastGroups::Records MulticastGroups::TakeDue(Port& port, size_t room, TimePoint now) {
  Records records;
  while (records.size() < room && !port.repeats.empty() && port.repeats.front().when <= now) {
    TakeChange(&port.repeats, port, &records, now);
  }
  while (records.size() < room && !port.news.empty()) TakeChange(&port.news, port, &records, now);
  for (auto it = port.due.begin(); records.size() < room && it != port.due.end();) {
    if (it->second <= now) {
      records.push_back({ListenerChange::kListening, it->first.v6()});
      it = port.due.erase(it);
    } else {
      ++it;
    }
  }
  if (!port.all_after && port.all_due && *port.all_due <= now) {
    port.all_due.reset();
    port.due.clear();  // answered along with all
    port.all_after = IpAddress(Ipv6Address{});
  }
  if (port.all_after) TakeOfAll(port, room, &records);
  return records;
}

void MulticastGroups::TakeChange(std::deque<Change>* from, Port& port, Records* into,
                                 TimePoint now) {
  Change change = from->front();
  from->pop_front();
  into->push_back(change.record);
  change.when = now + kRepeatInterval;  // not before any that waits already
  if (--change.left >= 0) port.repeats.push_back(change);
}

void MulticastGroups::TakeOfAll(Port& port, size_t room, Records* into) {
  auto it = std::ranges::upper_bound(port.groups, *port.all_after);
  for (; into->size() < room && it != port.groups.end(); ++it) {
    into->push_back({ListenerChange::kListening, it->v6()});
    port.all_after = *it;
  }
  if (it == port.groups.end()) port.all_after.reset();
}

TimePoint MulticastGroups::RandomMoment(TimePoint now, uint32_t delay_ms) {
  const std::chrono::milliseconds longest =
      std::min<std::chrono::milliseconds>(std::chrono::milliseconds{delay_ms}, kLongestDelay);
  return now + std::chrono::milliseconds{
                   std::uniform_int_distribution<int64_t>(0, longest.count())(random_)};
}

}  // namespace fairlead::control
