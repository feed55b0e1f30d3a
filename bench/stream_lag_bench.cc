// How far a director is behind another while clients open connections, by the stream between them:
// two directors in one process, and all of the way between, without ports.
//
//   build/release/bench/stream_lag_bench RATE SECONDS [persistent]
//
//   worker of the first → ring of news → control core → TLS over TCP on the loopback device →
//   control core of the second → mailbox → its worker
//
// The first one's worker is given the SYN and the ACK of RATE clients a second, each another
// address. The second one's worker looks after each turn whether the next of them is in its table:
// that moment less the one before the SYN is the connection's lag. Prints JSON.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/checksum.h"
#include "base/log.h"
#include "byte_frames.h"
#include "lag/side.h"

namespace {

using namespace fairlead;
using namespace fairlead::dataplane;
using namespace std::chrono_literals;
using bench::NowNs;
using bench::Side;

constexpr auto kInSyncTime = 30s;
constexpr auto kCatchUpTime = 60s;
constexpr uint64_t kSecond = 1'000'000'000;

Ipv4Address ClientOf(size_t number) {
  return Ipv4Address::FromHost(0x0b00'0000u + static_cast<uint32_t>(number));
}
constexpr uint16_t PortOf(size_t number) { return static_cast<uint16_t>(1024 + number % 50'000); }

// Frames of clients by number; the same bytes as a client's but for the sum over TCP, at which
// nobody looks by DR.
class Clients {
 public:
  explicit Clients(uint8_t flags)
      : frame_(To(PortId{0}, Tcp("11.0.0.0", 1024, bench::kService, bench::kServicePort, flags))) {
    frames_.fill(frame_);
  }
  void SendTo(Side& side, size_t first, size_t count) {
    std::array<std::span<const uint8_t>, kBurst> burst;
    for (size_t i = 0; i < count; ++i) {
      Frame& frame = frames_[i];
      auto* ip = HeaderAt<Ipv4Header>(frame.data(), kEthernetHeaderLength);
      ip->source = ClientOf(first + i);
      ip->checksum = Be16{};
      ip->checksum = Checksum(ip, sizeof *ip);
      Be16::FromHost(PortOf(first + i)).Store(frame.data() + kEthernetHeaderLength + sizeof *ip);
      burst[i] = frame;
    }
    side.Send({burst.data(), count}, PortId{0});
  }

 private:
  Frame frame_;
  std::array<Frame, kBurst> frames_;
};

// What both workers know of the connections.
struct Course {
  explicit Course(size_t count) : opened_at(count), lag(count) {}
  std::vector<uint64_t> opened_at;  // the first worker's, up to `opened`
  std::atomic<size_t> opened{0};
  std::vector<uint64_t> lag;  // the second worker's, up to `arrived`
  std::atomic<size_t> arrived{0};
  std::atomic<uint64_t> begin{0};  // nanoseconds; 0: not yet
};

// The first worker's part of a turn: as many connections as are due.
class Opener {
 public:
  Opener(Course& course, size_t rate) : course_(course), rate_(rate) {}
  void operator()(Side& side) {
    const uint64_t begin = course_.begin;
    if (begin == 0) return;
    const size_t due = std::min<size_t>((NowNs() - begin) * rate_ / kSecond, course_.lag.size());
    for (size_t opened = course_.opened; opened < due;) {
      const size_t count = std::min(due - opened, kBurst);
      std::fill_n(course_.opened_at.begin() + static_cast<ptrdiff_t>(opened), count, NowNs());
      syns_.SendTo(side, opened, count);
      acks_.SendTo(side, opened, count);
      opened += count;
      course_.opened = opened;
    }
  }

 private:
  Course& course_;
  const size_t rate_;
  Clients syns_{kTcpSyn}, acks_{kTcpAck};
};

// The second worker's: which of them have come.
class Watcher {
 public:
  explicit Watcher(Course& course) : course_(course) {}
  void operator()(Side& side) {
    size_t next = course_.arrived;
    const size_t opened = course_.opened;
    const uint64_t now = NowNs();
    for (; next < opened && IsHere(side, next); ++next) {
      course_.lag[next] = now - course_.opened_at[next];
    }
    course_.arrived = next;
  }

 private:
  bool IsHere(Side& side, size_t number) const {
    Shard& shard = side.worker().shard();
    const auto& table = shard.Connections<Ipv4Address>();
    const auto key =
        FlowKey4::Forward(kProtocolTcp, ClientOf(number), Be16::FromHost(PortOf(number)), service_,
                          Be16::FromHost(bench::kServicePort));
    return table.Find(key, table.Hash(key), shard.now).slot != kNoSlot;
  }
  Course& course_;
  const Ipv4Address service_ = IpAddress::Parse(bench::kService)->v4();
};

// A free port of the loopback device, most likely still free a moment later.
uint16_t FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* address = reinterpret_cast<sockaddr*>(&at);
  const bool is_bound = ::bind(fd, address, size) == 0 && ::getsockname(fd, address, &size) == 0;
  ::close(fd);
  if (!is_bound) std::perror("stream_lag_bench: no port of 127.0.0.1 is free");
  return ntohs(at.sin_port);
}

// A secret for this run.
class KeyFile {
 public:
  KeyFile() {
    const int fd = ::mkstemp(path_.data());
    const std::string_view text = "a key that guards nothing but this benchmark\n";
    if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      std::perror("stream_lag_bench: cannot write a key to /tmp");
    }
    ::close(fd);
  }
  ~KeyFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/fairlead-bench-key-XXXXXX";
};

template <typename Condition>
bool Await(std::chrono::seconds most, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

double Milliseconds(uint64_t ns) { return static_cast<double>(ns) / 1e6; }

struct Cpu {
  double worker, control;
};
Cpu CpuOf(Side& side) { return {side.WorkerCpu(), side.ControlCpu()}; }

class Run {
 public:
  Run(size_t rate, size_t seconds, bool is_persistent)
      : course_(rate * seconds),
        rate_(rate),
        is_persistent_(is_persistent),
        first_(Options("first", "second")),
        second_(Options("second", "first")) {}

  // Whether all have come.
  bool Measure() {
    first_.Begin(Opener(course_, rate_));
    second_.Begin(Watcher(course_));
    const auto in_sync = [](const Side& side) {
      return side.Stream().state == control::StreamState::kInSync;
    };
    if (!Await(kInSyncTime, [&] { return in_sync(first_) && in_sync(second_); })) {
      std::fprintf(stderr, "stream_lag_bench: the directors are not in sync: %s\n",
                   first_.Stream().last_error.c_str());
      return false;
    }
    before_ = first_.Stream().counts;
    const Cpu first = CpuOf(first_), second = CpuOf(second_);
    course_.begin = NowNs();
    const bool is_whole = Await(kCatchUpTime, [this] {
      gauge_ms_ = std::max<int64_t>(gauge_ms_, first_.Stream().lag_out.count());
      return course_.arrived == course_.lag.size();
    });
    took_ = static_cast<double>(NowNs() - course_.begin) / 1e9;
    cpu_[0] = {CpuOf(first_).worker - first.worker, CpuOf(first_).control - first.control};
    cpu_[1] = {CpuOf(second_).worker - second.worker, CpuOf(second_).control - second.control};
    std::this_thread::sleep_for(1100ms);  // until what is shown has followed
    return is_whole;
  }

  void Print() {
    const size_t arrived = course_.arrived, opened = course_.opened;
    std::vector<uint64_t> lags(course_.lag.begin(),
                               course_.lag.begin() + static_cast<ptrdiff_t>(arrived));
    std::sort(lags.begin(), lags.end());
    const auto lag = [&lags](double part) {
      return lags.empty()
                 ? 0
                 : Milliseconds(
                       lags[static_cast<size_t>(part * static_cast<double>(lags.size() - 1))]);
    };
    const double opening =
        opened == 0 ? 1 : static_cast<double>(course_.opened_at[opened - 1] - course_.begin) / 1e9;
    const control::PeerCounts after = first_.Stream().counts;
    const auto count = [](uint64_t n) { return static_cast<unsigned long long>(n); };
    std::printf(
        "{\"rate\": %zu, \"persistent\": %s, \"opened\": %zu, \"arrived\": %zu, "
        "\"opened_a_second\": %.0f, \"entries\": %llu, \"lag_half_ms\": %.2f, \"lag_99_ms\": %.2f, "
        "\"lag_most_ms\": %.2f, \"shown_most_ms\": %lld, \"news_lost\": %llu, \"postponed\": %llu, "
        "\"bulk\": %llu, ",
        rate_, is_persistent_ ? "true" : "false", opened, arrived,
        static_cast<double>(opened) / opening, count(after.entries_out - before_.entries_out),
        lag(0.5), lag(0.99), lag(1), static_cast<long long>(gauge_ms_),
        count(first_.worker().counters().stream_news_lost.value()),
        count(after.postponed - before_.postponed), count(after.bulk_out - before_.bulk_out));
    for (const size_t i : {0u, 1u}) {
      std::printf("\"%s_worker_cpu\": %.3f, \"%s_control_cpu\": %.3f%s",
                  i == 0 ? "first" : "second", cpu_[i].worker / took_, i == 0 ? "first" : "second",
                  cpu_[i].control / took_, i == 0 ? ", " : "}\n");
    }
  }

 private:
  bench::SideOptions Options(const std::string& name, const std::string& peer) const {
    const bool is_first = name == "first";
    return {.name = name,
            .port = is_first ? ports_[0] : ports_[1],
            .peer = peer,
            .peer_port = is_first ? ports_[1] : ports_[0],
            .key_file = key_.path(),
            .connections = course_.lag.size() + course_.lag.size() / 8 + 1024,
            .is_persistent = is_persistent_};
  }

  Course course_;
  const size_t rate_;
  const bool is_persistent_;
  const KeyFile key_;
  const std::array<uint16_t, 2> ports_{FreePort(), FreePort()};
  Side first_, second_;
  control::PeerCounts before_;
  int64_t gauge_ms_ = 0;
  double took_ = 1;
  std::array<Cpu, 2> cpu_{};
};

}  // namespace

int main(int argc, char** argv) {
  const bool is_persistent = argc == 4 && std::strcmp(argv[3], "persistent") == 0;
  if (argc != 3 && !is_persistent) {
    std::fprintf(stderr, "usage: stream_lag_bench RATE SECONDS [persistent]\n");
    return 2;
  }
  SetLogLevel(LogLevel::kWarning);
  Run run(std::strtoull(argv[1], nullptr, 10), std::strtoull(argv[2], nullptr, 10), is_persistent);
  const bool is_whole = run.Measure();
  run.Print();
  return is_whole ? 0 : 1;
}
