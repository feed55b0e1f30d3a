// What a listener over TLS shows and asks for: certificate, key, and the authority of its clients.
//
//   auto files = TlsFiles::Open(spec);
//   if (!files) return files.error();
//   auto context = files->current();        // for one more connection
//
// The files may be replaced while the director runs, as when a certificate is renewed: the next
// connection has the new ones. While they do not fit together the last good ones stay, and the log
// says so once for each change. TLS 1.2 and 1.3, forward secrecy, no renegotiation, no resumption
// (it would outlive a client's certificate). Threads: one.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "control/api/listen_spec.h"

namespace boost::asio::ssl {
class context;
}

namespace fairlead::api {

class TlsFiles {
 public:
  // Refused: what cannot be read, does not fit together, and a key that everybody may read.
  static Result<TlsFiles> Open(const ListenSpec& spec);

  std::shared_ptr<boost::asio::ssl::context> current();

 private:
  explicit TlsFiles(const ListenSpec& spec)
      : certificate_(spec.certificate), key_(spec.key), client_ca_(spec.client_ca) {}
  [[nodiscard]] std::string Stamp() const;
  Status Load();

  std::string certificate_, key_, client_ca_;
  std::string stamp_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace fairlead::api
