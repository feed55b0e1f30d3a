#include "tcp_stack.h"

#include <algorithm>

namespace fairlead::golden {
namespace {

constexpr uint16_t kListening[] = {22, 80, 443, 8080, 8081};
// Linux: tcp_synack_retries, tcp_retries2, the initial and the least retransmission timeout.
constexpr int kSynAckRetries = 5, kDataRetries = 15;
constexpr double kInitialTimeout = 1, kLeastTimeout = 0.2;

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

std::vector<Segment> TcpStack::OnSegment(const Segment& in) {
  const Key key{in.destination, in.source};
  const auto it = sides_.find(key);
  if (it == sides_.end() || it->second.phase == TcpSide::Phase::kRefused ||
      it->second.phase == TcpSide::Phase::kReset) {
    return OnStranger(key, in);
  }
  return OnKnown(key, it->second, in);
}

std::vector<Segment> TcpStack::OnStranger(const Key& key, const Segment& in) {
  if ((in.flags & kRst) != 0) return {};
  const bool opens = (in.flags & (kSyn | kAck)) == kSyn;
  if (role_ == Role::kServer && opens && Listens(key.first.port.host())) {
    TcpSide& side = sides_[key] = TcpSide{};
    side.phase = TcpSide::Phase::kSynReceived;
    side.next_send = next_initial_ += 100'000;
    side.next_receive = in.sequence + 1;
    Await(side, kInitialTimeout);
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
    side.acknowledged = side.next_send;
    return {Make(key, side, kAck)};
  }
  std::vector<Segment> out;
  if (side.phase == Phase::kSynReceived) {
    if ((in.flags & kSyn) != 0) return {Make(key, side, kSyn | kAck)};
    if ((in.flags & kAck) == 0) return {};
    side.phase = Phase::kEstablished;
    side.acknowledged = ++side.next_send;
    out.push_back(Data(key.first, key.second, line_));
  } else if ((in.flags & kSyn) != 0) {
    return {Make(key, side, kAck)};  // RFC 5961 section 4.2: a challenge
  }
  if (const uint32_t still = side.next_send - in.acknowledged;
      (in.flags & kAck) != 0 && still < side.next_send - side.acknowledged) {
    const uint32_t bytes = still - std::min(still, side.has_sent_fin ? 1u : 0u);
    side.unacknowledged.erase(0, side.unacknowledged.size() - bytes);
    side.acknowledged = in.acknowledged;
    Await(side, kLeastTimeout);
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

void TcpStack::Await(TcpSide& side, double after) const {
  side.resend_after = after;
  side.resend_at = now_ + after;
  side.resent = 0;
}

Segment TcpStack::MakeAgain(const Key& key, const TcpSide& side) const {
  if (side.phase == TcpSide::Phase::kSynReceived) return Make(key, side, kSyn | kAck);
  Segment s = Make(key, side, kAck);
  s.sequence = side.acknowledged;
  s.payload = side.unacknowledged;
  if (!s.payload.empty()) s.flags |= kPsh;
  if (side.has_sent_fin) s.flags |= kFin;
  return s;
}

std::vector<Segment> TcpStack::Tick(double now) {
  now_ = now;
  std::vector<Segment> out;
  for (auto it = sides_.begin(); it != sides_.end();) {
    const auto at = it++;
    auto& [key, side] = *at;
    if (!side.is_waiting() || now < side.resend_at) continue;
    const int most = side.phase == TcpSide::Phase::kSynReceived ? kSynAckRetries : kDataRetries;
    if (side.resent++ >= most) {
      sides_.erase(at);
      continue;
    }
    out.push_back(MakeAgain(key, side));
    side.resend_after *= 2;
    side.resend_at = now + side.resend_after;
  }
  return out;
}

Segment TcpStack::Data(const Endpoint& local, const Endpoint& remote, const std::string& payload) {
  TcpSide& side = sides_.at({local, remote});
  if (side.acknowledged == side.next_send) Await(side, kLeastTimeout);
  side.unacknowledged += payload;
  side.next_send += static_cast<uint32_t>(payload.size());
  return MakeAgain({local, remote}, side);  // with what was lost before
}

Segment TcpStack::Fin(const Endpoint& local, const Endpoint& remote) {
  TcpSide& side = sides_.at({local, remote});
  if (side.acknowledged == side.next_send) Await(side, kLeastTimeout);
  ++side.next_send;
  side.has_sent_fin = true;
  return MakeAgain({local, remote}, side);
}

Segment TcpStack::Reset(const Endpoint& local, const Endpoint& remote) {
  const Key key{local, remote};
  Segment s = Make(key, sides_.at(key), kRst | kAck);
  sides_.erase(key);
  return s;
}

}  // namespace fairlead::golden
