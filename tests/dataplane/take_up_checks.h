// Whether the tables of all workers are sound: counted once more, from the records alone.
//
//   EXPECT_EQ(WhatIsWrong(d.shards()), "");
//
// Needs no test framework: the fuzz target asks the same.
#pragma once

#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "dataplane/shard/shard.h"

namespace fairlead::dataplane {

class TableCheck {
 public:
  explicit TableCheck(std::span<Shard* const> shards) : shards_(shards) {}

  std::string Run() {
    for (Shard* shard : shards_) CountConnections<Ipv4Address>(*shard);
    for (Shard* shard : shards_) CountConnections<Ipv6Address>(*shard);
    for (Shard* shard : shards_) CountTemplates(*shard);
    for (Shard* shard : shards_) {
      Require(shard->side_records().size() == sides_[shard], "side records");
    }
    const Fabric& fabric = shards_[0]->fabric;
    for (uint32_t r = 0; r < fabric.config.reals; ++r) {
      Require(fabric.loads.Sum(RealId{r}) == loads_[r], "load of real " + std::to_string(r));
    }
    return wrong_;
  }

 private:
  using Child = std::tuple<size_t, uint32_t, uint16_t>;  // owner, slot, generation

  void Require(bool is_so, const std::string& what) {
    if (!is_so) wrong_ += what + "; ";
  }

  template <typename Address>
  void CountConnections(Shard& shard) {
    auto& table = shard.Connections<Address>();
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < table.high_water(); ++slot) {
      const Connection<Address>& record = table.at(slot);
      if (!record.Has(ConnectionFlag::kLive)) continue;
      ++count;
      const std::string name = "connection " + std::to_string(slot);
      const auto key = table.KeyOf(slot);
      const bool is_over = table.IsExpired(slot, shard.now);
      const FindOutcome found = table.Find(key, table.Hash(key), shard.now);
      Require(is_over || found.slot == slot, name + " is not found");
      auto reply = table.KeyOf(slot, Direction::kReply);
      if (const auto local = table.LocalEndpointOf(slot); !local.port.is_zero()) {
        reply.client = ImageOf<Address>(local.address);
        reply.client_port = local.port;
      }
      Require(is_over || table.Find(reply, table.Hash(reply), shard.now).hit(),
              name + ": a reply does not find it");
      sched::Load& load = loads_[record.real_id.value()];
      ++(record.Has(ConnectionFlag::kInactive) ? load.inactive : load.active);
      if (record.Has(ConnectionFlag::kHasTemplate)) {
        const TemplateRef& ref = record.template_ref;
        ++children_[{ref.owner.index(), ref.slot, ref.generation}];
      }
      if (record.Has(ConnectionFlag::kSideTable)) CountSides(shard, record.side_slot);
    }
    Require(count == table.size(), "number of connections");
  }

  void CountTemplates(Shard& shard) {
    TemplateTable& table = shard.templates();
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < table.high_water(); ++slot) {
      const TemplateRecord& record = table.at(slot);
      if (!record.Has(TemplateFlag::kLive)) continue;
      ++count;
      const std::string name = "template " + std::to_string(slot);
      ++loads_[record.real_id.value()].templates;
      const auto named = children_.find({shard.me.index(), slot, record.generation});
      const uint32_t children = named == children_.end() ? 0 : named->second;
      if (named != children_.end()) children_.erase(named);
      Require(children == record.children, name + ": children");
      const bool is_found = table.Find(record.key, shard.now).slot == slot;
      const bool is_over = table.IsExpired(slot, shard.now);
      Require(is_found == (record.Has(TemplateFlag::kIndexed) && !is_over), name + ": index");
      if (record.Has(TemplateFlag::kSideTable)) CountSides(shard, record.side_slot);
    }
    Require(count == table.size(), "number of templates");
    for (const auto& [child, number] : children_) {
      Require(std::get<0>(child) != shard.me.index(), "a child of no template");
    }
  }

  void CountSides(Shard& shard, uint32_t first) {
    for (uint32_t slot = first; slot != kNoSlot; slot = shard.side_records().at(slot).next) {
      Require(shard.side_records().at(slot).kind != SideKind::kFree, "a free side record");
      if (++sides_[&shard] > shard.side_records().capacity()) return;  // a loop
    }
  }

  std::span<Shard* const> shards_;
  std::map<uint32_t, sched::Load> loads_;
  std::map<Child, uint32_t> children_;
  std::map<const Shard*, uint32_t> sides_;
  std::string wrong_;
};

inline std::string WhatIsWrong(std::span<Shard* const> shards) { return TableCheck(shards).Run(); }

}  // namespace fairlead::dataplane
