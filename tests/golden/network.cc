#include "network.h"

#include <algorithm>
#include <stdexcept>

#include "dataplane/wire/arp.h"
#include "dataplane/wire/neighbour_discovery.h"

namespace fairlead::golden {
namespace {

constexpr uint16_t kUdpServices[] = {53, 80, 5060};
constexpr uint16_t kEtherArp = 0x0806, kEtherIpv4 = 0x0800, kEtherIpv6 = 0x86dd;

Prefix Net(const char* text) { return *Prefix::Parse(text); }

bool IsIn(const IpAddress& address, const char* net) { return Net(net).Contains(address); }

bool IsServerNet(const IpAddress& a) {
  return IsIn(a, "10.1.0.0/24") || IsIn(a, "10.7.0.0/16") || IsIn(a, "fd01::/64");
}

// The router in front and the servers behind, each with a MAC of its own.
bool IsHost(PortId port, const IpAddress& a) {
  if (port == kOutside) return a == *IpAddress::Parse(kRouter4) || a == *IpAddress::Parse(kRouter6);
  return IsIn(a, "10.7.0.0/16") || !RealNameOf(a).empty();
}

MacAddress MacOf(const IpAddress& a) {
  return MacAddress::FromNumber(0x020a00000000u | (a.is_v4() ? a.Fold() : a.Fold() ^ 0x8000'0000u));
}

unsigned EtherTypeOf(const Frame& frame) { return unsigned{frame[12]} << 8 | frame[13]; }

std::vector<uint8_t> IpOf(const Frame& frame) { return {frame.begin() + 14, frame.end()}; }

}  // namespace

std::string RealNameOf(const IpAddress& address) {
  if (!IsIn(address, address.is_v4() ? "10.1.0.0/24" : "fd01::/64")) return {};
  // N is the last digit as written: 10.1.0.13, fd01::13.
  const uint8_t last = address.bytes()[address.is_v4() ? 3 : 15];
  const int n = address.is_v4() ? last - 10 : last - 0x10;
  return n >= 1 && n <= 9 ? "rs" + std::to_string(n) : std::string{};
}

bool IsSilent(const IpAddress& a) { return IsIn(a, "10.8.0.0/16") || IsIn(a, "10.7.0.0/16"); }

Network::Network(GoldenDirector& director) : director_(director) {}

// ---- what clients do

std::string Network::Connect(const Endpoint& client, const Endpoint& vip, Keep keep) {
  SendFromClient(clients_.Open(client, vip));
  Pump();
  TcpSide* side = clients_.Find(client, vip);
  if (side->phase == TcpSide::Phase::kRefused) return "REFUSED";
  if (side->phase == TcpSide::Phase::kReset) return "RESET";
  if (!side->is_established() || side->received.empty()) {
    clients_.Forget(client, vip);
    return "TIMEOUT";
  }
  const Held held{client, vip, side->received.substr(0, side->received.find('\n'))};
  if (keep == Keep::kHeld) {
    held_.push_back(held);
  } else {
    CloseBoth(held);
  }
  return held.real;
}

std::string Network::Udp(const Endpoint& client, const Endpoint& vip) {
  socket_ = Socket{client, vip};
  Segment datagram;
  datagram.source = client;
  datagram.destination = vip;
  datagram.protocol = kUdp;
  datagram.payload = "hi";
  SendFromClient(datagram);
  Pump();
  const std::string result = socket_->result;
  socket_.reset();
  return result;
}

void Network::Raw(const Endpoint& from, const Endpoint& to, uint8_t flags) {
  Segment s;
  s.source = from;
  s.destination = to;
  s.flags = flags;
  s.sequence = 1000;
  s.acknowledged = (flags & kAck) != 0 ? 2000 : 0;
  if (IsServerNet(from.address)) {
    ToDirector(kInside, from.address, Write(s));
  } else {
    SendFromClient(s);
  }
  Pump();
}

// ---- what happens to held connections

std::vector<Network::Held>::iterator Network::FindHeld(const Endpoint& client,
                                                       const std::optional<Endpoint>& vip) {
  const auto is_it = [&](const Held& h) { return h.client == client && (!vip || h.vip == *vip); };
  const auto it = std::ranges::find_if(held_, is_it);
  if (it == held_.end()) {
    throw std::invalid_argument("no connection of " + client.ToString() + " is held");
  }
  if (std::count_if(it, held_.end(), is_it) > 1) {
    throw std::invalid_argument(client.ToString() +
                                " holds several connections; dst must say which");
  }
  return it;
}

std::string Network::RealOf(const Endpoint& client, const std::optional<Endpoint>& vip) {
  return FindHeld(client, vip)->real;
}

std::string Network::Probe(const Endpoint& client, const std::optional<Endpoint>& vip) {
  const Held held = *FindHeld(client, vip);
  TcpSide* side = clients_.Find(held.client, held.vip);
  if (side->phase == TcpSide::Phase::kReset && side->has_told_reset) return "errno 32 Broken pipe";
  if (side->phase != TcpSide::Phase::kReset) {
    SendFromClient(clients_.Data(held.client, held.vip, "x"));
    Pump();
  }
  if (side->phase == TcpSide::Phase::kReset) {
    side->has_told_reset = true;
    return "RST (Connection reset by peer)";
  }
  return side->unacknowledged.empty() ? "acked" : "no ACK (dropped)";
}

std::string Network::ClientData(const Endpoint& client, const std::optional<Endpoint>& vip) {
  const Held held = *FindHeld(client, vip);
  if (clients_.Find(held.client, held.vip)->phase == TcpSide::Phase::kReset) {
    return "errno 32 Broken pipe";
  }
  SendFromClient(clients_.Data(held.client, held.vip, "x"));
  Pump();
  return "sent";
}

void Network::ClientFin(const Endpoint& client, const std::optional<Endpoint>& vip) {
  const Held held = *FindHeld(client, vip);
  SendFromClient(clients_.Fin(held.client, held.vip));
  Pump();
}

void Network::ServerFinOf(const Held& held) {
  for (auto& [address, stack] : servers_) {
    if (RealNameOf(address) != held.real) continue;
    const auto local = stack.LocalOf(held.client);
    if (!local || stack.Find(*local, held.client)->has_sent_fin) continue;
    SendFromServer(address, stack.Fin(*local, held.client));
    Pump();
  }
}

void Network::ServerFin(const Endpoint& client, const std::optional<Endpoint>& vip) {
  ServerFinOf(*FindHeld(client, vip));
}

void Network::ServerReset(const Endpoint& client, const std::optional<Endpoint>& vip) {
  const Held held = *FindHeld(client, vip);
  for (auto& [address, stack] : servers_) {
    if (RealNameOf(address) != held.real) continue;
    if (const auto local = stack.LocalOf(held.client)) {
      SendFromServer(address, stack.Reset(*local, held.client));
      Pump();
    }
  }
}

// The server closes when it has seen the client's FIN.
void Network::CloseBoth(const Held& held) {
  if (!clients_.Find(held.client, held.vip)->has_sent_fin) {
    SendFromClient(clients_.Fin(held.client, held.vip));
    Pump();
  }
  ServerFinOf(held);
}

void Network::Forget(const Held& held) {
  std::erase_if(held_, [&](const Held& h) { return h.client == held.client && h.vip == held.vip; });
}

void Network::Close(const Endpoint& client, const std::optional<Endpoint>& vip) {
  const Held held = *FindHeld(client, vip);
  CloseBoth(held);
  Forget(held);
}

void Network::CloseByReset(const Endpoint& client, const std::optional<Endpoint>& vip) {
  const Held held = *FindHeld(client, vip);
  SendFromClient(clients_.Reset(held.client, held.vip));
  Pump();
  Forget(held);
}

size_t Network::CloseAll(const std::string& real) {
  size_t count = 0;
  for (const Held& held : std::vector<Held>(held_)) {
    if (held.real != real) continue;
    CloseBoth(held);
    Forget(held);
    ++count;
  }
  return count;
}

void Network::Tick(double now) {
  for (auto& [address, stack] : servers_) {
    for (const Segment& s : stack.Tick(now)) SendFromServer(address, s);
  }
  for (const Segment& s : clients_.Tick(now)) SendFromClient(s);
  Pump();
}

// ---- frames

void Network::ToDirector(PortId port, const IpAddress& from, const std::vector<uint8_t>& ip) {
  Frame frame(14);
  PortMac(port).Store(frame.data());
  MacOf(from).Store(frame.data() + 6);
  const unsigned type = from.is_v4() ? kEtherIpv4 : kEtherIpv6;
  frame[12] = static_cast<uint8_t>(type >> 8);
  frame[13] = static_cast<uint8_t>(type);
  frame.insert(frame.end(), ip.begin(), ip.end());
  to_director_.emplace_back(port, std::move(frame));
}

void Network::SendFromClient(const Segment& segment) {
  ToDirector(kOutside, *IpAddress::Parse(segment.source.address.is_v4() ? kRouter4 : kRouter6),
             Write(segment));
}

// To its own address it was sent by NAT, and its default route is the director; to a virtual
// address by DR or tunnel, and it has another way to the client.
void Network::SendFromServer(const IpAddress& real, const Segment& segment) {
  const std::vector<uint8_t> ip = Write(segment);
  if (segment.source.address == real) {
    ToDirector(kInside, real, ip);
  } else {
    OnClient(ip);
  }
}

void Network::Pump() {
  for (;;) {
    for (Sent& sent : director_.TakeSent()) OnFrame(sent.port, std::move(sent.frame));
    if (to_director_.empty()) return;
    auto [port, frame] = std::move(to_director_.front());
    to_director_.pop_front();
    director_.Receive(port, frame);
  }
}

void Network::OnFrame(PortId port, Frame frame) {
  if (EtherTypeOf(frame) == kEtherArp) return AnswerArp(port, frame);
  if (EtherTypeOf(frame) == kEtherIpv6 && AnswerNeighbour(port, frame)) return;
  const uint64_t mac = MacAddress::Load(frame.data()).ToNumber();
  constexpr uint64_t kMulticastRouters = 0x333300000016;  // reports of groups are for switches
  if (mac == kMulticastRouters) return;
  const auto host = hosts_.find(mac);
  if (host == hosts_.end()) {
    throw BadPacket("a frame to a MAC that nobody has: " +
                    MacAddress::Load(frame.data()).ToString());
  }
  if (port == kOutside) return OnClient(IpOf(frame));
  if (!IsSilent(host->second)) OnServer(host->second, IpOf(frame));
}

void Network::AnswerArp(PortId port, const Frame& frame) {
  dataplane::BytePacket packet(frame, port);
  dataplane::ArpMessage arp;
  if (!dataplane::ParseArp(packet.data(), packet.length(), &arp)) throw BadPacket("malformed ARP");
  if (!arp.is_request || arp.is_gratuitous() || !IsHost(port, arp.target)) return;
  hosts_[MacOf(arp.target).ToNumber()] = arp.target;
  dataplane::TurnIntoArpReply(packet, MacOf(arp.target));
  to_director_.emplace_back(port, Frame(packet.frame().begin(), packet.frame().end()));
}

// False: it is no neighbour discovery.
bool Network::AnswerNeighbour(PortId port, const Frame& frame) {
  dataplane::BytePacket packet(frame, port);
  dataplane::ParsedPacket parsed;
  dataplane::ParseFrame(packet.data(), packet.length(), true, &parsed);
  if (!dataplane::IsNeighbourMessage(parsed)) return false;
  dataplane::NeighbourMessage message;
  if (!dataplane::ParseNeighbourMessage(packet.data(), parsed, &message)) {
    throw BadPacket("malformed neighbour discovery");
  }
  if (!message.is_solicitation || !IsHost(port, message.target)) return true;
  hosts_[MacOf(message.target).ToNumber()] = message.target;
  if (!dataplane::TurnIntoNeighbourAdvertisement(packet, &parsed, MacOf(message.target))) {
    throw BadPacket("no room for an advertisement");
  }
  to_director_.emplace_back(port, Frame(packet.frame().begin(), packet.frame().end()));
  return true;
}

// ---- what hosts answer

TcpStack& Network::ServerOf(const IpAddress& real) {
  return servers_.try_emplace(real, TcpStack::Role::kServer, RealNameOf(real) + "\n").first->second;
}

void Network::OnServer(const IpAddress& real, const std::vector<uint8_t>& ip) {
  const Segment in = Read(ip);
  if (in.protocol == kIpip || in.protocol == kIpv6) return OnServer(real, in.inner);
  if (in.protocol == kTcp) {
    for (const Segment& s : ServerOf(real).OnSegment(in)) SendFromServer(real, s);
  } else if (in.protocol == kUdp) {
    if (std::ranges::find(kUdpServices, in.destination.port.host()) == std::end(kUdpServices)) {
      return SendFromServer(real, PortUnreachable(in, ip));
    }
    Segment answer;
    answer.source = in.destination;
    answer.destination = in.source;
    answer.protocol = kUdp;
    answer.payload = RealNameOf(real) + "\n";
    SendFromServer(real, answer);
  }
}

void Network::OnClient(const std::vector<uint8_t>& ip) {
  const Segment in = Read(ip);
  if (IsSilent(in.destination.address)) return;
  if (in.protocol == kTcp) {
    for (const Segment& s : clients_.OnSegment(in)) SendFromClient(s);
  } else if (in.protocol == kUdp) {
    if (socket_ && socket_->client == in.destination && socket_->vip == in.source) {
      socket_->result = in.payload.substr(0, in.payload.find('\n'));
    } else {
      SendFromClient(PortUnreachable(in, ip));
    }
  } else {
    OnClientError(in);
  }
}

void Network::OnClientError(const Segment& error) {
  const bool is_unreachable = error.icmp_type == (error.protocol == kIcmp ? 3 : 1);
  if (!is_unreachable) return;
  const Segment about = Read(error.inner, true);
  if (about.protocol == kUdp && socket_ && socket_->client == about.source &&
      socket_->vip == about.destination && IsPortUnreachable(error)) {
    socket_->result = "Connection refused";
  }
  if (about.protocol != kTcp) return;
  TcpSide* side = clients_.Find(about.source, about.destination);
  if (side != nullptr && side->phase == TcpSide::Phase::kSynSent) {
    side->phase = TcpSide::Phase::kRefused;
  }
}

}  // namespace fairlead::golden
