#include "side.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "control/config/yaml_loader.h"
#include "dataplane/wire/arp.h"

namespace fairlead::bench {

using namespace dataplane;

namespace {

constexpr int kReals = 4;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr std::chrono::microseconds kPause{50};  // of a worker between two turns

constexpr const char* kNetwork = R"(
version: 1
ports:
  - { name: outside, device: net_null0, role: outside, addresses: [192.0.2.1/24] }
  - { name: inside, device: net_null1, role: inside, addresses: [10.0.0.1/24] }
routes:
  - { to: 0.0.0.0/0, via: 192.0.2.254 }
)";

std::string Configuration(const SideOptions& options) {
  std::string reals;
  for (int i = 1; i <= kReals; ++i) reals += "{ address: 10.0.0.1" + std::to_string(i) + " }, ";
  return kNetwork + ("services:\n  - { name: many, address: " + std::string(kService) +
                     ", protocol: tcp, port: " + std::to_string(kServicePort) + ", forward: dr, " +
                     (options.is_persistent ? "persistence: { timeout: 1h }, " : "") + "reals: [ " +
                     reals + "] }\nsync:\n  name: " + options.name + "\n  listen: 127.0.0.1:" +
                     std::to_string(options.port) + "\n  peers: [ { name: " + options.peer +
                     ", address: 127.0.0.1:" + std::to_string(options.peer_port) +
                     " } ]\n  key_file: " + options.key_file + "\n");
}

control::ConfigModel ModelOf(const SideOptions& options) {
  control::LoadResult loaded = control::LoadConfigText(Configuration(options), options.name);
  for (const Error& error : loaded.errors) std::fprintf(stderr, "%s\n", error.ToString().c_str());
  if (!loaded) std::exit(1);
  return *std::move(loaded.model);
}

FabricConfig FabricOf(const SideOptions& options) {
  FabricConfig config;
  config.connections = options.connections;
  config.connections6 = config.side_records = 1024;
  config.templates = options.is_persistent ? options.connections : 1024;
  config.reals = 64;
  config.neighbours = 256;
  return config;
}

Tick TickAt(uint64_t ns) {
  return {1000 + static_cast<uint32_t>(ns / (kSecond / kTicksPerSecond))};
}

}  // namespace

uint64_t NowNs() {
  static const auto start = std::chrono::steady_clock::now();
  return static_cast<uint64_t>((std::chrono::steady_clock::now() - start).count());
}

Side::Side(const SideOptions& options)
    : fabric_(FabricOf(options)),
      core_(
          fabric_, ModelOf(options), options.name,
          {{MacAddress{{2, 0, 0, 0, 0, 1}}, 1500, ""}, {MacAddress{{2, 0, 0, 0, 0, 2}}, 1500, ""}}),
      worker_(fabric_, WorkerId{0}, TickAt(NowNs())) {
  if (const Status published = core_.PublishFirst(); !published) {
    std::fprintf(stderr, "%s\n", published.error().ToString().c_str());
    std::exit(1);
  }
}

Side::~Side() {
  core_.Stop();
  if (control_thread_.joinable()) control_thread_.join();
  stop_ = true;
  if (worker_thread_.joinable()) worker_thread_.join();
}

void Side::Begin(Work work) {
  worker_thread_ = std::thread([this, work = std::move(work)] { Turns(work); });
  control_thread_ = std::thread([this] { core_.Run(); });
}

void Side::Turns(const Work& work) {
  while (!stop_) {
    const uint64_t now = NowNs();
    if (worker_.BeginTurn(TickAt(now))) {
      if (now >= next_introduction_) {
        next_introduction_ = now + kSecond;
        IntroduceReals();
      }
      work(*this);
      worker_.ProcessHandedIn(&out_);
      out_.Clear();
      worker_.RunCommands(pool_, &out_);
      out_.Clear();
      worker_.ReleaseHeld(&out_);
      out_.Clear();
      worker_.Expire();
    }
    std::this_thread::sleep_for(kPause);
  }
}

// Nobody else answers for them.
void Side::IntroduceReals() {
  for (uint32_t i = 1; i <= kReals; ++i) {
    std::array<uint8_t, kArpFrameLength> frame;
    BuildArpRequest(frame.data(), MacAddress{{2, 0, 0, 0, 1, static_cast<uint8_t>(i)}},
                    Ipv4Address::FromHost(0x0a00'000au + i), Ipv4Address::FromHost(0x0a00'0001u));
    const std::span<const uint8_t> one(frame);
    Send({&one, 1}, PortId{1});
  }
}

void Side::Send(std::span<const std::span<const uint8_t>> frames, PortId port) {
  std::array<BytePacket*, kBurst> burst;
  for (size_t i = 0; i < frames.size(); ++i) {
    packets_[i].Assign(frames[i], port);
    burst[i] = &packets_[i];
  }
  worker_.ProcessBurst({burst.data(), frames.size()}, &out_);
  out_.Clear();
}

control::StreamPeerInfo Side::Stream() const {
  const auto stream = core_.view()->stream;
  return stream == nullptr || stream->peers.empty() ? control::StreamPeerInfo{} : stream->peers[0];
}

double Side::CpuOf(std::thread& thread) {
  clockid_t clock;
  timespec used{};
  if (pthread_getcpuclockid(thread.native_handle(), &clock) == 0) clock_gettime(clock, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

}  // namespace fairlead::bench
