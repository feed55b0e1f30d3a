#include "control/api/door.h"

#include <utility>

namespace fairlead::api {

namespace {

Error InListener(const ListenSpec& spec, Error error) {
  error.message = (error.place.empty() ? "" : error.place + ": ") + error.message;
  error.place = "api.listen " + spec.where;
  return error;
}

}  // namespace

Result<std::shared_ptr<Door>> Door::Open(const ListenSpec& spec) {
  const bool asks = !spec.tokens.empty() || !spec.client_ca.empty();
  if (spec.is_https() && (spec.certificate.empty() || spec.key.empty() || !asks)) {
    return Error{ErrorCode::kInvalid,
                 "https:// needs certificate and key, and tokens or a client_ca",
                 "api.listen " + spec.where};
  }
  auto access = Access::Open(spec);
  if (!access) return InListener(spec, access.error());
  auto door = std::make_shared<Door>(*std::move(access));
  if (!spec.is_https()) return door;
  auto tls = TlsFiles::Open(spec);
  if (!tls) return InListener(spec, tls.error());
  door->tls = *std::move(tls);
  return door;
}

}  // namespace fairlead::api
