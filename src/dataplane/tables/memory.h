// The memory of the tables: mapped at start, zeroed, committed by the kernel when first touched.
//
//   auto records = MappedArray<Record>::Create(1'000'000, HugePages::kAuto, "connection records");
//   if (!records) return records.error();      // start-up fails here, never later
//   (*records)[7].flags = …;
//   Report(records->memory_bytes());           // fairlead_memory_bytes
//   auto view = MappedArray<Record>::Over(arena_records);      // somebody else's bytes
//
// Why not new[]: a table of a million flows is read at random, so address translation costs as much
// as the cache line itself; 2 MiB pages take that away. Zeroed untouched memory costs nothing, so a
// generous `director.connections` is free until it is used.
//
// Threads: create on the control core, then it belongs to one worker. Invariant: data() does not
// move, not even when the owner is moved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/result.h"

namespace fairlead::dataplane {

enum class HugePages : uint8_t {
  kOff,          // 4 KiB pages
  kTransparent,  // ask for transparent huge pages; the kernel may say no
  kAuto,         // reserved huge pages (vm.nr_hugepages) when there are enough, else kTransparent
  kReserved,     // reserved huge pages, or an error that says how many are missing
};

inline constexpr uint64_t kSmallPage = 4096;
inline constexpr uint64_t kHugePage = uint64_t{2} << 20;

// To whole pages of `page` bytes.
constexpr uint64_t RoundUpTo(uint64_t page, uint64_t bytes) {
  return (bytes + page - 1) / page * page;
}

// Bytes mapped by mmap; unmapped by the destructor.
class MappedMemory {
 public:
  MappedMemory() = default;
  MappedMemory(MappedMemory&& other) noexcept { *this = std::move(other); }
  MappedMemory& operator=(MappedMemory&& other) noexcept;
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;
  ~MappedMemory();

  // `purpose` names the memory in the error ("connection records"). Zero bytes are allowed.
  // Errors: kSystem when the kernel refuses, with what to change.
  static Result<MappedMemory> Create(size_t bytes, HugePages huge_pages, std::string_view purpose);

  [[nodiscard]] void* data() const noexcept { return data_; }
  [[nodiscard]] size_t size() const noexcept { return size_; }  // ≥ what was asked: whole pages
  [[nodiscard]] bool has_reserved_huge_pages() const noexcept { return has_reserved_huge_pages_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
  bool has_reserved_huge_pages_ = false;
};

// The typed view, as a rule of bytes that it owns. T must be happy with all bytes zero and need no
// destructor.
template <typename T>
class MappedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  MappedArray() = default;

  static Result<MappedArray> Create(size_t count, HugePages huge_pages, std::string_view purpose) {
    auto memory = MappedMemory::Create(count * sizeof(T), huge_pages, purpose);
    if (!memory) return memory.error();
    MappedArray array;
    array.memory_ = *std::move(memory);
    array.data_ = static_cast<T*>(array.memory_.data());
    array.count_ = count;
    return array;
  }
  // Memory given from outside, which outlives the view and is not unmapped with it.
  static MappedArray Over(std::span<T> memory) noexcept {
    MappedArray array;
    array.data_ = memory.data();
    array.count_ = memory.size();
    return array;
  }

  [[nodiscard]] T* data() const noexcept { return data_; }
  [[nodiscard]] size_t size() const noexcept { return count_; }
  [[nodiscard]] std::span<T> span() const noexcept { return {data(), count_}; }
  T& operator[](size_t i) const noexcept { return data()[i]; }
  [[nodiscard]] size_t memory_bytes() const noexcept {
    return memory_.data() != nullptr ? memory_.size() : count_ * sizeof(T);
  }

 private:
  MappedMemory memory_;  // nothing in a view of somebody else's
  T* data_ = nullptr;
  size_t count_ = 0;
};

}  // namespace fairlead::dataplane
