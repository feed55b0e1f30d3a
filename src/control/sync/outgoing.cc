#include "control/sync/outgoing.h"

#include <utility>

namespace fairlead::control {
namespace {

sync::SyncEntry EntryOf(const dataplane::SyncNews& news) {
  sync::SyncEntry entry;
  entry.protocol = news.protocol;
  entry.state = news.state;
  entry.flags = news.flags;
  entry.client = news.client;
  entry.virtual_address = news.virtual_address;
  entry.real = news.real;
  entry.client_port = news.client_port;
  entry.virtual_port = news.virtual_port;
  entry.real_port = news.real_port;
  entry.mark = news.mark;
  entry.timeout_seconds = news.timeout_seconds;
  return entry;
}

}  // namespace

Outgoing::Outgoing(const IpvsSyncConfig& config, Send send) : send_(std::move(send)) {
  const sync::DatagramFormat format{
      .version = config.version, .syncid = config.syncid, .most_bytes = config.maxlen};
  for (size_t i = 0; i < config.ports; ++i) {
    ports_.push_back({sync::DatagramWriter(format), TimePoint{}});
  }
}

void Outgoing::Add(const dataplane::SyncNews& news, TimePoint now, size_t ring) {
  if (ring >= readers_.size()) readers_.resize(ring + 1);
  const bool is_template = (news.flags & static_cast<uint32_t>(sync::SyncFlag::kTemplate)) != 0;
  dataplane::SyncTextReader& reader = readers_[ring];
  if (!reader.Add(news, is_template)) return;
  sync::SyncEntry entry = EntryOf(reader.news());
  entry.engine_data = reader.text();
  if (!entry.engine_data.empty()) entry.engine_name = sync::kEngineSip;
  AddEntry(entry, now);
}

void Outgoing::AddEntry(const sync::SyncEntry& entry, TimePoint now) {
  const size_t at = (entry.client.Fold() ^ entry.client_port.host()) & (ports_.size() - 1);
  Port& port = ports_[at];
  if (!port.writer.CanSay(entry)) {
    ++counts_.unsaid;
    return;
  }
  if (!port.writer.Fits(entry)) Flush(at);
  if (port.writer.is_empty()) port.begun = now;
  port.writer.Add(entry);
}

void Outgoing::Turn(TimePoint now) {
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (!ports_[i].writer.is_empty() && now >= ports_[i].begun + kFlush) Flush(i);
  }
}

void Outgoing::FlushAll() {
  for (size_t i = 0; i < ports_.size(); ++i) {
    if (!ports_[i].writer.is_empty()) Flush(i);
  }
}

void Outgoing::Flush(size_t port) {
  const size_t entries = ports_[port].writer.count();
  const std::span<const uint8_t> payload = ports_[port].writer.Take();
  if (!send_(port, payload)) {
    ++counts_.failed;
    counts_.unsent += entries;
    return;
  }
  ++counts_.datagrams;
  counts_.bytes += payload.size();
  counts_.entries += entries;
}

}  // namespace fairlead::control
