// The network of the recordings of packets (format 3) around a director on bytes: its two links,
// and the hosts there, which answer when they are asked for.
//
//   WireLab lab({.workers = 2, .network = WireNetwork(1500)});
//   lab.Receive("client", ip);                        // from the IP header on
//   for (const WirePacket& packet : lab.Take()) …     // what came out, and to whom
//
// Threads: one.
#pragma once

#include <string>
#include <vector>

#include "golden_director.h"
#include "wire_datagrams.h"

namespace fairlead::golden::wire {

// Ports and routes of the recorded director, as in the file. `mtu`: of the servers' link.
std::string WireNetwork(uint16_t mtu);

std::vector<uint8_t> FromHex(const std::string& hex);

class WireLab {
 public:
  explicit WireLab(const GoldenSpec& spec) : director_(spec) {}

  GoldenDirector& director() { return director_; }
  void Receive(const std::string& link, const std::vector<uint8_t>& ip);
  // All that has come out since, but for what was asked of neighbours and announced.
  std::vector<WirePacket> Take();

 private:
  void Gather();
  bool AnswersNeighbour(const Sent& sent);

  GoldenDirector director_;
  std::vector<WirePacket> out_;
};

}  // namespace fairlead::golden::wire
