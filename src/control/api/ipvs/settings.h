// /proc/sys/net/ipv4/vs/NAME: the policy of the director by the kernel's names.
//
//   const Setting* setting = FindSetting("drop_entry");        // null: no such file
//   setting->Read(model.policy);                               // "0\n"
//   SettingChange change = setting->Parse("3\n", model.policy);
//   if (!change.fault && !change.patch.empty()) …a PatchPolicy with change.patch…
//
// A setting without a counterpart here shows what the director does, always: writing that again is
// accepted, another value is EPERM. A value the kernel would not take is EINVAL. Threads:
// constants and pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "control/api/ipvs/wire.h"

namespace fairlead::control {
struct PolicyConfig;
}

namespace fairlead::ipvs {

struct SettingChange {
  Fault fault{};
  std::string patch{};  // of the policy, as JSON; empty: nothing changes
};

struct Setting {
  using Read = long (*)(const control::PolicyConfig& policy);
  enum class Unit : uint8_t { kNumber, kSeconds };

  std::string_view name;      // the kernel's, and the policy's key
  long least = 0, most = 0;   // what may be written
  Unit unit = Unit::kNumber;  // of the key
  Read read = nullptr;        // null: `fixed` for ever
  std::string_view fixed{};

  // With the line's end, as the kernel writes it.
  [[nodiscard]] std::string Text(const control::PolicyConfig& policy) const;
  [[nodiscard]] SettingChange Parse(std::string_view text) const;
};

std::span<const Setting> Settings();
const Setting* FindSetting(std::string_view name);

}  // namespace fairlead::ipvs
