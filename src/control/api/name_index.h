// Ids to names and names to ids, of one ControlView.
//
//   NameIndex names(*view);
//   names.real(RealId{7})->info->name;           // "10.0.0.11:80", or null
//   names.FindReals("shop", "10.0.0.11");        // the address alone will do when it is unique
//
// Threads: one; a value over a view that outlives it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "dataplane/tables/template_record.h"

namespace fairlead::control {
struct ControlView;
struct RealInfo;
struct ServiceInfo;
}  // namespace fairlead::control

namespace fairlead::api {

struct NamedReal {
  const control::ServiceInfo* service = nullptr;
  const control::RealInfo* info = nullptr;
};

class NameIndex {
 public:
  explicit NameIndex(const control::ControlView& view) : view_(view) {}

  [[nodiscard]] const control::ServiceInfo* service(ServiceId id) const;
  [[nodiscard]] const NamedReal* real(RealId id) const;

  // The name of a client group or a persistence group; "(removed group)".
  [[nodiscard]] std::string Group(dataplane::GroupNumber group) const;
  [[nodiscard]] std::optional<dataplane::GroupNumber> FindGroup(std::string_view name) const;

  // The service of that name, or that would have it without a name of its own; or an error that
  // suggests the nearest one.
  [[nodiscard]] Result<const control::ServiceInfo*> FindService(std::string_view name) const;
  // The reals of that name in one service (`service` empty: in all). "10.0.0.11:80", or the
  // address alone when it means one real of the service. Removed ones are found too while they are
  // referred to. Never empty: an error instead.
  [[nodiscard]] Result<std::vector<NamedReal>> FindReals(std::string_view service,
                                                         std::string_view real) const;

 private:
  void IndexIds() const;

  const control::ControlView& view_;
  // Made when an id is first asked for: who has a name does not wait for 100,000 others.
  mutable bool is_indexed_ = false;
  mutable std::unordered_map<uint32_t, const control::ServiceInfo*> services_;
  mutable std::unordered_map<uint32_t, NamedReal> reals_;
};

}  // namespace fairlead::api
