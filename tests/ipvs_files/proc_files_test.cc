// Files as the socket for ipvs reads them: pieces, workers one after another, and who is silent.
#include "control/api/ipvs/proc_files.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <optional>

#include "control/api/worker_client.h"
#include "control/config/model.h"
#include "fake_director.h"

namespace fairlead::ipvs::proc_files_test {
namespace {

using namespace std::chrono_literals;
using testing::At;
using testing::FakeDirector;

constexpr const char* kConnections = "/proc/net/ip_vs_conn";
constexpr const char* kDropEntry = "/proc/sys/net/ipv4/vs/drop_entry";

class ProcFilesTest : public ::testing::Test {
 protected:
  ~ProcFilesTest() override { workers_.Drain(); }

  struct Reading {
    std::string text;
    size_t pieces = 0, longest = 0;
    int error = 0;
  };

  Reading Read(const std::string& path, size_t most_bytes = 30'000) {
    Reading reading;
    const auto text = files_.Open(path);
    if (text == nullptr) return {.text = "no such file"};
    for (bool is_over = false; !is_over;) {
      bool is_there = false;
      text->Next(most_bytes, [&](FileText::Piece piece) {
        is_there = true;
        is_over = piece.is_last;
        reading.error = piece.error;
        reading.text += piece.text;
        reading.longest = std::max(reading.longest, piece.text.size());
        ++reading.pieces;
      });
      while (!is_there) io_->run_one();
      io_->restart();
    }
    return reading;
  }

  int Write(const std::string& path, const std::string& bytes) {
    std::optional<Fault> fault;
    files_.Write(path, bytes, "ipvs: test", [&](const Fault& ended) { fault = ended; });
    while (!fault) io_->run_one();
    io_->restart();
    why_ = fault->why;
    return fault->number;
  }

  static dataplane::ConnectionRow Connection(uint16_t client_port) {
    dataplane::ConnectionRow row;
    row.protocol = 17;
    row.client = At("10.9.0.1:1");
    row.client.port = Be16::FromHost(client_port);
    row.virtual_endpoint = At("10.100.0.1:53");
    row.real_endpoint = At("10.1.0.14:53");
    row.remaining = TicksFromSeconds(300);
    return row;
  }

