#include "control/survival/stored_health.h"

#include "control/survival/bytes.h"
#include "control/survival/stored_names.h"

namespace fairlead::control {
namespace {

constexpr size_t kLeastCheck = 21;  // bytes

}  // namespace

std::string EncodeHealth(const std::vector<KnownCheck>& checks) {
  ByteWriter out;
  out.U32(static_cast<uint32_t>(checks.size()));
  for (const KnownCheck& check : checks) {
    out.Text(check.key);
    out.Text(check.question);
    out.U32(static_cast<uint32_t>(check.reals.size()));
    for (const auto& [service, real] : check.reals) {
      Put(service, &out);
      Put(real, &out);
    }
    out.Flag(check.is_down);
    out.U32(check.streak);
    out.Text(check.detail);
  }
  return out.Take();
}

Result<std::vector<KnownCheck>> DecodeHealth(std::string_view contents) {
  ByteReader in(contents);
  std::vector<KnownCheck> checks(in.Count(kLeastCheck));
  for (KnownCheck& check : checks) {
    check.key = in.Text();
    check.question = in.Text();
    check.reals.resize(in.Count(kLeastRealKey));
    for (auto& [service, real] : check.reals) {
      service = TakeService(&in);
      real = TakeReal(&in);
    }
    check.is_down = in.Flag();
    check.streak = in.U32();
    check.detail = in.Text();
  }
  if (in.is_done()) return checks;
  return Error{ErrorCode::kInvalid, "the contents are not those of health checks", "health"};
}

}  // namespace fairlead::control
