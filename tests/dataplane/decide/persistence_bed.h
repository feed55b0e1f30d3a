// A ByteDirector with words for persistence: where clients land, which templates there are, pins.
//
//   PersistenceBed bed(4);
//   const ServiceId web = bed.Service({.persistence_seconds = 300});
//   bed.Reals(web, 3);                          // 10.0.0.11 … .13, published
//   EXPECT_EQ(bed.Home("198.51.100.7"), bed.Home("198.51.100.7"));
//
// Every call leaves the rings empty. Tests name workers 1 and more: what they say holds for all.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "byte_director.h"

namespace fairlead::dataplane {

class PersistenceBed {
 public:
  explicit PersistenceBed(size_t workers = 1, uint32_t seed = 1)
      : d({.workers = workers, .templates = 16384, .seed = seed}) {}

  // lc, unless another scheduler is asked for: it counts over all workers, so two clients that come
  // one after the other get two reals whoever decides.
  ServiceId Service(ServiceSpec spec) {
    if (spec.scheduler == sched::Kind::kRr) spec.scheduler = sched::Kind::kLc;
    return d.AddService(spec);
  }
  // 10.0.0.11 and up at the service's port (0 for all ports and marks); publishes.
  std::vector<RealId> Reals(ServiceId service, int count, int first = 11) {
    std::vector<RealId> ids;
    const uint16_t port = d.service(service).port.host();
    for (int i = 0; i < count; ++i) {
      ids.push_back(
          d.AddReal(service, "10.0.0." + std::to_string(first + i), port == 21 ? 21 : port));
    }
    d.Publish();
    return ids;
  }

  // The address of the real that a new connection goes to; what it got instead when there is none.
  std::string Home(const std::string& client, uint16_t port = 80,
                   const std::string& vip = "192.0.2.10", uint8_t protocol = kProtocolTcp) {
    client_port_ = static_cast<uint16_t>(client_port_ == 60000 ? 1024 : client_port_ + 1);
    return HomeFrom(client, client_port_, port, vip, protocol);
  }
  std::string HomeFrom(const std::string& client, uint16_t client_port, uint16_t port = 80,
                       const std::string& vip = "192.0.2.10", uint8_t protocol = kProtocolTcp) {
    const auto sent =
        d.Send(kOutside, protocol == kProtocolTcp ? Tcp(client, client_port, vip, port, kTcpSyn)
                                                  : Udp(client, client_port, vip, port));
    if (sent.empty()) return "nothing";
    const std::string text = Text(sent[0].frame);
    if (sent[0].port != kInside) return "refused";
    return text.substr(0, text.rfind(':', text.find(" <- ")));
  }
  // The client's last connection is over: its entry lives for 10 s more.
  void Reset(const std::string& client, uint16_t port = 80, const std::string& vip = "192.0.2.10") {
    d.Send(kOutside, Tcp(client, client_port_, vip, port, kTcpAck));  // SYN_RECV ignores a RST
    d.Send(kOutside, Tcp(client, client_port_, vip, port, kTcpRst));
  }

  std::vector<TemplateRow> Rows(const RecordFilter& filter = {}) {
    std::vector<TemplateRow> rows;
    for (size_t w = 0; w < d.worker_count(); ++w) {
      ListTemplates list;
      list.filter = filter;
      list.limit = 10'000;
      list.rows.reserve(list.limit);
      do d.RunCommand(w, &list);
      while (!list.is_complete);
      rows.insert(rows.end(), list.rows.begin(), list.rows.end());
    }
    return rows;
  }
  // "tcp 198.51.100.0/24 192.0.2.10:80 -> 10.0.0.11:80", sorted.
  std::vector<std::string> Listing(const RecordFilter& filter = {}) {
    std::vector<std::string> lines;
    for (const TemplateRow& row : Rows(filter)) lines.push_back(Line(row));
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  // Templates pinned over all workers.
  uint32_t Pin(ServiceId service, const std::string& client, RealId real,
               TickCount ttl = kForever) {
    uint32_t pinned = 0;
    for (size_t w = 0; w < d.worker_count(); ++w) {
      PinTemplate pin;
      pin.service = service;
      pin.client = *IpAddress::Parse(client);
      pin.real = real;
      pin.ttl = ttl;
      d.RunCommand(w, &pin);
      EXPECT_FALSE(pin.is_stale);
      pinned += pin.pinned;
    }
    return pinned;
  }
  uint64_t Flush(const RecordFilter& filter = {}) { return Run<FlushTemplates>(filter); }
  uint64_t Retime(const RecordFilter& filter = {}) { return Run<RetimeTemplates>(filter); }

  // A filter by client.
  static RecordFilter Of(const std::string& client) {
    RecordFilter filter;
    filter.has_client = true;
    filter.client = *Prefix::Parse(client);
    return filter;
  }

  // Nothing may leak, whatever was done: quiet time empties every table.
  void ExpectNothingLeft(double quiet_seconds = 2000) {
    EXPECT_EQ(d.CheckConservation(), "");
    d.Advance(quiet_seconds);
    EXPECT_EQ(d.CheckNothingLeft(), "");
  }

  ByteDirector d;

 private:
  template <typename C>
  uint64_t Run(const RecordFilter& filter) {
    uint64_t count = 0;
    for (size_t w = 0; w < d.worker_count(); ++w) {
      C command;
      command.filter = filter;
      do d.RunCommand(w, &command);
      while (!command.is_complete);
      count += command.flushed;
    }
    return count;
  }
  std::string Line(const TemplateRow& row) {
    const RealView& real = d.real(row.real);
    const std::string protocol = row.protocol == 0              ? "ip"
                                 : row.protocol == kProtocolTcp ? "tcp"
                                                                : "udp";
    std::string text = protocol + " " + row.client.ToString();
    if (!row.client_group.is_none()) text = protocol + " group";
    if (row.client_prefix_length != row.client.bit_length() && row.client_group.is_none()) {
      text += "/" + std::to_string(row.client_prefix_length);
    }
    text += " " + (row.service_group.is_none()
                       ? Endpoint{row.virtual_address, row.virtual_port}.ToString()
                       : std::string("group"));
    text += " -> " + Endpoint{real.address, row.real_port}.ToString();
    if (row.is_pinned) text += " pinned";
    if (row.is_invalid) text += " invalid";
    return text;
  }

  uint16_t client_port_ = 1024;
};

// The suite's parameter: the number of workers.
class EveryWorker : public testing::TestWithParam<size_t> {};

}  // namespace fairlead::dataplane