  FakeDirector director_;
  std::shared_ptr<boost::asio::io_context> io_ = std::make_shared<boost::asio::io_context>();
  api::WorkerClient workers_{*io_, director_.fabric(), 50ms};
  ProcFiles files_{io_, director_, workers_};
  std::string why_;  // the last write was refused
};

TEST_F(ProcFilesTest, TheTableOfServices) {
  const std::string expected =
      "IP Virtual Server version 1.2.1 (size=4096)\n"
      "Prot LocalAddress:Port Scheduler Flags\n"
      "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
      "TCP  C000020A:0050 wlc  \n"
      "  -> 0A00000B:0050      Masq    2      8          2         \n"
      "  -> 0A00000C:0050      Masq    0      0          0         \n"
      "FWM  00000002 sh persistent 180000 00000000\n"
      "  -> 0A00000B:0000      Route   1      0          0         \n";
  EXPECT_EQ(Read("/proc/net/ip_vs").text, expected);
  const Reading small = Read("/proc/net/ip_vs", 7);
  EXPECT_EQ(small.text, expected);
  EXPECT_EQ(small.longest, 7U);
}

TEST_F(ProcFilesTest, ConnectionsOfAllWorkersThenTemplates) {
  for (uint16_t port = 1; port <= 8; ++port) {
    director_.connections[port % 2].push_back(Connection(port));
  }
  dataplane::TemplateRow one;
  one.protocol = 6;
  one.client = testing::Ip("10.9.0.9");
  one.virtual_address = testing::Ip("10.100.0.1");
  one.real = RealId{0};
  director_.templates[1].push_back(one);
  director_.Start();
  const auto line = [](int port) {
    return "UDP 0A090001 000" + std::to_string(port) +
           " 0A640001 0035 0A01000E 0035 UDP             300\n";
  };
  const std::string expected =
      "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n" +
      line(2) + line(4) + line(6) + line(8) + line(1) + line(3) + line(5) + line(7) +
      "TCP 0A090009 0000 0A640001 0000 0A00000B 0000 NONE              0\n";
  EXPECT_EQ(Read(kConnections).text, expected);
  EXPECT_EQ(Read(kConnections, 50).text, expected);
  EXPECT_EQ(Read("/proc/net/ip_vs_conn_sync").text.substr(0, 79),
            "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\nUDP 0A");
}

TEST_F(ProcFilesTest, OneSliceIsInMemory) {
  director_.Start();
  const auto text = files_.Open(kConnections);
  const uint64_t before = director_.commands;
  text->Next(30'000, [](FileText::Piece) {});  // the heading
  EXPECT_EQ(director_.commands, before) << "no worker is asked before there is room";
}

TEST_F(ProcFilesTest, ASilentWorkerEndsTheReading) {
  const Reading reading = Read(kConnections);  // the workers do not turn
  EXPECT_EQ(reading.error, EIO);
  EXPECT_EQ(reading.pieces, 2U);
  director_.Start();  // what was sent comes back
  while (!workers_.is_idle()) io_->run_one();
}

TEST_F(ProcFilesTest, ATextThatIsLetGoOfIsNotCalled) {
  auto text = files_.Open(kConnections);
  text->Next(30'000, [](FileText::Piece) {});
  bool is_called = false;
  text->Next(30'000, [&](FileText::Piece) { is_called = true; });
  text.reset();
  director_.Start();
  while (!workers_.is_idle()) io_->run_one();
  EXPECT_FALSE(is_called);
}

TEST_F(ProcFilesTest, StatisticsOfWorkersAndInTotal) {
  EXPECT_EQ(Read("/proc/net/ip_vs_stats_percpu").text,
            "       Total Incoming Outgoing         Incoming         Outgoing\n"
            "CPU    Conns  Packets  Packets            Bytes            Bytes\n"
            "  0       96      41A      2EE            19A28            B71B0\n"
            "  1       9B      43D      307            1A7D4            BD358\n"
            "  ~      131      857      5F5            341FC           174508\n"
            "\n"
            "     Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n"
            "           0        0        0                0                0\n");
  EXPECT_NE(Read("/proc/net/ip_vs_stats").text.find("     131      857      5F5 "),
            std::string::npos);
  EXPECT_EQ(Read("/proc/net/ip_vs_app").text, "prot port    usecnt name\n");
}

TEST_F(ProcFilesTest, Settings) {
  control::ControlView view = testing::MakeView();
  control::ConfigModel model;
  model.policy.drop_entry = control::DefenceMode::kAuto;
  view.model = std::make_shared<const control::ConfigModel>(model);
  director_.SetView(std::move(view));
  EXPECT_EQ(Read(kDropEntry).text, "1\n");
  EXPECT_EQ(Write(kDropEntry, "3\n"), 0);
  EXPECT_EQ(Write(kDropEntry, "9\n"), EINVAL);
  EXPECT_EQ(why_, "drop_entry is a whole number from 0 to 3, and not \"9\"");
  EXPECT_EQ(Write("/proc/sys/net/ipv4/vs/conntrack", "1\n"), EPERM);
  EXPECT_EQ(Write("/proc/sys/net/ipv4/vs/nonsense", "1\n"), ENOENT);
  EXPECT_EQ(Write("/proc/net/ip_vs", "1\n"), EACCES);
  director_.refusal = Error{ErrorCode::kUnavailable, "Another change is being applied", ""};
  EXPECT_EQ(Write(kDropEntry, "3\n"), EAGAIN);
  EXPECT_EQ(why_, "Another change is being applied");
  EXPECT_EQ(Read("/proc/net/ip_vs_nonsense").text, "no such file");
  EXPECT_EQ(Read("/etc/passwd").text, "no such file");
}

}  // namespace
}  // namespace fairlead::ipvs::proc_files_test
