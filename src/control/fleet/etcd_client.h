// EtcdTransport over HTTP or HTTPS: one connection for each question, and one for the stream.
//
//   EtcdClient client(io, place, local);
//   client.Post("/v3/kv/put", body, token, done);
//
// Bounded: kTimeToAnswer for an answer, kMostReplyBytes of it, kMostLineBytes for a message of a
// stream, whose connection is looked at by TCP while nothing comes. Certificates are read for each
// connection, so a renewed one is taken up. Threads: that of the io.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>

#include "control/fleet/etcd_place.h"
#include "control/fleet/etcd_transport.h"
#include "control/fleet/local_file.h"
#include "control/health/look/tls_contexts.h"

namespace fairlead::control {

class EtcdClient : public EtcdTransport {
 public:
  static constexpr std::chrono::seconds kTimeToAnswer{4};
  static constexpr size_t kMostReplyBytes = size_t{64} << 20;
  static constexpr size_t kMostLineBytes = size_t{32} << 20;

  EtcdClient(boost::asio::io_context& io, EtcdPlace place, LocalFile local);
  ~EtcdClient() override;
  EtcdClient(const EtcdClient&) = delete;
  EtcdClient& operator=(const EtcdClient&) = delete;

  void Post(const std::string& path, std::string body, const std::string& token,
            std::function<void(Result<EtcdReply>)> done) override;
  void OpenStream(const std::string& path, std::string body, const std::string& token,
                  StreamEvents events) override;
  void CloseStream() override;
  void NextServer() override { server_ = (server_ + 1) % place_.servers.size(); }

  // Which is asked.
  [[nodiscard]] const EtcdServer& server() const { return place_.servers[server_]; }
  // Names whose resolution is under way. What waits for it cannot be left: the io_context's
  // destructor waits too.
  [[nodiscard]] size_t resolving() const { return *resolving_; }
  // By which address this machine speaks with it; nothing before the first answer, or when it is a
  // link-local one, which others cannot use.
  [[nodiscard]] const std::optional<IpAddress>& own_address() const { return own_address_; }

 private:
  class Exchange;

  std::shared_ptr<Exchange> Make(const std::string& path, std::string body,
                                 const std::string& token);

  boost::asio::io_context& io_;
  const EtcdPlace place_;
  const LocalFile local_;
  TlsContexts contexts_;
  size_t server_ = 0;
  std::optional<IpAddress> own_address_;
  std::weak_ptr<Exchange> stream_;
  const std::shared_ptr<size_t> resolving_ = std::make_shared<size_t>(0);
};

}  // namespace fairlead::control
