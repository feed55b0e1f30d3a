#include "kernel/attributes.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

namespace fairlead::kernel {
namespace {

void ReadNumber(const nlattr* attribute, uint32_t* into) {
  if (mnl_attr_validate(attribute, MNL_TYPE_U32) == 0) *into = mnl_attr_get_u32(attribute);
}

}  // namespace

int ReadAddressAttribute(const nlattr* attribute, void* into) {
  auto* read = static_cast<AddressAttributes*>(into);
  switch (mnl_attr_get_type(attribute)) {
    case IFA_LOCAL:
      read->local = attribute;
      break;
    case IFA_ADDRESS:
      read->address = attribute;
      break;
    case IFA_FLAGS:
      ReadNumber(attribute, &read->flags);
      break;
    case IFA_PROTO:
      if (mnl_attr_validate(attribute, MNL_TYPE_U8) == 0) {
        read->protocol = mnl_attr_get_u8(attribute);
      }
      break;
    default:
      break;
  }
  return MNL_CB_OK;
}

int ReadRouteAttribute(const nlattr* attribute, void* into) {
  auto* read = static_cast<RouteAttributes*>(into);
  switch (mnl_attr_get_type(attribute)) {
    case RTA_DST:
      read->to = attribute;
      break;
    case RTA_GATEWAY:
      read->via = attribute;
      break;
    case RTA_VIA:
      read->other_via = attribute;
      break;
    case RTA_MULTIPATH:
      read->multipath = attribute;
      break;
    case RTA_OIF:
      ReadNumber(attribute, &read->interface);
      break;
    case RTA_PRIORITY:
      ReadNumber(attribute, &read->metric);
      break;
    case RTA_TABLE:
      ReadNumber(attribute, &read->table);
      break;
    default:
      break;
  }
  return MNL_CB_OK;
}

}  // namespace fairlead::kernel
