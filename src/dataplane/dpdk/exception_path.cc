#include "dataplane/dpdk/exception_path.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/faults.h"
#include "base/log.h"
#include "dataplane/shard/verdict.h"

namespace fairlead::edge {
namespace {

constexpr long kShortestWaitNs = 50'000;
constexpr long kLongestWaitNs = 2'000'000;
constexpr uint32_t kMacBytes = 6;

// Closes those that no port wants any more.
std::vector<NamedDescriptor> WantedOf(const EdgeConfig& config,
                                      std::vector<NamedDescriptor> passed) {
  std::erase_if(passed, [&config](const NamedDescriptor& twin) {
    return std::none_of(config.ports.begin(), config.ports.end(), [&twin](const PortSpec& port) {
      return port.has_host && HostInterfaceName(port.name) == twin.name;
    });
  });
  return passed;
}

Result<Tap> OpenTap(const EdgeConfig& config, const PortSpec& port,
                    std::vector<NamedDescriptor>* passed) {
  const auto is_its = [name = HostInterfaceName(port.name)](const NamedDescriptor& twin) {
    return twin.name == name;
  };
  const auto twin = std::find_if(passed->begin(), passed->end(), is_its);
  if (twin == passed->end()) return Tap::Open(port, config.name);
  FileDescriptor descriptor = std::move(twin->descriptor);
  passed->erase(twin);
  return Tap::Adopt(descriptor.Release(), port, config.name);
}

// What was addressed to the port's MAC must carry the twin's, or the kernel takes it for a
// bystander's. Group addresses stay.
void AddressToTwin(rte_mbuf* mbuf, const MacAddress& mac) {
  auto* frame = rte_pktmbuf_mtod(mbuf, uint8_t*);
  if (mbuf->data_len >= kMacBytes && (frame[0] & 1) == 0) mac.Store(frame);
}

}  // namespace

Result<std::unique_ptr<ExceptionPath>> ExceptionPath::Start(const EdgeConfig& config,
                                                            const Lines& lines, PacketPool& pool,
                                                            std::vector<NamedDescriptor> passed) {
  passed = WantedOf(config, std::move(passed));
  RemoveTwinsWithoutPort(config);  // first: a new twin may get their addresses
  std::unique_ptr<ExceptionPath> path(new ExceptionPath(pool));
  for (size_t p = 0; p < config.ports.size(); ++p) {
    if (!config.ports[p].has_host) continue;
    Result<Tap> tap = OpenTap(config, config.ports[p], &passed);
    if (!tap) return tap.error();
    const PortId id{static_cast<uint8_t>(p)};
    Twin twin{std::move(*tap), {}, lines.from_host(id), id};
    for (size_t w = 0; w < config.workers; ++w) {
      twin.to_host.push_back(lines.to_host(id, WorkerId{static_cast<uint8_t>(w)}));
    }
    path->twins_.push_back(std::move(twin));
  }
  if (!path->twins_.empty()) {
    path->thread_ = std::thread([p = path.get()] { p->Run(); });
    pthread_setname_np(path->thread_.native_handle(), "fl-exception");
  }
  return path;
}

void ExceptionPath::KeepTwins() {
  for (Twin& twin : twins_) {
    if (Status s = twin.tap.Keep(); !s) {
      LogWarning("the kernel twin goes when the director ends, with all addresses and routes on it",
                 {{"reason", s.error().ToString()}});
    }
  }
}

void ExceptionPath::ShowLink(PortId port, bool is_up) {
  for (Twin& twin : twins_) {
    if (twin.port != port || twin.shown_link == is_up) continue;
    twin.shown_link = is_up;
    if (Status s = twin.tap.SetCarrier(is_up); !s) {
      LogWarning("the kernel twin does not show whether its port has a link",
                 {{"reason", s.error().ToString()}});
    }
  }
}

ExceptionPath::~ExceptionPath() { Stop(); }

void ExceptionPath::Stop() {
  StopThread();
  twins_.clear();
}

std::vector<NamedDescriptor> ExceptionPath::Release() {
  StopThread();
  std::vector<NamedDescriptor> released;
  for (Twin& twin : twins_) {
    const std::string name = twin.tap.name();
    released.push_back({name, FileDescriptor(twin.tap.Release())});
  }
  twins_.clear();
  return released;
}

void ExceptionPath::StopThread() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
  for (Twin& twin : twins_) {
    rte_mbuf* mbuf;
    for (MbufRing* ring : twin.to_host) {
      while (ring->Pop(&mbuf)) rte_pktmbuf_free(mbuf);
    }
    while (twin.from_host->Pop(&mbuf)) rte_pktmbuf_free(mbuf);
  }
}

void ExceptionPath::Run() {
  int idle_turns = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    size_t work = 0;
    try {
      for (Twin& twin : twins_) work += WriteToKernel(twin) + ReadFromKernel(twin);
    } catch (...) {  // the next turn goes on
      NoteFault(Thread::kExceptionPath);
    }
    idle_turns = work > 0 ? 0 : idle_turns + 1;
    if (idle_turns > 0) Wait(idle_turns);
  }
}

size_t ExceptionPath::WriteToKernel(Twin& twin) {
  size_t count = 0;
  for (MbufRing* ring : twin.to_host) {
    rte_mbuf* mbuf;
    for (size_t n = 0; n < dataplane::kBurst && ring->Pop(&mbuf); ++n, ++count) {
      AddressToTwin(mbuf, twin.tap.mac());
      const ssize_t written =
          write(twin.tap.fd(), rte_pktmbuf_mtod(mbuf, const void*), mbuf->data_len);
      if (written < 0) refused_.fetch_add(1, std::memory_order_relaxed);
      rte_pktmbuf_free(mbuf);
    }
  }
  return count;
}

size_t ExceptionPath::ReadFromKernel(Twin& twin) {
  size_t count = 0;
  while (count < dataplane::kBurst && twin.from_host->size() < twin.from_host->capacity()) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_.get());
    if (mbuf == nullptr) break;
    const ssize_t length =
        read(twin.tap.fd(), rte_pktmbuf_mtod(mbuf, void*), rte_pktmbuf_tailroom(mbuf));
    if (length <= 0) {
      rte_pktmbuf_free(mbuf);
      break;
    }
    mbuf->data_len = static_cast<uint16_t>(length);
    mbuf->pkt_len = static_cast<uint32_t>(length);
    twin.from_host->Push(mbuf);  // there is room: nobody else pushes
    ++count;
  }
  return count;
}

// The kernel's frames end the wait at once, a worker's are found when it is over. A twin whose ring
// is full is left out: its frames are readable but there is no room for them.
void ExceptionPath::Wait(int idle_turns) {
  std::array<pollfd, kMaxPorts> fds;
  nfds_t count = 0;
  for (const Twin& twin : twins_) {
    if (twin.from_host->size() < twin.from_host->capacity()) {
      fds[count++] = {.fd = twin.tap.fd(), .events = POLLIN, .revents = 0};
    }
  }
  const timespec length{0, std::min(kLongestWaitNs, kShortestWaitNs * idle_turns)};
  ppoll(fds.data(), count, &length, nullptr);
}

}  // namespace fairlead::edge
