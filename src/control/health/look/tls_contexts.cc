#include "control/health/look/tls_contexts.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <ctime>
#include <string_view>

namespace fairlead::control {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

std::string StampOf(const std::string& path) {
  if (path.empty()) return "-";
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return "none";
  return std::to_string(file.st_ino) + "." + std::to_string(file.st_size) + "." +
         std::to_string(file.st_mtim.tv_sec) + "." + std::to_string(file.st_mtim.tv_nsec);
}

int NumberOf(TlsVersion version) {
  switch (version) {
    case TlsVersion::k10:
      return TLS1_VERSION;
    case TlsVersion::k11:
      return TLS1_1_VERSION;
    case TlsVersion::k12:
      return TLS1_2_VERSION;
    case TlsVersion::k13:
      return TLS1_3_VERSION;
  }
  return TLS1_2_VERSION;
}

Error FileError(std::string_view what, const std::string& path, const error_code& error) {
  return {ErrorCode::kSystem,
          "the " + std::string(what) + " " + path + " cannot be used: " + error.message(), path};
}

Result<std::shared_ptr<ssl::context>> MakeContext(const ProbeTls& tls) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, NumberOf(tls.minimum));
  // OpenSSL 3 has no cipher for the old versions at any higher level.
  if (tls.minimum < TlsVersion::k12) SSL_CTX_set_security_level(raw, 0);
  error_code error;
  if (!tls.ca_file.empty()) {
    context->load_verify_file(tls.ca_file, error);
    if (error) return FileError("CA file", tls.ca_file, error);
  } else if (tls.is_verified) {
    context->set_default_verify_paths(error);
  }
  if (tls.certificate_file.empty()) return context;
  context->use_certificate_chain_file(tls.certificate_file, error);
  if (error) return FileError("certificate", tls.certificate_file, error);
  const std::string& key = tls.key_file.empty() ? tls.certificate_file : tls.key_file;
  context->use_private_key_file(key, ssl::context::pem, error);
  if (error) return FileError("key", key, error);
  return context;
}

std::string_view NameOf(const ProbeTarget& target) {
  if (!target.tls->sni.empty()) return target.tls->sni;
  std::string_view host;
  if (const auto* http = std::get_if<HttpProbe>(&target.question)) host = http->host;
  if (const auto* grpc = std::get_if<GrpcProbe>(&target.question)) host = grpc->host;
  if (host.starts_with('[')) return {};  // an IPv6 address
  host = host.substr(0, host.find(':'));
  return IpAddress::Parse(host) ? std::string_view{} : host;
}

}  // namespace

Result<std::shared_ptr<ssl::context>> TlsContexts::ContextOf(const ProbeTls& tls) {
  const std::string key = tls.ca_file + '\n' + tls.certificate_file + '\n' + tls.key_file + '\n' +
                          std::to_string(NumberOf(tls.minimum)) + (tls.is_verified ? "v" : "-");
  const std::string stamp =
      StampOf(tls.ca_file) + " " + StampOf(tls.certificate_file) + " " + StampOf(tls.key_file);
  const auto it = kept_.find(key);
  if (it != kept_.end() && it->second.stamp == stamp) return it->second.context;
  Result<std::shared_ptr<ssl::context>> made = MakeContext(tls);
  if (!made) return made;
  if (kept_.size() >= kMostContexts) kept_.clear();  // looks hold what they use
  kept_[key] = {stamp, *made};
  return made;
}

void SetPeer(const ProbeTarget& target, SSL* ssl) {
  std::string name(NameOf(target));
  if (!name.empty()) {
    // SSL_set_tlsext_host_name, which is a macro with a cast of C.
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    SSL_set1_host(ssl, name.c_str());
  } else {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), target.endpoint.address.ToString().c_str());
  }
  std::string_view protocol;
  if (std::holds_alternative<HttpProbe>(target.question)) protocol = "\x08http/1.1";
  if (std::holds_alternative<GrpcProbe>(target.question)) protocol = "\x02h2";
  if (protocol.empty()) return;
  SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(protocol.data()),
                      static_cast<unsigned>(protocol.size()));
}

std::optional<std::chrono::system_clock::time_point> ExpiryOf(const X509& certificate) {
  std::tm when{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &when) != 1) return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&when));
}

}  // namespace fairlead::control
