// Debian's ipvsadm, unmodified, through the library and the director's socket to a real control
// side: what it prints is what it prints over a Linux 6.1 kernel.
#include "live_director_test.h"

namespace fairlead::preload::ipvsadm_test {
namespace {

// As a kernel's `ipvsadm -S` prints them.
constexpr const char* kSaved =
    "-A -t 10.100.0.1:80 -s wlc\n"
    "-a -t 10.100.0.1:80 -r 10.1.0.11:80 -m -w 1\n"
    "-a -t 10.100.0.1:80 -r 10.1.0.12:8080 -m -w 2\n"
    "-a -t 10.100.0.1:80 -r 10.1.0.13:80 -g -w 0\n"
    "-a -t 10.100.0.1:80 -r 10.1.0.14:80 -i -w 65535 --tun-type ipip\n"
    "-A -t 10.100.0.2:443 -s rr -p 300 -M 255.255.255.0\n"
    "-a -t 10.100.0.2:443 -r 10.1.0.11:443 -g -w 1\n"
    "-a -t 10.100.0.2:443 -r 10.1.0.12:443 -g -w 10\n"
    "-A -t 10.100.0.3:0 -s wrr -p 60\n"
    "-a -t 10.100.0.3:0 -r 10.1.0.11:0 -g -w 1\n"
    "-A -u 10.100.0.1:53 -s rr -o\n"
    "-a -u 10.100.0.1:53 -r 10.1.0.11:53 -g -w 1\n"
    "-a -u 10.100.0.1:53 -r 10.1.0.12:53 -g -w 1\n"
    "-A -u 10.100.0.4:5060 -s sh -b sh-fallback,sh-port\n"
    "-a -u 10.100.0.4:5060 -r 10.1.0.11:5060 -m -w 1\n"
    "-A -t [fd64::1]:80 -s lc\n"
    "-a -t [fd64::1]:80 -r [fd01::11]:80 -m -w 1\n"
    "-a -t [fd64::1]:80 -r [fd01::12]:80 -g -w 1\n"
    "-A -t [fd64::1]:443 -s rr -p 360 -M 64\n"
    "-a -t [fd64::1]:443 -r [fd01::13]:443 -g -w 1\n"
    "-A -u [fd64::2]:53 -s rr\n"
    "-A -f 7 -s mh -p 120 -b mh-port\n"
    "-a -f 7 -r 10.1.0.11:0 -g -w 1\n"
    "-a -f 7 -r 10.1.0.12:0 -g -w 3\n"
    "-A -f 8 -6 -s rr\n";

constexpr const char* kListed =
    "IP Virtual Server version 1.2.1 (size=4096)\n"
    "Prot LocalAddress:Port Scheduler Flags\n"
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
    "TCP  10.100.0.1:80 wlc\n"
    "  -> 10.1.0.11:80                 Masq    1      0          0         \n"
    "  -> 10.1.0.12:8080               Masq    2      0          0         \n"
    "  -> 10.1.0.13:80                 Route   0      0          0         \n"
    "  -> 10.1.0.14:80                 Tunnel  65535  0          0         \n"
    "TCP  10.100.0.2:443 rr persistent 300 mask 255.255.255.0\n"
    "  -> 10.1.0.11:443                Route   1      0          0         \n"
    "  -> 10.1.0.12:443                Route   10     0          0         \n"
    "TCP  10.100.0.3:0 wrr persistent 60\n"
    "  -> 10.1.0.11:0                  Route   1      0          0         \n"
    "UDP  10.100.0.1:53 rr ops\n"
    "  -> 10.1.0.11:53                 Route   1      0          0         \n"
    "  -> 10.1.0.12:53                 Route   1      0          0         \n"
    "UDP  10.100.0.4:5060 sh (sh-fallback,sh-port)\n"
    "  -> 10.1.0.11:5060               Masq    1      0          0         \n"
    "TCP  [fd64::1]:80 lc\n"
    "  -> [fd01::11]:80                Masq    1      0          0         \n"
    "  -> [fd01::12]:80                Route   1      0          0         \n"
    "TCP  [fd64::1]:443 rr persistent 360 mask 64\n"
    "  -> [fd01::13]:443               Route   1      0          0         \n"
    "UDP  [fd64::2]:53 rr\n"
    "FWM  7 mh (mh-port) persistent 120\n"
    "  -> 10.1.0.11:0                  Route   1      0          0         \n"
    "  -> 10.1.0.12:0                  Route   3      0          0         \n"
    "FWM  8 IPv6 rr\n";

class Ipvsadm : public LiveDirectorTest {
 protected:
  std::string Listing(const std::string& options) {
    const Outcome outcome = Run({"ipvsadm", options});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.errors, "");
    return outcome.output;
  }
};

TEST_F(Ipvsadm, RestoresListsAndSavesAsOverAKernel) {
  const Outcome restored = Run({"ipvsadm", "-R"}, kSaved);
  EXPECT_EQ(restored.exit_code, 0) << restored.errors;
  EXPECT_EQ(Listing("-Ln"), kListed);
  EXPECT_EQ(Listing("-Sn"), kSaved);
  EXPECT_EQ(director_.control.last_author.substr(0, 19), "ipvs: ipvsadm, pid ");
}

TEST_F(Ipvsadm, OtherViewsHaveTheirColumns) {
  Run({"ipvsadm", "-R"},
      "-A -t 10.100.0.1:80 -s wlc\n"
      "-a -t 10.100.0.1:80 -r 10.1.0.12:8080 -m -w 2 -x 100 -y 50\n");
  const RealId real = director_.control.view()->services[0].reals[0].id;
  dataplane::TrafficCounters& counters = director_.fabric.stats.traffic(WorkerId{0}, real);
  counters.connections.Set(1);
  counters.in_packets.Set(3);
  counters.out_packets.Set(2);
  counters.in_bytes.Set(164);
  counters.out_bytes.Set(1'350'000'000);
  const std::string head = "IP Virtual Server version 1.2.1 (size=4096)\n";
  const auto view = [this](const char* option) { return Run({"ipvsadm", "-Ln", option}).output; };
  EXPECT_EQ(view("--stats"),
            head +
                "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n"
                "  -> RemoteAddress:Port\n"
                "TCP  10.100.0.1:80                       1        3        2      164    1350M\n"
                "  -> 10.1.0.12:8080                      1        3        2      164    1350M\n");
  EXPECT_EQ(view("--thresholds"),
            head +
                "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n"
                "  -> RemoteAddress:Port\n"
                "TCP  10.100.0.1:80 wlc\n"
                "  -> 10.1.0.12:8080               100        50         0          0         \n");
  EXPECT_EQ(view("--persistent-conn"),
            head +
                "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n"
                "  -> RemoteAddress:Port\n"
                "TCP  10.100.0.1:80 wlc\n"
                "  -> 10.1.0.12:8080               2         0           0          0         \n");
  EXPECT_EQ(Run({"ipvsadm", "-Z"}).exit_code, 0);
  EXPECT_NE(view("--stats").find("TCP  10.100.0.1:80                       0        0        0 "),
            std::string::npos);
}

TEST_F(Ipvsadm, RefusalsAreTheKernels) {
  Run({"ipvsadm", "-A", "-t", "10.100.0.1:80"});
  const auto refused = [this](std::vector<std::string> words) {
    words.insert(words.begin(), "ipvsadm");
    const Outcome outcome = Run(words);
    return std::to_string(outcome.exit_code) + " " + outcome.errors;
  };
  EXPECT_EQ(refused({"-A", "-t", "10.100.0.1:80"}), "255 Service already exists\n");
  EXPECT_EQ(refused({"-D", "-t", "10.100.0.9:80"}), "255 No such service\n");
  EXPECT_EQ(refused({"-a", "-t", "10.100.0.9:80", "-r", "10.1.0.1"}), "255 Service not defined\n");
  EXPECT_EQ(refused({"-d", "-t", "10.100.0.1:80", "-r", "10.1.0.1"}), "255 No such destination\n");
  EXPECT_EQ(refused({"-A", "-t", "10.100.0.2:80", "-s", "nonsense"}),
            "255 Scheduler or persistence engine not found\n");
}

TEST_F(Ipvsadm, TimeoutsAndDaemons) {
  EXPECT_EQ(Run({"ipvsadm", "--set", "100", "20", "30"}).exit_code, 0);
  EXPECT_EQ(Run({"ipvsadm", "-L", "--timeout"}).output, "Timeout (tcp tcpfin udp): 100 20 30\n");
  EXPECT_EQ(Run({"ipvsadm", "-L", "--daemon"}).output, "");
}

TEST_F(Ipvsadm, ConnectionsStream) {
  connections_ = 100'000;
  const Outcome outcome =
      Run({"sh", "-c", "ipvsadm -Lcn > \"$0\"; wc -l < \"$0\"; sed -n 3p \"$0\"",
           folder_ + "/connections"});
  EXPECT_EQ(outcome.output,
            "100002\n"
            "UDP 04:56  UDP         10.9.0.1:4000      10.100.0.1:53      10.1.0.11:53\n");
  EXPECT_EQ(most_rows_, ipvs::kRowsOfSlice);
}

TEST_F(Ipvsadm, SettingsReachThePolicy) {
  EXPECT_EQ(Run({"sh", "-c", "echo 1 > /proc/sys/net/ipv4/vs/expire_nodest_conn"}).errors, "");
  EXPECT_TRUE(director_.control.view()->model->policy.service.expire_nodest_conn);
  EXPECT_EQ(Run({"cat", "/proc/sys/net/ipv4/vs/expire_nodest_conn"}).output, "1\n");
}

}  // namespace
}  // namespace fairlead::preload::ipvsadm_test
