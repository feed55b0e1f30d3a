// What a master sends for the packets of a case, against what the kernel sent. For sync_replay.cc
// alone.
#pragma once

#include "sync_case.h"

namespace fairlead::sync {

class SentCase : public SyncCase {
 public:
  using SyncCase::SyncCase;

 protected:
  void CompareSent(const json::object& step, double at) {
    if (Is("s1l")) {
      AdvanceTo(at);
      return Use(kLateStart);
    }
    PlayUnrecorded(number_ - 1);
    has_packets_ = has_played_ = false;
    std::vector<SyncEntry> expected[2], ours[2];
    for (const json::value& item : step.at("datagrams").as_array()) {
      const json::object& datagram = item.as_object();
      const bool is_second = IsSecond(TextOf(datagram, "link"));
      const Bytes payload = FromHex(TextOf(datagram, "payload"));
      for (const SyncEntry& e : EntriesOf(payload)) expected[is_second].push_back(e);
      // The other director hears it when it was sent.
      AdvanceTo(NumberOf(datagram.at("at")));
      bed(!is_second).Hear(payload);
    }
    AdvanceTo(at);
    for (const bool is_second : {false, true}) {
      for (const SentDatagram& datagram : bed(is_second).TakeDatagrams()) {
        for (const SyncEntry& e : EntriesOf(datagram.payload)) ours[is_second].push_back(e);
      }
      CompareEntries(ours[is_second], expected[is_second]);
    }
  }

  // From the step at `index` on: if there are no packets before the next sync-out, those that lead
  // to what it shows.
  void PlayUnrecorded(size_t index) {
    if (has_packets_ || has_played_ || !bed(false).has_master()) return;
    const json::array& steps = case_.at("steps").as_array();
    for (; index < steps.size(); ++index) {
      const json::object& step = steps[index].as_object();
      const std::string op = TextOf(step, "op");
      if (op == "packet" || op == "sync-in") return;
      if (op != "sync-out") continue;
      has_played_ = true;
      for (const json::value& item : step.at("datagrams").as_array()) {
        const json::object& datagram = item.as_object();
        for (const SyncEntry& entry : EntriesOf(FromHex(TextOf(datagram, "payload")))) {
          if (!entry.is_template()) PlayTo(bed(IsSecond(TextOf(datagram, "link"))), entry);
        }
      }
      return;
    }
  }

  // Packets of the entry's connection until it is in that state and has been sent.
  void PlayTo(SyncBed& in, const SyncEntry& entry) {
    Use(kUnrecorded);
    const bool is_udp = entry.protocol == kProtocolUdp;
    const bool is_nat = entry.method_number() == 0;
    const auto client = [&](uint8_t flags) {
      in.Packet("client", is_udp ? Udp(entry.client, entry.client_port, entry.virtual_address,
                                       entry.virtual_port)
                                 : Tcp(entry.client, entry.client_port, entry.virtual_address,
                                       entry.virtual_port, flags));
    };
    const auto server = [&](uint8_t flags) {
      in.Packet("server", Tcp(entry.real, entry.real_port, entry.client, entry.client_port, flags));
    };
    const uint64_t before = in.connections_sent();
    bool is_known = false;
    for (const BedRow& row : in.Table()) {
      is_known |= row.name.find(Endpoint{entry.client, entry.client_port}.ToString() + " ") !=
                  std::string::npos;
    }
    if (!is_known) {
      client(kTcpSyn);
      if (is_nat && !is_udp) server(kTcpSyn | kTcpAck);
    }
    if (entry.state == 7) return client(kTcpFin | kTcpAck);
    if (entry.state == 5) {
      server(kTcpFin | kTcpAck);
      return client(kTcpAck);
    }
    for (int i = 0; i < 60 && in.connections_sent() == before; ++i) client(kTcpAck);
  }
  void CompareEntries(const std::vector<SyncEntry>& ours, const std::vector<SyncEntry>& expected) {
    if (Is("s2g")) return Use(kNoFtp);
    if (Is("s3k3") && workers_ > 1) return Use(kCursors);
    CompareLists(ConnectionsOf(ours), ConnectionsOf(expected));
    const auto sent = TemplatesOf(ours), recorded = TemplatesOf(expected);
    said_.insert(sent.begin(), sent.end());
    if (sent == recorded) return Expect(true, "");
    Use(kTemplatesOnChange);
    if (recorded.empty()) return Expect(sent.empty(), "sent a template");
    // Each that is sent is one that the kernel sent too, and its last word is said, now or before.
    // Version 0 tells of a template with its connection only, so of none that is new.
    const std::set<std::string> known(recorded.begin(), recorded.end());
    for (const std::string& line : sent) {
      const bool is_new = Is("s1e") && line.find("state 0") != std::string::npos;
      Expect(is_new || known.contains(line), "sent " + line);
    }
    Expect(said_.contains(recorded.back()), "never sent " + recorded.back());
  }

  std::vector<std::string> ConnectionsOf(const std::vector<SyncEntry>& entries) {
    std::vector<std::string> lines;
    for (SyncEntry entry : entries) {
      if (entry.is_template()) continue;
      if (Is("s2h") && entry.mark != 0) {
        entry.mark = 0;
        Use(kNoMark);
      }
      lines.push_back(LineOf(entry));
    }
    return lines;
  }
  static std::vector<std::string> TemplatesOf(const std::vector<SyncEntry>& entries) {
    std::vector<std::string> lines;
    for (const SyncEntry& entry : entries) {
      if (entry.is_template()) lines.push_back(LineOf(entry));
    }
    return lines;
  }

