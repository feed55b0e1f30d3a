// What a kernel director sends is in the tables of the workers, and its connections go on here.
#include <gtest/gtest.h>

#include "byte_director.h"
#include "control/sync/intake.h"
#include "dataplane/tables/transport_state.h"
#include "dataplane/worker/commands.h"
#include "sync/ipvs/datagram_writer.h"

namespace fairlead::sync::take_in_test {
namespace {

using namespace fairlead::dataplane;
using control::Intake;

constexpr const char* kVip = "192.0.2.10";
constexpr const char* kClient = "198.51.100.7";

IpAddress Address(const std::string& text) { return *IpAddress::Parse(text); }

SyncEntry Entry(const std::string& client, uint16_t port, const std::string& real) {
  SyncEntry entry;
  entry.protocol = sync::kProtocolTcp;
  entry.state = static_cast<uint16_t>(TcpState::kEstablished);
  entry.client = Address(client);
  entry.virtual_address = Address(kVip);
  entry.real = Address(real);
  entry.client_port = Be16::FromHost(port);
  entry.virtual_port = entry.real_port = Be16::FromHost(80);
  entry.timeout_seconds = 900;
  return entry;
}

SyncEntry Template(const std::string& client, const std::string& real, uint32_t seconds = 300) {
  SyncEntry entry = Entry(client, 0, real);
  entry.Set(SyncFlag::kTemplate);
  entry.state = 1;
  entry.timeout_seconds = seconds;
  return entry;
}

SyncEntry In(SyncEntry entry, TcpState state, uint32_t seconds) {
  entry.state = static_cast<uint16_t>(state);
  if (!IsActive(state)) entry.Set(SyncFlag::kInactive);
  entry.timeout_seconds = seconds;
  return entry;
}

class TakeIn : public testing::TestWithParam<size_t> {
 protected:
  TakeIn()
      : d({.workers = GetParam()}),
        intake(GetParam(), [this](size_t w, Command* c) { out.emplace_back(w, c); }) {}

  ServiceId Service(const ServiceSpec& spec, ForwardMethod method = ForwardMethod::kNat) {
    const ServiceId id = d.AddService(spec);
    r1 = d.AddReal(id, "10.0.0.11", 80, {.method = method});
    r2 = d.AddReal(id, "10.0.0.12", 80, {.method = method});
    d.Publish();
    return id;
  }

  void Take(const std::vector<SyncEntry>& entries) {
    DatagramWriter writer({.syncid = 7});
    for (const SyncEntry& entry : entries) {
      if (!writer.Fits(entry)) Give(writer.Take());
      writer.Add(entry);
    }
    Give(writer.Take());
    Run();
  }
  void Give(std::span<const uint8_t> payload) {
    if (!intake.HasRoom()) Run();
    intake.Add(payload);
  }
  void Run() {
    intake.Turn();
    while (!out.empty()) {
      const auto [worker, command] = out.front();
      out.erase(out.begin());
      d.RunCommand(worker, command);
      intake.TakeBack(worker);
    }
    d.Settle();
    EXPECT_TRUE(intake.is_idle());
  }

  // "client:port real state active 900 s" of every connection, sorted.
  std::vector<std::string> Connections() {
    std::vector<std::string> rows;
    for (size_t w = 0; w < d.worker_count(); ++w) {
      ListConnections list;
      list.limit = 5000;
      list.rows.reserve(5000);
      d.RunCommand(w, &list);
      EXPECT_TRUE(list.is_complete);
      for (const ConnectionRow& row : list.rows) {
        const bool is_inactive = (row.flags & FlagMask(ConnectionFlag::kInactive)) != 0;
        rows.push_back(
            row.client.ToString() + " " + row.real_endpoint.ToString() + " " +
            std::string(dataplane::NameOf(static_cast<Transport>(row.protocol), row.state)) +
            (is_inactive ? " inactive " : " active ") + std::to_string(row.remaining / 100) + " s");
      }
    }
    std::ranges::sort(rows);
    return rows;
  }
  std::vector<std::string> Templates() {
    std::vector<std::string> rows;
    for (size_t w = 0; w < d.worker_count(); ++w) {
      ListTemplates list;
      list.limit = 5000;
      list.rows.reserve(5000);
      d.RunCommand(w, &list);
      for (const TemplateRow& row : list.rows) {
        rows.push_back(row.client.ToString() + " " + d.real(row.real).address.ToString() +
                       (row.is_assured ? " assured " : " new ") +
                       std::to_string(row.remaining / 100) + " s children " +
                       std::to_string(row.children));
      }
    }
    std::ranges::sort(rows);
    return rows;
  }
  std::string Load(RealId real) {
    const sched::Load load = d.fabric().loads.Sum(real);
    return std::to_string(load.active) + "/" + std::to_string(load.inactive) + "/" +
           std::to_string(load.templates);
  }
  [[nodiscard]] uint64_t Fault(SyncFault fault) const {
    return intake.counts().faults[static_cast<size_t>(fault)];
  }
  std::string SendOne(const Frame& frame, PortId port = kOutside) {
    const auto sent = d.Send(port, frame);
    return sent.size() == 1 ? Text(sent[0].frame) : std::to_string(sent.size()) + " packets";
  }

