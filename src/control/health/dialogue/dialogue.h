// One conversation with a server about its health: bytes in, bytes out, a verdict.
//
//   std::unique_ptr<Dialogue> talk = MakeDialogue(target);   // make_dialogue.h
//   talk->Begin();                          // the way is open: connected, TLS agreed on
//   socket.send(talk->TakeOutput());        // "PING\r\n"
//   talk->Feed("+PO"), talk->Feed("NG\r\n");
//   talk->state();                          // kGood; detail(): "redis PONG"
//
// A dialogue knows no socket, no clock and no timeout, so each can be tested on bytes. Whatever a
// server sends, a dialogue keeps no more than a bound that its file names, and comes to a verdict
// before it has read kMostBytes. Over UDP and ICMP each Feed is one datagram, and each output one.
// Invariants: a verdict is final, and nothing that comes after it changes anything; output may
// still be there then (a QUIT), and is to be sent. Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/health/prober.h"

namespace fairlead::control {

class Dialogue {
 public:
  enum class State : uint8_t { kOpen, kGood, kBad, kAgainOverTcp };
  static constexpr size_t kMostBytes = 2u << 20;

  virtual ~Dialogue() = default;

  void Begin() { OnBegin(); }
  void Feed(std::string_view bytes);
  // The server has closed its side.
  void End();
  // The timeout has come.
  void Silence();

  // What is to be sent now; empty after it has been taken.
  std::string TakeOutput() {
    is_empty_datagram_ = false;
    return std::exchange(output_, {});
  }
  [[nodiscard]] bool has_output() const { return !output_.empty() || is_empty_datagram_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool is_over() const { return state_ != State::kOpen; }
  // What the server has said, or what is wrong with it: "HTTP 503", "SMTP 554 …".
  [[nodiscard]] const std::string& detail() const { return detail_; }
  [[nodiscard]] const std::optional<AgentWords>& agent() const { return agent_; }
  [[nodiscard]] bool has_heard() const { return heard_bytes_ > 0; }

  // Whether the client ends its side once all is said. Not over HTTP, where a server may take it
  // for a client that has lost interest.
  [[nodiscard]] virtual bool ends_its_side() const { return true; }

 protected:
  virtual void OnBegin() {}
  virtual void OnBytes(std::string_view bytes) = 0;
  // No verdict: "closed without an answer", or before the end of it.
  virtual void OnEnd() {}
  // No verdict: the server has not answered in time.
  virtual void OnSilence() {}

  void Send(std::string_view bytes) { output_.append(bytes); }
  void SendEmptyDatagram() { is_empty_datagram_ = true; }
  void Accept(std::string detail) { Judge(State::kGood, std::move(detail)); }
  void Reject(std::string detail) { Judge(State::kBad, std::move(detail)); }
  void AskAgainOverTcp() { Judge(State::kAgainOverTcp, {}); }
  void set_agent(const AgentWords& agent) { agent_ = agent; }

 private:
  void Judge(State state, std::string detail);

  std::string output_;
  std::string detail_;
  std::optional<AgentWords> agent_;
  size_t heard_bytes_ = 0;
  State state_ = State::kOpen;
  bool is_empty_datagram_ = false;
};

// What a server has said, fit for a line of a log: quoted, 80 bytes at most, nothing unprintable.
std::string Quoted(std::string_view text);

}  // namespace fairlead::control
