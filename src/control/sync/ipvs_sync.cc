#include "control/sync/ipvs_sync.h"

#include <net/if.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "control/config/names.h"
#include "sync/ipvs/wire.h"

namespace fairlead::control {
namespace {

OutgoingCounts Sum(OutgoingCounts a, const OutgoingCounts& b) {
  a.datagrams += b.datagrams;
  a.bytes += b.bytes;
  a.entries += b.entries;
  a.unsaid += b.unsaid;
  a.failed += b.failed;
  a.unsent += b.unsent;
  return a;
}

Endpoint PortOf(const IpvsSyncConfig& config, size_t number) {
  return {config.group, Be16::FromHost(static_cast<uint16_t>(config.udp_port + number))};
}

}  // namespace

IpvsSync::IpvsSync(dataplane::Fabric& fabric, Intake::Submit submit, IndexOf index_of)
    : fabric_(fabric),
      intake_(fabric.config.workers, std::move(submit)),
      index_of_(std::move(index_of)),
      buffer_(sync::kMostDatagramBytes) {
  if (!index_of_) {
    index_of_ = [](const std::string& name) { return ::if_nametoindex(name.c_str()); };
  }
}

IpvsSync::~IpvsSync() { Close(); }

void IpvsSync::Turn(TimePoint now, const std::optional<IpvsSyncConfig>& wanted,
                    bool are_ids_known) {
  ++turn_;
  Follow(now, wanted);
  if (is_open_ && config_->receives()) Receive();
  Send(now);
  intake_.Turn(are_ids_known);
}

void IpvsSync::Follow(TimePoint now, const std::optional<IpvsSyncConfig>& wanted) {
  if (wanted != config_) {
    Send(now);  // what workers have told goes out as it was meant to
    if (is_open_) LogInfo("synchronisation with kernel directors is off");
    Close();
    config_ = wanted;
    next_try_ = now;
  }
  if (!config_ || now < next_try_) return;
  if (is_open_) LookAtInterface(now);
  if (!is_open_) Open(now);
}

void IpvsSync::LookAtInterface(TimePoint now) {
  next_try_ = now + kRetry;
  if (index_of_(config_->interface) == index_) return;
  LogWarning("the interface of synchronisation has gone or was made anew; opening its sockets anew",
             {{"interface", config_->interface}});
  Close();
}

// What waits is sent first; what the kernel does not take is counted.
void IpvsSync::Close() {
  if (outgoing_) outgoing_->FlushAll();
  if (outgoing_) sent_before_ = Sum(sent_before_, outgoing_->counts());
  outgoing_.reset();
  listening_.clear();
  sending_.clear();
  problem_.clear();
  is_open_ = false;
}

void IpvsSync::Open(TimePoint now) {
  next_try_ = now + kRetry;
  // Asked before: should it change meanwhile, the next look sees that.
  index_ = index_of_(config_->interface);
  const Status opened = OpenSockets();
  if (!opened) {
    listening_.clear();
    sending_.clear();
    if (problem_ == opened.error().message) return;
    problem_ = opened.error().message;
    LogWarning("cannot synchronise with kernel directors; will retry every second",
               {{"reason", problem_}, {"interface", config_->interface}});
    return;
  }
  problem_.clear();
  is_open_ = true;
  intake_.Use({.syncid = config_->syncid,
               .threshold = config_->threshold.threshold,
               .keeps_unknown = config_->unknown_service == UnknownService::kAsKernel});
  if (config_->sends()) {
    outgoing_.emplace(*config_, [this](size_t port, std::span<const uint8_t> payload) {
      return sending_[port].Send(payload);
    });
  }
  LogInfo("synchronising with kernel directors",
          {{"role", ToWord(config_->role)},
           {"interface", config_->interface},
           {"group", PortOf(*config_, 0).ToString()},
           {"syncid", static_cast<unsigned>(config_->syncid)}});
}

Status IpvsSync::OpenSockets() {
  for (size_t i = 0; i < config_->ports; ++i) {
    if (config_->receives()) {
      auto socket = MulticastSocket::Listen(PortOf(*config_, i), config_->interface);
      if (!socket) return socket.error();
      listening_.push_back(*std::move(socket));
    }
    if (config_->sends()) {
      auto socket = MulticastSocket::Connect(PortOf(*config_, i), config_->interface, config_->ttl);
      if (!socket) return socket.error();
      sending_.push_back(*std::move(socket));
    }
  }
  return Done{};
}

bool IpvsSync::IsHeard(const IpAddress& sender) const {
  return config_->peers.empty() ||
         std::ranges::find(config_->peers, sender) != config_->peers.end();
}

void IpvsSync::Receive() {
  size_t left = kDatagramsATurn;
  for (size_t i = 0; i < listening_.size(); ++i) {
    MulticastSocket& socket = listening_[(turn_ + i) % listening_.size()];
    while (left > 0 && intake_.HasRoom()) {
      const auto datagram = socket.Receive(buffer_);
      if (!datagram) break;
      --left;
      if (!IsHeard(datagram->sender)) {
        ++foreign_;
        continue;
      }
      if (!last_datagram_) {
        LogInfo("a kernel director is heard", {{"sender", datagram->sender.ToString()}});
      }
      last_datagram_ = std::chrono::system_clock::now();
      last_sender_ = datagram->sender;
      intake_.Add({buffer_.data(), datagram->size});
    }
  }
}

// The rings are emptied in any case: workers may have told of something when this was switched off.
void IpvsSync::Send(TimePoint now) {
  size_t left = kNewsATurn;
  const auto& rings = fabric_.sync_news;
  for (size_t i = 0; i < rings.size(); ++i) {
    const size_t number = (turn_ + i) % rings.size();
    dataplane::SyncNewsRing& ring = *rings[number];
    dataplane::SyncNews news;
    while (left > 0 && ring.Pop(&news)) {
      --left;
      if (outgoing_) {
        outgoing_->Add(news, now, number);
      } else if (config_ && config_->sends()) {
        ++sent_before_.unsent;  // the interface is away
      }
    }
  }
  if (outgoing_) outgoing_->Turn(now);
}

std::shared_ptr<SyncInfo> IpvsSync::info() const {
  if (!config_) return nullptr;
  return std::make_shared<SyncInfo>(
      SyncInfo{.config = *config_,
               .is_open = is_open_,
               .problem = problem_,
               .received = intake_.counts(),
               .sent = outgoing_ ? Sum(sent_before_, outgoing_->counts()) : sent_before_,
               .foreign = foreign_,
               .last_datagram = last_datagram_,
               .last_sender = last_sender_});
}

}  // namespace fairlead::control
