#include "control/identity.h"

#include "control/config/model.h"

namespace fairlead::control {

ServiceIdentity KeyOf(const ServiceConfig& service) {
  if (service.is_mark()) return {.mark = service.mark, .family = service.family};
  return {.family = service.family,
          .protocol = static_cast<uint8_t>(service.protocol),
          .address = service.address,
          .port = service.port};
}

}  // namespace fairlead::control
