// How connections between directors are encrypted, and who may make them: a key that all share, or
// certificates.
//
//   StreamTls::Spec spec = StreamTls::SpecOf(config);
//   Result<std::shared_ptr<const StreamTls>> tls = StreamTls::Make(spec);
//   boost::asio::ssl::stream<tcp::socket> stream(std::move(socket), tls->context());
//   if (Status s = tls->CheckPeer(stream.native_handle(), "edge-2"); !s) …
//
// TLS 1.3 alone, always with an ephemeral key exchange, no resumption. With a key both sides prove
// that they have it, and no certificate is taken; with certificates each side's must be of the
// given authority, and of the name that the director says. Threads: one; must outlive its streams.
#pragma once

#include <openssl/types.h>

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "control/config/sync_config.h"

namespace fairlead::control {

class StreamTls {
 public:
  struct Spec {
    std::string key_file, certificate, key, ca;
    friend bool operator==(const Spec&, const Spec&) = default;
  };

  static Spec SpecOf(const StreamConfig& config) {
    return {config.key_file, config.certificate, config.key, config.ca};
  }
  // Differs when one of the files was written or replaced.
  static std::string StampOf(const Spec& spec);
  // An error names the file and what to do.
  static Result<std::shared_ptr<const StreamTls>> Make(const Spec& spec);

  StreamTls(const StreamTls&) = delete;
  StreamTls& operator=(const StreamTls&) = delete;
  ~StreamTls();

  [[nodiscard]] boost::asio::ssl::context& context() const { return context_; }
  [[nodiscard]] bool has_shared_key() const { return has_shared_key_; }
  // After the handshake: whether the other side is the director of that name. With a shared key it
  // is one of those that have it.
  [[nodiscard]] Status CheckPeer(SSL* ssl, const std::string& name) const;

 private:
  StreamTls();
  Status UseSharedKey(const std::string& path);
  Status UseCertificates(const Spec& spec);

  mutable boost::asio::ssl::context context_;
  unsigned char secret_[32] = {};
  bool has_shared_key_ = false;
};

}  // namespace fairlead::control
