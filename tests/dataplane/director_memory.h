// Record arrays that outlive a director: what a process that dies leaves to the next one.
//
//   DirectorMemory memory(2, {.connections = 64});
//   ByteDirector d({.workers = 2, .memory = memory.tables()});
//   DirectorMemory left = memory.Copy();                     // as it is now
//   ByteDirector next({.workers = 2, .memory = left.tables(), .start = d.now()});
//   TakeUp(next.shards(), known, next.now());
//
// All arrays lie in one region of whole pages, one after the other. It is shared with processes
// that are forked later, as an arena is: what a child has stored is there when it is gone.
#pragma once

#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/tables/table_memory.h"

namespace fairlead::dataplane {

class DirectorMemory {
 public:
  // Records of each worker.
  struct Sizes {
    size_t connections = 128, connections6 = 64, templates = 64, side_records = 64;
    size_t snat4 = 64, snat6 = 32;
  };

  DirectorMemory(size_t workers, const Sizes& sizes)
      : workers_(workers), sizes_(sizes), memory_(Map(workers * BytesOfWorker(sizes))) {}
  [[nodiscard]] DirectorMemory Copy() const {
    DirectorMemory copy(workers_, sizes_);
    std::memcpy(copy.memory_.get(), memory_.get(), bytes().size());
    return copy;
  }

  [[nodiscard]] std::vector<TableMemory> tables() const {
    std::vector<TableMemory> all(workers_);
    std::byte* at = memory_.get();
    for (TableMemory& one : all) {
      one.connections4 = Cut<Connection4>(&at, sizes_.connections);
      one.connections6 = Cut<Connection6>(&at, sizes_.connections6);
      one.templates = Cut<TemplateRecord>(&at, sizes_.templates);
      one.side_records = Cut<SideRecord>(&at, sizes_.side_records);
      one.snat4 = Cut<SnatFlow<Ipv4Address>>(&at, sizes_.snat4);
      one.snat6 = Cut<SnatFlow<Ipv6Address>>(&at, sizes_.snat6);
    }
    return all;
  }
  [[nodiscard]] std::span<std::byte> bytes() const {
    return {memory_.get(), memory_.get_deleter().bytes};
  }
  // Whose byte it is: "worker 1, connection 3, byte 22".
  [[nodiscard]] std::string NameOf(const std::byte* at) const {
    std::string name;
    const auto look = [&](size_t worker, const char* kind, auto records) {
      const auto all = std::as_bytes(records);
      if (at < all.data() || at >= all.data() + all.size()) return;
      const auto offset = static_cast<size_t>(at - all.data());
      name = "worker " + std::to_string(worker) + ", " + kind + " " +
             std::to_string(offset / sizeof records[0]) + ", byte " +
             std::to_string(offset % sizeof records[0]);
    };
    const std::vector<TableMemory> mine = tables();
    for (size_t w = 0; w < workers_; ++w) {
      look(w, "connection", mine[w].connections4);
      look(w, "IPv6 connection", mine[w].connections6);
      look(w, "template", mine[w].templates);
      look(w, "side record", mine[w].side_records);
      look(w, "flow of source NAT", mine[w].snat4);
      look(w, "IPv6 flow of source NAT", mine[w].snat6);
    }
    return name;
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

  struct Unmap {
    size_t bytes;
    void operator()(std::byte* memory) const { munmap(memory, bytes); }
  };
  using Memory = std::unique_ptr<std::byte, Unmap>;

  static size_t BytesOfWorker(const Sizes& sizes) {
    return sizes.connections * sizeof(Connection4) + sizes.connections6 * sizeof(Connection6) +
           sizes.templates * sizeof(TemplateRecord) + sizes.side_records * sizeof(SideRecord) +
           sizes.snat4 * sizeof(SnatFlow<Ipv4Address>) +
           sizes.snat6 * sizeof(SnatFlow<Ipv6Address>);
  }
  static Memory Map(size_t bytes) {
    constexpr size_t kPage = 4096;
    bytes = (bytes + kPage - 1) / kPage * kPage;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return {static_cast<std::byte*>(memory), Unmap{bytes}};
  }

  size_t workers_;
  Sizes sizes_;
  Memory memory_;
};

}  // namespace fairlead::dataplane