  void CompareLists(const std::vector<std::string>& ours,
                    const std::vector<std::string>& expected) {
    Expect(ours.size() == expected.size(), "sent " + std::to_string(ours.size()) +
                                               " connections, expected " +
                                               std::to_string(expected.size()));
    for (size_t i = 0; i < std::min(ours.size(), expected.size()); ++i) {
      Expect(ours[i] == expected[i], "sent \"" + ours[i] + "\", expected \"" + expected[i] + "\"");
    }
  }

  // One flow, a packet every `gap` seconds: what is sent, and in which datagrams' seconds.
  void PlayFlow(const json::object& step, double at) {
    const bool is_udp = TextOf(step, "proto") == "udp";
    const double first = NumberOf(step.at("first"));
    const auto packets = step.at("packets").to_number<int>();
    // As long as it took, of which the last 3.2 s were silence: the gap is a little longer than it
    // was to be.
    const double gap = (at - 3.2 - first) / packets;
    const auto port = step.at("port").to_number<uint16_t>();
    for (int i = 0; i < packets; ++i) {
      AdvanceTo(first + i * gap);
      const uint8_t flags = i == 0 ? kTcpSyn : kTcpAck;
      bed(false).Packet("client", is_udp ? UdpFrom(port, 53) : TcpFrom(port, 80, flags));
    }
    AdvanceTo(at);
    std::vector<SyncEntry> ours, expected;
    std::vector<double> sent_at, recorded_at;
    for (const SentDatagram& datagram : bed(false).TakeDatagrams()) {
      const auto entries = EntriesOf(datagram.payload);
      ours.insert(ours.end(), entries.begin(), entries.end());
      for (const SyncEntry& e : entries) {
        if (!e.is_template()) sent_at.push_back(datagram.at);
      }
    }
    for (const json::value& item : step.at("datagrams").as_array()) {
      const auto entries = EntriesOf(FromHex(TextOf(item.as_object(), "payload")));
      expected.insert(expected.end(), entries.begin(), entries.end());
      for (const SyncEntry& e : entries) {
        if (!e.is_template()) recorded_at.push_back(NumberOf(item.as_object().at("at")));
      }
    }
    CompareEntries(ours, expected);
    for (size_t i = 0; i < std::min(sent_at.size(), recorded_at.size()); ++i) {
      const double later = recorded_at[i] - sent_at[i];
      // Each waits for others, there 2 to 3.1 s from the first of a datagram on, here 2 to 2.5.
      Expect(later > -2.5 && later < 3.1, "sent at " + std::to_string(sent_at[i]) +
                                              " s, expected at " + std::to_string(recorded_at[i]));
    }
  }

  // For each k a fresh connection gets the first k events.
  void PlayPrefixes(const json::object& step) {
    const json::array& events = step.at("events").as_array();
    const bool is_udp = step.at("proto").to_number<int>() == kProtocolUdp;
    const auto first = step.at("first_port").to_number<uint16_t>();
    const uint16_t service =
        step.contains("vp") ? step.at("vp").to_number<uint16_t>() : uint16_t{80};
    for (size_t k = 1; k <= events.size(); ++k) {
      const auto port = static_cast<uint16_t>(first + k - 1);
      for (size_t i = 0; i < k; ++i)
        PlayEvent(std::string(events[i].as_string()), is_udp, port, service);
    }
    AdvanceTo(bed(false).now() + 2.5);
    std::map<uint16_t, std::vector<std::string>> sent;
    for (const SentDatagram& datagram : bed(false).TakeDatagrams()) {
      for (const SyncEntry& e : EntriesOf(datagram.payload)) {
        if (!e.is_template()) sent[e.client_port.host()].push_back(ShortOf(e));
      }
    }
    for (size_t k = 1; k <= events.size(); ++k) {
      std::vector<std::string> expected;
      for (const json::value& item : step.at("sent").at(std::to_string(k)).as_array()) {
        const json::array& triple = item.as_array();
        const std::string state =
            triple[0].is_string() ? std::string(triple[0].as_string()) : json::serialize(triple[0]);
        expected.push_back(state + " " + std::string(triple[1].as_string()) + " " +
                           (triple[2].is_null() ? "0" : json::serialize(triple[2])));
      }
      const auto& ours = sent[static_cast<uint16_t>(first + k - 1)];
      std::string sentence = "after " + std::to_string(k) + " packets sent";
      for (const auto& line : ours) sentence += " [" + line + "]";
      sentence += ", expected";
      for (const auto& line : expected) sentence += " [" + line + "]";
      Expect(ours == expected, sentence);
    }
  }

  void PlayEvent(const std::string& event, bool is_udp, uint16_t port, uint16_t service) {
    const bool is_in = event.starts_with("in:");
    const std::string letters = event.substr(event.find(':') + 1);
    uint8_t flags = 0;
    for (const char letter : letters) {
      flags = static_cast<uint8_t>(flags | (letter == 'S'   ? kTcpSyn
                                            : letter == 'A' ? kTcpAck
                                            : letter == 'F' ? kTcpFin
                                            : letter == 'R' ? kTcpRst
                                                            : 0));
    }
    if (is_in) {
      bed(false).Packet("client", is_udp ? UdpFrom(port, service) : TcpFrom(port, service, flags));
    } else {
      bed(false).Packet("server", is_udp ? UdpBack(port, service) : TcpBack(port, service, flags));
    }
  }

  static constexpr uint8_t kTcpFin = 1, kTcpSyn = 2, kTcpRst = 4, kTcpAck = 16;
};

}  // namespace fairlead::sync
