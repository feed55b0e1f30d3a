// Record arrays that outlive a director: what a process that dies leaves to the next one.
//
//   DirectorMemory memory(2, {.connections = 64});
//   ByteDirector d({.workers = 2, .memory = memory.tables()});
//   DirectorMemory left = memory.Copy();                     // as it is now
//   ByteDirector next({.workers = 2, .memory = left.tables(), .start = d.now()});
//   TakeUp(next.shards(), known, next.now());
//
// All arrays lie in one region of whole pages, one after the other.
#pragma once

#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/tables/table_memory.h"

namespace fairlead::dataplane {

class DirectorMemory {
 public:
  // Records of each worker.
  struct Sizes {
    size_t connections = 128, connections6 = 64, templates = 64, side_records = 64;
  };

  DirectorMemory(size_t workers, const Sizes& sizes) : workers_(workers), sizes_(sizes) {
    const size_t of_worker =
        sizes.connections * sizeof(Connection4) + sizes.connections6 * sizeof(Connection6) +
        sizes.templates * sizeof(TemplateRecord) + sizes.side_records * sizeof(SideRecord);
    memory_ = *MappedMemory::Create(workers * of_worker, HugePages::kOff, "a test");
  }
  [[nodiscard]] DirectorMemory Copy() const {
    DirectorMemory copy(workers_, sizes_);
    std::memcpy(copy.memory_.data(), memory_.data(), memory_.size());
    return copy;
  }

  [[nodiscard]] std::vector<TableMemory> tables() const {
    std::vector<TableMemory> all(workers_);
    auto* at = static_cast<std::byte*>(memory_.data());
    for (TableMemory& one : all) {
      one.connections4 = Cut<Connection4>(&at, sizes_.connections);
      one.connections6 = Cut<Connection6>(&at, sizes_.connections6);
      one.templates = Cut<TemplateRecord>(&at, sizes_.templates);
      one.side_records = Cut<SideRecord>(&at, sizes_.side_records);
    }
    return all;
  }
  [[nodiscard]] std::span<std::byte> bytes() const {
    return {static_cast<std::byte*>(memory_.data()), memory_.size()};
  }
  [[nodiscard]] size_t workers() const { return workers_; }
  [[nodiscard]] const Sizes& sizes() const { return sizes_; }

 private:
  template <typename Record>
  static std::span<Record> Cut(std::byte** at, size_t count) {
    auto* first = reinterpret_cast<Record*>(*at);
    *at += count * sizeof(Record);
    return {first, count};
  }

  size_t workers_;
  Sizes sizes_;
  MappedMemory memory_;
};

}  // namespace fairlead::dataplane
