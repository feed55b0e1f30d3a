#include "control/health/asio_prober.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cctype>
#include <cerrno>
#include <map>
#include <utility>

#include "control/health/http_answer.h"
#include "control/health/probe_clock.h"

namespace fairlead::control {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr size_t kMostAtOnce = 4096;
constexpr size_t kFewestAtOnce = 16;
// What is still read of an answer that has been judged, so that its connection ends without a RST.
constexpr size_t kMostLeftoverBytes = 1 << 20;
constexpr std::chrono::milliseconds kMostLeftoverTime{500};

tcp::endpoint EndpointOf(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    return {asio::ip::address_v4(endpoint.address.v4().Fold()), endpoint.port.host()};
  }
  return {asio::ip::address_v6(endpoint.address.v6().bytes), endpoint.port.host()};
}

// The rest of the descriptors is for the API, the ports and the files.
size_t RoomInDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kFewestAtOnce;
  const size_t most = std::min<rlim_t>(limit.rlim_cur, 4 * kMostAtOnce);
  return std::clamp(most / 4 * 3, kFewestAtOnce, kMostAtOnce);
}

std::string RequestOf(const HttpProbe& http, const Endpoint& endpoint) {
  const std::string host = http.host.empty() ? endpoint.ToString() : http.host;
  return "GET " + http.path + " HTTP/1.1\r\nHost: " + host +
         "\r\nUser-Agent: fairlead-health\r\nConnection: close\r\n\r\n";
}

