// A whole director on bytes with the real control path: a fabric, workers, control::Director, the
// routes of the API; time and frames are given by hand.
//
//   GoldenDirector director({.virtual_addresses = {vip}});
//   director.Receive(kOutside, frame);
//   for (Sent& sent : director.TakeSent()) …
//   director.Ipvsadm("-A -t 10.100.0.1:80 -s rr");        // as `fairlead ipvsadm` does it
//   director.AdvanceTo(5.17);
//
// Network: port outside has 10.6.0.1/24 and fd06::1/64, a router behind it leads to the clients
// (10.9/16, 10.8/16, fd09::/16); port inside has 10.1.0.1/24, fd01::1/64 and 10.7.255.254/16, where
// the real servers are. The virtual addresses are addresses of the outside port as well, as those
// of the recorded director were: there with or without a service. Threads: one.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "control/api/busy_meter.h"
#include "control/api/context.h"
#include "control/api/ipvs/dispatcher.h"
#include "control/api/pulse.h"
#include "control/api/router.h"
#include "control/api/worker_client.h"
#include "control/director.h"
#include "dataplane/worker/worker.h"

namespace fairlead::golden {

using Frame = std::vector<uint8_t>;

inline constexpr PortId kOutside{0};
inline constexpr PortId kInside{1};
inline constexpr const char* kRouter4 = "10.6.0.2";
inline constexpr const char* kRouter6 = "fd06::2";

MacAddress PortMac(PortId port);

struct Sent {
  PortId port;
  Frame frame;
};

struct MarkRule {
  std::string protocol, destination;
  std::vector<uint16_t> ports;
  uint32_t mark = 0;
};

// What a command line gave.
struct CommandResult {
  std::string out, err;
  int exit_code = 0;
};

// One row of the connection table, as `ipvsadm -Lcn` shows it.
struct TableRow {
  std::string protocol, source, virtual_endpoint, destination, state;
  int64_t expires = 0;  // whole seconds

  // Which connection or template: all but state and time.
  [[nodiscard]] std::string Name() const;
  // All but the time.
  [[nodiscard]] std::string Key() const;
  [[nodiscard]] std::string ToString() const;
};

// As rules of the configuration. Throws std::invalid_argument.
std::vector<control::ClassifierRule> RulesOf(const std::vector<MarkRule>& rules);

struct GoldenSpec {
  size_t workers = 1;
  bool is_through_netlink = false;  // how ipvsadm speaks to it; else through the routes of the API
  std::vector<IpAddress> virtual_addresses{};
  std::vector<MarkRule> rules{};  // newest first
  // Ports `outside` and `inside`, and routes, as in the file. Empty: the network above, and no
  // packets to make, which the hosts of those recordings do not miss.
  std::string network{};
  uint16_t inside_mtu = 1500;
};

class GoldenDirector {
 public:
  explicit GoldenDirector(const GoldenSpec& spec);
  ~GoldenDirector();

  // One frame in; what comes out waits in TakeSent.
  void Receive(PortId port, const Frame& frame);
  std::vector<Sent> TakeSent();
  // Seconds of the case. `at_step` runs after each step of 10 ms.
  void AdvanceTo(double seconds, const std::function<void(double)>& at_step);
  [[nodiscard]] double now() const;

  // ---- what an operator does
  CommandResult Ipvsadm(const std::string& arguments);
  // net.ipv4.vs.KEY. Throws std::runtime_error with the director's sentence when it refuses.
  void SetSysctl(const std::string& key, const std::string& value);
  // The classifier rules from now on, newest first: a reload of the configuration in force with
  // them.
  void SetRules(const std::vector<MarkRule>& rules);
  // The records that the dispatcher of ipvs answers to a request.
  std::vector<ipvs::Record> Ask(const ipvs::Record& request);
  // Method, target, body → status, body; through the routes of the API, turning the crank.
  std::pair<int, std::string> Call(const std::string& method, const std::string& target,
                                   const std::string& body);

  // ---- what it looks like
  [[nodiscard]] std::vector<TableRow> Table();
  [[nodiscard]] std::shared_ptr<const control::ControlView> view() const;
  [[nodiscard]] sched::Load LoadOf(RealId real) const;
  // Empty when every packet ended in exactly one column, else what does not add up.
  [[nodiscard]] std::string CheckConservation() const;

 private:
  class Control;
  struct Pool {
    GoldenDirector* owner;
    dataplane::BytePacket* Allocate() noexcept { return owner->NewPacket(); }
  };

  dataplane::BytePacket* NewPacket();
  void TurnWorker(size_t worker, std::span<dataplane::BytePacket* const> burst);
  void Collect(size_t worker, dataplane::Output<dataplane::BytePacket>* out);
  Pool pool_{this};
  // Until nobody has anything left to do at this moment.
  void Settle();
  [[nodiscard]] control::TimePoint time() const;

  std::mt19937 random_{1};
  Tick tick_{1000};
  std::unique_ptr<dataplane::Fabric> fabric_;
  std::vector<std::unique_ptr<dataplane::Worker<dataplane::BytePacket>>> workers_;
  std::vector<std::unique_ptr<dataplane::BytePacket>> packets_;
  std::vector<dataplane::BytePacket*> free_packets_;
  std::vector<Sent> sent_;

  std::unique_ptr<control::Prober> prober_;
  std::unique_ptr<Control> control_;
  std::shared_ptr<boost::asio::io_context> io_;
  std::unique_ptr<api::BusyMeter> busy_;
  std::unique_ptr<api::WorkerClient> api_workers_;
  std::unique_ptr<api::Pulse> pulse_;
  std::unique_ptr<api::Context> context_;  // what the routes refer to
  api::Router router_;
  const bool is_through_netlink_;
  std::unique_ptr<ipvs::Dispatcher> dispatcher_;
};

}  // namespace fairlead::golden
