// One connection to the socket of ipvs: records in, one at a time, and every answer to what is in
// one before the next. Used by server.cc.
//
//   Sessions sessions(dispatcher);
//   Session::Begin(sessions, budget, std::move(socket), peer);
//
// Threads: the io_context's one thread. Invariants: a session lives as long as an operation on it,
// or a request of it, is outstanding; the bytes of a record stay where they are until everything in
// it is answered.
#pragma once

#include <boost/asio/generic/seq_packet_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <set>

#include "control/api/ipvs/dispatcher.h"
#include "control/api/session_budget.h"

namespace fairlead::ipvs {

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::generic::seq_packet_protocol::socket;

  // What sessions have in common.
  struct Shared {
    explicit Shared(Dispatcher& d) : dispatcher(d) {}
    Dispatcher& dispatcher;
    api::SessionBudget budget;
    std::set<Session*> open;
  };

  static void Begin(std::shared_ptr<Shared> shared, Socket socket, Peer peer);
  Session(std::shared_ptr<Shared> shared, Socket socket, Peer peer);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Close();

 private:
  void Read();
  void OnRead(boost::system::error_code ec, size_t bytes, int flags);
  // The next message of the record; at its end the next record.
  void HandleNext();
  void Pump();
  void OnAnswer(Record record, bool is_last);
  void Write(Record record, bool is_last);
  void WatchForStall();

  const std::shared_ptr<Shared> shared_;
  Socket socket_;
  const Peer peer_;
  api::Seat seat_;
  boost::asio::steady_timer stall_;
  std::vector<uint8_t> record_;
  std::optional<RecordReader> reader_;
  std::unique_ptr<Answer> answer_;
  Record sent_;  // while it is being sent
};

}  // namespace fairlead::ipvs
