// What a listener over TLS shows and asks for: certificate, key, the authority of its clients, and
// which certificates of it are revoked.
//
//   auto files = TlsFiles::Open(spec);
//   if (!files) return files.error();
//   auto context = files->current();        // for one more connection
//
// The files may be replaced while the director runs, as when a certificate is renewed: the next
// connection has the new ones. While they do not fit together the last good ones stay, and the log
// says so once for each change. TLS 1.2 and 1.3, forward secrecy, no renegotiation, no resumption
// (it would outlive a client's certificate). A list of revoked certificates, where there is one, is
// looked at for the client's own certificate, and must not be out of date. Threads: one.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "control/api/listen_spec.h"

struct ssl_st;  // of OpenSSL

namespace boost::asio::ssl {
class context;
}

namespace fairlead::api {

class TlsFiles {
 public:
  // Refused: what cannot be read, does not fit together, and a key that everybody may read.
  static Result<TlsFiles> Open(const ListenSpec& spec);

  std::shared_ptr<boost::asio::ssl::context> current();

  // Whether the certificate that a client has shown would be let in by this context: it may be
  // another one than that of the client's handshake.
  // Logs it when not.
  static bool Admits(const boost::asio::ssl::context& context, const ssl_st* client);
  // Why the certificate of a client was not let in: "certificate revoked". Empty: it was, or there
  // is none.
  static std::string WhyRefused(const ssl_st* client);

 private:
  explicit TlsFiles(const ListenSpec& spec)
      : certificate_(spec.certificate),
        key_(spec.key),
        client_ca_(spec.client_ca),
        crl_(spec.crl) {}
  [[nodiscard]] std::string Stamp() const;
  Status Load();
  Status LoadRevoked(boost::asio::ssl::context* context) const;

  std::string certificate_, key_, client_ca_, crl_;
  std::string stamp_;
  std::shared_ptr<boost::asio::ssl::context> context_;
};

}  // namespace fairlead::api
