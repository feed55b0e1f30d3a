// Where the records of one worker's tables lie, when that is not for the tables to choose: memory
// that outlives the process (docs/take_up.md).
//
//   FabricConfig config{.workers = 2, .table_memory = {first, second}};
//   // … a Shard for each worker …
//   TakeUp(shards, known_reals, now);        // unless the memory is zeroed
//
// The capacity of a table is the size of its span; an empty span: the table maps memory of its own.
// Only records are here. Indexes, wheels, free lists and counts are the process's and are built
// anew from the records. Threads: a value. Invariant: the memory outlives the shard.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "dataplane/tables/connection_record.h"
#include "dataplane/tables/memory.h"
#include "dataplane/tables/side_record.h"
#include "dataplane/tables/snat_record.h"
#include "dataplane/tables/template_record.h"

namespace fairlead::dataplane {

struct TableMemory {
  std::span<Connection<Ipv4Address>> connections4;
  std::span<Connection<Ipv6Address>> connections6;
  std::span<TemplateRecord> templates;
  std::span<SideRecord> side_records;
  std::span<SnatFlow<Ipv4Address>> snat4 = {};
  std::span<SnatFlow<Ipv6Address>> snat6 = {};
};

// The records of a table: in the memory given, or, where that is empty, mapped. Errors: kInvalid
// when the memory is not for `capacity` records; those of MappedMemory::Create.
template <typename Record>
Result<MappedArray<Record>> RecordsIn(std::span<Record> memory, uint32_t capacity,
                                      HugePages huge_pages, std::string_view purpose) {
  if (memory.empty()) return MappedArray<Record>::Create(capacity, huge_pages, purpose);
  if (memory.size() != capacity) {
    return Error{ErrorCode::kInvalid,
                 "the memory given has room for " + std::to_string(memory.size()) + " " +
                     std::string(purpose) + ", and the table holds " + std::to_string(capacity) +
                     "; give both the same number",
                 ""};
  }
  return MappedArray<Record>::Over(memory);
}

}  // namespace fairlead::dataplane
