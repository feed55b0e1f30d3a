#include "control/api/access.h"

#include <algorithm>

#include "control/api/problem.h"

namespace fairlead::api {

namespace {

// "Bearer TOKEN" (RFC 6750 section 2.1); empty: something else.
std::string_view TokenOf(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (size_t i = 0; i < kScheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != kScheme[i]) return {};
  }
  authorization.remove_prefix(kScheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

HttpResponse Challenged(HttpResponse response, const std::string& more) {
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"fairlead\"" + more);
  return response;
}

HttpResponse AskWhoItIs(const Caller& caller) {
  if (!caller.takes_token) {
    return Problem(403, "needs-certificate",
                   "This listener answers to clients with a certificate of its client_ca; show one "
                   "(fairlead --certificate FILE --key FILE)");
  }
  if (!caller.has_token) {
    return Challenged(Problem(401, "needs-token",
                              "This listener asks for a token: send the header Authorization: "
                              "Bearer TOKEN (fairlead --token-file FILE)"),
                      "");
  }
  return Challenged(
      Problem(401, "wrong-token", "This token is not, or no longer, among those of this listener"),
      ", error=\"invalid_token\"");
}

}  // namespace

Result<Access> Access::Open(const ListenSpec& spec) {
  Access access(spec);
  if (spec.tokens.empty()) return access;
  auto tokens = TokenFile::Open(spec.tokens);
  if (!tokens) return tokens.error();
  access.tokens_ = *std::move(tokens);
  return access;
}

Caller Access::CallerOf(const HttpPeer& peer, std::string_view authorization,
                        const std::string& certificate) {
  Caller caller;
  caller.from = peer.from;
  caller.name = "nobody";
  caller.takes_token = tokens_.has_value();
  caller.may_scrape = !asks_ || role_ == Role::kRead;
  if (!asks_) {
    caller.role = role_;
    caller.name = peer.user ? "uid " + std::to_string(peer.user->uid) + " pid " +
                                  std::to_string(peer.user->pid)
                            : "anybody";
    return caller;
  }
  if (!certificate.empty()) {
    caller.role = role_;
    caller.name = "certificate " + certificate;
  } else if (tokens_) {
    const std::string_view token = TokenOf(authorization);
    caller.has_token = !token.empty();
    const TokenFile::Holder* const holder = caller.has_token ? tokens_->Find(token) : nullptr;
    if (holder != nullptr) {
      caller.role = std::min(role_, holder->role);
      caller.name = "token " + holder->name;
    }
  }
  caller.may_scrape |= caller.role >= Role::kRead;
  return caller;
}

std::optional<HttpResponse> Refuse(const Caller& caller, Needs needs) {
  if (needs == Needs::kScrape && caller.may_scrape) return std::nullopt;
  if (caller.role == Role::kNone) return AskWhoItIs(caller);
  if (needs != Needs::kAdmin || caller.role == Role::kAdmin) return std::nullopt;
  HttpResponse refusal =
      Problem(403, "needs-admin",
              "This changes something, and " + caller.name +
                  " may only look here; use a listener or a token with role admin");
  if (!caller.takes_token) return refusal;
  return Challenged(std::move(refusal), ", error=\"insufficient_scope\", scope=\"admin\"");
}

}  // namespace fairlead::api
