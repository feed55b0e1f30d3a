#include "control/api/tls_files.h"

#include <openssl/ssl.h>
#include <unistd.h>

#include <boost/asio/ssl/context.hpp>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "base/private_file.h"

namespace fairlead::api {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

constexpr size_t kMaxKeyBytes = 64 << 10;

Error Unusable(const std::string& what, const std::string& path, const error_code& error) {
  return {ErrorCode::kInvalid, "the " + what + " cannot be used: " + error.message(), path};
}

// What the system says of a file is more than what OpenSSL makes of that.
Status CheckThere(const std::string& what, const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return Done{};
  return Error{ErrorCode::kInvalid, "the " + what + " cannot be used: " + std::strerror(errno),
               path};
}

void Restrict(SSL_CTX* raw) {
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");  // of TLS 1.2
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  // A chain of a client is a few certificates.
  SSL_CTX_set_max_cert_list(raw, 32 << 10);
}

}  // namespace

Result<TlsFiles> TlsFiles::Open(const ListenSpec& spec) {
  TlsFiles files(spec);
  files.stamp_ = files.Stamp();
  if (Status loaded = files.Load(); !loaded) return loaded.error();
  return files;
}

std::shared_ptr<ssl::context> TlsFiles::current() {
  if (std::string stamp = Stamp(); stamp != stamp_) {
    stamp_ = std::move(stamp);
    if (const Status loaded = Load(); loaded) {
      LogInfo("the API shows another certificate", {{"certificate", certificate_}});
    } else {
      LogError("the API keeps its certificate: the files have changed and cannot be used",
               {{"what", loaded.error().ToString()}});
    }
  }
  return context_;
}

std::string TlsFiles::Stamp() const {
  return StampOfFile(certificate_) + "\n" + StampOfFile(key_) +
         (client_ca_.empty() ? "" : "\n" + StampOfFile(client_ca_));
}

Status TlsFiles::Load() {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  Restrict(context->native_handle());
  if (Status there = CheckThere("certificate", certificate_); !there) return there;
  if (Status there = client_ca_.empty() ? Status(Done{}) : CheckThere("client_ca", client_ca_);
      !there) {
    return there;
  }
  error_code ec;
  // Nobody is there to type a passphrase.
  context->set_password_callback([](size_t, ssl::context::password_purpose) { return ""; }, ec);
  context->use_certificate_chain_file(certificate_, ec);
  if (ec) return Unusable("certificate", certificate_, ec);
  auto key = ReadPrivateFile(key_, kMaxKeyBytes);
  if (!key) return key.error();
  context->use_private_key(boost::asio::buffer(*key), ssl::context::pem, ec);
  OPENSSL_cleanse(key->data(), key->size());
  if (ec) return Unusable("key", key_, ec);
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return Error{ErrorCode::kInvalid, "the key is not that of " + certificate_, key_};
  }
  if (!client_ca_.empty()) {
    context->load_verify_file(client_ca_, ec);
    if (ec) return Unusable("client_ca", client_ca_, ec);
    STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(client_ca_.c_str());
    if (names != nullptr) SSL_CTX_set_client_CA_list(context->native_handle(), names);
    // Who shows none is asked for a token instead, or told that one is missing.
    context->set_verify_mode(ssl::verify_peer, ec);
  }
  context_ = std::move(context);
  return Done{};
}

}  // namespace fairlead::api