std::string Lowered(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

class Probe;

// What the probes share.
class AsioProber : public Prober {
 public:
  using Deadlines = std::multimap<TimePoint::duration, std::weak_ptr<Probe>>;

  explicit AsioProber(asio::io_context& io) : io_(io), timer_(io), capacity_(RoomInDescriptors()) {}

  void Start(const ProbeTarget& target, std::function<void(ProbeResult)> done) override;
  [[nodiscard]] size_t capacity() const override { return capacity_; }
  [[nodiscard]] bool has_room() const override { return open_ < capacity_; }

  asio::io_context& io() { return io_; }
  std::array<char, 65536>& leftovers() { return leftovers_; }
  // Never early: the clock has last been set up to two steps ago.
  Deadlines::iterator SetDeadline(std::chrono::milliseconds in, std::weak_ptr<Probe> probe) {
    return deadlines_.emplace(clock_.elapsed() + in + 2 * ProbeClock::kStep, std::move(probe));
  }
  void ClearDeadline(Deadlines::iterator deadline) { deadlines_.erase(deadline); }
  void NoteOpened() {
    if (open_++ > 0) return;
    clock_.Resume(Clock::now());
    Tick();
  }
  void NoteClosed() {
    if (--open_ == 0) timer_.cancel();
  }

 private:
  void Tick();

  asio::io_context& io_;
  asio::steady_timer timer_;  // of the clock; runs while a probe is open
  ProbeClock clock_;
  Deadlines deadlines_;
  const size_t capacity_;
  size_t open_ = 0;
  std::array<char, 65536> leftovers_;  // read and forgotten
};

// One probe; keeps itself alive by its handlers until its connection has ended. Calls nothing of
// the prober from its destructor: the prober may have gone before it.
class Probe : public std::enable_shared_from_this<Probe> {
 public:
  Probe(AsioProber& prober, ProbeTarget target, std::function<void(ProbeResult)> done)
      : prober_(prober), socket_(prober.io()), target_(std::move(target)), done_(std::move(done)) {}

  void Start() {
    deadline_ = prober_.SetDeadline(target_.timeout, weak_from_this());
    prober_.NoteOpened();
    if (const int error = Connect(); error != 0 && error != EINPROGRESS) {
      asio::post(prober_.io(), [self = shared_from_this(), error] { self->Fail(error, true); });
      return;
    }
    AwaitConnected();
  }

  void OnDeadline() {
    if (!is_judged_) {
      Judge({.detail = "no answer in " + std::to_string(target_.timeout.count()) + " ms",
             .is_silent = true});
    }
    Close();
  }

 private:
  // By hand and not by the library, which does not tell errors of the call from those of the way.
  int Connect() {
    const tcp::endpoint to = EndpointOf(target_.endpoint);
    error_code error;
    socket_.open(to.protocol(), error);
    if (!error) socket_.native_non_blocking(true, error);
    if (error) return error.value();
    return ::connect(socket_.native_handle(), to.data(), static_cast<socklen_t>(to.size())) == 0
               ? 0
               : errno;
  }

  void AwaitConnected() {
    socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code error) {
      if (self->is_closed_) return;
      if (error) return self->Fail(error.value(), true);
      self->OnWritable();
    });
  }

  void OnWritable() {
    pollfd ready{socket_.native_handle(), POLLOUT, 0};
    if (::poll(&ready, 1, 0) == 0) return AwaitConnected();  // woken for nothing
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return Fail(error, false);
    if (http() == nullptr) return Finish(true, "connected");
    request_ = RequestOf(*http(), target_.endpoint);
    asio::async_write(socket_, asio::buffer(request_),
                      [self = shared_from_this()](error_code failed, size_t) {
                        if (self->is_closed_) return;
                        if (failed) return self->Fail(failed.value(), false);
                        self->Read();
                      });
  }

  void Read() {
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](error_code failed, size_t count) {
                              if (!self->is_closed_) self->OnRead(failed, count);
                            });
  }

  void OnRead(error_code failed, size_t count) {
    if (failed == asio::error::eof) return Finish(false, std::string(answer_.FaultOfEnd()));
    if (failed) return Fail(failed.value(), false);
    switch (answer_.Feed({chunk_.data(), count})) {
      case HttpAnswer::State::kIncomplete:
        return Read();
      case HttpAnswer::State::kBad:
        return Finish(false, std::string(answer_.fault()));
      case HttpAnswer::State::kComplete:
        break;
    }
    const unsigned status = answer_.status();
    const bool is_expected = std::ranges::any_of(http()->expect, [&](const StatusRange& range) {
      return status >= range.first && status <= range.last;
    });
    Finish(is_expected, "HTTP " + std::to_string(status));
  }

  void Fail(int error, bool is_immediate) {
    if (is_closed_) return;
    Judge({.detail = Lowered(error_code(error, boost::system::system_category()).message()),
           .local_error = LocalErrorOf(error, is_immediate)});
    Close();
  }

  // The server has spoken, and may go on speaking.
  void Finish(bool is_ok, std::string detail) {
    Judge({.is_ok = is_ok, .detail = std::move(detail)});
    if (is_closed_) return;
    prober_.ClearDeadline(deadline_);
    deadline_ = prober_.SetDeadline(kMostLeftoverTime, weak_from_this());
    error_code error;
    // Not over HTTP, where a server may take it for a client that has lost interest.
    if (http() == nullptr) socket_.shutdown(tcp::socket::shutdown_send, error);
    ReadLeftovers();
  }

  [[nodiscard]] const HttpProbe* http() const { return std::get_if<HttpProbe>(&target_.question); }

  void ReadLeftovers() {
    socket_.async_read_some(asio::buffer(prober_.leftovers()),
                            [self = shared_from_this()](error_code failed, size_t count) {
                              if (self->is_closed_) return;
                              self->leftover_bytes_ += count;
                              const bool is_enough = self->leftover_bytes_ > kMostLeftoverBytes;
                              if (failed || is_enough) return self->Close();
                              self->ReadLeftovers();
                            });
  }

  void Judge(ProbeResult result) {
    is_judged_ = true;
    result.took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start_);
    if (result.is_ok) result.detail += " in " + std::to_string(result.took.count() / 1000) + " ms";
    std::exchange(done_, nullptr)(result);
  }

  void Close() {
    if (std::exchange(is_closed_, true)) return;
    prober_.ClearDeadline(deadline_);
    error_code ignored;
    socket_.close(ignored);
    prober_.NoteClosed();
  }

  AsioProber& prober_;
  tcp::socket socket_;
  const ProbeTarget target_;
  std::function<void(ProbeResult)> done_;
  const Clock::time_point start_ = Clock::now();
  AsioProber::Deadlines::iterator deadline_;  // valid until closed
  std::string request_;
  std::array<char, 4096> chunk_;
  HttpAnswer answer_;
  size_t leftover_bytes_ = 0;
  bool is_judged_ = false;
  bool is_closed_ = false;
};

void AsioProber::Start(const ProbeTarget& target, std::function<void(ProbeResult)> done) {
  std::make_shared<Probe>(*this, target, std::move(done))->Start();
}

void AsioProber::Tick() {
  timer_.expires_after(ProbeClock::kStep);
  timer_.async_wait([this](error_code error) {
    if (error || open_ == 0) return;
    Tick();  // first: whatever a probe's callback does, the clock goes on
    clock_.Advance(Clock::now());
    while (!deadlines_.empty() && deadlines_.begin()->first <= clock_.elapsed()) {
      // A probe clears its deadline as it closes.
      const std::shared_ptr<Probe> probe = deadlines_.begin()->second.lock();
      if (probe == nullptr) {
        deadlines_.erase(deadlines_.begin());
      } else {
        probe->OnDeadline();
      }
    }
  });
}

}  // namespace

std::unique_ptr<Prober> MakeAsioProber(asio::io_context& io) {
  return std::make_unique<AsioProber>(io);
}

}  // namespace fairlead::control
