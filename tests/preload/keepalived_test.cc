// Debian's keepalived, unmodified, through the library: real servers go and come as its checks say,
// over a socket that goes and comes as well.
#include <cstdio>
#include <fstream>

#include "live_director_test.h"

namespace fairlead::preload::keepalived_test {
namespace {

class Keepalived : public LiveDirectorTest {
 protected:
  void WriteConfig() const {
    std::ofstream(folder_ + "/keepalived.conf")
        << "global_defs {\n  script_user root\n  lvs_timeouts tcp 100 tcpfin 20 udp 30\n}\n"
           "virtual_server 192.0.2.80 80 {\n"
           "  delay_loop 1\n  lb_algo wrr\n  lb_kind NAT\n  protocol TCP\n"
           "  persistence_timeout 60\n  sorry_server 10.0.0.99 80\n"
           "  real_server 10.0.0.11 80 {\n    weight 3\n"
           "    MISC_CHECK {\n      misc_path \"/usr/bin/test -e "
        << folder_
        << "/up\"\n      misc_timeout 1\n      delay_loop 0.1\n      retry 0\n    }\n  }\n}\n"
           "virtual_server fwmark 7 {\n  lb_algo rr\n  lb_kind DR\n"
           "  real_server 10.0.0.12 0 {\n    weight 1\n  }\n}\n";
  }

  // "web: 10.0.0.11:80 3" for each service.
  [[nodiscard]] std::string Table() const {
    std::string text;
    for (const control::ServiceInfo& service : director_.control.view()->services) {
      text += service.name + ":";
      for (const control::RealInfo& real : service.reals) {
        if (real.is_ghost) continue;
        text += " " + real.name + " " + std::to_string(real.effective_weight);
      }
      text += "\n";
    }
    return text;
  }
  bool BecomesTable(const std::string& expected) {
    const bool is_so = TurnUntil([&] { return Table() == expected; });
    EXPECT_EQ(Table(), expected);
    return is_so;
  }
};

TEST_F(Keepalived, ChecksTakeRealServersOutAndIn) {
  const std::string mark = "mark-7-v4: 10.0.0.12:0 1\n";
  const std::string up = "tcp-192.0.2.80-80: 10.0.0.11:80 3\n" + mark;
  const std::string down = "tcp-192.0.2.80-80: 10.0.0.99:80 1\n" + mark;
  const std::string switch_file = folder_ + "/up";
  WriteConfig();
  std::ofstream(switch_file).flush();
  Running program({"keepalived", "-n", "-l", "-C", "-f", folder_ + "/keepalived.conf", "-p",
                   folder_ + "/pid", "-c", folder_ + "/checkers_pid"},
                  socket_);
  ASSERT_TRUE(BecomesTable(up));
  EXPECT_EQ(director_.control.view()->model->defaults.timeouts.udp, std::chrono::seconds(30));
  std::remove(switch_file.c_str());
  ASSERT_TRUE(BecomesTable(down)) << "the sorry server";
  std::ofstream(switch_file).flush();
  ASSERT_TRUE(BecomesTable(up));
  // The socket goes while a check fails, and keepalived waits for the next.
  server_.reset();
  std::remove(switch_file.c_str());
  ::usleep(300'000);
  Listen();
  ASSERT_TRUE(BecomesTable(down));
  program.Signal(SIGTERM);
  const Outcome outcome = FinishOf(program);
  EXPECT_EQ(Table(), "") << outcome.output << outcome.errors;
}

}  // namespace
}  // namespace fairlead::preload::keepalived_test
