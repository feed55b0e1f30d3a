// Shards over arrays that outlive them, and a second set of shards that takes them up.
//
//   TakeUpBed bed(1);
//   const uint32_t slot = bed.Connect(1);                    // flow 1, at real 1
//   bed.connection(slot).state = 200;                        // whatever a crash may leave
//   const TakeUpReport report = bed.Restart();               // the same memory, new shards
//   EXPECT_EQ(report.of(TakeUpCause::kState), 1u);
//
// Every Restart checks the tables, which are at `shard(w)` then. Ten reals are known.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/shard/take_up.h"
#include "director_memory.h"
#include "tables/flows.h"
#include "take_up_checks.h"

namespace fairlead::dataplane {

class TakeUpBed {
 public:
  static constexpr uint32_t kReals = 10;

  explicit TakeUpBed(size_t workers = 1, const DirectorMemory::Sizes& sizes = {})
      : memory_(std::make_unique<DirectorMemory>(workers, sizes)) {
    Build(*memory_);
  }

  // Puts flow `n` into its owner's table, in state ESTABLISHED; its slot there.
  template <typename Address = Ipv4Address>
  uint32_t Connect(uint32_t n, const TemplateRef& ref = {}) {
    Connection<Address> draft = MakeDraft<Address>(n);
    draft.real_id = RealId{n % kReals};
    draft.state = static_cast<uint8_t>(TcpState::kEstablished);
    if (!ref.is_none()) {
      draft.template_ref = ref;
      draft.Set(ConnectionFlag::kHasTemplate);
      draft.Set(ConnectionFlag::kOwesTemplate);
    }
    Shard& owner = Owner(draft);
    auto& table = owner.Connections<Address>();
    const uint64_t hash = table.Hash(KeyOfDraft(draft, Direction::kForward));
    return table.Insert(draft, hash, now).slot;
  }
  // A template of client `n` at real `n`; 300 s unless the binding says more. None in a full table.
  TemplateRef Bind(uint32_t n, TemplateBinding binding = {.service_timeout = 30000}) {
    binding.real_id = RealId{n % kReals};
    const TemplateKey key = KeyOf(n);
    Shard& owner = Home(key);
    const uint32_t slot = owner.templates().Insert(key, binding, now).slot;
    return slot == kNoSlot ? TemplateRef{} : owner.templates().RefOf(slot);
  }
  static TemplateKey KeyOf(uint32_t n) {
    return TemplateKey::ForMark(Ipv4Address::FromHost(0xc6336400u + n), 7);
  }
  Shard& Home(const TemplateKey& key) {
    const uint64_t hash = shard().templates().Hash(key);
    return shard(fabric_->steering.TemplateOwner(hash).index());
  }
  template <typename Address>
  Shard& Owner(const Connection<Address>& c) {
    return shard(fabric_->steering.ConnectionOwner(c.client_address, c.client_port).index());
  }
  // The slot of flow `n`, if a packet finds it.
  template <typename Address = Ipv4Address>
  uint32_t Find(uint32_t n) {
    const Connection<Address> draft = MakeDraft<Address>(n);
    auto& table = Owner(draft).template Connections<Address>();
    const auto key = KeyOfDraft(draft, Direction::kForward);
    return table.Find(key, table.Hash(key), now).slot;
  }
  TemplateRecord* FindTemplate(uint32_t n) {
    TemplateTable& table = Home(KeyOf(n)).templates();
    const uint32_t slot = table.Find(KeyOf(n), now).slot;
    return slot == kNoSlot ? nullptr : &table.at(slot);
  }

  Connection4& connection(uint32_t slot, size_t worker = 0) {
    return shard(worker).Connections<Ipv4Address>().at(slot);
  }
  TemplateRecord& record(const TemplateRef& ref) {
    return shard(ref.owner.index()).templates().at(ref.slot);
  }
  Shard& shard(size_t worker = 0) { return *shards_[worker]; }
  Fabric& fabric() { return *fabric_; }
  [[nodiscard]] const DirectorMemory& memory() const { return *memory_; }
  sched::Load LoadOf(uint32_t real) { return fabric_->loads.Sum(RealId{real}); }

  // The process is gone, and its successor takes the arrays up `down` ticks later.
  TakeUpReport Restart(TickCount down = 0) {
    now = now + down;
    Build(*memory_);
    const TakeUpReport report = TakeUp(all(), known, now);
    EXPECT_EQ(WhatIsWrong(all()), "");
    return report;
  }
  // The same into new arrays.
  TakeUpReport Reshard(size_t workers, const DirectorMemory::Sizes& sizes, TickCount down = 0) {
    now = now + down;
    const std::unique_ptr<DirectorMemory> previous = std::move(memory_);
    const DirectorMemory untouched = previous->Copy();
    memory_ = std::make_unique<DirectorMemory>(workers, sizes);
    Build(*memory_);
    const TakeUpReport report = TakeUpFrom(previous->tables(), all(), known, now);
    EXPECT_EQ(WhatIsWrong(all()), "");
    EXPECT_TRUE(std::ranges::equal(previous->bytes(), untouched.bytes()));
    return report;
  }

  Tick now{50'000};
  std::vector<bool> known = std::vector<bool>(kReals, true);

 private:
  std::vector<Shard*> all() {
    std::vector<Shard*> shards;
    for (const auto& one : shards_) shards.push_back(one.get());
    return shards;
  }
  void Build(const DirectorMemory& memory) {
    shards_.clear();
    FabricConfig config;
    config.workers = memory.workers();
    config.reals = 64;
    config.neighbours = 16;
    config.ring_packets = 2;
    config.table_memory = memory.tables();
    fabric_ = std::make_unique<Fabric>(config);
    for (size_t w = 0; w < memory.workers(); ++w) {
      shards_.push_back(std::make_unique<Shard>(*fabric_, WorkerId{static_cast<uint8_t>(w)}, now));
    }
  }

  std::unique_ptr<DirectorMemory> memory_;
  std::unique_ptr<Fabric> fabric_;
  std::vector<std::unique_ptr<Shard>> shards_;
};

// "" when nothing was dropped, expired, ended or has lost something; else what.
inline std::string Losses(const TakeUpReport& report) {
  std::string text;
  const auto add = [&](std::string_view name, uint64_t count) {
    if (count != 0) text += std::string(name) + " " + std::to_string(count) + "; ";
  };
  add("expired", report.expired);
  add("ended", report.ended);
  for (size_t i = 0; i < kTakeUpCauseCount; ++i) {
    add(CauseName(static_cast<TakeUpCause>(i)), report.by_cause[i]);
  }
  return text;
}

}  // namespace fairlead::dataplane