  ByteDirector d;
  RealId r1, r2;
  std::vector<std::pair<size_t, Command*>> out;
  Intake intake;
};

INSTANTIATE_TEST_SUITE_P(Workers, TakeIn, testing::Values(1, 3));

TEST_P(TakeIn, AConnectionGoesOnHere) {
  Service({});
  Take({Entry(kClient, 1234, "10.0.0.12")});
  EXPECT_EQ(Connections(),
            std::vector<std::string>{"198.51.100.7:1234 10.0.0.12:80 ESTABLISHED active 900 s"});
  EXPECT_EQ(Load(r1) + " " + Load(r2), "0/0/0 1/0/0");
  // Neither a SYN nor a packet before: it is forwarded, and so is the reply.
  EXPECT_EQ(SendOne(Tcp(kClient, 1234, kVip, 80, kTcpAck)),
            "10.0.0.12:80 <- 198.51.100.7:1234 TCP A ttl 63");
  EXPECT_EQ(SendOne(Tcp("10.0.0.12", 80, kClient, 1234, kTcpAck), kInside),
            "198.51.100.7:1234 <- 192.0.2.10:80 TCP A ttl 63");
  EXPECT_EQ(d.fabric().stats.SumTraffic(r2).connections, 0u);  // made elsewhere
  EXPECT_EQ(intake.counts().connections, 1u);
}

TEST_P(TakeIn, TheLocalMethodWins) {
  Service({}, ForwardMethod::kDr);
  SyncEntry entry = Entry(kClient, 1234, "10.0.0.11");  // as a NAT director says it
  Take({entry});
  EXPECT_EQ(SendOne(Tcp(kClient, 1234, kVip, 80, kTcpAck)),
            "192.0.2.10:80 <- 198.51.100.7:1234 TCP A ttl 63");
}

TEST_P(TakeIn, StateAndTimeFollow) {
  Service({});
  const SyncEntry entry = Entry(kClient, 1234, "10.0.0.11");
  Take({entry});
  Take({In(entry, TcpState::kFinWait, 120)});
  EXPECT_EQ(Connections(),
            std::vector<std::string>{"198.51.100.7:1234 10.0.0.11:80 FIN_WAIT inactive 120 s"});
  EXPECT_EQ(Load(r1), "0/1/0");
  Take({entry});
  EXPECT_EQ(Load(r1), "1/0/0");
  // Version 0 says no time: this director's own.
  Take({In(entry, TcpState::kClose, 0)});
  EXPECT_EQ(Connections(),
            std::vector<std::string>{"198.51.100.7:1234 10.0.0.11:80 CLOSE inactive 10 s"});
  d.Advance(11);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

TEST_P(TakeIn, NoTimeIsLongerThanTheLongest) {
  Service({});
  SyncEntry entry = Entry(kClient, 1234, "10.0.0.11");
  entry.timeout_seconds = 0xffff'ffff;
  Take({entry});
  EXPECT_EQ(Connections(), std::vector<std::string>{
                               "198.51.100.7:1234 10.0.0.11:80 ESTABLISHED active 2678400 s"});
}

TEST_P(TakeIn, TheLaterMessageWinsUnlessItIsInactive) {
  Service({});
  d.Send(kOutside, Tcp(kClient, 1234, kVip, 80, kTcpSyn));
  const std::string first = Connections().at(0);
  const bool is_first = first.find("10.0.0.11") != std::string::npos;
  const std::string other = is_first ? "10.0.0.12" : "10.0.0.11";
  Take({In(Entry(kClient, 1234, other), TcpState::kTimeWait, 120)});
  EXPECT_EQ(Connections().at(0), first);
  EXPECT_EQ(Fault(SyncFault::kOtherReal), 1u);
  Take({Entry(kClient, 1234, other)});
  EXPECT_EQ(Connections(), std::vector<std::string>{"198.51.100.7:1234 " + other +
                                                    ":80 ESTABLISHED active 900 s"});
  EXPECT_EQ(Load(is_first ? r1 : r2) + " " + Load(is_first ? r2 : r1), "0/0/0 1/0/0");
}

TEST_P(TakeIn, ATemplateKeepsTheClient) {
  Service({.persistence_seconds = 300});
  Take({Template(kClient, "10.0.0.12", 60)});
  EXPECT_EQ(Templates(),
            std::vector<std::string>{"198.51.100.7 10.0.0.12 assured 60 s children 0"});
  for (uint16_t port = 2000; port < 2005; ++port) {
    EXPECT_EQ(SendOne(Tcp(kClient, port, kVip, 80, kTcpSyn)).substr(0, 12), "10.0.0.12:80");
  }
  EXPECT_EQ(Templates(),
            std::vector<std::string>{"198.51.100.7 10.0.0.12 assured 60 s children 5"});
}

TEST_P(TakeIn, ATemplateIsNeverMoved) {
  Service({.persistence_seconds = 300});
  Take({Template(kClient, "10.0.0.12", 60)});
  SyncEntry other = Template(kClient, "10.0.0.11", 30);
  other.state = 0;
  Take({other});
  EXPECT_EQ(Templates(), std::vector<std::string>{"198.51.100.7 10.0.0.12 new 30 s children 0"});
  EXPECT_EQ(Load(r1) + " " + Load(r2), "0/0/0 0/0/1");
}

TEST_P(TakeIn, AConnectionIsItsTemplatesChild) {
  Service({.persistence_seconds = 5});
  const SyncEntry connection = Entry(kClient, 1234, "10.0.0.11");
  const SyncEntry its_template = Template(kClient, "10.0.0.11", 5);
  // As a kernel sends them, several times over.
  for (int i = 0; i < 3; ++i) Take({its_template, connection, its_template});
  EXPECT_EQ(Templates(), std::vector<std::string>{"198.51.100.7 10.0.0.11 assured 5 s children 1"});
  d.Advance(7);
  EXPECT_EQ(Templates().size(), 1u);  // in steps of 60 s while it has children
  Take({In(connection, TcpState::kClose, 10)});
  d.Advance(80);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

// A master that sends seldom tells of a connection's beginning and its end in one datagram.
TEST_P(TakeIn, TheLastEntryOfADatagramCounts) {
  Service({.persistence_seconds = 300});
  for (uint16_t port = 1000; port < 1020; ++port) {
    const SyncEntry connection = Entry(kClient, port, "10.0.0.11");
    Take({Template(kClient, "10.0.0.11"), connection, In(connection, TcpState::kClose, 10)});
  }
  EXPECT_EQ(Load(r1), "0/20/1");
  EXPECT_EQ(Templates(),
            std::vector<std::string>{"198.51.100.7 10.0.0.11 assured 300 s children 20"});
  EXPECT_EQ(Fault(SyncFault::kOtherReal), 0u);
}

TEST_P(TakeIn, AConnectionOfAnotherRealThanItsTemplateIsNoChild) {
  Service({.persistence_seconds = 300});
  Take({Template(kClient, "10.0.0.12"), Entry(kClient, 1234, "10.0.0.11")});
  EXPECT_EQ(Templates(),
            std::vector<std::string>{"198.51.100.7 10.0.0.12 assured 300 s children 0"});
  EXPECT_EQ(Connections().size(), 1u);
}

TEST_P(TakeIn, ManyClientsAndNothingLeaks) {
  Service({.persistence_seconds = 20});
  std::vector<SyncEntry> entries;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200; ++i) {
      const std::string client =
          "198.51." + std::to_string(i / 100) + "." + std::to_string(i % 100 + 1);
      const std::string real = i % 2 == 0 ? "10.0.0.11" : "10.0.0.12";
      entries.push_back(Template(client, real, 20));
      entries.push_back(
          In(Entry(client, static_cast<uint16_t>(1024 + i), real), TcpState::kEstablished, 30));
    }
  }
  Take(entries);
  EXPECT_EQ(intake.counts().connections, 400u);
  EXPECT_EQ(intake.counts().templates, 400u);
  EXPECT_EQ(Connections().size(), 200u);
  const auto templates = Templates();
  EXPECT_EQ(templates.size(), 200u);
  for (const std::string& row : templates)
    EXPECT_NE(row.find("children 1"), std::string::npos) << row;
  EXPECT_EQ(Load(r1) + " " + Load(r2), "100/0/100 100/0/100");
  d.Advance(31);
  d.Advance(90);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

TEST_P(TakeIn, AMarksTemplateAndConnection) {
  const ServiceId id = d.AddService(
      {.address = "0.0.0.0", .port = 0, .protocol = 0, .mark = 5, .persistence_seconds = 60});
  r1 = d.AddReal(id, "10.0.0.11", 0, {.method = ForwardMethod::kDr});
  r2 = d.AddReal(id, "10.0.0.12", 0, {.method = ForwardMethod::kDr});
  d.Publish();
  SyncEntry of_mark = Template(kClient, "10.0.0.12", 60);
  of_mark.protocol = 0;
  of_mark.virtual_address = Address("0.0.0.5");
  of_mark.virtual_port = of_mark.real_port = Be16{};
  of_mark.mark = 5;
  SyncEntry connection = Entry(kClient, 1234, "10.0.0.12");
  connection.mark = 5;
  Take({of_mark, connection});
  EXPECT_EQ(Templates(),
            std::vector<std::string>{"198.51.100.7 10.0.0.12 assured 60 s children 1"});
  // No rule gives the mark here, so only the connection's owner knows where its packets go.
  const WorkerId owner =
      d.fabric().steering.ConnectionOwner(Address(kClient).v4(), Be16::FromHost(1234));
  const auto sent = d.SendAt(owner.index(), kOutside, Tcp(kClient, 1234, kVip, 80, kTcpAck));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Text(sent[0].frame), "192.0.2.10:80 <- 198.51.100.7:1234 TCP A ttl 63");
}

TEST_P(TakeIn, WhatCannotBeIsRefusedByName) {
  Service({});
  SyncEntry entry = Entry(kClient, 1234, "10.0.0.11");
  std::vector<SyncEntry> bad(8, entry);
  bad[0].protocol = kProtocolSctp;
  bad[1].client = Address("192.0.2.2");  // of this director
  bad[2].client = Address("224.0.0.1");
  bad[3].virtual_port = Be16::FromHost(81);
  bad[4].real = Address("10.0.0.99");
  bad[5].real_port = Be16::FromHost(8080);
  bad[6] = Template(kClient, "10.0.0.11");
  bad[7].virtual_address = Address("203.0.113.1");
  Take(bad);
  EXPECT_EQ(Connections().size() + Templates().size(), 0u);
  EXPECT_EQ(Fault(SyncFault::kTransport), 1u);
  EXPECT_EQ(Fault(SyncFault::kClient), 2u);
  EXPECT_EQ(Fault(SyncFault::kService), 2u);
  EXPECT_EQ(Fault(SyncFault::kReal), 2u);
  EXPECT_EQ(Fault(SyncFault::kNotPersistent), 1u);
  EXPECT_EQ(d.CheckNothingLeft(), "");
}

TEST_P(TakeIn, AFullTableRefusesAndGoesOn) {
  Service({});
  std::vector<SyncEntry> entries;
  for (int i = 0; i < 20; ++i) {  // sixteen of one client endpoint are the most
    SyncEntry entry = Entry(kClient, 1234, "10.0.0.11");
    entry.virtual_address = Address("192.0.2." + std::to_string(100 + i));
    entries.push_back(entry);
  }
  for (int i = 0; i < 20; ++i) {
    const ServiceId id = d.AddService({.address = "192.0.2." + std::to_string(100 + i)});
    d.AddReal(id, "10.0.0.11", 80);
  }
  d.Publish();
  entries.push_back(Entry("198.51.100.8", 1234, "10.0.0.11"));
  Take(entries);
  EXPECT_EQ(Fault(SyncFault::kTableFull), 4u);
  EXPECT_EQ(Connections().size(), 17u);
}

TEST_P(TakeIn, Ipv6) {
  const ServiceId id = d.AddService({.address = "2001:db8::10", .port = 80});
  r1 = d.AddReal(id, "fd00::11", 80);
  d.Publish();
  SyncEntry entry = Entry(kClient, 1234, "10.0.0.11");
  entry.client = Address("2001:db8:1::7");
  entry.virtual_address = Address("2001:db8::10");
  entry.real = Address("fd00::11");
  Take({entry});
  EXPECT_EQ(Connections(), std::vector<std::string>{
                               "[2001:db8:1::7]:1234 [fd00::11]:80 ESTABLISHED active 900 s"});
}

TEST_P(TakeIn, ABatchIsBoundedInBytesToo) {
  Service({});
  DatagramWriter writer({});
  writer.Add(Entry(kClient, 1234, "10.0.0.11"));
  const std::span<const uint8_t> small = writer.Take();
  std::vector<uint8_t> large(small.begin(), small.end());
  large.resize(65507);  // zeros behind the entry
  large[2] = 65507 >> 8;
  large[3] = 65507 & 0xff;
  size_t held = 0;
  for (; held < 100 && intake.HasRoom(); ++held) intake.Add(large);
  EXPECT_EQ(held, 64u);  // 4 MiB
  EXPECT_EQ(intake.counts().entries, 64u);
  Run();
  EXPECT_TRUE(intake.HasRoom());
}

TEST_P(TakeIn, AListSaysWhatCameFromAPeer) {
  Service({});
  Take({Entry(kClient, 1234, "10.0.0.12")});
  size_t found = 0;
  for (size_t w = 0; w < d.worker_count(); ++w) {
    ListConnections list;
    list.limit = 10;
    list.rows.reserve(10);
    d.RunCommand(w, &list);
    for (const ConnectionRow& row : list.rows) {
      ++found;
      EXPECT_NE(row.flags & FlagMask(ConnectionFlag::kFromSync), 0);
    }
  }
  EXPECT_EQ(found, 1u);
}

// A slice at a time, whatever comes. Only the owner looks at the real servers.
TEST_P(TakeIn, AWorkersTurnIsBounded) {
  const ServiceId id = d.AddService({});
  for (int i = 0; i < 1000; ++i) {
    d.AddReal(id, "10.0." + std::to_string(1 + i / 200) + "." + std::to_string(1 + i % 200), 80);
  }
  d.Publish();
  std::vector<SyncEntry> entries(100, Entry(kClient, 1, "10.0.0.99"));
  DatagramWriter writer({.most_bytes = 65507});
  for (const SyncEntry& entry : entries) writer.Add(entry);
  intake.Add(writer.Take());
  intake.Turn();
  const WorkerId owner =
      d.fabric().steering.ConnectionOwner(Address(kClient).v4(), Be16::FromHost(1));
  size_t turns = 0;
  while (!out.empty()) {
    const auto [worker, command] = out.front();
    out.erase(out.begin());
    const size_t before = static_cast<TakeSyncEntries*>(command)->next;
    d.RunCommand(worker, command);
    const size_t done = static_cast<TakeSyncEntries*>(command)->next - before;
    EXPECT_LE(done, worker == owner.index() ? 5u : 100u);
    intake.TakeBack(worker);
    ++turns;
  }
  EXPECT_GE(turns, 20u + d.worker_count() - 1);
  EXPECT_LE(turns, 26u + d.worker_count() - 1);
  EXPECT_EQ(Fault(SyncFault::kReal), 100u);
}

}  // namespace
}  // namespace fairlead::sync::take_in_test
