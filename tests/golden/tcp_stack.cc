#include "tcp_stack.h"

#include <algorithm>

namespace fairlead::golden {
namespace {

constexpr uint16_t kListening[] = {22, 80, 443, 8080, 8081};
constexpr int kSynAckRetries = 5;  // Linux's tcp_synack_retries

}  // namespace

bool TcpStack::Listens(uint16_t port) {
  return std::ranges::find(kListening, port) != std::end(kListening);
}

TcpSide* TcpStack::Find(const Endpoint& local, const Endpoint& remote) {
  const auto it = sides_.find({local, remote});
  return it == sides_.end() ? nullptr : &it->second;
}

std::optional<Endpoint> TcpStack::LocalOf(const Endpoint& remote) const {
  for (const auto& [key, side] : sides_) {
    if (key.second == remote) return key.first;
  }
  return std::nullopt;
}

Segment TcpStack::Make(const Key& key, const TcpSide& side, uint8_t flags) const {
  Segment s;
  s.source = key.first;
  s.destination = key.second;
  s.flags = flags;
  s.sequence = side.next_send;
  s.acknowledged = (flags & kAck) != 0 ? side.next_receive : 0;
  return s;
}

Segment TcpStack::Open(const Endpoint& local, const Endpoint& remote) {
  TcpSide& side = sides_[{local, remote}] = TcpSide{};
  side.next_send = next_initial_ += 100'000;
  Segment syn = Make({local, remote}, side, kSyn);
  ++side.next_send;
  return syn;
}

std::vector<Segment> TcpStack::OnSegment(const Segment& in, double now) {
  const Key key{in.destination, in.source};
  const auto it = sides_.find(key);
  if (it == sides_.end() || it->second.phase == TcpSide::Phase::kRefused ||
      it->second.phase == TcpSide::Phase::kReset) {
    return OnStranger(key, in, now);
  }
  return OnKnown(key, it->second, in);
}

std::vector<Segment> TcpStack::OnStranger(const Key& key, const Segment& in, double now) {
  if ((in.flags & kRst) != 0) return {};
  const bool opens = (in.flags & (kSyn | kAck)) == kSyn;
  if (role_ == Role::kServer && opens && Listens(key.first.port.host())) {
    TcpSide& side = sides_[key] = TcpSide{};
    side.phase = TcpSide::Phase::kSynReceived;
    side.next_send = next_initial_ += 100'000;
    side.next_receive = in.sequence + 1;
    side.syn_acks_sent = 1;
    side.next_syn_ack = now + 1;
    return {Make(key, side, kSyn | kAck)};
  }
  TcpSide nobody;
  nobody.next_send = (in.flags & kAck) != 0 ? in.acknowledged : 0;
  nobody.next_receive = in.sequence + in.length();
  return {Make(key, nobody, (in.flags & kAck) != 0 ? kRst : kRst | kAck)};
}

std::vector<Segment> TcpStack::OnKnown(const Key& key, TcpSide& side, const Segment& in) {
  using Phase = TcpSide::Phase;
  if ((in.flags & kRst) != 0) {
    side.phase = side.phase == Phase::kSynSent ? Phase::kRefused : Phase::kReset;
    if (role_ == Role::kServer) sides_.erase(key);
    return {};
  }
  if (side.phase == Phase::kSynSent) {
    if ((in.flags & (kSyn | kAck)) != (kSyn | kAck)) return {};
    side.phase = Phase::kEstablished;
    side.next_receive = in.sequence + 1;
    return {Make(key, side, kAck)};
  }
  std::vector<Segment> out;
  if (side.phase == Phase::kSynReceived) {
    if ((in.flags & kSyn) != 0) return {Make(key, side, kSyn | kAck)};
    if ((in.flags & kAck) == 0) return {};
    side.phase = Phase::kEstablished;
    ++side.next_send;
    out.push_back(Data(key.first, key.second, line_));
  } else if ((in.flags & kSyn) != 0) {
    return {Make(key, side, kAck)};  // RFC 5961 section 4.2: a challenge
  }
  if ((in.flags & kAck) != 0) {
    const uint32_t still = side.next_send - in.acknowledged - (side.has_sent_fin ? 1 : 0);
    if (still < side.unacknowledged.size()) {
      side.unacknowledged.erase(0, side.unacknowledged.size() - still);
    }
  }
  const bool has_fin = (in.flags & kFin) != 0;
  if (!in.payload.empty() || has_fin) {
    const uint32_t known = side.next_receive - in.sequence;  // bytes of it that came before
    if (known <= in.payload.size()) {
      side.received += in.payload.substr(known);
      side.next_receive = in.sequence + static_cast<uint32_t>(in.payload.size());
      if (has_fin) ++side.next_receive;
      side.has_seen_fin |= has_fin;
    }
    out.push_back(Make(key, side, kAck));
  }
  if (role_ == Role::kServer && side.has_sent_fin && side.has_seen_fin) sides_.erase(key);
  return out;
}

std::vector<Segment> TcpStack::Retransmit(double now) {
  std::vector<Segment> out;
  for (auto it = sides_.begin(); it != sides_.end();) {
    auto& [key, side] = *it;
    if (side.phase != TcpSide::Phase::kSynReceived || now < side.next_syn_ack) {
      ++it;
    } else if (side.syn_acks_sent > kSynAckRetries) {
      it = sides_.erase(it);
    } else {
      out.push_back(Make(key, side, kSyn | kAck));
      side.next_syn_ack += 1 << side.syn_acks_sent++;
      ++it;
    }
  }
  return out;
}

Segment TcpStack::Data(const Endpoint& local, const Endpoint& remote, const std::string& payload) {
  TcpSide& side = sides_.at({local, remote});
  side.unacknowledged += payload;
  side.next_send += static_cast<uint32_t>(payload.size());
  Segment s = Make({local, remote}, side, kPsh | kAck);
  s.payload = side.unacknowledged;  // with what was lost before
  s.sequence -= static_cast<uint32_t>(s.payload.size());
  return s;
}

Segment TcpStack::Fin(const Endpoint& local, const Endpoint& remote) {
  TcpSide& side = sides_.at({local, remote});
  Segment s = Make({local, remote}, side, kFin | kAck);
  ++side.next_send;
  side.has_sent_fin = true;
  return s;
}

Segment TcpStack::Reset(const Endpoint& local, const Endpoint& remote) {
  const Key key{local, remote};
  Segment s = Make(key, sides_.at(key), kRst | kAck);
  sides_.erase(key);
  return s;
}

}  // namespace fairlead::golden
