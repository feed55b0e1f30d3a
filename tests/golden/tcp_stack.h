// The TCP of one host, as much of it as a short connection needs (RFC 9293): handshake, data that
// is acknowledged, FIN, RST.
//
//   TcpStack client(TcpStack::Role::kClient, "");
//   send(client.Open(from, to));
//   for (const Segment& s : client.OnSegment(received)) send(s);
//   client.Find(from, to)->is_established()
//
// A server listens on the ports of the recordings' servers and says its line to whoever connects;
// it closes when told. What is not acknowledged is sent again in Linux's rhythm, but for a client's
// SYN: the recorded ones were sent once. Threads: one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "segment.h"

namespace fairlead::golden {

struct TcpSide {
  enum class Phase : uint8_t { kSynSent, kSynReceived, kEstablished, kRefused, kReset };
  Phase phase = Phase::kSynSent;
  uint32_t next_send = 0;     // sequence number of the next byte
  uint32_t next_receive = 0;  // the byte expected from the other side
  std::string unacknowledged{};
  std::string received{};
  bool has_sent_fin = false, has_seen_fin = false;
  bool has_told_reset = false;  // its program knows
  uint32_t acknowledged = 0;    // by the other side: all before this
  double resend_at = 0;         // seconds of the case
  double resend_after = 0;      // doubles each time
  int resent = 0;

  [[nodiscard]] bool is_established() const { return phase == Phase::kEstablished; }
  [[nodiscard]] bool is_waiting() const {
    return phase == Phase::kSynReceived || (is_established() && acknowledged != next_send);
  }
};

class TcpStack {
 public:
  enum class Role : uint8_t { kClient, kServer };
  // `line` is what a server says to who connects.
  TcpStack(Role role, std::string line) : role_(role), line_(std::move(line)) {}

  // A fresh connection; what was there of the same endpoints is forgotten. Returns its SYN.
  Segment Open(const Endpoint& local, const Endpoint& remote);
  // What the host answers.
  std::vector<Segment> OnSegment(const Segment& in);
  // The time has come to `now`: what is due again.
  std::vector<Segment> Tick(double now);

  // The next segment of a side. Precondition: Find() has it.
  Segment Data(const Endpoint& local, const Endpoint& remote, const std::string& payload);
  Segment Fin(const Endpoint& local, const Endpoint& remote);
  // The connection is forgotten.
  Segment Reset(const Endpoint& local, const Endpoint& remote);

  // As when a program gives up: what still comes is answered as a stranger's.
  void Forget(const Endpoint& local, const Endpoint& remote) { sides_.erase({local, remote}); }

  [[nodiscard]] TcpSide* Find(const Endpoint& local, const Endpoint& remote);
  // The local endpoint of the connection with `remote`, when there is one.
  [[nodiscard]] std::optional<Endpoint> LocalOf(const Endpoint& remote) const;

  [[nodiscard]] static bool Listens(uint16_t port);

 private:
  using Key = std::pair<Endpoint, Endpoint>;  // local, remote

  Segment Make(const Key& key, const TcpSide& side, uint8_t flags) const;
  // All that is not acknowledged.
  Segment MakeAgain(const Key& key, const TcpSide& side) const;
  void Await(TcpSide& side, double after) const;
  std::vector<Segment> OnStranger(const Key& key, const Segment& in);
  std::vector<Segment> OnKnown(const Key& key, TcpSide& side, const Segment& in);

  Role role_;
  std::string line_;
  std::map<Key, TcpSide> sides_;
  uint32_t next_initial_ = 1000;
  double now_ = 0;
};

}  // namespace fairlead::golden
