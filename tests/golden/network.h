// Everybody around the director of the recordings: clients with real and with silent addresses,
// real servers rs1…rs9, silent ones, a router in front.
//
//   Network network(director);
//   network.Connect(client, vip, Network::Keep::kNo)        // "rs3", "REFUSED", "TIMEOUT", "RESET"
//   network.Probe(client, {})                               // "acked"
//
// Addresses: clients 10.9/16 and fd09::/16 answer as TCP stacks do, 10.8/16 never; rsN is 10.1.0.1N
// and fd01::1N; 10.7/16 are servers that say nothing. What a server gets by DR or through a tunnel
// it answers past the director. Every exchange is carried to its end before a call returns; time
// does not pass meanwhile. Threads: one.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "golden_director.h"
#include "tcp_stack.h"

namespace fairlead::golden {

class Network {
 public:
  enum class Keep : uint8_t { kNo, kHeld };

  explicit Network(GoldenDirector& director);

  // A short TCP connection, or one as far as the server's line, then left open.
  std::string Connect(const Endpoint& client, const Endpoint& vip, Keep keep);
  std::string Udp(const Endpoint& client, const Endpoint& vip);
  // One segment from an address where nobody answers: a 10.8 client or a silent server.
  void Raw(const Endpoint& from, const Endpoint& to, uint8_t flags);

  // On a held connection, named by its client and, when that has several, by its destination.
  // Throws std::invalid_argument when there is none, or more than one.
  std::string Probe(const Endpoint& client, const std::optional<Endpoint>& vip);
  // "sent", or why not.
  std::string ClientData(const Endpoint& client, const std::optional<Endpoint>& vip);
  void ClientFin(const Endpoint& client, const std::optional<Endpoint>& vip);
  void ServerFin(const Endpoint& client, const std::optional<Endpoint>& vip);
  void ServerReset(const Endpoint& client, const std::optional<Endpoint>& vip);
  void Close(const Endpoint& client, const std::optional<Endpoint>& vip);
  void CloseByReset(const Endpoint& client, const std::optional<Endpoint>& vip);
  // Every held connection of this real server. Returns how many.
  size_t CloseAll(const std::string& real);
  // Which real server has the held connection.
  [[nodiscard]] std::string RealOf(const Endpoint& client, const std::optional<Endpoint>& vip);

  // What hosts send again as time passes.
  void Tick(double now);

 private:
  struct Held {
    Endpoint client, vip;
    std::string real;  // "rs3"
  };
  struct Socket {  // a UDP client that waits
    Endpoint client, vip;
    std::string result = "TIMEOUT";
  };

  std::vector<Held>::iterator FindHeld(const Endpoint& client, const std::optional<Endpoint>& vip);
  void CloseBoth(const Held& held);
  void ServerFinOf(const Held& held);
  void Forget(const Held& held);

  void Pump();
  void OnFrame(PortId port, Frame frame);
  void AnswerArp(PortId port, const Frame& frame);
  bool AnswerNeighbour(PortId port, const Frame& frame);
  void OnServer(const IpAddress& real, const std::vector<uint8_t>& ip);
  void OnClient(const std::vector<uint8_t>& ip);
  void OnClientError(const Segment& error);
  void SendFromClient(const Segment& segment);
  void SendFromServer(const IpAddress& real, const Segment& segment);
  void ToDirector(PortId port, const IpAddress& from, const std::vector<uint8_t>& ip);
  TcpStack& ServerOf(const IpAddress& real);

  GoldenDirector& director_;
  std::deque<std::pair<PortId, Frame>> to_director_;
  TcpStack clients_{TcpStack::Role::kClient, ""};
  std::map<IpAddress, TcpStack> servers_;
  std::map<uint64_t, IpAddress> hosts_;  // by MAC: who has answered ARP or ND
  std::vector<Held> held_;
  std::optional<Socket> socket_;
};

// "rs3" for 10.1.0.13 and fd01::13; empty for any other address.
std::string RealNameOf(const IpAddress& address);
// Anybody there?
bool IsSilent(const IpAddress& address);

}  // namespace fairlead::golden
