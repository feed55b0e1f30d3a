#include "control/sync/ipvs_sync.h"

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
  return a;
}

Endpoint PortOf(const IpvsSyncConfig& config, size_t number) {
  return {config.group, Be16::FromHost(static_cast<uint16_t>(config.udp_port + number))};
}

}  // namespace

IpvsSync::IpvsSync(dataplane::Fabric& fabric, Intake::Submit submit)
    : fabric_(fabric),
      intake_(fabric.config.workers, std::move(submit)),
      buffer_(sync::kMostDatagramBytes) {}

void IpvsSync::Turn(TimePoint now, const std::optional<IpvsSyncConfig>& wanted) {
  if (wanted != config_) {
    Close();
    config_ = wanted;
    next_try_ = now;
  }
  if (config_ && !is_open_ && now >= next_try_) Open(now);
  if (is_open_ && config_->receives()) Receive();
  Send(now);
  intake_.Turn();
}

void IpvsSync::Close() {
  if (outgoing_) sent_before_ = Sum(sent_before_, outgoing_->counts());
  outgoing_.reset();
  listening_.clear();
  sending_.clear();
  problem_.clear();
  if (is_open_) LogInfo("synchronisation with kernel directors is off");
  is_open_ = false;
}

void IpvsSync::Open(TimePoint now) {
  const Status opened = OpenSockets();
  if (!opened) {
    listening_.clear();
    sending_.clear();
    next_try_ = now + kRetry;
    if (problem_ == opened.error().message) return;
    problem_ = opened.error().message;
    LogWarning("cannot synchronise with kernel directors; will retry every second",
               {{"reason", problem_}, {"interface", config_->interface}});
    return;
  }
  problem_.clear();
  is_open_ = true;
  intake_.Use({.syncid = config_->syncid, .threshold = config_->threshold.threshold});
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
  for (MulticastSocket& socket : listening_) {
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
  for (const auto& ring : fabric_.sync_news) {
    dataplane::SyncNews news;
    while (left > 0 && ring->Pop(&news)) {
      --left;
      if (outgoing_) outgoing_->Add(news, now);
    }
  }
  if (outgoing_) outgoing_->Turn(now);
}

std::shared_ptr<const SyncInfo> IpvsSync::info() const {
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
