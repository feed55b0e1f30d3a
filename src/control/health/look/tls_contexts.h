// TLS contexts of health checks: one for all checks that name the same files and versions.
//
//   Result<std::shared_ptr<boost::asio::ssl::context>> context = contexts.ContextOf(tls);
//   SetPeer(target, stream.native_handle());   // server name, name to verify, ALPN
//
// A context is made anew when one of its files has changed, so a renewed certificate is taken up
// without a reload. kMostContexts are kept. Threads: one.
#pragma once

#include <openssl/types.h>

#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "control/health/prober.h"

namespace fairlead::control {

class TlsContexts {
 public:
  static constexpr size_t kMostContexts = 256;

  // An error names the file, and what is wrong with it.
  Result<std::shared_ptr<boost::asio::ssl::context>> ContextOf(const ProbeTls& tls);

 private:
  struct Kept {
    std::string stamp;  // of its files, as they were
    std::shared_ptr<boost::asio::ssl::context> context;
  };
  std::map<std::string, Kept> kept_;
};

// What the server is asked for and must show: SNI, the name or address that its certificate must
// be of, and the protocol of the question.
void SetPeer(const ProbeTarget& target, SSL* ssl);

std::optional<std::chrono::system_clock::time_point> ExpiryOf(const X509& certificate);

}  // namespace fairlead::control
