// Edits of one small configuration, one after another.
//
//   EXPECT_EQ(Apply(RemoveReal{"shop", "10.0.0.11"}), "ok");
//   EXPECT_EQ(Diff(), Sentences{"service shop: real 10.0.0.11:80 removed"});
#pragma once

#include <string>
#include <vector>

#include "control/apply_edit.h"
#include "control/model_diff.h"
#include "director_fixture.h"

namespace fairlead::control {

using Sentences = std::vector<std::string>;

inline constexpr const char* kShop = R"(
defaults: { timeouts: { tcp: 10m } }
services:
  - { name: shop, address: 192.0.2.80, protocol: tcp, port: 80, scheduler: mh,
      scheduler_flags: mh-port, persistence: { timeout: 30m, netmask: 24 },
      reals: [ { address: 10.0.0.11, weight: 3 }, { address: 10.0.0.12, upper_threshold: 9 } ] }
  - { address: 192.0.2.81, protocol: udp, port: 53, timeouts: { udp: 10s } }
)";

class EditTest : public testing::Test {
 protected:
  // Applies it, and remembers what results; the first sentence of a refusal otherwise.
  std::string Apply(const Edit& edit) {
    EditResult result = ApplyEdit(edit, intent_);
    if (auto* edited = std::get_if<Edited>(&result)) {
      names_ = edited->service + (edited->real.empty() ? "" : " " + edited->real);
      intent_ = std::move(edited->intent);
      return "ok";
    }
    refusal_ = std::get<EditRefusal>(result);
    return refusal_.errors.front().ToString();
  }
  // What differs from the file.
  std::vector<std::string> Diff() const {
    return DescribeChanges(*intent_.file_model(), *intent_.model);
  }
  const ServiceConfig& Service(size_t i) const { return intent_.model->services.at(i); }
  Overlay::Key KeyOfReal(const char* address) const {
    return {KeyOf(Service(0)), {Ip(address), 80}};
  }

  Intent intent_{SharedModelOf(kShop)};
  std::string names_;
  EditRefusal refusal_;
};

}  // namespace fairlead::control
