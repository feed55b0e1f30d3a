// A fleet of two, of which this director is one and refuses what it was told last.
//
//   FakeFleet own;
//   fleet = &own;              // of ApiTest, before Start
#pragma once

#include <memory>

#include "control/fleet/fleet_info.h"

namespace fairlead::testing {

class FakeFleet : public control::FleetApi {
 public:
  [[nodiscard]] std::shared_ptr<const control::FleetInfo> info() const override {
    auto info = std::make_shared<control::FleetInfo>();
    info->url = "etcd://127.0.0.1:2379/fairlead";
    info->name = "edge-1";
    info->server = "127.0.0.1:2379";
    info->is_connected = info->is_member = true;
    info->revision = 38;
    info->heard_revision = info->refused_revision = 41;
    info->refused = {"etcd:/fairlead/common:3:1: polici: is not known", "another"};
    info->members = {{.name = "edge-1",
                      .address = "10.255.0.1",
                      .generation = 17,
                      .revision = 38,
                      .is_ready = true,
                      .refused = "etcd:/fairlead/common:3:1: polici: is not known",
                      .refused_revision = 41,
                      .version = "0.1.0"},
                     {.name = "edge-2", .sync_port = 8849, .revision = 41, .version = "0.1.0"}};
    info->finds_peers = true;
    info->sync_problem = "18 directors of the fleet synchronise, and 16 can";
    info->sync_left_out = 2;
    info->sync_states = {{"edge-2", "in-sync"}};
    info->connections = 3;
    info->failures = 2;
    info->applied = 5;
    info->refusals = 1;
    return info;
  }
};

}  // namespace fairlead::testing
